"""Files and folders that are being written, and what is left of them when the process was killed.

A part lies hidden beside its place and is locked by whoever writes it. The lock is one of the operating system and
ends with the process, however that ends: a part that nobody locks was abandoned, and the next writer removes it. Where
a file system knows no locks, parts are left alone.


Files and folders written whole or not at all: made beside their place, then moved there.
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

SUFFIX, OLD = ".part", ".old"
"""What is replaced stands under the name of its part with OLD for a moment."""
_RANDOM = r"[a-z0-9_]{8}"


@contextmanager
def file_part(path: Path) -> Iterator[Path]:
    """An empty file of our own beside `path`; it is gone when the block ends, unless it was moved. Raises: OSError."""
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
    """An empty folder of our own beside `path`; it is gone when the block ends, unless it was moved. Raises: OSError."""
    remove_abandoned(path.parent, path.name)

    def make() -> Path:
        return Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=SUFFIX, dir=path.parent))

    with _locked(make) as part:
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)


def remove_abandoned(parent: Path, name: str | None = None) -> list[str]:
    """Remove what killed writers left beside a place, or everywhere in a folder. Returns: the names removed.

    What a writer had moved away and not replaced yet goes back to its place.
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
    """Whether a file or folder of that name is a part."""
    return _pattern(".+").fullmatch(name) is not None


def _pattern(of: str) -> re.Pattern[str]:
    return re.compile(rf"\.({of})\.{_RANDOM}{re.escape(SUFFIX)}({re.escape(OLD)})?")


@contextmanager
def _try_lock(part: Path) -> Iterator[bool]:
    """Whether nobody writes it, which stays so within the block. False where there are no locks."""
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
            # another writer took it for abandoned in the moment before it was locked
            continue
        try:
            # waits for who clears it at this moment; refused where there are no locks: then nobody clears
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)
            if part.exists():
                yield part
                return
        finally:
            os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, as UTF-8."""
    with atomic_file(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write several text files; none takes its place before all are written."""
    with ExitStack() as stack:
        for path, text in texts.items():
            part = stack.enter_context(atomic_file(path))
            part.write_text(text, encoding="utf-8", newline="\n")


def as_json(value: Any) -> str:
    """The text of a json file; never NaN, which is not json."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write a json file whole."""
    write_text(path, as_json(value))


def read_json(path: Path) -> Any:
    """Read a json file. Raises: BadFile if it is not there or not json."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadFile(path, "cannot be read", "Check the path.") from error
    except ValueError as error:
        raise BadFile(path, f"is not json ({error})", "Make it again.") from error


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A place to write; it becomes `path` when the block ends well, and is gone when it does not.

    Raises: BadFile if nothing can be written there.
    """
    path = path.resolve()
    _make_parent(path)
    with _open_part(path, file_part) as part:
        if path.is_dir():
            raise BadFile(path, "is a folder", "Name a file.")
        yield part
        part.chmod(0o644)
        part.replace(path)


@contextmanager
def atomic_folder(path: Path, mark: str, names: frozenset[str] | None = None) -> Iterator[Path]:
    """A folder to fill; it takes the place of `path` when the block ends well.

    Args: mark: a file that every such folder holds. names: all that such a folder holds, None for anything.
    An existing folder without the mark, or with another name in it, is never replaced, unless it is empty.
    """
    path = path.resolve()
    require_own_folder(path, mark, names)
    _make_parent(path)
    with _open_part(path, folder_part) as part:
        yield part
        part.chmod(0o755)
        _swap(part, path)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill; it becomes `path` when the block ends well, unless another was put there meanwhile: that stays.

    Raises: BadFile if nothing can be written there.
    """
    path = path.resolve()
    _make_parent(path)
    with _open_part(path, folder_part) as part:
        yield part
        part.chmod(0o755)
        # refused where a folder with something in it stands: whoever was first is not disturbed
        with suppress(OSError):
            part.rename(path)


def require_own_folder(path: Path, mark: str, names: frozenset[str] | None = None) -> None:
    """Raises: BadFile if `path` is a file, or a folder with things in it but not the mark, or others."""
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
    """Raises: BadFile if a file stands there that does not begin as ours do (mark within its first 4 kB)."""
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
    """A part of `make`. Raises: BadFile if nothing can be written there."""
    with ExitStack() as stack:
        try:
            part = stack.enter_context(make(path))
        except OSError as error:
            raise BadFile(path, f"cannot be written ({error.strerror})", "Name another place.") from error
        yield part


def _swap(part: Path, path: Path) -> None:
    old = part.with_name(part.name + OLD)
    if path.exists():
        path.replace(old)
    part.replace(path)
    shutil.rmtree(old, ignore_errors=True)
