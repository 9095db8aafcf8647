"""Five folds over all shared records, with roads: coverage by hour and incident type, and the pumps of one call."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.accuracy.predictions import joined_forecast
from benchmarks.accuracy.records import BOTH, examples_of, road_tables
from benchmarks.accuracy.splits import N_FOLDS, fold_of, some
from londonpump.domain.json_values import to_json
from londonpump.evaluation.arrival_order import evaluate_order
from londonpump.evaluation.evaluate import CALIBRATION_BINS, evaluate_models
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast
from londonpump.lifecycle.evaluate import forecasts_of
from londonpump.lifecycle.prepared_examples import Examples, after_newest, build_judged_rows, incident_codes
from londonpump.lifecycle.progress import silent
from londonpump.models.bundle import Bundle, TrainingFacts
from londonpump.models.distribution import (
    OTHER_START,
    P10,
    P50,
    P90,
    SAME_START,
    Times,
    chance_before,
    later_of_two_s,
)
from londonpump.models.train import TrainingPlan, TrainingSet, fit_bundle, with_workload
from londonpump.roads.store import current_table

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BAND_H = 3
COVERS = ("cover_80_share", "cover_90_share")
ERRORS = ("mae_s", "crps_s")
WARNING = ("warning_600_precision", "warning_600_recall")


@dataclass(frozen=True, eq=False)
class Pairs:
    """The two pumps of m calls: whether both left from one station, and what was predicted of them."""

    same: NDArray[np.bool_]
    level: Floats
    """(m, 2) level of its own distribution at which each pump arrived."""
    later_s: Floats
    """(m, 3) P10, P50 and P90 of the later arrival."""
    actual_s: Floats
    """(m, 2)."""
    chance: Floats
    """(m,) that the first arrives before the second; NaN for one station."""


def by_folds(source: Path, work: Path, show_progress: Callable[[str], None]) -> dict[str, Any]:
    """Return coverage, the warning, the order of arrival and the figures of pairs, each fold by a model without it."""
    examples, roads = examples_of(BOTH, source, work), current_table(road_tables(source, work))
    rows = some(examples.rows, np.isfinite(examples.rows["attendance_s"]))
    of_row, of_call = fold_of(rows), fold_of(examples.calls)
    tests, parts, pairs, ways = [], [], [], []
    for fold in range(N_FOLDS):
        show_progress(f"all records, fold {fold + 1} of {N_FOLDS}")
        rest = some(rows, of_row != fold)
        training = TrainingSet(
            rest,
            some(examples.calls, of_call != fold),
            incident_codes(rest),
            examples.stations,
            examples.complete,
            roads,
        )
        bundle = fit_bundle(training, TrainingPlan(), TrainingFacts(trained_until=after_newest(rows)), silent)
        test, forecasts, of_pairs, has_way = _predicted(bundle, examples, some(rows, of_row == fold))
        tests.append(test)
        parts.append(forecasts)
        pairs.append(of_pairs)
        ways.append(has_way)
    judged = _joined_rows(tests)
    forecasts = {name: joined_forecast([part[name] for part in parts]) for name in ("ours", "distance")}
    evaluation = evaluate_models(judged, forecasts)
    return {
        "rows": len(judged),
        "known_share": float(np.concatenate(ways).mean()),
        "cover": [
            {"slice": name, "value": value, "rows": found.n, **{c: to_json(found.metrics[c]) for c in COVERS}}
            for name, values in evaluation.models["ours"].items()
            for value, found in values.items()
        ],
        "errors": {name: to_json(evaluation.whole("ours")[name]) for name in ERRORS},
        "warning": {
            name: {metric: to_json(evaluation.whole(name)[metric]) for metric in WARNING}
            for name in forecasts
        },
        "order": to_json(evaluate_order(judged, forecasts["ours"].median_s, evaluation.resamples)),
        "pairs": _figures_of(pairs),
    }


def _predicted(
    bundle: Bundle, examples: Examples, rows: Any
) -> tuple[EvaluationRows, dict[str, Forecast], Pairs, NDArray[np.bool_]]:
    columns = with_workload(rows, examples.calls, bundle.ground, examples.complete)
    judged, dispatches = build_judged_rows(bundle, columns), bundle.dispatches(columns)
    start = judged.hour // BAND_H * BAND_H
    hours = np.array([f"{first:02d}-{first + BAND_H:02d} h" for first in start])
    slices = {
        "hours": hours,
        "incident type": judged.slices["incident_type"],
        "own_ground": judged.slices["own_ground"],
    }
    pairs = _pairs(judged, bundle.response_times(dispatches))
    return replace(judged, slices=slices), forecasts_of(bundle, columns), pairs, dispatches.has_way


def _pairs(rows: EvaluationRows, times: Times) -> Pairs:
    """Return the calls with exactly two pumps; the order of the two is that of their station codes."""
    order = np.lexsort((rows.station_code, rows.incident))
    _, first, counts = np.unique(rows.incident[order], return_index=True, return_counts=True)
    pairs = np.stack([order[first[counts == 2]], order[first[counts == 2] + 1]], axis=1)
    same = rows.station_code[pairs[:, 0]] == rows.station_code[pairs[:, 1]]
    chance = np.full(len(pairs), np.nan)
    chance[~same] = chance_before(times, pairs[~same], np.full(int((~same).sum()), OTHER_START))
    later_s = [
        later_of_two_s(times, pair, (P10, P50, P90), SAME_START if is_same else OTHER_START)
        for pair, is_same in zip(pairs, same, strict=True)
    ]
    level = 1.0 - times.p_over(rows.actual_s)
    return Pairs(same, level[pairs], np.array(later_s), rows.actual_s[pairs], chance)


def _figures_of(parts: list[Pairs]) -> dict[str, Any]:
    same, level, later_s, actual_s, chance = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("same", "level", "later_s", "actual_s", "chance")
    )
    later = actual_s.max(axis=1)
    found: dict[str, Any] = {}
    for name, chosen in (("one station", same), ("two stations", ~same)):
        p10_s, p50_s, p90_s = later_s[chosen].T
        found[name] = {
            "pairs": int(chosen.sum()),
            "rank_correlation": float(spearmanr(*level[chosen].T).statistic),
            "before_p50_share": float((later[chosen] <= p50_s).mean()),
            "p50_minus_median_s": float(np.median(p50_s - later[chosen])),
            "cover_80_share": float(((later[chosen] >= p10_s) & (later[chosen] <= p90_s)).mean()),
        }
    differ = ~same & (actual_s[:, 0] != actual_s[:, 1])
    found["two stations"]["before_ece"] = _calibration_error(
        chance[differ], actual_s[differ, 0] < actual_s[differ, 1]
    )
    return found


def _calibration_error(chance: Floats, happened: NDArray[np.bool_]) -> float:
    """Return the mean gap in ten bins of equal count, over both ways to name a pair."""
    chance, happened = np.concatenate([chance, 1 - chance]), np.concatenate([happened, ~happened])
    bins = np.searchsorted(np.quantile(chance, np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS), chance)
    gap = np.bincount(bins, chance - happened, CALIBRATION_BINS)
    return float(np.abs(gap).sum() / len(chance))


def _joined_rows(parts: list[EvaluationRows]) -> EvaluationRows:
    # the codes of incidents begin at 0 in each fold
    offsets = np.cumsum([0, *(int(part.incident.max()) + 1 for part in parts)])[:-1]
    moved = [
        replace(part, incident=part.incident + offset) for part, offset in zip(parts, offsets, strict=True)
    ]
    names = ("actual_s", "day", "incident", "station_code", "distance_m", "hour", "easting_m", "northing_m")
    return EvaluationRows(
        **{name: np.concatenate([getattr(part, name) for part in moved]) for name in names},
        slices={name: np.concatenate([part.slices[name] for part in moved]) for name in moved[0].slices},
    )
