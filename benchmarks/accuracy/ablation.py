"""The gain from each feature: the response-time model trained with more and more features."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.hidden_inputs import Blinded
from benchmarks.accuracy.predictions import joined_forecast
from benchmarks.accuracy.splits import N_FOLDS, fold_of, some
from benchmarks.accuracy.steps import NOT_CARRIED, STEPS, Step, up_to
from londonpump.evaluation.evaluate import paired_difference
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast
from londonpump.features.catalogue import FEATURES, Feature, usable
from londonpump.features.dispatches import Dispatches
from londonpump.lifecycle.prepared_examples import Columns, Examples, incident_codes
from londonpump.models.distribution import P50
from londonpump.models.response_training import TrainingDispatches, fit_response_time
from londonpump.models.train import fit_ground_lookup, with_workload

SEED = 1
Mask = NDArray[np.bool_]
Look = tuple[tuple[Feature, ...], frozenset[str]]
"""Features, and what is hidden beside."""


@dataclass(frozen=True, eq=False)
class Part:
    """Rows to learn from and rows to judge, with the calls each side may know of."""

    examples: Examples
    training: Columns
    calls: Columns
    test: Columns


def medians_s(part: Part, look: Look, target: str = "attendance_s") -> Forecast:
    """The answer to the test rows of a model that looks at no more than this."""
    features, hidden = look
    ground = fit_ground_lookup(part.calls, part.examples.stations)
    rows = with_workload(part.training, part.calls, ground, part.examples.complete)
    test = with_workload(part.test, part.examples.calls, ground, part.examples.complete)
    dispatches = Blinded(rows, ground, hidden)
    training_rows = TrainingDispatches(dispatches, rows[target], incident_codes(rows), rows["mobilised_us"])
    model = fit_response_time(training_rows, usable(dispatches, features), SEED, lambda _doing, _share: None)
    times = model(Blinded(test, ground, hidden))
    return Forecast(times.quantile(P50), times.mean_s)


def parts_of_folds(examples: Examples, rows: Columns) -> list[Part]:
    """Five folds by incident of some rows; calls outside the rows' span of time are nobody's."""
    of_row, of_call = fold_of(rows), fold_of(examples.calls)
    within = examples.calls["call_us"] <= rows["mobilised_us"].max()
    return [
        Part(
            examples,
            some(rows, of_row != fold),
            some(examples.calls, (of_call != fold) & within),
            some(rows, of_row == fold),
        )
        for fold in range(N_FOLDS)
    ]


def ablate(
    parts: list[Part], rows: EvaluationRows, has_workload: bool, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """One entry a step: MAE and gain on the step before; then on the whole, what is not carried.

    Args: rows: the test rows of the parts, end to end.
    """
    steps = STEPS if has_workload else STEPS[:-1]
    entries, before = [], None
    for count in range(1, len(steps) + 1):
        progress(steps[count - 1].label)
        answer = _end_to_end(parts, up_to(count))
        entries.append(_entry(steps[count - 1], rows, before, answer))
        before = answer
    for step in NOT_CARRIED:
        progress(step.label)
        answer = _end_to_end(parts, (FEATURES + step.new, frozenset()))
        entries.append({**_entry(step, rows, before, answer), "is_carried": False})
    return entries


def _end_to_end(parts: list[Part], look: Look) -> Forecast:
    return joined_forecast([medians_s(part, look) for part in parts])


def _entry(step: Step, rows: EvaluationRows, before: Forecast | None, answer: Forecast) -> dict[str, Any]:
    gain = None if before is None else paired_difference(rows, before, answer, "mae_s")
    return {
        "step": step.label,
        "mae_s": float(np.abs(answer.median_s - rows.actual_s).mean()),
        "gain_s": gain,
        "is_carried": True,
    }


def gain_where_it_matters(
    parts: list[Part], rows: EvaluationRows, count: int, matters: Callable[[Dispatches], Mask]
) -> dict[str, Any]:
    """The step of a number without and with: over all test rows, and over those it is about."""
    before, answer = _end_to_end(parts, up_to(count - 1)), _end_to_end(parts, up_to(count))
    about = np.concatenate([matters(_test_runs(part)) for part in parts])
    everything = np.ones(len(rows), np.bool_)
    return {"all": _gain_on(rows, before, answer, everything), "about": _gain_on(rows, before, answer, about)}


def _test_runs(part: Part) -> Dispatches:
    ground = fit_ground_lookup(part.calls, part.examples.stations)
    return Dispatches(with_workload(part.test, part.examples.calls, ground, part.examples.complete), ground)


def crosses_the_river(dispatches: Dispatches) -> Mask:
    """(n,) the way by a bridge is longer than the straight one."""
    return np.asarray(dispatches.by_bridge_m > dispatches.distance_m + 1.0)


def is_on_a_busy_ground(dispatches: Dispatches) -> Mask:
    """(n,) another call on the ground in the half hour before."""
    return np.asarray(dispatches.number("recent_ground_calls") >= 1)


def _gain_on(rows: EvaluationRows, before: Forecast, answer: Forecast, mask: Mask) -> dict[str, Any]:
    some_rows = replace(rows, slices={}).take(mask)
    actual_s = some_rows.actual_s
    return {
        "rows": len(some_rows),
        "mean_s": float(actual_s.mean()),
        "without_mae_s": float(np.abs(before.take(mask).median_s - actual_s).mean()),
        "with_mae_s": float(np.abs(answer.take(mask).median_s - actual_s).mean()),
        "gain_s": paired_difference(some_rows, before.take(mask), answer.take(mask), "mae_s"),
    }
