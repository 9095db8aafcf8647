"""One try of a request: redirects, decompression and reading of the body within a time limit."""

import codecs
import socket
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Timer
from typing import Any, Self

import httpx2

from londonpump.ingest.http.errors import (
    CHECK_ADDRESS,
    LATER,
    AttemptFailed,
    Failure,
    failure_of_error,
    failure_of_status,
    redacted_address,
    timeout_failure,
)
from londonpump.ingest.http.limits import Limits


class Deadline:
    """Closes the connections of one try after `total_s`. Time-outs of single reads cannot catch a server that drips bytes."""

    def __init__(self, total_s: float) -> None:
        self.total_s = total_s
        self.is_expired = False
        self._sockets: list[socket.socket] = []
        self._timer = Timer(total_s, self._end)
        # A daemon thread cannot keep the process alive after its work is done.
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Handle an event of the HTTP library and remember each new connection."""
        if not event.endswith(("connect_tcp.complete", "start_tls.complete")):
            return
        connection = info["return_value"].get_extra_info("socket")
        if isinstance(connection, socket.socket):
            self._sockets.append(connection)
        # A connection that opens after the deadline must be closed too.
        if self.is_expired:
            self._end()

    def _end(self) -> None:
        self.is_expired = True
        for connection in self._sockets:
            try:
                # The plain socket's shutdown: a TLS socket keeps its state for the thread that reads from it.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:  # already closed
                continue


_PIECE_BYTES = 1 << 20
_PLAIN, _GZIP = frozenset({"", "identity"}), frozenset({"gzip", "x-gzip"})
_GZIP_WINDOW = zlib.MAX_WBITS | 16


def decompressed(response: httpx2.Response) -> Iterator[bytes]:
    """Return the decompressed body in pieces. The library itself would accept a truncated gzip stream as complete.

    Raises: AttemptFailed if the body is damaged, truncated or compressed in an unrequested way.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in _PLAIN:
        yield from response.iter_raw()
    elif encoding in _GZIP:
        yield from _gunzip(response.iter_raw())
    else:
        raise AttemptFailed(Failure("the answer is packed in a way that was not asked for", LATER))


def is_compressed(response: httpx2.Response) -> bool:
    """Return whether the transferred bytes differ from those of the file."""
    return response.headers.get("content-encoding", "").strip().lower() not in _PLAIN


def _gunzip(raw: Iterator[bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj(_GZIP_WINDOW)
    has_begun = False
    try:
        for compressed in raw:
            rest = compressed
            while rest:
                # A gzip file may consist of several streams.
                if stream.eof:
                    stream = zlib.decompressobj(_GZIP_WINDOW)
                has_begun = True
                yield stream.decompress(rest, _PIECE_BYTES)
                rest = stream.unused_data if stream.eof else stream.unconsumed_tail
    except zlib.error:
        raise AttemptFailed(_damaged()) from None
    # zlib reports no error for a truncated stream, so its end is checked.
    if has_begun and not stream.eof:
        raise AttemptFailed(_damaged())


def _damaged() -> Failure:
    return Failure("the packed answer is damaged", LATER, is_transient=True)


_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SUCCESS = frozenset({200, 206})
_CHECK_REDIRECT = "Look at the address in a browser: the publisher may have moved it."


@dataclass(frozen=True, slots=True)
class RequestSpec:
    """One request."""

    url: httpx2.URL = field(repr=False)
    """The address. It is never shown, because it may contain a key."""
    headers: Mapping[str, str]
    total_s: float
    has_secret: bool = False
    """Whether redirects must stay on the same host."""


@contextmanager
def exchange(client: httpx2.Client, request_spec: RequestSpec, limits: Limits) -> Iterator[httpx2.Response]:
    """Open a response with status 200 or 206, whose body is still to be read.

    Raises: AttemptFailed for any other outcome, also while the body is read.
    """
    with Deadline(request_spec.total_s) as deadline:
        try:
            response = _follow(client, request_spec, limits, deadline)
            try:
                yield response
            finally:
                response.close()
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise AttemptFailed(
                timeout_failure(request_spec.total_s)
                if deadline.is_expired
                else failure_of_error(error, limits)
            ) from None
        if deadline.is_expired:
            raise AttemptFailed(timeout_failure(request_spec.total_s))


def read_body(response: httpx2.Response, max_bytes: int) -> Iterator[bytes]:
    """Return the decompressed body in pieces. Raises: AttemptFailed if it exceeds the limit."""
    n_bytes = 0
    for piece in decompressed(response):
        n_bytes += len(piece)
        if n_bytes > max_bytes:
            problem = f"the answer holds more than {max_bytes:,} bytes"
            raise AttemptFailed(
                Failure(problem, "This is not what it should be: look at the address in a browser.")
            )
        yield piece


def charset_of(response: httpx2.Response) -> str:
    """Return the stated encoding if it can decode text, else utf-8."""
    stated = response.charset_encoding or "utf-8"
    try:
        b"a".decode(
            stated, errors="replace"
        )  # Some codecs convert bytes (hex) or reject everything (undefined).
        return codecs.lookup(stated).name
    except (LookupError, UnicodeError):
        return "utf-8"


def _follow(
    client: httpx2.Client, request_spec: RequestSpec, limits: Limits, deadline: Deadline
) -> httpx2.Response:
    url, seen = request_spec.url, {request_spec.url}
    # Redirects are followed here and not by the library, so that a key never reaches another host.
    for _ in range(limits.redirects + 1):
        request = client.build_request("GET", url, headers=dict(request_spec.headers))
        request.extensions = {**request.extensions, "trace": deadline.trace}
        response = _send(client, request)
        if response.status_code not in _REDIRECTS:
            return _require_success(response, request_spec, limits)
        response.close()
        url = next_address(url, response.headers.get("location", ""), request_spec)
        if url in seen:
            raise AttemptFailed(Failure("it redirects in a circle", _CHECK_REDIRECT))
        seen.add(url)
    raise AttemptFailed(Failure(f"it redirects more than {limits.redirects} times", _CHECK_REDIRECT))


def _send(client: httpx2.Client, request: httpx2.Request) -> httpx2.Response:
    try:
        return client.send(request, stream=True)
    except (UnicodeError, OverflowError):
        # Raised by the resolver for an impossible name or port.
        raise AttemptFailed(Failure("the address cannot be requested", CHECK_ADDRESS)) from None


def _require_success(response: httpx2.Response, request_spec: RequestSpec, limits: Limits) -> httpx2.Response:
    if response.status_code in _SUCCESS:
        return response
    response.close()
    raise AttemptFailed(failure_of_status(response, limits, has_secret=request_spec.has_secret))


def next_address(url: httpx2.URL, location: str, request_spec: RequestSpec) -> httpx2.URL:
    """Return the target of a redirect.

    Raises: AttemptFailed if there is no target, it goes from https to http, or it would send a key to another host.
    """
    try:
        target = url.join(location)
    except httpx2.InvalidURL:
        target = httpx2.URL("")
    if not location or target.scheme not in ("http", "https") or not target.host:
        raise AttemptFailed(Failure("it redirects to nowhere", _CHECK_REDIRECT))
    if url.scheme == "https" and target.scheme == "http":
        problem = f"it redirects from https to plain http ({redacted_address(target)})"
        raise AttemptFailed(Failure(problem, "That is not followed. " + _CHECK_REDIRECT))
    if request_spec.has_secret and (target.host, target.port) != (url.host, url.port):
        raise AttemptFailed(
            Failure("it redirects to another host", "A key is not sent there. " + _CHECK_REDIRECT)
        )
    return target
