"""A day of simulated records, and copies of them that are damaged row by row."""

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

Row = dict[str, str]
DAY = date(2023, 6, 5)
N_INCIDENTS = 80


def day_of_records(folder: Path) -> dict[str, Path]:
    """Return incidents and mobilisations of a day on which exchanging day and month gives another date."""
    plan = SimulationPlan(incidents=N_INCIDENTS, days=1, start=DAY, seed=9)
    return write_simulation(plan, folder).files


def damaged(file: Path, copy: Path, change: Callable[[Row], Row], rows: slice = slice(None)) -> Path:
    """Write a copy of a csv file with some of its rows changed."""
    with file.open(encoding="utf-8", newline="") as source:
        reader = csv.DictReader(source)
        found = list(reader)
    found[rows] = [change(row) for row in found[rows]]
    with copy.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, reader.fieldnames or [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    return copy


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of every file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
