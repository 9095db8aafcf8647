"""Measurements, each under its name for `--only`."""

import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.figures import Measurement, Reading
from benchmarks.inputs import Inputs, Sizes, prepare, rows_of, simulate, train
from benchmarks.processes import LONDONPUMP, ROOT, Cost, londonpump, run, task
from benchmarks.service.console import MEASURES as CONSOLE
from benchmarks.service.load import MEASURES as SERVICE

TUTORIAL = ROOT / "docs" / "tutorials" / "python.md"
MIB, GIB_3_MIB = 2**20, 3 * 1024
CONTEXT_AT = "2021-01-05T12:34:00+00:00"
"""A timestamp inside the shortest stream."""
ROADS = ROOT.parent / "shared" / "data" / "roads" / "london_west_drive_2018.osm.pbf"
"""An extract that lies beside the project where there is one; it is under another licence than the project."""
Measure = Callable[[Inputs], Measurement]


def measure_simulate(inputs: Inputs) -> Measurement:
    """Measure the simulation of a year as csv, with faults and report."""
    n = inputs.sizes.simulated
    costs = _repeated(inputs, inputs.sizes.repeats, lambda out: simulate(out, n))
    return Measurement(
        "simulate", "londonpump simulate", {"incidents": n}, len(costs), _readings(costs, cpu_s=10)
    )


def measure_prepare(inputs: Inputs) -> Measurement:
    """Measure the whole command from CSV to examples."""
    raw = inputs.raw()
    costs = _repeated(inputs, inputs.sizes.repeats, lambda out: prepare(raw, out))
    readings = (*_readings(costs, cpu_s=15, peak_rss_mib=GIB_3_MIB), *_ratio(inputs, costs, 2.3))
    return Measurement("prepare", "londonpump prepare", rows_of(inputs.data()), len(costs), readings)


def measure_prepare_context(inputs: Inputs) -> Measurement:
    """Measure `prepare` with and without the context of a database, alternately."""
    raw, database = inputs.raw(), inputs.context_database()

    def prepare_costs(*rest: Any) -> Cost:
        return _repeated(inputs, 1, lambda out: task("prepare_records", raw, out / "data", *rest)[0])[0]

    added: list[float] = []
    for _ in range(inputs.sizes.repeats):
        costs = [prepare_costs(), prepare_costs(database)]
        added.append(costs[1].cpu_s - costs[0].cpu_s)
    ends = (min(added), max(added)) if len(added) > 1 else None
    return Measurement(
        "prepare_context",
        "what --context adds to prepare",
        rows_of(inputs.data()),
        len(added),
        (Reading("added_cpu_s", statistics.median(added), "s", 5, ends),),
    )


def measure_context_of_moment(inputs: Inputs) -> Measurement:
    """Measure reading the context of one timestamp from the database."""
    database, samples = inputs.context_database(), inputs.sizes.samples
    _, found = task("context_of_moment", database, CONTEXT_AT, str(samples))
    return Measurement(
        "context_of_moment", "the context of one moment", {"moments": 1}, samples, _medians(found, 2.0)
    )


def measure_train_point(inputs: Inputs) -> Measurement:
    """One point model: reading, features, one L1 booster."""
    cost, found = task("train_point", inputs.data())
    what = f"features and one L1 booster of {found['trees']} trees"
    return Measurement("train_point", what, {"examples": found["rows"]}, 1, _readings([cost], cpu_s=40))


def measure_train(inputs: Inputs) -> Measurement:
    """Measure the training of all models: the distribution, the number of pumps, the baselines."""
    return _training(inputs, "train", "londonpump train")


def measure_train_roads(inputs: Inputs) -> Measurement:
    """Measure the same with the roads of the shared extract of west London."""
    what = "londonpump train, with roads"
    if not ROADS.exists():
        return Measurement("train_roads", what, {"extracts": 0}, 0, (Reading("extract_is_here", 0, ""),))
    home = inputs.work / "roads_home"
    if not (home / "roads" / "current.json").exists():
        run(("env", f"LONDONPUMP_HOME={home}", *LONDONPUMP, "roads", "import", str(ROADS), "--partial"))
    return _training(inputs, "train_roads", what, home)


def _training(inputs: Inputs, name: str, what: str, home: Path | None = None) -> Measurement:
    data = inputs.data()
    (cost,) = _repeated(inputs, 1, lambda out: train(data, out, home))
    rows = {"examples": rows_of(data)["examples"]}
    readings = (*_readings([cost], cpu_s=90, peak_rss_mib=GIB_3_MIB), *_ratio(inputs, [cost], 11.5))
    return Measurement(name, what, rows, 1, readings)


def measure_evaluate(inputs: Inputs) -> Measurement:
    """Measure the evaluation of a quarter that the bundle has not seen, with intervals, report and card."""
    bundle, data = inputs.bundle(), inputs.later_quarter()

    def judge(out: Path) -> Cost:
        written = ("--json", out / "e.json", "--report", out / "report.html", "--card", out / "card.html")
        return londonpump("evaluate", bundle, "--data", data, *written)

    costs = _repeated(inputs, 1, judge)
    rows = {"examples": rows_of(data)["examples"]}
    return Measurement("evaluate", "londonpump evaluate on a quarter", rows, 1, _readings(costs))


def measure_challenge(inputs: Inputs) -> Measurement:
    """Measure a challenge: smoke tests in fresh processes, evaluation on the days after both trainings, decision and record."""
    bundle, champion, data = inputs.bundle(), inputs.champion(), inputs.data()

    def decide(out: Path) -> Cost:
        shutil.copytree(bundle, out / "bundle")
        own = ("env", f"LONDONPUMP_HOME={out}", *LONDONPUMP)
        run((*own, "models", "promote", str(champion), "--why", "to be challenged"))
        return run((*own, "challenge", "--data", str(data)))[0]

    costs = _repeated(inputs, inputs.sizes.repeats, decide)
    rows = {"examples": rows_of(data)["examples"]}
    return Measurement("challenge", "londonpump challenge", rows, len(costs), _readings(costs, cpu_s=15))


def measure_predict_row(inputs: Inputs) -> Measurement:
    """Measure one dispatch: features and models to its distribution, and the whole answer."""
    samples = inputs.sizes.samples
    _, found = task("predict_row", inputs.bundle(), str(samples))
    readings = (*_medians(found, 1.0), Reading("whole_answer_cpu_ms", found["whole_answer_ms"], "ms"))
    return Measurement(
        "predict_row", "one run through feature and model code", {"runs": 1}, samples, readings
    )


def measure_predict_reasons(inputs: Inputs) -> Measurement:
    """Measure one whole answer with its explanations."""
    return _answers(inputs, "predict_reasons", "one answer with reasons", 2.0)


def measure_predict_candidates(inputs: Inputs) -> Measurement:
    """Measure every pump for one call."""
    return _answers(inputs, "predict_candidates", "142 candidate pumps, no reasons", 3.0)


def measure_drift(inputs: Inputs) -> Measurement:
    """Measure the drift check of thirty inputs over three years with their thresholds, without reading the records."""
    n = 600_000 * inputs.sizes.incidents // Sizes().incidents
    found = [task("drift_check", str(max(n, 20_000)), "30")[1] for _ in range(inputs.sizes.repeats)]
    costs = [one["cpu_s"] for one in found]
    ends = (min(costs), max(costs)) if len(costs) > 1 else None
    rows = {"rows": found[0]["rows"], "inputs": found[0]["inputs"]}
    reading = Reading("cpu_s", statistics.median(costs), "s", 5, ends)
    return Measurement("drift", "the drift check of monitor", rows, len(costs), (reading,))


def measure_roads(inputs: Inputs) -> Measurement:
    """Measure the import of the shared extract of west London, its table on disk, and one look-up of 142 candidates."""
    what = "londonpump roads import, west London"
    if not ROADS.exists():
        return Measurement("roads", what, {"extracts": 0}, 0, (Reading("extract_is_here", 0, ""),))
    out = Path(tempfile.mkdtemp(dir=inputs.work))
    own = ("env", f"LONDONPUMP_HOME={out}", *LONDONPUMP)
    try:
        cost = run((*own, "roads", "import", str(ROADS), "--partial"))[0]
        _, found = task("roads_look_up", str(out / "roads"), str(inputs.sizes.samples))
    finally:
        shutil.rmtree(out)
    readings = (
        *_readings([cost], cpu_s=60),
        *_ratio(inputs, [cost], None),
        Reading("table_mb", found["table_mb"], "MB", 150),
        Reading("all_files_mb", found["all_files_mb"], "MB"),
        Reading("look_up_cpu_us", found["median_ms"] * 1000 / found["candidates"], "us", 10),
        Reading("route_cpu_ms", found["route_ms"], "ms", 50),
        Reading("private_memory_mib", found["private_mib"], "MiB"),
    )
    return Measurement("roads", what, {"stations": found["stations"]}, 1, readings)


def measure_newcomer(inputs: Inputs) -> Measurement:
    """Measure what a newcomer waits for: clone, `make demo` without an environment, the report of the simulated year.

    It downloads every package from the index of this machine, unless pip has them in its cache.
    """
    folder = Path(tempfile.mkdtemp(dir=inputs.work)) / "londonpump"
    try:
        clone = run(("git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)))[0]
        # PYTHONPATH of this process names this checkout, and its home and settings would be used
        make = (
            "env",
            "-u",
            "PYTHONPATH",
            "-u",
            "LONDONPUMP_HOME",
            "CI=1",
            "make",
            "--silent",
            "-C",
            str(folder),
        )
        install = run((*make, "install"))[0]
        size_mib = sum(path.stat().st_size for path in folder.glob(".venv/**/*") if path.is_file()) / MIB
        demo = run((*make, "demo"))[0]
        has_report = (folder / ".demo" / "report.html").exists()
    finally:
        shutil.rmtree(folder.parent)
    whole_s = clone.wall_s + install.wall_s + demo.wall_s
    readings = (
        Reading("clone_to_report_wall_s", whole_s, "s", 300),
        Reading("install_wall_s", install.wall_s, "s"),
        Reading("demo_wall_s", demo.wall_s, "s"),
        Reading("demo_cpu_s", demo.cpu_s, "s"),
        Reading("environment_mib", size_mib, "MiB"),
    )
    return Measurement("newcomer", "git clone, make demo", {"reports": int(has_report)}, 1, readings)


def measure_first_prediction(inputs: Inputs) -> Measurement:
    """Measure the tutorial of Python in a new environment: from `pip install`, by the index of the machine, to a prediction."""
    page = TUTORIAL.read_text(encoding="utf-8")
    (simulated,) = re.findall(r"^londonpump (.+)$", page, re.MULTILINE)
    # the rest of the page ranks, explains and evaluates
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[:2])

    def follow(out: Path) -> Cost:
        run((sys.executable, "-m", "venv", str(out / "env")))
        own = ("env", "-C", str(out), "PYTHONPATH=", str(out / "env" / "bin" / "python"))
        steps = [
            ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{ROOT}[train]"),
            ("-m", "londonpump", *simulated.split()),
            ("-c", code),
        ]
        costs = [run((*own, *step))[0] for step in steps]
        return Cost(
            sum(one.cpu_s for one in costs),
            sum(one.wall_s for one in costs),
            max(one.peak_rss_mib for one in costs),
        )

    costs = _repeated(inputs, 1, follow)
    return Measurement(
        "first_prediction",
        "pip install to a prediction in Python, docs/tutorials/python.md",
        {"incidents": 4_000},
        1,
        _readings(costs, wall_s=180),
    )


MEASURES: dict[str, Measure] = {
    "simulate": measure_simulate,
    "prepare": measure_prepare,
    "prepare_context": measure_prepare_context,
    "context_of_moment": measure_context_of_moment,
    "train_point": measure_train_point,
    "train": measure_train,
    "train_roads": measure_train_roads,
    "first_prediction": measure_first_prediction,
    "predict_row": measure_predict_row,
    "predict_reasons": measure_predict_reasons,
    "predict_candidates": measure_predict_candidates,
    "evaluate": measure_evaluate,
    "drift": measure_drift,
    "roads": measure_roads,
    "challenge": measure_challenge,
    **SERVICE,
    **CONSOLE,
}
ONLY_BY_NAME: dict[str, Measure] = {"newcomer": measure_newcomer}
"""Measurements that need a package index, so that a run of all leaves them out."""


def _answers(inputs: Inputs, name: str, what: str, target_ms: float) -> Measurement:
    samples = inputs.sizes.samples
    _, found = task(name, inputs.bundle(), str(samples))
    return Measurement(name, what, {"runs": found["rows"]}, samples, _medians(found, target_ms))


def _medians(found: dict[str, float], target_ms: float) -> tuple[Reading, ...]:
    return (
        Reading("median_cpu_ms", found["median_ms"], "ms", target_ms),
        Reading("median_wall_ms", found["median_wall_ms"], "ms"),
    )


def _ratio(inputs: Inputs, costs: list[Cost], target: float | None) -> tuple[Reading, ...]:
    """Return the cost of the reference workload in this run, and how many times that the command took."""
    reference_s = inputs.reference_cpu_s
    times = statistics.median(cost.cpu_s for cost in costs) / reference_s
    return Reading("reference_lightgbm_cpu_s", reference_s, "s"), Reading(
        "times_reference", times, "x", target
    )


def _repeated(inputs: Inputs, repeats: int, work: Callable[[Path], Cost]) -> list[Cost]:
    """Repeat the same work in new folders that are removed afterwards."""
    costs = []
    for _ in range(repeats):
        out = Path(tempfile.mkdtemp(dir=inputs.work))
        try:
            costs.append(work(out))
        finally:
            shutil.rmtree(out)
    return costs


def _readings(costs: list[Cost], **targets: float) -> tuple[Reading, ...]:
    units = {"cpu_s": "s", "wall_s": "s", "peak_rss_mib": "MiB"}
    readings = []
    for quantity, unit in units.items():
        values = [getattr(cost, quantity) for cost in costs]
        ends = (min(values), max(values)) if len(values) > 1 else None
        readings.append(Reading(quantity, statistics.median(values), unit, targets.get(quantity), ends))
    return tuple(readings)
