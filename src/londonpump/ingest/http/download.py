"""Downloads of files: streamed, resumed after a cut, and checked before use."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2

from londonpump.domain.errors import BadFile, SourceFailed
from londonpump.ingest.http.errors import LATER, AttemptFailed, Failure
from londonpump.ingest.http.exchange import is_compressed
from londonpump.ingest.http.limits import Limits

CSV, XLSX, OSM_PBF = "csv", "xlsx", "osm.pbf"
SIZE_TOLERANCE = 0.01
"""Relative tolerance of the stated size, because the catalogue may be of another day."""
_SPARE_BYTES = 64 << 20
_DIGESTS = {32: "md5", 40: "sha1", 64: "sha256"}
"""The hash function of a hexadecimal digest of each length."""
_NOT_A_FILE_ADVICE = "Nothing was changed. Ask again later, or look at the address in a browser."


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected properties of a download."""

    containers: tuple[str, ...] = (CSV, XLSX)
    size_bytes: int | None = None
    """The size in the catalogue, checked to 1 %."""
    digest: str | None = None
    """An md5, sha1 or sha256 digest as hexadecimal text. Any other text is ignored."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A complete, checked file."""

    path: Path
    container: str
    """`csv` or `xlsx` by its first bytes, whatever its name says."""
    size_bytes: int
    sha256: str
    etag: str | None
    last_modified: str | None


class PartFile:
    """A partial download, with the publisher's identifier of its version."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.etag: str | None = None
        self.last_modified: str | None = None
        self._validator: str | None = None
        path.write_bytes(b"")

    @property
    def size_bytes(self) -> int:
        """The number of bytes so far."""
        return self.path.stat().st_size

    def range_headers(self) -> Mapping[str, str]:
        """Return headers that request the rest, or everything if there is nothing yet or the version has no identifier."""
        size = self.size_bytes
        if not size or self._validator is None:
            return {}
        # With If-Range the server sends the whole file if its version has changed.
        return {"Range": f"bytes={size}-", "If-Range": self._validator}

    def restart(self) -> None:
        """Start over with the next try."""
        self._validator = None

    def add(self, response: httpx2.Response, pieces: Iterator[bytes]) -> None:
        """Append the body, or start anew if the publisher sends the whole file.

        Raises: AttemptFailed if the publisher sends another part than requested.
        """
        is_rest = response.status_code == httpx2.codes.PARTIAL_CONTENT
        # A cut response continues at the offset; any other part would corrupt the file.
        if is_rest and not response.headers.get("content-range", "").startswith(f"bytes {self.size_bytes}-"):
            self.restart()
            raise AttemptFailed(
                Failure("it sent another part of the file than asked for", LATER, is_transient=True)
            )
        if not is_rest:
            self._name_version(response)
        with self.path.open("ab" if is_rest else "wb") as file:
            for piece in pieces:
                file.write(piece)

    def _name_version(self, response: httpx2.Response) -> None:
        self.etag, self.last_modified = (response.headers.get(name) for name in ("etag", "last-modified"))
        is_strong = self.etag is not None and not self.etag.startswith("W/")
        # A part of a compressed file cannot be decompressed alone. A weak ETag does not guarantee equal bytes.
        self._validator = None if is_compressed(response) else self.etag if is_strong else self.last_modified


def validate_size(publisher: str, expected: Expected, limits: Limits) -> None:
    """Raise SourceFailed if the catalogue states more bytes than a file may have."""
    stated, max_bytes = expected.size_bytes, limits.max_file_bytes
    if stated is not None and stated > max_bytes:
        raise SourceFailed(
            publisher, f"the catalogue says {stated:,} bytes, more than {max_bytes:,}", _NOT_A_FILE_ADVICE
        )


def require_disk_space(folder: Path, needed_bytes: int | None) -> None:
    """Raise BadFile if the disk has no room for the file and a small reserve."""
    free = shutil.disk_usage(folder).free
    needed = (needed_bytes or 0) + _SPARE_BYTES
    if free < needed:
        problem = f"there is room for {free:,} bytes, {needed:,} are needed"
        raise BadFile(folder, problem, "Make room on that disk, or set LONDONPUMP_HOME to another")


def verify_download(part: PartFile, expected: Expected) -> Downloaded:
    """Return the file if it has the expected properties. Raises: AttemptFailed."""
    size = part.size_bytes
    container = _container(part.path)
    if container not in expected.containers:
        allowed = " or ".join(expected.containers)
        raise AttemptFailed(Failure(f"what came is {container}, not a {allowed} file", _NOT_A_FILE_ADVICE))
    stated = expected.size_bytes
    # The catalogue may be newer or older than the file, so its size is only approximate.
    if stated is not None and abs(size - stated) > SIZE_TOLERANCE * stated:
        problem = f"the file has {size:,} bytes, the catalogue says {stated:,}"
        raise AttemptFailed(Failure(problem, _NOT_A_FILE_ADVICE))
    _check_digest(part.path, expected.digest)
    sha256 = file_digest(part.path, "sha256")
    return Downloaded(part.path, container, size, sha256, part.etag, part.last_modified)


def remove_on_failure(path: Path, work: Callable[[], Downloaded]) -> Downloaded:
    """Do the work; if it fails in any way, remove the partial file.

    Raises: BadFile for a fault of the disk, and whatever the work raises.
    """
    try:
        return work()
    except OSError as error:
        _remove(path)
        advice = "Make room, or set LONDONPUMP_HOME to a place that can be written"
        raise BadFile(path, f"cannot be written ({error.strerror})", advice) from error
    # BaseException includes Ctrl-C: a partial file must never remain.
    except BaseException:
        _remove(path)
        raise


def _remove(path: Path) -> None:
    with suppress(OSError):  # the first error must be reported
        path.unlink(missing_ok=True)


def _container(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(1024)
    # The first bytes decide, because servers send error pages under the names of files.
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"PK\x03\x04"):
        return XLSX
    if b"OSMHeader" in start[:64]:
        return OSM_PBF
    if not text:
        return "empty"
    if text.startswith(b"<"):
        return "a web page"
    return "something else" if b"\0" in start or text.startswith((b"{", b"%PDF")) else CSV


def _check_digest(path: Path, stated: str | None) -> None:
    expected_digest = (stated or "").strip().lower()
    name = _DIGESTS.get(len(expected_digest))
    if name is None or not set(expected_digest) <= set("0123456789abcdef"):
        return
    if file_digest(path, name) != expected_digest:
        raise AttemptFailed(
            Failure(f"the file does not have the {name} of the catalogue", _NOT_A_FILE_ADVICE)
        )


def file_digest(path: Path, name: str) -> str:
    """Return a digest of a file as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, name).hexdigest()
