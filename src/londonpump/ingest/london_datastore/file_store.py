"""The fetched files on disk: `RECORD_TYPE/RESOURCE/VERSION/NAME` with a provenance file beside each, and the current set.

`current.json` lists the current set and is replaced atomically, `previous.json` lists the one before it. All paths in
them are relative to the folder of records.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from londonpump.domain.errors import BadFile
from londonpump.domain.json_values import JsonObject, from_json, stored_as, to_json
from londonpump.persistence.atomic_files import allow_reading, read_json, write_json

CURRENT, PREVIOUS, WORKSPACE = "current.json", "previous.json", ".fetching"
PROVENANCE = ".provenance.json"
_FETCH_AGAIN = "Fetch again: londonpump fetch records."


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProvenance:
    """The origin of a fetched file; facts of the publisher may be missing from files of earlier versions."""

    publisher: str = ""
    dataset: str = ""
    dataset_page: str = ""
    record_type: str = field(default="", metadata=stored_as("kind"))
    resource: str
    title: str
    address: str = ""
    version: str | None
    size_bytes: int = field(metadata=stored_as("bytes"))
    sha256: str
    etag: str | None = None
    last_modified: str | None = None
    fetched_at: str = ""
    newest: date = field(metadata=stored_as("newest_row_date"))
    months: Mapping[str, int]
    licence: str = ""
    licence_address: str = ""
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A stored file."""

    record_type: str
    relative_path: str
    """The path relative to the folder of records."""
    provenance: FileProvenance
    """The content of the provenance file beside it."""

    @property
    def months(self) -> dict[str, int]:
        """Rows by month, as counted when the file was fetched."""
        return dict(self.provenance.months)

    @property
    def newest(self) -> date:
        """The day of the latest row."""
        return self.provenance.newest


def fetched_files(home_records: Path) -> dict[str, tuple[Path, ...]] | None:
    """Return the current set by record type, oldest file first; None if nothing was ever fetched.

    Raises: BadFile if the set is damaged.
    """
    if not (home_records / CURRENT).exists():
        return None
    found: dict[str, tuple[Path, ...]] = {}
    for record_type, relative_paths in _listed_paths(home_records, CURRENT).items():
        found[record_type] = tuple(home_records / relative_path for relative_path in relative_paths)
    missing = [path for paths in found.values() for path in paths if not path.is_file()]
    if missing or not found.get("incidents"):
        lost = missing[0] if missing else home_records / CURRENT
        raise BadFile(lost, "belongs to the fetched records and is not there", _FETCH_AGAIN)
    return found


@contextmanager
def exclusive_workspace(home_records: Path) -> Iterator[Path]:
    """Yield a temporary folder while no other process fetches; it is removed afterwards.

    Raises: BadFile if another process is fetching, or the folder cannot be written.
    """
    try:
        home_records.mkdir(parents=True, exist_ok=True)
        handle = os.open(home_records, os.O_RDONLY)
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise BadFile(home_records, problem, "Set LONDONPUMP_HOME to a place that can be.") from error
    workspace = home_records / WORKSPACE
    try:
        # The operating system releases this lock when the process ends, however it ends.
        _lock(handle, home_records)
        try:
            shutil.rmtree(workspace, ignore_errors=True)
            workspace.mkdir()
            yield workspace
        finally:
            shutil.rmtree(workspace, ignore_errors=True)
            _remove_if_empty(home_records)
    finally:
        os.close(handle)


def find_file(home_records: Path, record_type: str, resource: str, version: str | None) -> StoredFile | None:
    """Return the file of a resource in a version of the catalogue, if it is stored undamaged."""
    if version is None:
        return None
    for note in sorted((home_records / record_type / resource).glob(f"*/*{PROVENANCE}")):
        path = note.with_name(note.name.removesuffix(PROVENANCE))
        try:
            provenance = from_json(FileProvenance, _read_object(note))
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        if provenance.version == version and _is_intact(path, provenance.sha256):
            return StoredFile(record_type, path.relative_to(home_records).as_posix(), provenance)
    return None


def store_file(home_records: Path, part: Path, name: str, provenance: FileProvenance) -> StoredFile:
    """Move a file to its final path. Its provenance is written first, so that no file is ever without."""
    record_type = provenance.record_type
    relative_path = Path(record_type) / provenance.resource / provenance.sha256[:12] / name
    path = home_records / relative_path
    write_json(path.with_name(name + PROVENANCE), to_json(provenance))
    # Temporary files are private; the stored file is public data that other users may read.
    allow_reading(part)
    part.replace(path)
    return StoredFile(record_type, relative_path.as_posix(), provenance)


def set_current(home_records: Path, since: date, files: Sequence[StoredFile]) -> bool:
    """Make a set the current one. Returns: whether it differs from the one before, which then becomes the previous one."""
    by_kind: dict[str, list[dict[str, str | int]]] = {}
    for file in files:
        known = file.provenance
        entry = {"file": file.relative_path, "title": known.title, "resource": known.resource}
        by_kind.setdefault(file.record_type, []).append(
            {**entry, "sha256": known.sha256, "bytes": known.size_bytes}
        )
    until = min(
        max(file.newest for file in files if file.record_type == record_type) for record_type in by_kind
    )
    current = {"schema": 1, "since": since.isoformat(), "until": until.isoformat(), "files": by_kind}
    path = home_records / CURRENT
    before = _read_object(path)
    if before == current:
        return False
    # The previous set is written first: if the process dies in between, the old set stays current.
    if before:
        write_json(home_records / PREVIOUS, before)
    write_json(path, current)
    return True


def current_until(home_records: Path) -> date | None:
    """Return the day up to which the current set holds both record types; None if there is no readable set."""
    try:
        return date.fromisoformat(_read_object(home_records / CURRENT)["until"])
    except (KeyError, TypeError, ValueError):
        return None


def prune(home_records: Path, record_types: Sequence[str]) -> None:
    """Remove versions that neither the current nor the previous set lists."""
    # The set before stays on disk, because a running `prepare` may still read it.
    named = {
        (home_records / relative_path).parent
        for name in (CURRENT, PREVIOUS)
        if (home_records / name).exists()
        for relative_paths in _listed_paths(home_records, name).values()
        for relative_path in relative_paths
    }
    for record_type in record_types:
        for note in list((home_records / record_type).glob(f"*/*/*{PROVENANCE}")):
            if note.parent not in named:
                shutil.rmtree(note.parent, ignore_errors=True)
                _remove_if_empty(note.parent.parent)


def _listed_paths(home_records: Path, name: str) -> dict[str, list[str]]:
    path = home_records / name
    try:
        listed = read_json(path)["files"]
        return {record_type: [str(file["file"]) for file in files] for record_type, files in listed.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise BadFile(path, "is damaged, or of another version", _FETCH_AGAIN) from error


def _read_object(path: Path) -> JsonObject:
    """Return a JSON object; empty if it is missing or damaged, so that its files are fetched again."""
    try:
        value = read_json(path)
    except BadFile:
        return {}
    return value if isinstance(value, dict) else {}


def _is_intact(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _lock(handle: int, folder: Path) -> None:
    try:
        # Without blocking, so that a second fetch fails at once with a clear message.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BadFile(folder, "another fetch is at work there", "Wait until it has ended.") from error


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
