"""The one door to the outside: asks a publisher, patiently and within bounds."""

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from londonpump import __version__
from londonpump.domain.errors import BadSetting, SourceFailed
from londonpump.ingest.http import download as files
from londonpump.ingest.http.errors import (
    CHECK_ADDRESS,
    NOT_FOUND_STATUSES,
    RANGE_NOT_SATISFIABLE,
    AttemptFailed,
    Failure,
    PublisherUnavailable,
    SourceNotFound,
    redact_secrets,
)
from londonpump.ingest.http.exchange import RequestSpec, charset_of, exchange, read_body
from londonpump.ingest.http.limits import Limits, backoff_s

_LOGGERS = (
    "httpx2",
    *(f"httpcore2.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")),
)

_DROP = logging.Filter("nothing is called so")
"""Passes only lines of loggers below that name: none."""


def suppress_address_logs() -> None:
    """Drop the library's own lines, whatever level somebody sets: a filter stays where a level does not."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_DROP)


@dataclass(frozen=True, slots=True)
class Response:
    """body: unpacked. headers: whatever the case of the name. url: what was asked, without the secrets."""

    publisher: str
    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    charset: str = "utf-8"

    @property
    def text(self) -> str:
        """The body in the encoding it says it has; what does not decode is marked, not dropped."""
        body = self.body.removeprefix(b"\xef\xbb\xbf") if self.charset.lower() == "utf-8" else self.body
        text = body.decode(self.charset, errors="replace")
        return text.encode(errors="replace").decode()  # half a character, of an encoding with escapes

    def json(self) -> Any:
        """The value in the body. Raises: SourceFailed if it is not json."""
        return parse_json(self.publisher, self.body, self.url)


USER_AGENT = f"londonpump/{__version__} (+fire engine arrival times from public records)"
T = TypeVar("T")


class Http:
    """A client for public sources, to be used as a context.

    Every failure is a SourceFailed, raised apart from the library's own exceptions: those know the whole
    address, key included. Only GET, so that asking again is always safe.
    """

    def __init__(self, limits: Limits = Limits(), sleep: Callable[[float], None] = time.sleep) -> None:
        suppress_address_logs()
        self._limits = limits
        self._sleep = sleep
        self._client = _client(limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(
        self,
        publisher: str,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        secret: Mapping[str, str] | None = None,
    ) -> Response:
        """Ask for a page or a table that fits in memory.

        Args: publisher: its name as people know it. secret: parameters that are sent and never shown.
        Raises: SourceFailed when it cannot be had, after the tries that may help.
        """
        limits = self._limits
        shown = self._address(publisher, url, params)
        request_spec = RequestSpec(
            shown.copy_merge_params(dict(secret or {})), {}, limits.total_s, has_secret=bool(secret)
        )

        def attempt() -> Response:
            with exchange(self._client, request_spec, limits) as response:
                body = b"".join(read_body(response, limits.max_response_bytes))
                return Response(
                    publisher,
                    str(shown.copy_with(userinfo=b"")),
                    body,
                    response.headers,
                    charset_of(response),
                )

        return self._with_retries(publisher, attempt, (secret or {}).values())

    def download(
        self, publisher: str, url: str, to: Path, expected: files.Expected = files.Expected()
    ) -> files.Downloaded:
        """Bring a file to `to`, which is written over; after a failure it is not there.

        A try after a cut asks the same address again for the rest, as redirects end in addresses that expire.

        Raises: SourceFailed; BadFile where the disk is full or cannot be written.
        """
        address = self._address(publisher, url, None)
        return files.remove_on_failure(to, lambda: self._download(publisher, address, to, expected))

    def _download(
        self, publisher: str, url: httpx2.URL, to: Path, expected: files.Expected
    ) -> files.Downloaded:
        limits = self._limits
        files.validate_size(publisher, expected, limits)
        files.require_disk_space(to.parent, expected.size_bytes)
        part = files.PartFile(to)

        def attempt() -> files.Downloaded:
            headers = {"Accept-Encoding": "identity", **part.range_headers()}
            request_spec = RequestSpec(url, headers, limits.download_s(expected.size_bytes))
            try:
                with exchange(self._client, request_spec, limits) as response:
                    part.add(response, read_body(response, limits.max_file_bytes))
            except AttemptFailed as failed:
                if failed.failure.status == RANGE_NOT_SATISFIABLE:
                    part.restart()
                raise
            return files.verify_download(part, expected)

        return self._with_retries(publisher, attempt)

    def _with_retries(self, publisher: str, attempt: Callable[[], T], secrets: Iterable[str] = ()) -> T:
        limits = self._limits
        result = _run_attempt(attempt)
        for next_try in range(2, limits.tries + 1):
            if not isinstance(result, Failure) or not result.is_transient:
                break
            self._sleep(backoff_s(next_try, result.wait_s, limits))
            result = _run_attempt(attempt)
        if isinstance(result, Failure):
            attempts_text = f", asked {limits.tries} times" if result.is_transient else ""
            # a redirect may put a key into a path, which is shown
            problem = redact_secrets(result.problem, secrets)
            raise _error_class(result)(publisher, problem + attempts_text, result.advice)
        return result

    def _address(self, publisher: str, url: str, params: Mapping[str, str] | None) -> httpx2.URL:
        try:
            address = httpx2.URL(url)
            if address.scheme in ("http", "https") and address.host:
                return address.copy_merge_params(dict(params)) if params else address
        except httpx2.InvalidURL:
            pass
        raise SourceFailed(publisher, "the address is none that can be asked", CHECK_ADDRESS)


def _client(limits: Limits) -> httpx2.Client:
    """Raises: BadSetting where the environment names a proxy or certificates that cannot be used."""
    try:
        return httpx2.Client(
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"},
            timeout=httpx2.Timeout(limits.read_s, connect=limits.connect_s),
            # a connection a request: the watch over slow ones sees each as it is made
            limits=httpx2.Limits(max_keepalive_connections=0),
        )
    except (ImportError, ValueError, httpx2.InvalidURL):
        # from None, and not in its words: the address of a proxy may hold a password
        setting, problem = "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY", "this kind of proxy cannot be used"
        raise BadSetting(setting, problem, "Name one that begins with http://, or none.") from None
    except OSError as error:
        setting, problem = "SSL_CERT_FILE or SSL_CERT_DIR", f"cannot be read ({error.strerror})"
        raise BadSetting(setting, problem, "Name a file of certificates, or none.") from error


def _error_class(failure: Failure) -> type[SourceFailed]:
    if failure.status in NOT_FOUND_STATUSES:
        return SourceNotFound
    return PublisherUnavailable if failure.is_publisher_down else SourceFailed


def _run_attempt(attempt: Callable[[], T]) -> T | Failure:
    try:
        return attempt()
    except AttemptFailed as failed:
        return failed.failure


MAX_DIGITS = 20
"""Digits: sizes in bytes and seconds of 1970 have fewer. What has more fits into no column."""


def parse_json(publisher: str, body: bytes, address: str = "it") -> Any:
    """asked: the address, without keys. Raises: SourceFailed if it is not json; what came is said, not shown."""
    try:
        return json.loads(body, parse_int=_whole_number)
    except (ValueError, RecursionError):
        is_page = body.lstrip().startswith(b"<")
    content = "a web page" if is_page else "something else" if body.strip() else "nothing"
    problem = f"{address} answers with {content} instead of json"
    raise SourceFailed(publisher, problem, "Ask again later, or check the address in the settings.")


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)
