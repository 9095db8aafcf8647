"""The failures of requests to publishers, and whether a retry may help."""

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, quote_plus

import httpx2

from londonpump.domain.errors import SourceFailed
from londonpump.ingest.http.limits import Limits, retry_after_s

LATER = "Ask again later."
CHECK_ADDRESS = "Check the address in the settings, or whether the publisher has moved it."
_CHECK_INTERNET = "Check the connection to the internet, or try again later."
_TOO_MANY_REQUESTS, _FIRST_SERVER_ERROR = 429, 500
"""Transient statuses: 429, and 500 or more. Proxies in front of a server use numbers up to 530."""
_ACCESS_ADVICE = "It may want a sign-in, or refuse this machine: open the address in a browser."
_ACCESS_DENIED = frozenset({401, 403})
NOT_FOUND_STATUSES = frozenset({404, 410})
RANGE_NOT_SATISFIABLE = 416


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed try."""

    problem: str
    advice: str
    is_transient: bool = False
    """Whether a retry may help."""
    wait_s: float | None = None
    """The wait that the publisher asks for, None if it states none."""
    status: int | None = None
    is_publisher_down: bool = False
    """Whether other addresses of the publisher will fail too."""


class PublisherUnavailable(SourceFailed):
    """The publisher does not answer at all for now, so its other addresses need not be tried."""


class SourceNotFound(SourceFailed):
    """The publisher has nothing at that address (404 or 410)."""


class AttemptFailed(Exception):
    """One try failed. It never leaves this package: callers get SourceFailed, which contains no address with a key."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.problem)
        self.failure = failure


def timeout_failure(total_s: float) -> Failure:
    """Return the failure of a response that was not complete in time."""
    # A retry would take as long again, so a time-out of the whole try is final.
    return Failure(f"the answer was not complete after {total_s:g} s", LATER)


def failure_of_error(error: Exception, limits: Limits) -> Failure:
    """Return the failure behind an exception of the library, whose own text may contain an address."""
    if isinstance(error, httpx2.ConnectTimeout):
        return Failure(
            f"no connection within {limits.connect_s:g} s", LATER, is_transient=True, is_publisher_down=True
        )
    if isinstance(error, httpx2.TimeoutException):
        return Failure(f"nothing came for {limits.read_s:g} s", LATER, is_transient=True)
    if isinstance(error, httpx2.ConnectError):
        return _unreachable(error)
    if isinstance(error, httpx2.ProxyError):
        return Failure(
            "the proxy on the way refused",
            "Check the proxy settings of the environment.",
            is_publisher_down=True,
        )
    if isinstance(error, (httpx2.NetworkError, httpx2.RemoteProtocolError)):
        return Failure("the connection was cut", LATER, is_transient=True)
    return Failure("the address cannot be requested", CHECK_ADDRESS)


def _unreachable(error: httpx2.ConnectError) -> Failure:
    causes = _chain(error)
    # A wrong certificate stays wrong: a retry cannot help.
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        advice = "Check this machine's clock and certificates."
        return Failure("its certificate is not trusted here", advice, is_publisher_down=True)
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return Failure("its name is not found", _CHECK_INTERNET, is_transient=True, is_publisher_down=True)
    return Failure("it cannot be reached", _CHECK_INTERNET, is_transient=True, is_publisher_down=True)


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain


def failure_of_status(response: httpx2.Response, limits: Limits, *, has_secret: bool = True) -> Failure:
    """Return the failure behind a status other than 200 or 206."""
    status, shown = response.status_code, redacted_address(response.url)
    if status == _TOO_MANY_REQUESTS or status >= _FIRST_SERVER_ERROR:
        return _transient_failure(response, limits)
    if status in _ACCESS_DENIED:
        advice = "Check the key and its rights." if has_secret else _ACCESS_ADVICE
        return Failure(f"access to {shown} is refused ({status})", advice, status=status)
    if status == RANGE_NOT_SATISFIABLE:
        return Failure("it cannot go on where it was cut (416)", LATER, is_transient=True, status=status)
    if status in NOT_FOUND_STATUSES:
        return Failure(f"there is nothing at {shown} ({status})", CHECK_ADDRESS, status=status)
    return Failure(f"{shown} answers with status {status}", CHECK_ADDRESS, status=status)


def _transient_failure(response: httpx2.Response, limits: Limits) -> Failure:
    status, now = response.status_code, datetime.now(UTC)
    wait_s = retry_after_s(response.headers.get("retry-after"), now)
    is_publisher_down = status == _TOO_MANY_REQUESTS
    text = "it has had too many requests" if is_publisher_down else "it has a fault of its own"
    # Waiting longer than the limit would block the caller; the message names the time instead.
    if wait_s is not None and wait_s > limits.max_wait_s:
        when = now + timedelta(seconds=wait_s)
        advice = f"Ask again after {when:%Y-%m-%d %H:%M:%S} UTC."
        return Failure(f"{text} ({status})", advice, status=status, is_publisher_down=is_publisher_down)
    return Failure(f"{text} ({status})", LATER, True, wait_s, status, is_publisher_down)


def redact_secrets(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in a text, both as it is and as encoded in an address."""
    for secret in filter(None, secrets):
        # Proxies and servers log addresses in several encodings, so each is redacted.
        spellings = {
            secret,
            secret.replace(" ", "+"),
            quote(secret),
            quote(secret, safe=""),
            quote_plus(secret),
        }
        for spelling in spellings:
            text = text.replace(spelling, "***")
    return text


def redacted_address(url: httpx2.URL) -> str:
    """Return an address without user, password, query and fragment, since any of them may be a key."""
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.host}{port}{url.path}"
