"""Tables of roads on disk: folders named by their content, and a pointer to the one imported last.

OUT/<name>/ holds the card `roads.json`, whose hash is the name, and the arrays, whose hashes are in the card.
`provenance.json` (version of the product, time) is not part of the hash: the same map gives the same name.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import BadFile
from londonpump.persistence.atomic_files import as_json, atomic_folder, new_folder, write_json
from londonpump.roads.table import CARD, CURRENT, NAME_LENGTH, PROVENANCE, open_table

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
        except OSError as error:
            problem = f"cannot be written ({error.strerror})"
            raise BadFile(folder, problem, "Nothing of it was kept: make room, or name another folder.") from error
        open_table(folder)
    # last, so that the pointer never names a table that is not complete
    write_json(out / CURRENT, {"schema": 1, "roads": folder.name})
    return folder


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
    np.save(sink, values, allow_pickle=False)  # type: ignore[call-overload]  # any object with `write` will do
    return sink.digest.hexdigest()
