"""Files and folders written whole or not at all: made beside their place, then moved there."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from londonpump.domain.errors import BadFile
from londonpump.storage.atomic_files import OLD, file_part, folder_part


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
