"""A publisher on loopback: a real HTTP server with configured responses and faults, and a log of requests.

    with serving() as publisher:                        # or the fixture `publisher`
        publisher.answers("/v1/forecast", as_json({"hourly": {}}))
        publisher.answers("/v1/archive", too_many(retry_after="1"), as_json(...))   # first, then for ever
        publisher.holds("/files/records.csv", body)     # with ETag, Range, If-Range
        publisher.url                                   # http://127.0.0.1:PORT
        publisher.asked                                 # every request: path, query, headers

A route is a path without its query. Its replies are given in turn, the last one for ever; a reply may be a
function of the request. A path without a route is answered with 404.
"""

import gzip
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

DRIP_S = 0.01


@dataclass(frozen=True)
class Request:
    """A received request. query: the last value of each name. headers: names in lower case."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """A response. stated_length: a Content-Length other than the true one. cut_after: bytes after which the
    connection ends. is_drip: a byte of the body now and then, for ever. is_header_drip: the same, of a header."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    stated_length: int | None = None
    cut_after: int | None = None
    is_drip: bool = False
    is_header_drip: bool = False


Responder = Reply | Callable[[Request], Reply]


def as_json(value: Any, **headers: str) -> Reply:
    """Return a value as JSON. Headers: `retry_after="1"` is Retry-After: 1."""
    return Reply(json.dumps(value).encode(), headers={"Content-Type": "application/json"} | _named(headers))


def as_text(text: str, content_type: str = "text/plain; charset=utf-8") -> Reply:
    """Return text, such as csv or a page."""
    return Reply(text.encode(), headers={"Content-Type": content_type})


def web_page(status: int = 200, content_type: str = "text/html; charset=utf-8") -> Reply:
    """Return an HTML page in place of data."""
    page = "<!DOCTYPE html><html><body><h1>We are working on it</h1></body></html>"
    return replace(as_text(page, content_type), status=status)


def not_found() -> Reply:
    """Return a 404."""
    return Reply(b"not found", 404)


def too_many(retry_after: str | None = None) -> Reply:
    """Return a 429, with Retry-After in seconds or as a date."""
    return Reply(b"slow down", 429, {} if retry_after is None else {"Retry-After": retry_after})


def broken(status: int = 500) -> Reply:
    """Return a 5xx of the publisher."""
    return Reply(b"oh no", status)


def dripping(body: bytes = b"[") -> Reply:
    """Return the body, then a blank every hundredth of a second without end."""
    return Reply(body, is_drip=True)


def dripping_headers() -> Reply:
    """Return headers that never end."""
    return Reply(is_header_drip=True)


def cut(reply: Reply) -> Reply:
    """Return the same response; the connection ends half-way."""
    return replace(reply, cut_after=len(reply.body) // 2)


def wrong_length(reply: Reply, stated: int) -> Reply:
    """Return the same response with another Content-Length."""
    return replace(reply, stated_length=stated)


def packed(reply: Reply) -> Reply:
    """Return the same response, compressed with gzip."""
    return replace(
        reply, body=gzip.compress(reply.body), headers={**reply.headers, "Content-Encoding": "gzip"}
    )


def redirect(to: str, status: int = 302) -> Reply:
    """Return a redirect to another address, given in full or as a path."""
    return Reply(status=status, headers={"Location": to})


def tag_of(body: bytes) -> str:
    """Return the default ETag of a file."""
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'


class Sleeper:
    """A replacement of time.sleep that records the requested seconds and returns at once."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []

    def __call__(self, wait_s: float) -> None:
        self.waits_s.append(wait_s)


class Publisher:
    """A running publisher: its configured responses and its log of requests. url: its base address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[Request] = []
        self.faults: list[str] = []
        self.closing = Event()
        self._routes: dict[str, list[Responder]] = {}
        self._lock = Lock()

    def answers(self, path: str, *replies: Responder) -> str:
        """Set the replies of a path, in place of those it had. Returns: its address."""
        with self._lock:
            self._routes[path] = list(replies)
        return self.url + quote(path)

    def holds(self, path: str, body: bytes, *first: Responder, etag: str | None = None) -> str:
        """Serve a file that supports range requests; `first` are responses before it. Returns: its address."""
        tag = etag or tag_of(body)
        return self.answers(path, *first, lambda request: _part_of(body, tag, request))

    def signs(self, path: str, body: bytes, signed: str, *first: Responder) -> str:
        """Serve a file behind a redirect to an address that works once; `first` are its responses before the file."""
        tag, count = tag_of(body), iter(range(1, 1000))
        planned = iter(first)

        def sign(request: Request) -> Reply:
            place = f"{signed}/{next(count)}"
            self.answers(place, next(planned, lambda again: _part_of(body, tag, again)), Reply(b"", 403))
            return redirect(f"{place}?signature=abc")

        return self.answers(path, sign)

    def paths(self) -> list[str]:
        """Return the requested paths, in order."""
        return [request.path for request in self.requests]

    def reply_to(self, request: Request) -> Reply:
        """Return the next response of the route."""
        with self._lock:
            self.requests.append(request)
            replies = self._routes.get(request.path, [not_found()])
            answering = replies.pop(0) if len(replies) > 1 else replies[0]
        return answering if isinstance(answering, Reply) else answering(request)


@contextmanager
def serving() -> Iterator[Publisher]:
    """Run a publisher on a free port of loopback until the block ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    publisher = server.publisher = Publisher(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield publisher
    finally:
        publisher.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
    assert publisher.faults == []


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-").title(): value for name, value in headers.items()}


def _part_of(body: bytes, tag: str, request: Request) -> Reply:
    headers = {"ETag": tag, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    start = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
    if start is None or request.headers.get("if-range", tag) != tag:
        return Reply(body, headers=headers)
    first = int(start[1])
    if first >= len(body):
        return Reply(status=416, headers={"Content-Range": f"bytes */{len(body)}"})
    span = f"bytes {first}-{len(body) - 1}/{len(body)}"
    return Reply(body[first:], 206, {**headers, "Content-Range": span})


class _Server(ThreadingHTTPServer):
    publisher: Publisher
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):  # a client that goes away is no fault of the server
            self.publisher.faults.append(repr(error))


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = unquote(parts.path)
        reply = self.server.publisher.reply_to(Request(path, dict(parse_qsl(parts.query)), headers))
        self.close_connection = True
        if reply.is_header_drip:
            self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a")
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if not reply.is_drip:
            length = len(reply.body) if reply.stated_length is None else reply.stated_length
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()
        if reply.is_drip:
            self._drip(reply.body, b" ")
        else:
            self.wfile.write(reply.body[: reply.cut_after])

    def _drip(self, start: bytes, drop: bytes) -> None:
        self.wfile.write(start)
        while not self.server.publisher.closing.wait(DRIP_S):
            self.wfile.write(drop)

    def log_message(self, *args: Any) -> None:
        """Write nothing to standard error, because the log is in `asked`."""
