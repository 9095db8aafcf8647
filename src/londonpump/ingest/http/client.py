"""The HTTP client for public sources, its responses, and strict parsing of JSON."""

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
"""A filter that passes only loggers below a name that does not exist, and so drops every line."""


def suppress_address_logs() -> None:
    """Drop the HTTP library's log lines, which contain addresses with keys. A filter survives any log level set later."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_DROP)


@dataclass(frozen=True, slots=True)
class Response:
    """The response of a publisher."""

    publisher: str
    url: str
    """The requested address without secrets."""
    body: bytes = field(repr=False)
    """The decompressed body."""
    headers: Mapping[str, str] = field(repr=False)
    """Headers with case-insensitive names."""
    charset: str = "utf-8"

    @property
    def text(self) -> str:
        """The body decoded with its stated encoding. Bytes that do not decode are replaced, not dropped."""
        # UTF-8 files often begin with a byte order mark, which is not part of the text.
        body = self.body.removeprefix(b"\xef\xbb\xbf") if self.charset.lower() == "utf-8" else self.body
        text = body.decode(self.charset, errors="replace")
        return text.encode(errors="replace").decode()  # replaces lone surrogates

    def json(self) -> Any:
        """Return the value in the body. Raises: SourceFailed if it is not JSON."""
        return parse_json(self.publisher, self.body, self.url)


USER_AGENT = f"londonpump/{__version__} (+fire engine arrival times from public records)"
T = TypeVar("T")


class Http:
    """A client for public sources, used as a context manager.

    Every failure is a SourceFailed, raised without the library's own exception as its cause, because that contains the
    whole address with its key. Only GET is used, so that a retry is always safe.
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
        """Request a page or a table that fits in memory.

        Args: publisher: its name as people know it. secret: parameters that are sent and never shown.
        Raises: SourceFailed if all tries fail.
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
                    # A mirror's address may contain a user and a password.
                    str(shown.copy_with(userinfo=b"")),
                    body,
                    response.headers,
                    charset_of(response),
                )

        return self._with_retries(publisher, attempt, (secret or {}).values())

    def download(
        self, publisher: str, url: str, to: Path, expected: files.Expected = files.Expected()
    ) -> files.Downloaded:
        """Download a file to `to`, which is overwritten; after a failure it does not exist.

        After a cut, the next try requests the rest from the original address, because redirect targets expire.

        Raises: SourceFailed; BadFile if the disk is full or cannot be written.
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
            # Only uncompressed bytes can be resumed at an offset.
            headers = {"Accept-Encoding": "identity", **part.range_headers()}
            request_spec = RequestSpec(url, headers, limits.download_s(expected.size_bytes))
            try:
                with exchange(self._client, request_spec, limits) as response:
                    part.add(response, read_body(response, limits.max_file_bytes))
            except AttemptFailed as failed:
                # The server rejects the range, so the stored part cannot belong to its file.
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
            # A redirect may put a key into the path, which is part of the message.
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
        raise SourceFailed(publisher, "the address cannot be requested", CHECK_ADDRESS)


def _client(limits: Limits) -> httpx2.Client:
    """Create the client. Raises: BadSetting if the environment names an unusable proxy or certificate."""
    try:
        return httpx2.Client(
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"},
            timeout=httpx2.Timeout(limits.read_s, connect=limits.connect_s),
            # One connection per request: the deadline must see each connection when it is opened.
            limits=httpx2.Limits(max_keepalive_connections=0),
        )
    except (ImportError, ValueError, httpx2.InvalidURL):
        # Neither chained nor quoted: the address of a proxy may contain a password.
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
"""The longest whole number accepted. Sizes and timestamps are shorter; a longer number fits into no column."""


def parse_json(publisher: str, body: bytes, address: str = "it") -> Any:
    """Parse JSON. The error describes what arrived without quoting it.

    Args: address: the requested address, without keys. Raises: SourceFailed if the body is not JSON.
    """
    try:
        return json.loads(body, parse_int=_whole_number)
    except (ValueError, RecursionError):
        is_page = body.lstrip().startswith(b"<")
    content = "a web page" if is_page else "something else" if body.strip() else "nothing"
    problem = f"{address} answers with {content} instead of json"
    raise SourceFailed(publisher, problem, "Ask again later, or check the address in the settings.")


def _whole_number(digits: str) -> int:
    # Very long whole numbers take quadratic time to parse, and no column can store them.
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)
