"""Files and folders that are written completely or not at all: written beside their path, then moved there.

The hidden temporary file or folder (a part) is locked by its writer with a lock of the operating system, which ends
with the process. A part without a lock was abandoned by a killed process, and the next writer removes it. On a file
system without locks, parts are never removed.
"""

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from londonpump.domain.errors import BadFile

# A folder that is being replaced briefly has the name of its part followed by OLD.
SUFFIX, OLD = ".part", ".old"
_RANDOM = r"[a-z0-9_]{8}"


@contextmanager
def file_part(path: Path) -> Iterator[Path]:
    """Yield an empty, locked file beside `path`. It is removed after the block unless it was moved. Raises: OSError."""
    remove_abandoned(path.parent, path.name)

    def make() -> Path:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=SUFFIX, dir=path.parent)
        os.close(handle)
        return Path(name)

    with _locked(make) as part:
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def folder_part(path: Path) -> Iterator[Path]:
    """Yield an empty, locked folder beside `path`. It is removed after the block unless it was moved. Raises: OSError."""
    remove_abandoned(path.parent, path.name)

    def make() -> Path:
        return Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=SUFFIX, dir=path.parent))

    with _locked(make) as part:
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)


def remove_abandoned(parent: Path, name: str | None = None) -> list[str]:
    """Remove what killed writers left of one name, or of every name, in a folder. Returns: the names removed.

    A folder that a killed writer had moved away but not replaced is moved back.
    """
    pattern = _pattern(".+" if name is None else re.escape(name))
    found = [(entry, match) for entry in parent.iterdir() if (match := pattern.fullmatch(entry.name))]
    removed = []
    for entry, match in found:
        target, part = parent / match[1], entry.with_name(entry.name.removesuffix(OLD))
        with _try_lock(part if part.exists() else entry) as is_locked:
            if not is_locked:
                continue
            if match[2] and not target.exists():
                entry.rename(target)
            elif entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
            removed.append(entry.name)
    return removed


def is_part(name: str) -> bool:
    """Return whether a file or folder of that name is a part."""
    return _pattern(".+").fullmatch(name) is not None


def _pattern(of: str) -> re.Pattern[str]:
    return re.compile(rf"\.({of})\.{_RANDOM}{re.escape(SUFFIX)}({re.escape(OLD)})?")


@contextmanager
def _try_lock(part: Path) -> Iterator[bool]:
    """Yield True while this process holds the lock of a part; False if its writer does or there are no locks."""
    with ExitStack() as stack:
        try:
            handle = os.open(part, os.O_RDONLY)
            stack.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


@contextmanager
def _locked(make: Callable[[], Path]) -> Iterator[Path]:
    while True:
        part = make()
        try:
            handle = os.open(part, os.O_RDONLY)
        except FileNotFoundError:
            # another writer removed it as abandoned before we could lock it
            continue
        try:
            # waits for a process that is removing it; fails where there are no locks, but then nobody removes parts
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
            # the process we waited for may have removed it: then make another one
            if part.exists():
                yield part
                return
        finally:
            os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8, completely or not at all."""
    with atomic_file(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write several text files. None is replaced before all are written."""
    with ExitStack() as stack:
        for path, text in texts.items():
            part = stack.enter_context(atomic_file(path))
            part.write_text(text, encoding="utf-8", newline="\n")


def as_json(value: Any) -> str:
    """Return the text of a JSON file. Raises: ValueError for NaN, which JSON does not have."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file completely or not at all."""
    write_text(path, as_json(value))


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises: BadFile if it is missing or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadFile(path, "cannot be read", "Check the path.") from error
    except (ValueError, RecursionError) as error:
        raise BadFile(path, f"is not json ({error})", "Make it again.") from error


def allow_reading(path: Path) -> None:
    """Let everybody read a file or folder that was made for its owner alone; a share may refuse that, or need no modes."""
    with suppress(OSError):
        path.chmod(0o755 if path.is_dir() else 0o644)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a file to write. It replaces `path` when the block succeeds, and is removed when it fails.

    Raises: BadFile if nothing can be written there.
    """
    path = path.resolve()
    _make_parent(path)
    with _open_part(path, file_part) as part:
        if path.is_dir():
            raise BadFile(path, "is a folder", "Name a file.")
        yield part
        allow_reading(part)
        part.replace(path)


@contextmanager
def atomic_folder(path: Path, mark: str, names: frozenset[str] | None = None) -> Iterator[Path]:
    """Yield a folder to fill. It replaces `path` when the block succeeds.

    Args: mark: a file that every such folder holds. names: all names that it may hold; None allows any.
    A folder that is not empty is only replaced if it holds the mark and no other names.
    """
    path = path.resolve()
    require_own_folder(path, mark, names)
    _make_parent(path)
    with _open_part(path, folder_part) as part:
        yield part
        allow_reading(part)
        _swap(part, path)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a folder to fill. It becomes `path` when the block succeeds, unless another process was first.

    Raises: BadFile if nothing can be written there.
    """
    path = path.resolve()
    _make_parent(path)
    with _open_part(path, folder_part) as part:
        yield part
        allow_reading(part)
        # renaming onto a folder that is not empty fails: the one that was there first stays
        with suppress(OSError):
            part.rename(path)


def require_own_folder(path: Path, mark: str, names: frozenset[str] | None = None) -> None:
    """Reject a file, and a folder that holds other names or lacks the mark. Raises: BadFile."""
    if path.is_file():
        raise BadFile(path, "is a file", "Name a folder.")
    if path.is_dir() and any(path.iterdir()) and not (path / mark).exists():
        raise BadFile(path, f"holds other things (no {mark})", "Name a new or empty folder.")
    if names is not None and path.is_dir():
        foreign = sorted({entry.name for entry in path.iterdir()} - names)
        if foreign:
            raise BadFile(
                path, f"holds something else too ({foreign[0]})", "Move it away, or name a new folder."
            )


def require_own_file(path: Path, mark: str) -> None:
    """Reject an existing file that is not empty and lacks the mark in its first 4 kB. Raises: BadFile."""
    if not path.is_file() or path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        start = file.read(4096)
    if mark.encode() not in start:
        raise BadFile(path, "is there already and is not of this kind", "Move it away, or name another file.")


def _make_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadFile(path.parent, f"cannot be made ({error.strerror})", "Name another place.") from error


@contextmanager
def _open_part(path: Path, make: Callable[[Path], AbstractContextManager[Path]]) -> Iterator[Path]:
    """Enter `make(path)`. Raises: BadFile if nothing can be written there."""
    with ExitStack() as stack:
        try:
            part = stack.enter_context(make(path))
        except OSError as error:
            raise BadFile(path, f"cannot be written ({error.strerror})", "Name another place.") from error
        yield part


def _swap(part: Path, path: Path) -> None:
    # a folder cannot replace another in one step: `remove_abandoned` restores the old one after a crash in between
    old = part.with_name(part.name + OLD)
    if path.exists():
        path.replace(old)
    part.replace(path)
    shutil.rmtree(old, ignore_errors=True)
