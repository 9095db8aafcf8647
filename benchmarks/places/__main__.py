"""Measure the search for places and write the table into docs/reference/places.md.

python -m benchmarks.places [GAZETTEER] [--page PAGE]    # GAZETTEER: the shared folder, by default beside the project
"""

import argparse
import csv
import math
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.machine import commit, machine
from benchmarks.page import write_between
from benchmarks.processes import ROOT
from londonpump.domain.stations import known_stations
from londonpump.ingest.place_files import PlaceFiles, read_place_files
from londonpump.places.index import Source, own_places
from londonpump.places.resolve import resolve
from londonpump.places.search import Match, PlaceSearch
from londonpump.places.store import FILE, open_places, save_places

GAZETTEER = ROOT.parent / "shared" / "data" / "gazetteer"
PAGE = ROOT / "docs" / "reference" / "places.md"
FILES = (
    "codepoint_open_greater_london.csv.gz",
    "osm_streets_london_west_2018.csv.gz",
    "osm_places_london_west_2018.csv.gz",
    "osm_suburbs_london_west_2018.csv",
)
MARKS = "<!-- figures: written by python -m benchmarks.places -->", "<!-- end of figures -->"
INPUTS = {
    "written before the search": Path(__file__).with_name("inputs.csv"),
    "written after it": Path(__file__).with_name("fresh_inputs.csv"),
}
ODBL = Source("", "Open Database License 1.0 (ODbL)", "© OpenStreetMap contributors, OpenMapTiles")
REPEATS = 5
COLUMNS = (
    "inputs",
    "number",
    "right at the first place",
    "in the first ten",
    "taken by a question as they are",
    "of these wrong",
    "CPU ms median",
    "CPU ms at most",
)


@dataclass(frozen=True)
class Input:
    """A text as an operator types it, and the place that is meant."""

    typed: str
    answer: str
    """Names of the place in the gazetteer, separated by bars; empty for coordinates. `*` at the end: any name that begins so."""
    easting_m: float
    northing_m: float
    within_m: float

    def is_met(self, match: Match) -> bool:
        distance_m = math.dist((match.easting_m, match.northing_m), (self.easting_m, self.northing_m))
        names = self.answer.split("|")
        is_named = any(
            match.name.casefold() == name.strip().casefold()
            or (name[-1:] == "*" and match.name.startswith(name[:-1]))
            for name in names
        )
        return distance_m <= self.within_m and (is_named or not self.answer)


@dataclass(frozen=True)
class Found:
    """Rank of the right place (0: not in the first ten) and CPU time of one input."""

    input: Input
    rank: int
    first: str
    cpu_ms: float
    is_resolved: bool
    """Whether a question would take the text as it is."""
    is_right: bool
    """Whether it would be taken for the right place; true also if it would not be taken."""


def read_inputs(path: Path) -> list[Input]:
    """Read typed inputs with their answers."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Input(
                row["typed"],
                row["answer"],
                *(float(row[name]) for name in ("easting_m", "northing_m", "within_m")),
            )
            for row in csv.DictReader(file)
        ]


def read_gazetteer(folder: Path) -> PlaceFiles:
    """Read every gazetteer of London in the shared folder."""
    return read_place_files([folder / name for name in FILES], ODBL)


def measure(search: PlaceSearch, inputs: Sequence[Input]) -> list[Found]:
    """Search each input and compare. The CPU time is the smallest of some repeats: other work on the machine disturbs it."""
    found = []
    for each in inputs:
        took = []
        for _ in range(REPEATS):
            began = time.thread_time()
            matches = search.find(each.typed)
            took.append(time.thread_time() - began)
        rank = next((i for i, match in enumerate(matches, 1) if each.is_met(match)), 0)
        resolved, _ = resolve(search, each.typed)
        is_right = resolved is None or each.is_met(resolved.match)
        label = matches[0].label if matches else "nothing"
        found.append(Found(each, rank, label, min(took) * 1000, resolved is not None, is_right))
    return found


def _table(found: Sequence[Found]) -> list[str]:
    return [
        "| typed | right place at | first match | CPU ms |",
        "|---|---|---|---|",
        *(
            f"| `{each.input.typed}` | {each.rank or 'not in ten'} | {each.first} | {each.cpu_ms:.1f} |"
            for each in found
        ),
    ]


def _summary(name: str, found: Sequence[Found]) -> str:
    n, cpu_ms = len(found), [each.cpu_ms for each in found]
    first, ten = sum(each.rank == 1 for each in found), sum(each.rank > 0 for each in found)
    taken, wrong = sum(each.is_resolved for each in found), sum(not each.is_right for each in found)
    return (
        f"| {name} | {n} | {first} ({first / n:.0%}) | {ten} ({ten / n:.0%}) | {taken} | {wrong} | "
        f"{median(cpu_ms):.1f} | {max(cpu_ms):.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gazetteer", nargs="?", type=Path, default=GAZETTEER)
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    if not options.gazetteer.exists():
        sys.exit(f"{options.gazetteer}: there is no such folder. Name the folder of the shared gazetteers.")
    with TemporaryDirectory() as folder:
        began = time.process_time()
        read = read_gazetteer(options.gazetteer)
        read_s = time.process_time() - began
        began = time.process_time()
        index = save_places([*own_places(known_stations()), *read.places], read.sources, {}, Path(folder))
        built_s, size_mb = time.process_time() - began, (index / FILE).stat().st_size / 1e6
        began = time.process_time()
        search = open_places(index)
        opened_s = time.process_time() - began
        results = {name: measure(search, read_inputs(path)) for name, path in INPUTS.items()}
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    where, (head, is_changed) = machine(), commit()
    head_line = (
        f"Commit {head}{' and changes not yet committed' if is_changed else ''}; {where['cpu']}, {where['cores']} cores, Python "
        f"{where['python']}. {len(read.places):,} entries: read in {read_s:.1f} CPU s, built and stored in {built_s:.1f} CPU s "
        f"({size_mb:.0f} MB), opened in {opened_s:.2f} CPU s; at most {peak_mb:,.0f} MB of memory."
    )
    lines = [
        head_line,
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---|---|---|---|---|---|---|---|",
        *(_summary(name, found) for name, found in results.items()),
        "",
    ]
    for name, found in results.items():
        lines += [f"Inputs {name}:", "", *_table(found), ""]
    write_between(options.page, MARKS, "\n".join(lines).strip())
    print("\n".join(lines[:8]))


if __name__ == "__main__":
    main()
