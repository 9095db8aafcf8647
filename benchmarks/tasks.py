"""Tasks without a command of their own, run in a fresh process: `python -m benchmarks.tasks NAME ARGUMENT...`

The last line of output is JSON with the results. Single predictions are timed one by one, warm, on one thread, by
the median of CPU time, which is the latency on a machine with a free core. The wall time is given too and includes
the effect of other processes.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.context_rows import url_of
from londonpump.domain.json_values import to_json
from londonpump.domain.stations import by_code, known_stations
from londonpump.evaluation.drift.detection import MonitoredInput, Span, find_drift
from londonpump.evaluation.drift.thresholds import DriftMeasure
from londonpump.features.catalogue import FEATURES, build, usable
from londonpump.features.dispatches import Dispatches
from londonpump.lifecycle.calls_file import as_columns, parse_call
from londonpump.lifecycle.predict import open_bundle
from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.lifecycle.prepared_examples import default_until, load_examples
from londonpump.lifecycle.train import training_set
from londonpump.models import boosters
from londonpump.models.bundle import Bundle
from londonpump.models.predict import predict_dispatches
from londonpump.models.response_time_model import fit_base_curve
from londonpump.models.response_training import centre_parameters, hidden, hyperparameters_for
from londonpump.models.train import fit_ground_lookup, with_workload
from londonpump.persistence.database import open_database
from londonpump.persistence.repositories.context import context_at
from londonpump.roads.route import find_route
from londonpump.roads.store import current_table

WARM_UP = 50
NS_PER_MS = 1e6
SEED = 1
CANDIDATES = 142
"""Number of pumps in London, each a candidate for a call."""
CALL = {
    "mobilised_at": "2024-01-15T08:00Z",
    "easting_m": "530000",
    "northing_m": "180500",
    "incident_type": "Fire",
}


def train_point(data: str) -> dict[str, Any]:
    """Train one L1 booster on the features of stored examples."""
    examples = load_examples(Path(data))
    training = training_set(examples, default_until(examples.rows))
    ground = fit_ground_lookup(training.calls, training.stations)
    rows = with_workload(training.rows, training.calls, ground, training.complete)
    dispatches = Dispatches(rows, ground)
    features = usable(dispatches, FEATURES)
    names = tuple(feature.name for feature in features)
    left_s = rows["attendance_s"] - fit_base_curve(dispatches, rows["attendance_s"])(dispatches)
    table = hidden(build(dispatches, features), names, SEED)
    booster = boosters.train(table, left_s, names, centre_parameters(hyperparameters_for(len(table)), SEED))
    return {"rows": len(table), "features": len(names), "trees": booster.num_trees()}


def predict_row(bundle: str, samples: str) -> dict[str, Any]:
    """Measure one dispatch through feature and model code to its distribution, and the whole answer."""
    opened = open_bundle(Path(bundle))
    columns = _calls(opened, 1)

    def point() -> None:
        opened.response_times(opened.dispatches(columns))

    whole = _timed(lambda: predict_dispatches(opened, columns), int(samples))
    return {"rows": 1, **_timed(point, int(samples)), "whole_answer_ms": whole["median_ms"]}


def predict_reasons(bundle: str, samples: str) -> dict[str, Any]:
    """Measure one complete prediction with its explanations."""
    opened = open_bundle(Path(bundle))
    columns = _calls(opened, 1)
    return {
        "rows": 1,
        **_timed(lambda: predict_dispatches(opened, columns).explanations(opened), int(samples)),
    }


def predict_candidates(bundle: str, samples: str) -> dict[str, Any]:
    """Measure whole answers about every pump that could be sent to one call, without explanations."""
    opened = open_bundle(Path(bundle))
    columns = _calls(opened, CANDIDATES)
    return {"rows": CANDIDATES, **_timed(lambda: predict_dispatches(opened, columns), int(samples))}


def prepare_records(raw: str, out: str, database: str = "") -> dict[str, Any]:
    """Prepare a simulated folder without context files; with the context of a database if one is named."""
    folder = Path(raw)
    report = prepare(
        PrepareRequest(
            incidents=(folder / "incidents.csv",),
            mobilisations=(folder / "mobilisations.csv",),
            out=Path(out),
            is_complete=True,
            database=url_of(Path(database)) if database else None,
        )
    )
    return {"examples": report.examples, "context": to_json(report.context)}


def context_of_moment(database: str, at: str, samples: str) -> dict[str, Any]:
    """Measure reading the context of one timestamp from the database."""
    engine = open_database(url_of(Path(database)))
    timestamp = datetime.fromisoformat(at)
    return {"rows": 1, **_timed(lambda: context_at(engine, timestamp), int(samples))}


def drift_check(rows: str, inputs: str) -> dict[str, Any]:
    """Measure the drift check on made-up inputs over three years: a quarter texts, half numbers, a quarter context."""
    rng = np.random.default_rng(SEED)
    n, n_inputs, days = int(rows), int(inputs), 1096
    day = np.sort(rng.integers(0, days, n))
    texts = np.array([*"abcdefghij", None], object)
    watched = [
        MonitoredInput(f"mix {i}", DriftMeasure.MIX, texts[np.minimum(rng.geometric(0.3, n), 11) - 1], day)
        for i in range(n_inputs // 4)
    ]
    match_rules = (DriftMeasure.SPREAD, DriftMeasure.SPREAD, DriftMeasure.KNOWN)
    watched += [
        MonitoredInput(f"number {i}", match_rules[i % 3], rng.normal(size=n), day)
        for i in range(n_inputs - len(watched))
    ]
    begun = time.process_time()
    find_drift(watched, Span(0, days - 92, days - 1))
    return {"rows": n, "inputs": len(watched), "cpu_s": time.process_time() - begun}


def reference_lightgbm(rows: str) -> dict[str, Any]:
    """Train a fixed LightGBM workload, to which the cost of `prepare` and `train` on the same machine is compared."""
    rng = np.random.default_rng(SEED)
    table = rng.normal(size=(int(rows), 30))
    target = table[:, 0] * table[:, 1] + rng.normal(size=int(rows))
    begun = time.process_time()
    names = tuple(f"column_{i}" for i in range(30))
    boosters.train(table, target, names, {"objective": "regression", "num_trees": 100, "num_leaves": 31})
    return {"rows": int(rows), "cpu_s": time.process_time() - begun}


def roads_look_up(tables: str, samples: str) -> dict[str, Any]:
    """Measure the look-up of all candidates of a call, one route, and the private memory that they take."""
    before_mib = _private_mib()
    table = current_table(Path(tables))
    known = by_code(known_stations())
    stations = np.resize(table.stations, CANDIDATES)
    places = np.array([(known[code].easting_m, known[code].northing_m) for code in stations])
    at_m = places.mean(0)
    found = _timed(
        lambda: table.look_up(stations, np.full(CANDIDATES, at_m[0]), np.full(CANDIDATES, at_m[1])),
        int(samples),
    )
    route = _timed(lambda: find_route(table, str(stations[0]), float(at_m[0]), float(at_m[1])), int(samples))
    way_files = [
        array for name, array in table.arrays.items() if name.startswith(("road_", "cells", "near_"))
    ]
    return {
        **found,
        "route_ms": route["median_ms"],
        "candidates": CANDIDATES,
        "stations": len(table.stations),
        "table_mb": sum(array.nbytes for array in way_files) / 1e6,
        "all_files_mb": sum(array.nbytes for array in table.arrays.values()) / 1e6,
        "private_mib": _private_mib() - before_mib,
    }


def _private_mib() -> float:
    """Return the resident memory of this process that no file backs."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    task.__name__: task
    for task in (
        train_point,
        predict_row,
        predict_reasons,
        predict_candidates,
        prepare_records,
        context_of_moment,
        drift_check,
        roads_look_up,
        reference_lightgbm,
    )
}


def _calls(bundle: Bundle, n: int) -> dict[str, np.ndarray[Any, Any]]:
    """Return one call, and n pumps that might go there, from every open station in turn."""
    stations = by_code(bundle.stations)
    codes = sorted(code for code, station in stations.items() if station.status == "open")
    dispatches = [
        parse_call({**CALL, "id": str(i), "station_code": codes[i % len(codes)]}, stations)[0]
        for i in range(n)
    ]
    return as_columns(dispatches)


def _timed(work: Callable[[], object], samples: int) -> dict[str, float]:
    """Return the medians of some answers after a warm-up. median_ms: of CPU time."""
    for _ in range(min(WARM_UP, samples)):
        work()
    cpu_ns, wall_ns = [], []
    for _ in range(samples):
        cpu, wall = time.thread_time_ns(), time.perf_counter_ns()
        work()
        cpu_ns.append(time.thread_time_ns() - cpu)
        wall_ns.append(time.perf_counter_ns() - wall)
    return {
        "median_ms": statistics.median(cpu_ns) / NS_PER_MS,
        "median_wall_ms": statistics.median(wall_ns) / NS_PER_MS,
    }


if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](*sys.argv[2:])))
