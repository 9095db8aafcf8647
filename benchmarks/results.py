"""Stored figures: JSON by commit, and the latest of each."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.figures import ORIGINAL, Measurement
from benchmarks.growth import Growth
from benchmarks.machine import commit, machine, results_name
from londonpump.persistence.atomic_files import read_json, write_json

SCHEMA = 1
LATEST = "latest.json"


def write_results(
    folder: Path, measured: Iterable[Measurement], growth: Growth | None, is_quick: bool
) -> dict[str, Any]:
    """Store the figures under their commit and as the latest. Returns: the stored figures.

    What was measured before at the same commit on the same machine stays, if it was not measured again.
    """
    head, is_changed = commit()
    own = folder / f"{results_name(head, is_changed)}.json"
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "commit": head,
        "has_changes_since": is_changed,
        "is_quick": is_quick,
        "machine": machine(),
        "original": ORIGINAL,
        "measurements": {},
        "growth": None,
    }
    before = read_json(own) if own.exists() else result
    same = ("schema", "commit", "is_quick", "machine")
    if all(before[name] == result[name] for name in same):
        result["measurements"], result["growth"] = before["measurements"], before["growth"]
    for one in measured:
        result["measurements"][one.name] = one.to_json()
    if growth is not None:
        result["growth"] = growth.to_json()
    write_json(own, result)
    write_json(folder / LATEST, result)
    return result
