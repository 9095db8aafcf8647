"""Detection of a file's type before any column is read: text or workbook, its encoding, its SHA-256."""

import codecs
import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from londonpump.domain.errors import BadFile
from londonpump.domain.text_files import UTF8

CHUNK_BYTES = 1 << 20
PEEK_BYTES = 1 << 12
CSV, XLSX = "csv", "xlsx"
CP1252, UTF16 = "cp1252", "utf-16"
BYTE_ORDER_MARK = "\ufeff"
"""The byte order mark as a character. It is never part of a value, wherever a program wrote it."""
_GZIP, _ZIP, _OLE = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BYTE_ORDER_MARK_BYTES = codecs.BOM_UTF8
_SAVE_AS_UTF8 = "Save it again as comma separated text in UTF-8"


@dataclass(frozen=True, slots=True)
class DetectedFile:
    """A readable file and its type."""

    path: Path
    sha256: str
    """The hash of the bytes on disk, before any decompression."""
    container: str
    """`csv` or `xlsx`."""
    encoding: str = UTF8
    is_gzip: bool = False
    has_inner_mark: bool = False
    """Whether there is a UTF-8 byte order mark after the start of the file, as in concatenated files."""


def detect_file(path: Path, *, allow_zeros: bool = False) -> DetectedFile:
    """Read every byte of a file once and detect its type.

    Args: allow_zeros: accept zero bytes in the text, for a reader that rejects single rows.
    Raises: BadFile if the file is missing, empty, a folder, a web page, binary, an old or damaged workbook, or in an
    unsupported encoding.
    """
    if not path.exists():
        raise BadFile(path, "there is no such file", "Check the name and the folder")
    if path.is_dir():
        raise BadFile(path, "this is a folder", "Name the csv or xlsx files in it one by one")
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            start = stream.read(4)
        if start == _ZIP:
            _check_workbook(path)
            return DetectedFile(path, sha256, XLSX)
        if start == _OLE:
            raise BadFile(path, "this is a workbook of the old .xls kind", "Save it as .xlsx or csv")
        is_gzip = start.startswith(_GZIP)
        encoding, has_inner_mark = _encoding(path, is_gzip=is_gzip, allow_zeros=allow_zeros)
        return DetectedFile(path, sha256, CSV, encoding, is_gzip, has_inner_mark)
    except OSError as error:
        problem = f"it cannot be read ({error.strerror or error})"
        raise BadFile(path, problem, "Check the rights on it, or fetch it again") from error


def open_bytes(path: Path, *, is_gzip: bool) -> BufferedIOBase:
    """Open the text as bytes, decompressed if the file is gzipped."""
    return gzip.open(path) if is_gzip else path.open("rb")


def chunks(path: Path, *, is_gzip: bool) -> Iterator[bytes]:
    """Return the text in chunks. Raises: BadFile if the gzip file is truncated or damaged."""
    try:
        with open_bytes(path, is_gzip=is_gzip) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadFile(path, f"the gzip file is damaged ({error})", "Fetch it again") from error


def _check_workbook(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        raise BadFile(path, f"the workbook is damaged ({error})", "Fetch it again") from error
    # Excel workbooks are zip archives with a folder xl.
    if not any(name.startswith("xl/") for name in names):
        raise BadFile(path, "this is a zip archive, not a workbook", "Unpack it and name the files in it")


def _encoding(path: Path, *, is_gzip: bool, allow_zeros: bool) -> tuple[str, bool]:
    """Return the encoding of the text, and whether there is a byte order mark after its start."""
    start = next(chunks(path, is_gzip=is_gzip), b"")
    _require_text(path, start)
    # Windows-1252 comes last, because it decodes nearly every byte.
    candidates = (UTF16,) if start.startswith(_UTF16) else (UTF8, CP1252)
    for encoding in candidates:
        has_inner_mark = _decoded(path, encoding, is_gzip=is_gzip, allow_zeros=allow_zeros)
        if has_inner_mark is not None:
            return encoding, has_inner_mark
    if candidates == (UTF16,):
        raise BadFile(path, "its text begins as UTF-16 and cannot be decoded", _SAVE_AS_UTF8)
    raise BadFile(path, "its text is neither UTF-8 nor Windows-1252", _SAVE_AS_UTF8)


def _decoded(path: Path, encoding: str, *, is_gzip: bool, allow_zeros: bool) -> bool | None:
    """Decode the whole text. Return whether it has an inner mark; None if it has another encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    has_inner_mark, tail = False, b""
    try:
        for chunk in chunks(path, is_gzip=is_gzip):
            if b"\x00" in chunk and not allow_zeros and encoding != UTF16:
                raise BadFile(path, "this is no text: it holds zero bytes", _SAVE_AS_UTF8)
            decoder.decode(chunk)
            # A mark at the start of the first chunk is legitimate. A mark may also lie across two chunks.
            seen = tail + chunk if tail else chunk[len(_BYTE_ORDER_MARK_BYTES) :]
            has_inner_mark = has_inner_mark or _BYTE_ORDER_MARK_BYTES in seen
            tail = chunk[-2:]
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    return has_inner_mark and encoding == UTF8


def _require_text(path: Path, start: bytes) -> None:
    if start.startswith((_ZIP, _OLE)):
        raise BadFile(path, "a workbook lies inside the gzip file", "Unpack it first")
    if not start:
        raise BadFile(path, "the file is empty", "Fetch it again")
    text = start.removeprefix(codecs.BOM_UTF8).lstrip()
    if start.startswith(_UTF16):
        text = start[:PEEK_BYTES].decode(UTF16, errors="ignore").strip().encode(UTF8)
    if text.startswith(b"<"):
        advice = "The download failed: fetch the csv or xlsx file itself"
        raise BadFile(path, "this is a web page, not a table", advice)
    if not text:
        raise BadFile(path, "there is nothing but blanks in it", "Fetch it again")
