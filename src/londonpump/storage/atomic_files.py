"""Files and folders that are being written, and what is left of them when the process was killed.

A part lies hidden beside its place and is locked by whoever writes it. The lock is one of the operating system and
ends with the process, however that ends: a part that nobody locks was abandoned, and the next writer removes it. Where
a file system knows no locks, parts are left alone.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

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
