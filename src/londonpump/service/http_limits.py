"""Limits that uvicorn's HTTP protocol lacks: size of the head, time to receive a request, connections per source.

Without them an anonymous client could fill the memory with one header, or hold every connection by sending slowly.
`middleware` limits the body, and `anonymous_requests` limits requests without a token.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from londonpump.service.auth.throttle import SITE_BITS, network_of

HEAD_LIMIT_BYTES = 65_536
HEAD_TIMEOUT_S = 5.0
REQUEST_TIMEOUT_S = 20.0
ADMISSION_TIMEOUT_S = 1.0
CLOSE_TIMEOUT_S = 30.0
"""Time for a client to read the rest of a response after we closed the connection."""
UNREAD_TIMEOUT_S = 300.0
"""Time for which a client may block a response by not reading it."""
SIGNED_IN_IDLE_S = 75
"""Keep-alive time of a signed-in connection. Anonymous connections have uvicorn's 5 s."""
TOO_LARGE = "The head of the request is too large."
CONNECTION = "connection"
"""Key in `scope["state"]` of the connection of a request."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Maximum numbers of open connections."""

    total: int = 512
    """All connections. Those that anonymous clients may not use are reserved for signed-in clients."""
    anonymous: int = 256
    """Connections on which no valid token was seen yet."""
    per_source: int | None = 64
    """Anonymous connections per address or IPv6 site; None behind a proxy, whose address many people share. If all
    anonymous connections are in use, the source with most of them loses one to a source with fewer."""
    undecided: int = 64
    """Connections above these limits that are kept until their head arrives: a valid token admits them, any other
    request is answered with 503. The newest replaces the oldest, so that slow heads cannot block fast ones."""


class Gate:
    """Counter of the connections of one server, which decides which of them are admitted."""

    def __init__(self, limits: ConnectionLimits | None = None) -> None:
        self.limits = limits or ConnectionLimits()
        self._open: set[BoundedRequests] = set()
        self._anonymous: dict[BoundedRequests, str] = {}
        self._by_source: Counter[str] = Counter()
        self._undecided: dict[BoundedRequests, None] = {}

    def admit(self, connection: "BoundedRequests", source: str) -> None:
        """Admit a new connection as anonymous or as undecided, or abort it."""
        self._make_room(source)
        if self._has_room(source):
            self._open.add(connection)
            self._anonymous[connection] = source
            self._by_source[source] += 1
            return
        # beyond the anonymous limits a connection may still belong to a signed-in client: its head decides
        is_full = len(self._open) >= self.limits.total
        if self._undecided and (is_full or len(self._undecided) >= self.limits.undecided):
            self._end(next(iter(self._undecided)))
        elif is_full:
            connection.transport.abort()
            return
        self._open.add(connection)
        self._undecided[connection] = None
        connection.is_undecided = True

    def decide(self, connection: "BoundedRequests") -> None:
        """Note that the head of an undecided connection arrived: no newer connection replaces it."""
        self._undecided.pop(connection, None)

    def note_signed_in(self, connection: "BoundedRequests") -> None:
        """Stop counting a connection as anonymous."""
        connection.is_undecided = False
        self._undecided.pop(connection, None)
        source = self._anonymous.pop(connection, None)
        if source is not None:
            self._by_source[source] -= 1
            if not self._by_source[source]:
                del self._by_source[source]

    def remove(self, connection: "BoundedRequests") -> None:
        """Forget a connection that ended."""
        self.note_signed_in(connection)
        self._open.discard(connection)

    def _make_room(self, source: str) -> None:
        """End a connection of the busiest source if all anonymous connections are in use.

        It is the oldest one without a running request, else the oldest.
        """
        limits = self.limits
        if limits.per_source is None or len(self._anonymous) < limits.anonymous:
            return
        busiest_source, n_of_busiest = self._by_source.most_common(1)[0]
        # "+ 1" for the new connection: without it two equal sources would end each other's connections in turn
        if n_of_busiest > self._by_source[source] + 1:
            theirs = [
                connection for connection, holder in self._anonymous.items() if holder == busiest_source
            ]
            # min keeps the order of the dict for equal keys: the oldest connection, an idle one first
            self._end(min(theirs, key=BoundedRequests.is_at_work))

    def _end(self, connection: "BoundedRequests") -> None:
        self.remove(connection)
        connection.transport.abort()

    def _has_room(self, source: str) -> bool:
        limits = self.limits
        return (
            # the last places stay free for undecided connections, or signed-in clients could not connect
            len(self._open) < limits.total - limits.undecided
            and len(self._anonymous) < limits.anonymous
            and (limits.per_source is None or self._by_source[source] < limits.per_source)
        )


class BoundedRequests(HttpToolsProtocol):
    """HTTP protocol with time and size limits. uvicorn takes a class, so `bounded_protocol` makes one per server."""

    head_timeout_s = HEAD_TIMEOUT_S
    request_timeout_s = REQUEST_TIMEOUT_S
    close_timeout_s = CLOSE_TIMEOUT_S
    unread_timeout_s = UNREAD_TIMEOUT_S
    gate = Gate()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.is_undecided = False
        self._head_bytes: int | None = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None

    def is_at_work(self) -> bool:
        """Return whether a complete request is being answered."""
        return self._deadline is None and self.cycle is not None and not self.cycle.response_complete

    def note_signed_in(self) -> None:
        """Mark the connection as signed in, which exempts it from the anonymous limits."""
        self.gate.note_signed_in(self)
        self.timeout_keep_alive = SIGNED_IN_IDLE_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Admit the connection and start the timeout of its first head."""
        super().connection_made(transport)
        peer = self.client[0] if self.client else ""
        # counted by site: one customer has many IPv6 addresses
        self.gate.admit(self, network_of(peer, SITE_BITS) or peer)
        self._close_in(ADMISSION_TIMEOUT_S if self.is_undecided else self.head_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers and forget the connection."""
        # cancel every timer, or its handler would keep the closed connection in memory
        self._stop_waiting()
        self.resume_writing()
        self.gate.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse data, and reject a head that exceeds the limit."""
        super().data_received(data)
        # the parser has no limit of its own: it collects header lines for as long as they arrive
        if self._head_bytes is None:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_LIMIT_BYTES and not self.transport.is_closing():
            self.send_400_response(TOO_LARGE)

    def on_message_begin(self) -> None:
        """Start the timeout of a head."""
        super().on_message_begin()
        self.scope["state"][CONNECTION] = self
        self._head_bytes = 0
        self._close_in(ADMISSION_TIMEOUT_S if self.is_undecided else self.head_timeout_s)

    def on_headers_complete(self) -> None:
        """Start the timeout of a body."""
        self._head_bytes = None
        self.gate.decide(self)
        self._close_in(self.request_timeout_s)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the timeout: the request is complete. uvicorn limits the time until the next one."""
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Close the connection if this was its last response."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()

    def send_400_response(self, msg: str) -> None:
        """Reject data that is not HTTP, and close."""
        super().send_400_response(msg)
        self._close()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection."""
        super().timeout_keep_alive_handler()
        self._close()

    def pause_writing(self) -> None:
        """Start the timeout of a client that does not read its response."""
        super().pause_writing()
        # abort, not close: a close would wait until the client reads the buffered rest
        self._unread_timer = self.loop.call_later(self.unread_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Cancel that timeout: the client has read, or is gone."""
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _close_in(self, within_s: float) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(within_s, self._close)

    def _close(self) -> None:
        """Close the connection, and abort it later if the client does not read the last response."""
        self._stop_waiting()
        self.transport.close()
        self._deadline = self.loop.call_later(self.close_timeout_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def connection_of(scope: Scope) -> BoundedRequests | None:
    """Return the connection of a request; None if another server serves the app."""
    found = scope.get("state", {}).get(CONNECTION)
    return found if isinstance(found, BoundedRequests) else None


def bounded_protocol(limits: ConnectionLimits) -> type[BoundedRequests]:
    """Return a protocol class with its own limits, for one server."""
    # a class per server, because uvicorn creates the connections and passes no arguments of ours
    return type("BoundedRequests", (BoundedRequests,), {"gate": Gate(limits)})
