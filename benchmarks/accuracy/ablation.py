"""What each feature is worth: the product's response-time model, learnt with more and more to look at."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.answers import joined_forecast
from benchmarks.accuracy.blinded import Blinded
from benchmarks.accuracy.splits import N_FOLDS, fold_of, some
from benchmarks.accuracy.steps import NOT_CARRIED, STEPS, Step, up_to
from londonpump.evaluation.compare import paired_difference
from londonpump.evaluation.rows import Forecast, JudgedRows
from londonpump.features.catalogue import FEATURES, Feature, usable
from londonpump.features.runs import Runs
from londonpump.models.distribution import P50
from londonpump.models.response_training import TrainingRuns, fit_response_time
from londonpump.models.training import learn_ground, with_workload
from londonpump.pipelines.data import Columns, Examples, incident_codes

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
    ground = learn_ground(part.calls, part.examples.stations)
    rows = with_workload(part.training, part.calls, ground, part.examples.complete)
    test = with_workload(part.test, part.examples.calls, ground, part.examples.complete)
    runs = Blinded(rows, ground, hidden)
    learnt = TrainingRuns(runs, rows[target], incident_codes(rows), rows["mobilised_us"])
    model = fit_response_time(learnt, usable(runs, features), SEED, lambda _doing, _share: None)
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
    parts: list[Part], rows: JudgedRows, has_workload: bool, told: Callable[[str], None]
) -> list[dict[str, Any]]:
    """One entry a step: MAE and gain on the step before; then on the whole, what is not carried.

    Args: rows: the test rows of the parts, end to end.
    """
    steps = STEPS if has_workload else STEPS[:-1]
    entries, before = [], None
    for count in range(1, len(steps) + 1):
        told(steps[count - 1].words)
        answer = _end_to_end(parts, up_to(count))
        entries.append(_entry(steps[count - 1], rows, before, answer))
        before = answer
    for step in NOT_CARRIED:
        told(step.words)
        answer = _end_to_end(parts, (FEATURES + step.new, frozenset()))
        entries.append({**_entry(step, rows, before, answer), "is_carried": False})
    return entries


def _end_to_end(parts: list[Part], look: Look) -> Forecast:
    return joined_forecast([medians_s(part, look) for part in parts])


def _entry(step: Step, rows: JudgedRows, before: Forecast | None, answer: Forecast) -> dict[str, Any]:
    gain = None if before is None else paired_difference(rows, before, answer, "mae_s")
    return {
        "step": step.words,
        "mae_s": float(np.abs(answer.median_s - rows.actual_s).mean()),
        "gain_s": gain,
        "is_carried": True,
    }


def gain_where_it_matters(
    parts: list[Part], rows: JudgedRows, count: int, matters: Callable[[Runs], Mask]
) -> dict[str, Any]:
    """The step of a number without and with: over all test rows, and over those it is about."""
    before, answer = _end_to_end(parts, up_to(count - 1)), _end_to_end(parts, up_to(count))
    about = np.concatenate([matters(_test_runs(part)) for part in parts])
    everything = np.ones(len(rows), np.bool_)
    return {"all": _gain_on(rows, before, answer, everything), "about": _gain_on(rows, before, answer, about)}


def _test_runs(part: Part) -> Runs:
    ground = learn_ground(part.calls, part.examples.stations)
    return Runs(with_workload(part.test, part.examples.calls, ground, part.examples.complete), ground)


def crosses_the_river(runs: Runs) -> Mask:
    """(n,) the way by a bridge is longer than the straight one."""
    return np.asarray(runs.by_bridge_m > runs.distance_m + 1.0)


def is_on_a_busy_ground(runs: Runs) -> Mask:
    """(n,) another call on the ground in the half hour before."""
    return np.asarray(runs.number("recent_ground_calls") >= 1)


def _gain_on(rows: JudgedRows, before: Forecast, answer: Forecast, mask: Mask) -> dict[str, Any]:
    some_rows = replace(rows, slices={}).take(mask)
    actual_s = some_rows.actual_s
    return {
        "rows": len(some_rows),
        "mean_s": float(actual_s.mean()),
        "without_mae_s": float(np.abs(before.take(mask).median_s - actual_s).mean()),
        "with_mae_s": float(np.abs(answer.take(mask).median_s - actual_s).mean()),
        "gain_s": paired_difference(some_rows, before.take(mask), answer.take(mask), "mae_s"),
    }
