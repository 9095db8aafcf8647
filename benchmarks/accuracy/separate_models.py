"""Turnout and travel modelled separately and added, against one model of the whole; and the gain of context files.

Where mobilisation records give both. The real records at hand are incident files, so this is measured on a
simulated stream, which takes the two as independent once place and hour are known: kind to the joined one.
"""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.ablation import Part, medians_s
from benchmarks.accuracy.splits import some
from benchmarks.accuracy.steps import BARE, FROM_FILES
from londonpump.domain.json_values import to_json
from londonpump.evaluation.evaluate import evaluate_models, paired_difference, sliced_differences
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast
from londonpump.features.catalogue import FEATURES, usable
from londonpump.features.dispatches import EVERY_CALL, Dispatches
from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.lifecycle.prepared_examples import LEVELS as JUDGED_LEVELS
from londonpump.lifecycle.prepared_examples import (
    Examples,
    first_us_of_incident,
    incident_codes,
    load_examples,
    midnight_us,
)
from londonpump.models.distribution import P50, ResponseTimes
from londonpump.models.response_training import Floats, TrainingDispatches, fit_response_time
from londonpump.models.train import fit_ground_lookup, with_workload
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

INCIDENTS, DAYS, START, TEST_DAYS = 36_000, 120, date(2023, 3, 1), 30
STEPS_OF_EACH = 40
ROWS_AT_ONCE = 2_000
METRICS = ("mae_s", "crps_s", "over_360_brier")
FACTS = ("incidents", "mobilisations", "stations", "weather_hourly", "traffic_index")


def simulated_stream(work: Path) -> Examples:
    """Return simulated records with every mobilisation, weather and traffic, prepared."""
    raw, out = work / "simulated_raw", work / "simulated"
    if not (out / "report.json").exists():
        write_simulation(SimulationPlan(incidents=INCIDENTS, start=START, days=DAYS, seed=1), raw)
        incidents, mobilisations, stations, weather, traffic = (raw / f"{name}.csv" for name in FACTS)
        prepare(
            PrepareRequest(
                (incidents,),
                out,
                (mobilisations,),
                stations=stations,
                weather=weather,
                traffic=traffic,
                is_complete=True,
                is_simulated=True,
            )
        )
    return load_examples(out)


def later_part(examples: Examples) -> Part:
    """Return the last 30 days for evaluation and the days before for training; rows with both turnout and travel time."""
    start_us = midnight_us(START + timedelta(days=DAYS - TEST_DAYS))
    known = np.isfinite(examples.rows["turnout_s"]) & np.isfinite(examples.rows["travel_s"])
    known &= np.isfinite(examples.rows["attendance_s"])
    is_later = first_us_of_incident(examples.rows) >= start_us
    calls = some(examples.calls, examples.calls["call_us"] < start_us)
    return Part(
        examples, some(examples.rows, known & ~is_later), calls, some(examples.rows, known & is_later)
    )


def measured(part: Part, rows: EvaluationRows, progress: Callable[[str], None]) -> dict[str, Any]:
    """Return the measures of both ways, their differences, and the gains of context files. rows: the test rows."""
    progress("turnout and travel apart")
    models = {
        "whole": _forecast(_times(part, "attendance_s")),
        "joined": joined(_times(part, "turnout_s"), _times(part, "travel_s")),
    }
    found = to_json(evaluate_models(rows, models))["models"]
    found_differences = sliced_differences(rows, (models["joined"], models["whole"]), METRICS)
    differences = to_json(found_differences["all"]["all"])
    progress("weather and congestion")
    return {
        "training_rows": len(part.training["attendance_s"]),
        "rows": len(rows),
        "models": {name: {m: one["all"]["all"][m] for m in METRICS} for name, one in found.items()},
        "joined_less_whole": {metric: differences[metric] for metric in METRICS},
        "context": _context_gains(part, rows),
    }


def _context_gains(part: Part, rows: EvaluationRows) -> dict[str, Any]:
    none: frozenset[str] = frozenset()
    before = medians_s(part, (BARE, none))
    answers = {step.label: medians_s(part, (BARE + step.new, none)) for step in FROM_FILES}
    return {
        label: to_json(paired_difference(rows, before, answer, "mae_s")) for label, answer in answers.items()
    }


def _times(part: Part, target: str) -> ResponseTimes:
    """Return the distribution of one target over the test rows."""
    ground = fit_ground_lookup(part.calls, part.examples.stations)
    rows = with_workload(part.training, part.calls, ground, EVERY_CALL)
    dispatches = Dispatches(rows, ground)
    training_rows = TrainingDispatches(dispatches, rows[target], incident_codes(rows), rows["mobilised_us"])
    model = fit_response_time(training_rows, usable(dispatches, FEATURES), 1, lambda _doing, _share: None)
    return model(Dispatches(with_workload(part.test, part.examples.calls, ground, EVERY_CALL), ground))


def _forecast(times: ResponseTimes) -> Forecast:
    return Forecast(
        times.quantile(P50),
        times.mean_s,
        JUDGED_LEVELS,
        times.quantiles(JUDGED_LEVELS),
        {360: times.p_over(360)},
    )


def joined(turnout: ResponseTimes, travel: ResponseTimes) -> Forecast:
    """Return the sum of two independent times: every step of one plus every step of the other, with equal chances."""
    levels = tuple(((np.arange(STEPS_OF_EACH) + 0.5) / STEPS_OF_EACH).tolist())
    n = len(turnout.centre_s)
    parts = []
    for start in range(0, n, ROWS_AT_ONCE):
        rows = slice(start, min(start + ROWS_AT_ONCE, n))
        parts.append(_sums(turnout.take(rows).quantiles(levels), travel.take(rows).quantiles(levels)))
    median_s, mean_s, quantiles_s, late = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Forecast(median_s, mean_s, JUDGED_LEVELS, quantiles_s, {360: late})


def _sums(one_s: Floats, other_s: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    sums = (one_s[:, :, None] + other_s[:, None, :]).reshape(len(one_s), -1)
    quantiles = np.quantile(sums, (P50, *JUDGED_LEVELS), axis=1).T
    return quantiles[:, 0], sums.mean(axis=1), quantiles[:, 1:], (sums > 360).mean(axis=1)
