"""The one door to the outside: asks a publisher, patiently and within bounds."""

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx2

from londonpump import __version__
from londonpump.brigade.errors import BadSetting, SourceFailed
from londonpump.sources.http import download as files
from londonpump.sources.http.answer import Answer
from londonpump.sources.http.exchange import Ask, charset_of, exchange, read_body
from londonpump.sources.http.limits import Limits
from londonpump.sources.http.quiet import keep_addresses_out_of_logs
from londonpump.sources.http.troubles import (
    CANNOT_GO_ON,
    CHECK_ADDRESS,
    NOTHING_THERE,
    Failed,
    NothingThere,
    PublisherAway,
    Trouble,
    without_secrets,
)
from londonpump.sources.http.waiting import wait_before_s

USER_AGENT = f"londonpump/{__version__} (+fire engine arrival times from public records)"
T = TypeVar("T")


class Http:
    """A client for public sources, to be used as a context.

    Every failure is a SourceFailed, raised apart from the library's own exceptions: those know the whole
    address, key included. Only GET, so that asking again is always safe.
    """

    def __init__(self, limits: Limits = Limits(), sleep: Callable[[float], None] = time.sleep) -> None:
        keep_addresses_out_of_logs()
        self._limits = limits
        self._sleep = sleep
        self._client = _client(limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(
        self,
        publisher: str,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        secret: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask for a page or a table that fits in memory.

        Args: publisher: its name as people know it. secret: parameters that are sent and never shown.
        Raises: SourceFailed when it cannot be had, after the tries that may help.
        """
        limits = self._limits
        shown = self._address(publisher, url, params)
        ask = Ask(shown.copy_merge_params(dict(secret or {})), {}, limits.total_s, has_secret=bool(secret))

        def once() -> Answer:
            with exchange(self._client, ask, limits) as response:
                body = b"".join(read_body(response, limits.largest_answer_bytes))
                return Answer(
                    publisher,
                    str(shown.copy_with(userinfo=b"")),
                    body,
                    response.headers,
                    charset_of(response),
                )

        return self._persist(publisher, once, (secret or {}).values())

    def download(
        self, publisher: str, url: str, to: Path, expected: files.Expected = files.Expected()
    ) -> files.Downloaded:
        """Bring a file to `to`, which is written over; after a failure it is not there.

        A try after a cut asks the same address again for the rest, as redirects end in addresses that expire.

        Raises: SourceFailed; BadFile where the disk is full or cannot be written.
        """
        address = self._address(publisher, url, None)
        return files.removing_on_failure(to, lambda: self._download(publisher, address, to, expected))

    def _download(
        self, publisher: str, url: httpx2.URL, to: Path, expected: files.Expected
    ) -> files.Downloaded:
        limits = self._limits
        files.refuse_too_large(publisher, expected, limits)
        files.refuse_full_disk(to.parent, expected.size_bytes)
        part = files.PartFile(to)

        def once() -> files.Downloaded:
            headers = {"Accept-Encoding": "identity", **part.range_headers()}
            ask = Ask(url, headers, limits.download_s(expected.size_bytes))
            try:
                with exchange(self._client, ask, limits) as response:
                    part.add(response, read_body(response, limits.largest_file_bytes))
            except Failed as failed:
                if failed.trouble.status == CANNOT_GO_ON:
                    part.forget()
                raise
            return files.checked(part, expected)

        return self._persist(publisher, once)

    def _persist(self, publisher: str, once: Callable[[], T], secrets: Iterable[str] = ()) -> T:
        limits = self._limits
        done = _tried(once)
        for next_try in range(2, limits.tries + 1):
            if not isinstance(done, Trouble) or not done.is_passing:
                break
            self._sleep(wait_before_s(next_try, done.wait_s, limits))
            done = _tried(once)
        if isinstance(done, Trouble):
            asked = f", asked {limits.tries} times" if done.is_passing else ""
            # a redirect may put a key into a path, which is shown
            problem = without_secrets(done.problem, secrets)
            raise _kind_of(done)(publisher, problem + asked, done.advice)
        return done

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


def _kind_of(trouble: Trouble) -> type[SourceFailed]:
    if trouble.status in NOTHING_THERE:
        return NothingThere
    return PublisherAway if trouble.is_away else SourceFailed


def _tried(once: Callable[[], T]) -> T | Trouble:
    try:
        return once()
    except Failed as failed:
        return failed.trouble
