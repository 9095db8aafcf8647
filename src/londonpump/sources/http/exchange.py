"""One try: a request, its redirects, an answer that is being read, all within a bound of time."""

import codecs
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2

from londonpump.sources.http.limits import Limits
from londonpump.sources.http.troubles import (
    CHECK_ADDRESS,
    Failed,
    Trouble,
    of_error,
    of_status,
    shown_address,
    too_slow,
)
from londonpump.sources.http.unpacking import unpacked
from londonpump.sources.http.watch import Watch

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FINE = frozenset({200, 206})
_TELL_PUBLISHER = "Look at the address in a browser: the publisher may have moved it."


@dataclass(frozen=True, slots=True)
class Ask:
    """What to ask. url: never shown, as it may hold a key. has_secret: then it stays with its own host."""

    url: httpx2.URL = field(repr=False)
    headers: Mapping[str, str]
    total_s: float
    has_secret: bool = False


@contextmanager
def exchange(client: httpx2.Client, ask: Ask, limits: Limits) -> Iterator[httpx2.Response]:
    """An answer with status 200 or 206, its body still to be read.

    Raises: Failed for anything else, and for whatever happens while the body is read.
    """
    with Watch(ask.total_s) as watch:
        try:
            response = _follow(client, ask, limits, watch)
            try:
                yield response
            finally:
                response.close()
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Failed(too_slow(ask.total_s) if watch.is_over else of_error(error, limits)) from None
        if watch.is_over:
            raise Failed(too_slow(ask.total_s))


def read_body(response: httpx2.Response, most_bytes: int) -> Iterator[bytes]:
    """The body, unpacked, piece by piece. Raises: Failed where it grows beyond the bound."""
    n_bytes = 0
    for piece in unpacked(response):
        n_bytes += len(piece)
        if n_bytes > most_bytes:
            problem = f"the answer holds more than {most_bytes:,} bytes"
            raise Failed(Trouble(problem, "This is not what it should be: look at the address in a browser."))
        yield piece


def charset_of(response: httpx2.Response) -> str:
    """The encoding that the answer states, if text can be read with it; else utf-8."""
    stated = response.charset_encoding or "utf-8"
    try:
        b"a".decode(stated, errors="replace")  # some codecs are of bytes (hex), or refuse all (undefined)
        return codecs.lookup(stated).name
    except (LookupError, UnicodeError):
        return "utf-8"


def _follow(client: httpx2.Client, ask: Ask, limits: Limits, watch: Watch) -> httpx2.Response:
    url, seen = ask.url, {ask.url}
    for _ in range(limits.redirects + 1):
        request = client.build_request("GET", url, headers=dict(ask.headers))
        request.extensions = {**request.extensions, "trace": watch.trace}
        response = _sent(client, request)
        if response.status_code not in _REDIRECTS:
            return _fine(response, ask, limits)
        response.close()
        url = next_address(url, response.headers.get("location", ""), ask)
        if url in seen:
            raise Failed(Trouble("it redirects in a circle", _TELL_PUBLISHER))
        seen.add(url)
    raise Failed(Trouble(f"it redirects more than {limits.redirects} times", _TELL_PUBLISHER))


def _sent(client: httpx2.Client, request: httpx2.Request) -> httpx2.Response:
    try:
        return client.send(request, stream=True)
    except (UnicodeError, OverflowError):
        # of the resolver: a name or a port that no host can have
        raise Failed(Trouble("the address is none that can be asked", CHECK_ADDRESS)) from None


def _fine(response: httpx2.Response, ask: Ask, limits: Limits) -> httpx2.Response:
    if response.status_code in _FINE:
        return response
    response.close()
    raise Failed(of_status(response, limits, has_secret=ask.has_secret))


def next_address(url: httpx2.URL, location: str, ask: Ask) -> httpx2.URL:
    """Where a redirect leads. Raises: Failed if it is not to be followed: to nowhere, from https to http, or
    with a key to another host."""
    try:
        target = url.join(location)
    except httpx2.InvalidURL:
        target = httpx2.URL("")
    if not location or target.scheme not in ("http", "https") or not target.host:
        raise Failed(Trouble("it redirects to nowhere", _TELL_PUBLISHER))
    if url.scheme == "https" and target.scheme == "http":
        problem = f"it redirects from https to plain http ({shown_address(target)})"
        raise Failed(Trouble(problem, "That is not followed. " + _TELL_PUBLISHER))
    if ask.has_secret and (target.host, target.port) != (url.host, url.port):
        raise Failed(Trouble("it redirects to another host", "A key is not sent there. " + _TELL_PUBLISHER))
    return target
