"""Tables of roads on disk: folders named by their content, and a pointer to the one imported last."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import BadFile
from londonpump.roads.table import FOLDERS, RoadTable

Arrays = Mapping[str, NDArray[Any]]


def save_table(card: Mapping[str, Any], arrays: Arrays, provenance: Mapping[str, Any], out: Path) -> Path:
    """Store a table under OUT, point to it, and return its folder. Raises: BadFile if it cannot be stored there."""
    hashes = {f"{name}.npy": _digest(arrays[name]) for name in sorted(arrays)}

    def write(folder: Path) -> None:
        for name, values in arrays.items():
            np.save(folder / f"{name}.npy", values, allow_pickle=False)

    return FOLDERS.save(out, dict(card) | {"sha256": hashes}, write, provenance)


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
    name = FOLDERS.current_name(out)
    if name is None:
        raise BadFile(out, "holds no roads", "Import a map: londonpump roads import FILE.")
    return FOLDERS.named(out, name)
