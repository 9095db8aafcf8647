"""What can go wrong between us and a publisher, in words, and whether asking again may help."""

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, quote_plus

import httpx2

from londonpump.brigade.errors import SourceFailed
from londonpump.sources.http.limits import Limits
from londonpump.sources.http.waiting import retry_after_s

LATER = "Ask again later."
CHECK_ADDRESS = "Check the address in the settings, or whether the publisher has moved it."
_CHECK_WAY_OUT = "Check the way out to the internet, or ask again later."
_TOO_MANY, _FIRST_OF_FAULTS = 429, 500
"""These pass: too many requests, and every fault of the server. Those in front of it number theirs up to 530."""
_REFUSES_US = "It may want a sign-in, or refuse this machine: open the address in a browser."
_REFUSED = frozenset({401, 403})
NOTHING_THERE = frozenset({404, 410})
CANNOT_GO_ON = 416


@dataclass(frozen=True, slots=True)
class Trouble:
    """is_passing: asking again may help. is_away: whatever we ask. wait_s: how long the publisher wants us to wait, None if it is silent."""

    problem: str
    advice: str
    is_passing: bool = False
    wait_s: float | None = None
    status: int | None = None
    is_away: bool = False


class PublisherAway(SourceFailed):
    """The publisher answers nobody, or not us for now: its other addresses need not be tried."""


class NothingThere(SourceFailed):
    """The publisher has nothing at that address (404 or 410)."""


class Failed(Exception):
    """One try failed. It stays in this room: callers get SourceFailed, which knows no address with a key."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.problem)
        self.trouble = trouble


def too_slow(total_s: float) -> Trouble:
    """An answer that came, but not to an end."""
    return Trouble(f"the answer was not complete after {total_s:g} s", LATER)


def of_error(error: Exception, limits: Limits) -> Trouble:
    """The trouble behind an exception of the library, whose own text may hold an address."""
    if isinstance(error, httpx2.ConnectTimeout):
        return Trouble(f"no connection within {limits.connect_s:g} s", LATER, is_passing=True, is_away=True)
    if isinstance(error, httpx2.TimeoutException):
        return Trouble(f"nothing came for {limits.read_s:g} s", LATER, is_passing=True)
    if isinstance(error, httpx2.ConnectError):
        return _unreachable(error)
    if isinstance(error, httpx2.ProxyError):
        return Trouble(
            "the proxy on the way refused", "Check the proxy settings of the environment.", is_away=True
        )
    if isinstance(error, (httpx2.NetworkError, httpx2.RemoteProtocolError)):
        return Trouble("the connection was cut", LATER, is_passing=True)
    return Trouble("the address is none that can be asked", CHECK_ADDRESS)


def _unreachable(error: httpx2.ConnectError) -> Trouble:
    causes = _chain(error)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        advice = "Check this machine's clock and certificates."
        return Trouble("its certificate is not trusted here", advice, is_away=True)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Trouble("its name is not found", _CHECK_WAY_OUT, is_passing=True, is_away=True)
    return Trouble("it cannot be reached", _CHECK_WAY_OUT, is_passing=True, is_away=True)


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain


def of_status(response: httpx2.Response, limits: Limits, *, has_secret: bool = True) -> Trouble:
    """The trouble that a status other than 200 or 206 stands for."""
    status, shown = response.status_code, shown_address(response.url)
    if status == _TOO_MANY or status >= _FIRST_OF_FAULTS:
        return _passing(response, limits)
    if status in _REFUSED:
        advice = "Check the key and its rights." if has_secret else _REFUSES_US
        return Trouble(f"access to {shown} is refused ({status})", advice, status=status)
    if status == CANNOT_GO_ON:
        return Trouble("it cannot go on where it was cut (416)", LATER, is_passing=True, status=status)
    if status in NOTHING_THERE:
        return Trouble(f"there is nothing at {shown} ({status})", CHECK_ADDRESS, status=status)
    return Trouble(f"{shown} answers with status {status}", CHECK_ADDRESS, status=status)


def _passing(response: httpx2.Response, limits: Limits) -> Trouble:
    status, now = response.status_code, datetime.now(UTC)
    wait_s = retry_after_s(response.headers.get("retry-after"), now)
    is_away = status == _TOO_MANY
    words = "it has had too many requests" if is_away else "it has a fault of its own"
    if wait_s is not None and wait_s > limits.longest_wait_s:
        when = now + timedelta(seconds=wait_s)
        advice = f"Ask again after {when:%Y-%m-%d %H:%M:%S} UTC."
        return Trouble(f"{words} ({status})", advice, status=status, is_away=is_away)
    return Trouble(f"{words} ({status})", LATER, True, wait_s, status, is_away)


def without_secrets(words: str, secrets: Iterable[str]) -> str:
    """The words with every secret struck out, as it is and as an address spells it."""
    for secret in filter(None, secrets):
        spellings = {
            secret,
            secret.replace(" ", "+"),
            quote(secret),
            quote(secret, safe=""),
            quote_plus(secret),
        }
        for spelling in spellings:
            words = words.replace(spelling, "***")
    return words


def shown_address(url: httpx2.URL) -> str:
    """An address without name, password, query and fragment: any of them may be a key."""
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.host}{port}{url.path}"
