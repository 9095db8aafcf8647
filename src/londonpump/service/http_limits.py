"""uvicorn's reading of HTTP, with the bounds that it lacks: how large a head may be, how long a request may take to
arrive whole, and who may hold how many connections. Without them a stranger fills the memory with one header, or holds
every connection by sending slowly.

The body's own limit is `middleware`'s, and that of a stranger's requests is `strangers`'.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from londonpump.service.auth.throttle import SITE_BITS, network_of

HEAD_LIMIT_BYTES = 65_536
HEAD_TIMEOUT_S = 5.0
REQUEST_TIMEOUT_S = 20.0
ADMISSION_TIMEOUT_S = 1.0
CLOSE_TIMEOUT_S = 30.0
"""How long a client may take to read the rest of an answer after its connection was closed on our side."""
UNREAD_TIMEOUT_S = 300.0
"""How long it may leave so much of an answer unread that no more is sent."""
SIGNED_IN_IDLE_S = 75
"""How long a connection on which somebody has signed in is kept without a request. A stranger's: uvicorn's 5 s."""
TOO_LARGE = "The head of the request is too large."
CONNECTION = "connection"
"""The name in `scope["state"]` of the connection that a request came on."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections are open at a time."""

    total: int = 512
    """All of them. What strangers may not have is kept for those who have signed in."""
    anonymous: int = 256
    """Connections on which no valid token was seen yet."""
    per_source: int | None = 64
    """Such connections of one address, or of one site of IPv6; None behind a proxy, where many people share its
    address. Where strangers hold all they may, whoever holds most gives way to one who holds less."""
    undecided: int = 64
    """Connections above these limits that are kept until their head has arrived: a valid token lets them in, any
    other request is answered 503. The newest takes the place of the oldest, so that heads that never end do not keep
    out whoever sends theirs at once."""


class Gate:
    """Counts the connections of one server and decides which are admitted."""

    def __init__(self, limits: ConnectionLimits | None = None) -> None:
        self.limits = limits or ConnectionLimits()
        self._open: set[BoundedRequests] = set()
        self._anonymous: dict[BoundedRequests, str] = {}
        self._by_source: Counter[str] = Counter()
        self._undecided: dict[BoundedRequests, None] = {}

    def admit(self, connection: "BoundedRequests", source: str) -> None:
        """Take in a new connection: as a stranger's, as undecided, or not at all (it is aborted)."""
        self._make_room(source)
        if self._has_room(source):
            self._open.add(connection)
            self._anonymous[connection] = source
            self._by_source[source] += 1
            return
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
        """Its head has arrived: it is answered, and no other takes its place."""
        self._undecided.pop(connection, None)

    def note_signed_in(self, connection: "BoundedRequests") -> None:
        """Count it among the strangers' no more."""
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
        """End a connection of the source that holds most, where strangers hold all they may: one without a request
        at work if there is one, the oldest of those."""
        limits = self.limits
        if limits.per_source is None or len(self._anonymous) < limits.anonymous:
            return
        busiest_source, n_of_busiest = self._by_source.most_common(1)[0]
        if n_of_busiest > self._by_source[source] + 1:
            theirs = [
                connection for connection, holder in self._anonymous.items() if holder == busiest_source
            ]
            self._end(min(theirs, key=BoundedRequests.is_at_work))

    def _end(self, connection: "BoundedRequests") -> None:
        self.remove(connection)
        connection.transport.abort()

    def _has_room(self, source: str) -> bool:
        limits = self.limits
        return (
            len(self._open) < limits.total - limits.undecided
            and len(self._anonymous) < limits.anonymous
            and (limits.per_source is None or self._by_source[source] < limits.per_source)
        )


class BoundedRequests(HttpToolsProtocol):
    """For `uvicorn.Config(http=...)`, which takes a class: `bounded_protocol` makes one with limits of its own."""

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
        """Whether a whole request has come and is not answered yet."""
        return self._deadline is None and self.cycle is not None and not self.cycle.response_complete

    def note_signed_in(self) -> None:
        """A valid token was seen on this connection: it has its place for as long as it is used."""
        self.gate.note_signed_in(self)
        self.timeout_keep_alive = SIGNED_IN_IDLE_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request is awaited from now on."""
        super().connection_made(transport)
        peer = self.client[0] if self.client else ""
        self.gate.admit(self, network_of(peer, SITE_BITS) or peer)
        self._close_in(ADMISSION_TIMEOUT_S if self.is_undecided else self.head_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._stop_waiting()
        self.resume_writing()
        self.gate.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless it is a head without end."""
        super().data_received(data)
        if self._head_bytes is None:
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_LIMIT_BYTES and not self.transport.is_closing():
            self.send_400_response(TOO_LARGE)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self.scope["state"][CONNECTION] = self
        self._head_bytes = 0
        self._close_in(ADMISSION_TIMEOUT_S if self.is_undecided else self.head_timeout_s)

    def on_headers_complete(self) -> None:
        """A body begins."""
        self._head_bytes = None
        self.gate.decide(self)
        self._close_in(self.request_timeout_s)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole; how long its answer takes is ours, and how long the next one may be uvicorn's."""
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It may have been the last one."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP: nothing more is read."""
        super().send_400_response(msg)
        self._close()

    def timeout_keep_alive_handler(self) -> None:
        """No other request came."""
        super().timeout_keep_alive_handler()
        self._close()

    def pause_writing(self) -> None:
        """The client does not read as fast as we answer; do not wait for it without end."""
        super().pause_writing()
        self._unread_timer = self.loop.call_later(self.unread_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read, or is gone."""
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _close_in(self, within_s: float) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(within_s, self._close)

    def _close(self) -> None:
        """Close, and do not wait without end for a client that does not read the last answer."""
        self._stop_waiting()
        self.transport.close()
        self._deadline = self.loop.call_later(self.close_timeout_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def connection_of(scope: Mapping[str, Any]) -> BoundedRequests | None:
    """The connection that a request came on; None where another server serves it."""
    found = scope.get("state", {}).get(CONNECTION)
    return found if isinstance(found, BoundedRequests) else None


def bounded_protocol(limits: ConnectionLimits) -> type[BoundedRequests]:
    """The protocol of one server."""
    return type("BoundedRequests", (BoundedRequests,), {"gate": Gate(limits)})
