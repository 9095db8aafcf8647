"""Stored figures: the last of each measurement on one kind of machine, with the commit that it was measured on."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.figures import ORIGINAL, Measurement
from benchmarks.growth import Growth
from benchmarks.machine import commit, machine
from londonpump.persistence.atomic_files import read_json, write_json

SCHEMA = 2
FILE = "speed.json"


def write_results(
    folder: Path, measured: Iterable[Measurement], growth: Growth | None, is_quick: bool
) -> dict[str, Any]:
    """Store the figures beside those that were not measured again. Returns: all of them.

    Figures of another machine, of other libraries or of a quick run are never mixed with these: they are replaced.
    """
    own = folder / FILE
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "is_quick": is_quick,
        "machine": machine(),
        "original": ORIGINAL,
        "measurements": {},
        "growth": None,
    }
    before = read_json(own) if own.exists() else result
    if all(before.get(name) == result[name] for name in ("schema", "is_quick", "machine")):
        result["measurements"], result["growth"] = before["measurements"], before["growth"]
    head, is_changed = commit()
    made = {"commit": head, "has_changes_since": is_changed}
    for one in measured:
        result["measurements"][one.name] = one.to_json() | made
    if growth is not None:
        result["growth"] = growth.to_json() | made
    write_json(own, result)
    return result
