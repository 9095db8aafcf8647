"""The gain from each feature: the response-time model trained with more and more features."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.hidden_inputs import Blinded
from benchmarks.accuracy.predictions import joined_forecast
from benchmarks.accuracy.splits import N_FOLDS, fold_of, some
from benchmarks.accuracy.steps import NOT_CARRIED, STEPS, WORKLOAD, Step, up_to, without
from londonpump.domain.json_values import to_json
from londonpump.evaluation.evaluate import paired_difference
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast
from londonpump.features.catalogue import FEATURES, ROADS, Feature, usable
from londonpump.features.dispatches import Dispatches
from londonpump.features.roads import RoadLookUp
from londonpump.lifecycle.prepared_examples import Columns, Examples, incident_codes
from londonpump.models.distribution import P50
from londonpump.models.response_training import TrainingDispatches, fit_response_time
from londonpump.models.train import fit_ground_lookup, with_workload

SEED = 1
Mask = NDArray[np.bool_]
Look = tuple[tuple[Feature, ...], frozenset[str]]
"""Features, and the inputs that are hidden besides."""


@dataclass(frozen=True, eq=False)
class Part:
    """Training rows and evaluation rows, with the calls that each side may know."""

    examples: Examples
    training: Columns
    calls: Columns
    test: Columns
    roads: RoadLookUp | None = None


def medians_s(part: Part, look: Look, target: str = "attendance_s") -> Forecast:
    """Return the predictions for the test rows of a model that reads these features only."""
    features, hidden = look
    ground = fit_ground_lookup(part.calls, part.examples.stations)
    rows = with_workload(part.training, part.calls, ground, part.examples.complete)
    test = with_workload(part.test, part.examples.calls, ground, part.examples.complete)
    # with a table, the curve would follow the roads even if no feature of the boosters reads them
    roads = part.roads if any(feature.source == ROADS for feature in features) else None
    dispatches = Blinded(rows, ground, hidden, roads)
    training_rows = TrainingDispatches(dispatches, rows[target], incident_codes(rows), rows["mobilised_us"])
    model = fit_response_time(training_rows, usable(dispatches, features), SEED, lambda _doing, _share: None)
    times = model(Blinded(test, ground, hidden, roads))
    return Forecast(times.quantile(P50), times.mean_s)


def parts_of_folds(examples: Examples, rows: Columns, roads: RoadLookUp | None) -> list[Part]:
    """Return five folds of some rows by incident; calls outside the time of the rows belong to no fold."""
    of_row, of_call = fold_of(rows), fold_of(examples.calls)
    within = examples.calls["call_us"] <= rows["mobilised_us"].max()
    return [
        Part(
            examples,
            some(rows, of_row != fold),
            some(examples.calls, (of_call != fold) & within),
            some(rows, of_row == fold),
            roads,
        )
        for fold in range(N_FOLDS)
    ]


def ablate(
    parts: list[Part], rows: EvaluationRows, has_workload: bool, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Return one entry per step: MAE and gain over the step before; then over all, features that the product lacks.

    Args: rows: the test rows of the parts, end to end.
    """
    entries, before = [], None
    for count, step in enumerate(STEPS, 1):
        if count == WORKLOAD and not has_workload:
            continue
        progress(step.label)
        answer = _end_to_end(parts, up_to(count))
        entries.append(_entry(step, rows, before, answer))
        before = answer
    for step in NOT_CARRIED:
        progress(step.label)
        answer = _end_to_end(parts, (FEATURES + step.new, frozenset()))
        entries.append({**_entry(step, rows, before, answer), "is_carried": False})
    return entries


def _end_to_end(parts: list[Part], look: Look) -> Forecast:
    return joined_forecast([medians_s(part, look) for part in parts])


def _entry(step: Step, rows: EvaluationRows, before: Forecast | None, answer: Forecast) -> dict[str, Any]:
    gain = None if before is None else to_json(paired_difference(rows, before, answer, "mae_s"))
    return {
        "step": step.label,
        "mae_s": float(np.abs(answer.median_s - rows.actual_s).mean()),
        "gain_s": gain,
        "is_carried": True,
    }


def gain_where_it_matters(
    parts: list[Part], rows: EvaluationRows, count: int, matters: Callable[[Dispatches], Mask]
) -> dict[str, Any]:
    """Return the gain of a step over the model without it alone, on all test rows and on the rows that it concerns."""
    before, answer = _end_to_end(parts, without(count)), _end_to_end(parts, up_to(len(STEPS)))
    about = np.concatenate([matters(_test_runs(part)) for part in parts])
    everything = np.ones(len(rows), np.bool_)
    return {"all": _gain_on(rows, before, answer, everything), "about": _gain_on(rows, before, answer, about)}


def _test_runs(part: Part) -> Dispatches:
    ground = fit_ground_lookup(part.calls, part.examples.stations)
    return Dispatches(with_workload(part.test, part.examples.calls, ground, part.examples.complete), ground)


def crosses_the_river(dispatches: Dispatches) -> Mask:
    """Return (n,) True where the way by a bridge is longer than the straight one."""
    return np.asarray(dispatches.by_bridge_m > dispatches.distance_m + 1.0)


def is_on_a_busy_ground(dispatches: Dispatches) -> Mask:
    """Return (n,) True where another call was on the ground in the half hour before."""
    return np.asarray(dispatches.number("recent_ground_calls") >= 1)


def _gain_on(rows: EvaluationRows, before: Forecast, answer: Forecast, mask: Mask) -> dict[str, Any]:
    some_rows = replace(rows, slices={}).take(mask)
    actual_s = some_rows.actual_s
    return {
        "rows": len(some_rows),
        "mean_s": float(actual_s.mean()),
        "without_mae_s": float(np.abs(before.take(mask).median_s - actual_s).mean()),
        "with_mae_s": float(np.abs(answer.take(mask).median_s - actual_s).mean()),
        "gain_s": to_json(paired_difference(some_rows, before.take(mask), answer.take(mask), "mae_s")),
    }
