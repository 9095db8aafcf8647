"""Limits for requests without a valid token: a small body, few at a time, and a fair queue per source.

Sign-in and health routes are public. These limits keep one address from using up the service through them. Requests
with a valid token pass; `rights` checks later whether the session is still open.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from londonpump.domain.errors import LondonPumpError
from londonpump.service.auth.throttle import SITE_BITS, source_of
from londonpump.service.errors import Problem, to_problem
from londonpump.service.http_limits import connection_of
from londonpump.service.middleware import body_too_large_text, limit_bytes_of
from londonpump.service.rights import token_problem

PUBLIC_PATHS = frozenset(
    {"/", "/livez", "/readyz", "/metrics", "/register", "/login", "/refresh", "/console/sign-in"}
)
"""Paths that need no token; a test compares them with the routes. The documentation pages take no body."""
HEALTH_PATHS = ("/livez", "/readyz")
"""Answered even when anonymous clients hold all their connections: a failed probe would restart a working service."""
BODY_BYTES = 4096
MAX_CONCURRENT = 4
MAX_QUEUED, MAX_QUEUED_PER_SOURCE, MAX_QUEUED_FOR_HEALTH = 256, 64, 32
QUEUE_TIMEOUT_S = 2.0
REST_FACTOR, REST_FACTOR_BESIDE_SIGNED_IN = 1.0, 8.0
"""A slot rests for this multiple of the time its request took; the second factor applies while signed-in people send
requests. Anonymous clients then get at most a ninth of the event loop, however many they are."""
MAX_REST_S = 0.25
SIGNED_IN_WINDOW_S = 0.5
"""Signed-in traffic counts as present for this long after a request with a token."""
SLOT_KEY = "place"
BODY_HEADERS = frozenset({b"content-length", b"transfer-encoding"})
OVERLOADED = Problem(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The service receives too many requests without a valid token. Try again in 1 s.",
    headers={"Retry-After": "1", "Connection": "close"},
)


class Overloaded(Exception):
    """No slot is free for the request."""


class SlotQueue:
    """A few slots for concurrent requests, granted round-robin to the waiting sources."""

    def __init__(
        self,
        max_concurrent: int = MAX_CONCURRENT,
        queue_timeout_s: float = QUEUE_TIMEOUT_S,
        max_queued: int = MAX_QUEUED,
    ) -> None:
        self._n_free = max_concurrent
        self._queue_timeout_s = queue_timeout_s
        self._max_queued = max_queued
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._n_waiting = 0
        # no request with a token was seen yet
        self._signed_in_at_s = float("-inf")

    def note_signed_in_request(self) -> None:
        """Note a request with a token: anonymous requests are slowed down for a while."""
        self._signed_in_at_s = time.perf_counter()

    async def acquire(self, source: str) -> "Slot":
        """Wait for a slot. Raises: Overloaded if too many requests wait, or no slot becomes free in time."""
        if self._n_free:
            self._n_free -= 1
            return Slot(self._rest)
        turn = self._queue(source)
        timer = asyncio.get_running_loop().call_later(self._queue_timeout_s, _give_up, turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                # the slot was granted in the same loop turn in which the waiter was cancelled: pass it on
                self._pass_on()
            raise
        finally:
            timer.cancel()
            self._remove_turn(source, turn)
        return Slot(self._rest)

    def _queue(self, source: str) -> "asyncio.Future[None]":
        queue = self._waiting.get(source, deque())
        if len(queue) >= MAX_QUEUED_PER_SOURCE:
            raise Overloaded
        if self._n_waiting >= self._max_queued:
            self._evict_one(len(queue))
        self._waiting[source] = queue
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self._n_waiting += 1
        return turn

    def _evict_one(self, n_own: int) -> None:
        """Reject the newest request of the source with the longest queue, to make room for a smaller source."""
        longest = max(self._waiting.values(), key=len, default=deque())
        if len(longest) <= n_own + 1:
            raise Overloaded
        _give_up(longest.pop())

    def _remove_turn(self, source: str, turn: "asyncio.Future[None]") -> None:
        self._n_waiting -= 1
        queue = self._waiting.get(source)
        if queue and turn in queue:
            # the request timed out, or its client disconnected
            queue.remove(turn)
            if not queue:
                del self._waiting[source]

    def _rest(self, took_s: float) -> None:
        has_signed_in_traffic = time.perf_counter() - self._signed_in_at_s < SIGNED_IN_WINDOW_S
        # the slot is not passed on at once: the event loop must have time left for signed-in requests
        asyncio.get_running_loop().call_later(
            rest_s(took_s, has_signed_in_traffic=has_signed_in_traffic), self._pass_on
        )

    def _pass_on(self) -> None:
        while self._waiting:
            source = next(iter(self._waiting))
            queue = self._waiting.pop(source)
            turn = queue.popleft()
            if queue:
                # reinsert at the end of the dict: the other sources come first
                self._waiting[source] = queue
            if not turn.done():
                turn.set_result(None)
                return
        self._n_free += 1


def rest_s(took_s: float, *, has_signed_in_traffic: bool) -> float:
    """Return how long a slot rests after a request."""
    return min(took_s * (REST_FACTOR_BESIDE_SIGNED_IN if has_signed_in_traffic else REST_FACTOR), MAX_REST_S)


class Slot:
    """Slot of one request; released once."""

    def __init__(self, rest: Callable[[float], None]) -> None:
        self._rest: Callable[[float], None] | None = rest
        self._began_s = time.perf_counter()

    def release(self) -> None:
        """Release the slot. A second call has no effect."""
        rest, self._rest = self._rest, None
        if rest is not None:
            rest(time.perf_counter() - self._began_s)


class AnonymousRequestLimiter:
    """ASGI middleware, inside `middleware.RequestMiddleware`."""

    def __init__(self, app: ASGIApp, n_proxies: int, body_limit_bytes: int) -> None:
        """body_limit_bytes: limit of a body that is sent with a token."""
        self.app = app
        self._body_limit_bytes = body_limit_bytes
        self._n_proxies = n_proxies
        self._slots = SlotQueue()
        # separate queues: /livez answers while others wait for the database, /readyz while others wait to sign in
        self._health_slots = {path: SlotQueue(max_queued=MAX_QUEUED_FOR_HEALTH) for path in HEALTH_PATHS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on when its turn comes."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        problem = token_problem(HTTPConnection(scope))
        if problem is None:
            for slots in (self._slots, *self._health_slots.values()):
                slots.note_signed_in_request()
        if problem is None and scope["path"] not in PUBLIC_PATHS:
            await self._serve_whole(scope, receive, send)
        else:
            await self._serve_public(problem, scope, receive, send)

    async def _serve_public(
        self, problem: LondonPumpError | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        connection = connection_of(scope)
        if problem is not None and connection is not None and connection.is_undecided:
            # the connection is above the limits, and was kept only to see whether the request has a token
            if scope["path"] not in HEALTH_PATHS or _body_headers(scope):
                await _send_problem(OVERLOADED, scope, receive, send)
                return
            send = _close_after_response(send)
        try:
            read = await _read(scope, receive)
        except ClientDisconnect:
            # the client is gone, and a truncated body must not be served
            return
        serve = self.app if read is not None else _problem_app(_too_large(problem, scope))
        if problem is None:
            await serve(scope, read or receive, send)
        else:
            # rejections wait too: answering many of them at once costs as much as serving them
            await self._serve_in_turn(serve, scope, read or receive, send)

    async def _serve_whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit_bytes = limit_bytes_of(scope["path"], self._body_limit_bytes)
        if _declared_bytes(scope) > limit_bytes:
            problem = Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, body_too_large_text(limit_bytes))
            await _send_problem(problem, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _serve_in_turn(self, serve: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        slots = self._health_slots.get(scope["path"], self._slots)
        try:
            slot = await slots.acquire(source_of(HTTPConnection(scope), self._n_proxies, SITE_BITS))
        except Overloaded:
            await _send_problem(OVERLOADED, scope, receive, send)
            return
        scope["state"][SLOT_KEY] = slot
        try:
            await serve(scope, receive, send)
        finally:
            slot.release()


def _problem_app(problem: Problem) -> ASGIApp:
    return partial(_send_problem, problem)


async def _send_problem(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    await problem.response(scope)(scope, receive, send)


def _close_after_response(send: Send) -> Send:
    """Return a `send` that closes the connection after the response."""

    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return closing


def release_slot(scope: Scope) -> None:
    """Release the slot of a request early, when its route goes on to wait in a queue of its own."""
    slot = scope["state"].get(SLOT_KEY)
    if slot is not None:
        slot.release()


async def _read(scope: Scope, receive: Receive) -> Receive | None:
    """Read the whole body before the request takes a slot, so that a slow sender holds none.

    Returns: a `receive` that replays the body; None if it is too large. Raises: ClientDisconnect.
    """
    if _has_long_query(scope) or _declared_bytes(scope) > BODY_BYTES:
        return None
    if not _body_headers(scope):
        return receive
    body, is_more = b"", True
    while is_more and len(body) <= BODY_BYTES:
        try:
            message = await receive()
        except HTTPException:
            # one chunk exceeded the general limit of a body
            return None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    return _replay_body(body, receive) if len(body) <= BODY_BYTES else None


def _body_headers(scope: Scope) -> dict[bytes, bytes]:
    """Return the headers that announce a body; an announced empty body counts as none."""
    found = {name: value for name, value in scope["headers"] if name in BODY_HEADERS}
    return {} if found == {b"content-length": b"0"} else found


def _replay_body(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _too_large(problem: LondonPumpError | None, scope: Scope) -> Problem:
    if problem is not None and scope["path"] not in PUBLIC_PATHS:
        # a large batch with an expired token needs a new token, not a smaller body
        return to_problem(problem)
    if _has_long_query(scope):
        return Problem(
            HTTPStatus.REQUEST_URI_TOO_LONG, f"The query exceeds the limit of {BODY_BYTES:,} bytes."
        )
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, body_too_large_text(BODY_BYTES))


def _declared_bytes(scope: Scope) -> int:
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(declared) if declared.isdigit() else 0


def _has_long_query(scope: Scope) -> bool:
    return len(scope["query_string"]) > BODY_BYTES


def _give_up(turn: "asyncio.Future[None]") -> None:
    if not turn.done():
        turn.set_exception(Overloaded())
