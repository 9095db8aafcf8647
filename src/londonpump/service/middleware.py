"""ASGI middleware around every request: request id, body limit, security headers, one log line, last error handler."""

import re
import time
import uuid
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from londonpump.service.errors import UNEXPECTED, Problem
from londonpump.service.telemetry import Metrics, log, log_error

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
DEFAULT_HEADERS = (
    # a response that sets one of these keeps its own value
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
UNMATCHED = "unmatched"
SMALL_BODY_BYTES = 65_536
LARGE_BODIES = frozenset({"/v1/board", "/v1/predictions/batch"})
"""Paths that take many items at once. No other route needs a large body, and parsing one takes half a second."""


class RequestMiddleware:
    """Outermost middleware of the service."""

    def __init__(self, app: ASGIApp, metrics: Metrics, body_limit_bytes: int) -> None:
        self.app = app
        self.metrics = metrics
        self.body_limit_bytes = body_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, is_head=scope["method"] == "HEAD")
        began = time.perf_counter()
        try:
            await self._serve(exchange, receive)
        finally:
            self._log_request(exchange, time.perf_counter() - began)

    async def _serve(self, exchange: "_Exchange", receive: Receive) -> None:
        # `anonymous_requests` rejects bodies whose declared length is too large, in turn
        limit_bytes = limit_bytes_of(exchange.scope["path"], self.body_limit_bytes)
        try:
            await self.app(exchange.scope, _limit_body(receive, limit_bytes), exchange.send)
        except Exception as error:  # noqa: BLE001 - last handler: every client gets a response
            exchange.state["problem"] = type(error).__name__
            log_error("unexpected error", error, request_id=exchange.request_id)
            # after the head was sent nothing can be corrected; the server then aborts the connection
            if exchange.status is None:
                problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, UNEXPECTED)
                await problem.response(exchange.scope)(exchange.scope, receive, exchange.send)

    def _log_request(self, exchange: "_Exchange", took_s: float) -> None:
        status = exchange.status or 0
        route = exchange.route
        self.metrics.note_request(exchange.method, route, status, took_s)
        if status == HTTPStatus.NOT_MODIFIED:
            # counted but not logged: thirty consoles that poll would write 2.6 million lines a day that say nothing
            return
        problem = exchange.state.get("problem")
        log(
            "request",
            method=exchange.method,
            route=route,
            status=status,
            ms=round(took_s * 1000, 2),
            request_id=exchange.request_id,
            user_id=getattr(exchange.state.get("person"), "id", None),
            **({"problem": problem} if problem else {}),
        )


def limit_bytes_of(path: str, max_bytes: int) -> int:
    """Return the body limit of a path. max_bytes: limit of the paths that take many items."""
    return max_bytes if path in LARGE_BODIES else min(SMALL_BODY_BYTES, max_bytes)


def body_too_large_text(limit_bytes: int) -> str:
    """Return the text of a 413."""
    return f"The body exceeds the limit of {limit_bytes:,} bytes."


def _without_host(location: bytes) -> bytes:
    """Remove scheme and host: the framework takes them from the request, where a client can write anything."""
    parts = urlsplit(location.decode("latin-1"))
    return urlunsplit(("", "", parts.path, parts.query, "")).encode("latin-1")


def _limit_body(receive: Receive, limit_bytes: int) -> Receive:
    """Count the bytes of a body as they arrive, for bodies without a declared length."""
    left_bytes = limit_bytes

    async def receive_counted() -> Message:
        nonlocal left_bytes
        message = await receive()
        left_bytes -= len(message.get("body", b""))
        if left_bytes < 0:
            # the framework reports any other exception as a body that cannot be parsed
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, body_too_large_text(limit_bytes))
        return message

    return receive_counted


class _Exchange:
    """One request and its response."""

    def __init__(self, scope: Scope, send: Send, *, is_head: bool = False) -> None:
        # monitors probe with HEAD: the app serves it as GET, and the body is dropped. The server needs its own scope
        # unchanged, so this works on a copy
        self.scope = {**scope, "method": "GET"} if is_head else scope
        self.is_head = is_head
        self.state: dict[str, Any] = self.scope.setdefault("state", {})
        self.status: int | None = None
        self._send = send
        sent_id = self.header(b"x-request-id")
        is_usable = sent_id is not None and REQUEST_ID.fullmatch(sent_id)
        # an id of the client is kept if it is harmless, so that logs of several services can be joined
        self.request_id = sent_id.decode() if sent_id and is_usable else uuid.uuid4().hex
        self.state["request_id"] = self.request_id

    @property
    def method(self) -> str:
        """Name of a known method, else OTHER: arbitrary names would create unlimited metric series."""
        method = "HEAD" if self.is_head else str(self.scope["method"])
        return method if method in KNOWN_METHODS else "OTHER"

    @property
    def route(self) -> str:
        """Template of the route; never the requested path, which may contain names."""
        return str(getattr(self.scope.get("route"), "path", UNMATCHED))

    def header(self, name: bytes) -> bytes | None:
        """Return the first header of a name."""
        return next((value for key, value in self.scope["headers"] if key == name), None)

    async def send(self, message: Message) -> None:
        """Send a message of the response, with the request id and the default headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._headers(message)}
        elif self.is_head:
            message = {**message, "body": b""}
        await self._send(message)

    def _headers(self, message: Message) -> list[tuple[bytes, bytes]]:
        own = [
            (name, _without_host(value) if name == b"location" else value)
            for name, value in message.get("headers", ())
        ]
        names = {name.lower() for name, _ in own}
        return [
            *own,
            *((name, value) for name, value in DEFAULT_HEADERS if name not in names),
            *SECURITY_HEADERS,
            *(((b"connection", b"close"),) if self._is_draining else ()),
            (b"x-request-id", self.request_id.encode()),
        ]

    @property
    def _is_draining(self) -> bool:
        """True while the service is about to stop: a client that keeps its connection would lose a later request."""
        services = getattr(self.scope["app"].state, "service", None)
        return services is not None and services.is_draining


KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
