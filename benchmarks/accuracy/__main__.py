"""Measure everything, write benchmarks/results/accuracy.json and the tables of the pages."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy import targets
from benchmarks.accuracy.ablation import (
    Part,
    ablate,
    crosses_the_river,
    gain_where_it_matters,
    is_on_a_busy_ground,
    parts_of_folds,
)
from benchmarks.accuracy.classifier import beside_the_distribution
from benchmarks.accuracy.gains import step_by_step
from benchmarks.accuracy.hours_and_pairs import by_folds
from benchmarks.accuracy.leaks import shuffled_target, twin_runs
from benchmarks.accuracy.named_places import evaluate_named_places
from benchmarks.accuracy.pages import write_pages
from benchmarks.accuracy.records import ALL, SHARED, STREAM_2017, UNION, examples_of, prepared, road_tables
from benchmarks.accuracy.scores import scores_of
from benchmarks.accuracy.separate_models import later_part, simulated_stream
from benchmarks.accuracy.separate_models import measured as measured_apart
from benchmarks.accuracy.splits import Fold, before, down_the_road, five_folds, later, some
from benchmarks.accuracy.steps import THAMES, WORKLOAD
from londonpump import __version__
from londonpump.domain.errors import LondonPumpError
from londonpump.evaluation.evaluation_rows import EvaluationRows
from londonpump.lifecycle.prepared_examples import Columns, build_judged_rows, load_examples
from londonpump.persistence.atomic_files import read_json, write_json
from londonpump.roads.store import current_table

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "accuracy.json"
LIBRARIES = ("lightgbm", "numpy", "scikit-learn", "scipy")
POOLED = "pooled"
SIGNIFICANT = 6
NAMED_IN = (UNION, STREAM_2017)
Results = dict[str, Any]


def main() -> int:
    """Run the command. Returns: its exit code."""
    command_line = _arguments()
    if not command_line.pages_only:
        try:
            with tempfile.TemporaryDirectory(prefix="londonpump-accuracy-") as folder:
                measured = measure(
                    command_line.only or list(PARTS), command_line.data, command_line.work or Path(folder)
                )
        except LondonPumpError as error:
            print(error, file=sys.stderr)
            return 2
        # read only now: parts that are measured at the same time must not undo each other
        results = read_json(RESULTS) if RESULTS.exists() else {}
        parts = {**results.get("parts", {}), **measured.pop("parts")}
        made_by = {"version": __version__, "libraries": {name: version(name) for name in LIBRARIES}}
        write_json(RESULTS, _rounded({**results, "schema": 2, **made_by, **measured, "parts": parts}))
    write_pages(read_json(RESULTS), ROOT)
    show_progress(f"written: {RESULTS.relative_to(ROOT)} and the tables of docs/explanation")
    return 0


def show_progress(doing: str) -> None:
    """Print the present step."""
    print(f"{time.process_time():7.1f} CPU s  {doing}", file=sys.stderr, flush=True)


def measure(names: Sequence[str], source: Path, work: Path) -> Results:
    """Measure parts. source: the folder of real records. work: the folder for prepared data, roads and bundles."""
    found: Results = {"parts": {}}
    for name in names:
        started_s = time.process_time()
        found |= PARTS[name](source, work)
        found["parts"][name] = {"commit": _commit(), "cpu_s": round(time.process_time() - started_s)}
    return found


def _splits(source: Path, work: Path) -> Results:
    """Measure the splits, all with roads, and what follows from their models."""
    show_progress("preparing the real records and the roads")
    data = {records.name: prepared(records, source, work) for records in ALL}
    tables = road_tables(source, work)
    union = load_examples(data[UNION.name])
    splits, roads = {}, {}
    show_progress("five folds of the union")
    folds, answers = five_folds(union, current_table(tables))
    splits[POOLED] = scores_of(answers)
    show_progress("a classifier of its own")
    classifier = beside_the_distribution(folds, answers)
    last: dict[str, Fold] = {}
    for records in ALL:
        show_progress(f"later rows: {records.label}")
        examples = load_examples(data[records.name])
        fold, later_answers, road = down_the_road(records, examples, data[records.name], tables)
        last[records.name] = fold
        splits[records.name], roads[records.name] = scores_of(later_answers), asdict(road)
    show_progress("leak checks")
    leaks = {
        "shuffled": {name: shuffled_target(last[name]) for name in (UNION.name, STREAM_2017.name)},
        "twins": twin_runs(union),
    }
    return {
        "data_hash": union.data_hash,
        "splits": splits,
        "roads": roads,
        "reach": _reaches(splits),
        "leaks": leaks,
        "classifier": classifier,
    }


def _named(source: Path, work: Path) -> Results:
    """Measure the locations that are only named."""
    found: Results = {}
    for records in NAMED_IN:
        show_progress(f"places that are only named: {records.label}")
        examples = examples_of(records, source, work)
        fold = later(records, examples, current_table(road_tables(source, work)))[0]
        found[records.name] = evaluate_named_places(examples, fold)
    return {"named_places": found}


def _reaches(splits: Results) -> Results:
    return {
        POOLED: targets.compared(targets.POOLED, splits[POOLED]),
        UNION.name: targets.compared(targets.LAST_QUARTER, splits[UNION.name]),
        STREAM_2017.name: targets.compared(targets.FEBRUARY_2017, splits[STREAM_2017.name]),
    }


def _ablations(source: Path, work: Path) -> Results:
    """Measure what each feature is worth."""
    union, stream = (examples_of(records, source, work) for records in (UNION, STREAM_2017))
    roads = current_table(road_tables(source, work))
    february = later(STREAM_2017, stream, roads)[0]
    january = before(stream, STREAM_2017)
    whole = some(union.rows, np.isfinite(union.rows["attendance_s"]))
    found: Results = {}
    for name, examples, rows in (("pooled", union, whole), ("january_2017", stream, january)):
        show_progress(f"ablation: {name}")
        parts = parts_of_folds(examples, rows, roads)
        has_workload = bool(len(examples.complete))
        found[name] = ablate(parts, _judged(parts, february), has_workload, show_progress)
    show_progress("the Thames and workload, where they matter")
    parts = parts_of_folds(union, whole, roads)
    found["thames_pooled"] = gain_where_it_matters(parts, _judged(parts, february), THAMES, crosses_the_river)
    parts = [Part(stream, february.training.rows, february.training.calls, february.columns, roads)]
    found["workload_february_2017"] = gain_where_it_matters(
        parts, _judged(parts, february), WORKLOAD, is_on_a_busy_ground
    )
    return {"ablation": found}


def _judged(parts: list[Part], fold: Fold) -> EvaluationRows:
    """Return the test rows of the parts, concatenated."""
    names = parts[0].test
    columns: Columns = {name: np.concatenate([part.test[name] for part in parts]) for name in names}
    return build_judged_rows(fold.bundle, columns).without_slices()


def _simulated(source: Path, work: Path) -> Results:
    """Measure turnout and travel apart, and context, on a simulated stream without roads."""
    show_progress("simulated stream")
    part, stream = later_part(simulated_stream(work)), examples_of(STREAM_2017, source, work)
    return {"simulated": measured_apart(part, _judged([part], later(STREAM_2017, stream)[0]), show_progress)}


PARTS: dict[str, Callable[[Path, Path], Results]] = {
    "splits": _splits,
    "ablation": _ablations,
    "simulated": _simulated,
    "named-places": _named,
    "steps": lambda source, work: {"steps": step_by_step(source, work, show_progress)},
    "folds": lambda source, work: {"folds": by_folds(source, work, show_progress)},
}


def _commit() -> str | None:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or None


def _rounded(value: Any) -> Any:
    """Return the figures with six significant digits, more than any interval needs."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return float(f"{value:.{SIGNIFICANT}g}") if isinstance(value, float) else value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of the real records")
    parser.add_argument("--work", type=Path, help="keep prepared data and bundles here (else thrown away)")
    parser.add_argument(
        "--only",
        action="append",
        choices=list(PARTS),
        help="measure this part alone and keep the rest; may be repeated",
    )
    parser.add_argument("--pages-only", action="store_true", help="write the tables again from the json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
