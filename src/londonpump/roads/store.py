"""Tables of roads on disk: folders named by their content, and a pointer to the one imported last.

OUT/<name>/ holds the card `roads.json`, whose hash is the name, and the arrays, whose hashes are in the card.
`provenance.json` (version of the product, time) is not part of the hash: the same map gives the same name for
the same list of stations.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import BadFile
from londonpump.persistence.atomic_files import as_json, atomic_folder, new_folder, read_json, write_json
from londonpump.roads.table import ADVICE, CARD, CURRENT, NAME_LENGTH, PROVENANCE, RoadTable, open_table

NAME_PATTERN = re.compile(rf"[0-9a-f]{{{NAME_LENGTH}}}")
Arrays = Mapping[str, NDArray[Any]]


def save_table(card: Mapping[str, Any], arrays: Arrays, provenance: Mapping[str, Any], out: Path) -> Path:
    """Store a table under OUT, point to it, and return its folder.

    An undamaged table of that name stays: a process may be reading it. Raises: BadFile if it cannot be stored there.
    """
    text = as_json(dict(card) | {"sha256": {f"{name}.npy": _digest(arrays[name]) for name in sorted(arrays)}})
    folder = out / hashlib.sha256(text.encode()).hexdigest()[:NAME_LENGTH]
    # checked first: a table that another process stores from now on is complete and must stay
    is_there = (folder / CARD).exists()
    if not _is_intact(folder):
        try:
            with atomic_folder(folder, CARD) if is_there else new_folder(folder) as part:
                for name, values in arrays.items():
                    np.save(part / f"{name}.npy", values, allow_pickle=False)
                (part / CARD).write_text(text, encoding="utf-8")
                write_json(part / PROVENANCE, dict(provenance))
            open_table(folder)
        except OSError as error:
            raise _not_written(folder, error) from error
    try:
        # last, so that the pointer never names a table that is not complete
        write_json(out / CURRENT, {"schema": 1, "roads": folder.name})
    except OSError as error:
        raise _not_written(out / CURRENT, error) from error
    return folder


def _not_written(path: Path, error: OSError) -> BadFile:
    # NumPy raises errors without a code when a disk is full
    problem = f"cannot be written ({error.strerror or error})"
    return BadFile(
        path, problem, "The roads in use stay: make room, or name another home in LONDONPUMP_HOME."
    )


def _is_intact(folder: Path) -> bool:
    try:
        open_table(folder)
    except BadFile:
        return False
    return True


class _HashingFile:
    """File that only hashes what is written to it."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return len(data)


def _digest(values: NDArray[Any]) -> str:
    sink = _HashingFile()
    np.save(sink, values, allow_pickle=False)
    return sink.digest.hexdigest()


def current_table(out: Path) -> RoadTable:
    """Open the table that was imported last. Raises: BadFile if there is none, or it is damaged."""
    name = current_name(out)
    if name is None:
        raise BadFile(out, "holds no roads", "Import a map: londonpump roads import FILE.")
    return named_table(out, name)


def current_name(out: Path) -> str | None:
    """Return the name of the table that was imported last; None if there is none. Raises: BadFile."""
    pointer = out / CURRENT
    if not pointer.exists():
        return None
    value = read_json(pointer)
    name = value.get("roads") if isinstance(value, dict) else None
    if not isinstance(name, str):
        raise BadFile(pointer, "does not name a table of roads", ADVICE)
    return name


def named_table(out: Path, name: str) -> RoadTable:
    """Open a table by its name. Raises: BadFile if it is missing or damaged."""
    if not NAME_PATTERN.fullmatch(name):
        raise BadFile(out, f"cannot be used: {name[:80]!r} is not the name of a table of roads", ADVICE)
    return open_table(out / name)
