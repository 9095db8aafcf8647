"""Search for leaks: with shuffled targets no gain may remain, and twin dispatches show the attainable error."""

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.accuracy.splits import Fold, some
from londonpump.domain.json_values import to_json
from londonpump.evaluation.evaluate import paired_difference
from londonpump.lifecycle.evaluate import forecasts_of
from londonpump.lifecycle.prepared_examples import Columns, Examples, build_judged_rows
from londonpump.lifecycle.progress import silent
from londonpump.models.train import TrainingPlan, fit_bundle

TWIN_CELL_M = 100.0
SEED = 20230101


def shuffled_target(fold: Fold) -> dict[str, Any]:
    """Train the same bundle on shuffled attendance times. Returns: its gain over a constant in seconds, which must be about 0."""
    training = fold.training
    rows = some(training.rows, np.isfinite(training.rows["attendance_s"]))
    mixed = np.random.default_rng(SEED).permutation(rows["attendance_s"])
    incident = training.incident[np.isfinite(training.rows["attendance_s"])]
    blind = replace(training, rows={**rows, "attendance_s": mixed}, incident=incident)
    bundle = fit_bundle(blind, TrainingPlan(), fold.bundle.card.data, silent)
    forecasts, evaluated_rows = forecasts_of(bundle, fold.columns), build_judged_rows(bundle, fold.columns)
    found = {
        f"{name}_mae_s": float(np.abs(forecasts[name].median_s - evaluated_rows.actual_s).mean())
        for name in ("ours", "constant")
    }
    gain_s = to_json(paired_difference(evaluated_rows, forecasts["constant"], forecasts["ours"], "mae_s"))
    return {**found, "gain_s": gain_s}


def twin_runs(examples: Examples) -> dict[str, float]:
    """Measure how far apart dispatches of one station to one square of 100 m in different incidents are.

    Returns: pairs; mean_gap_s, of the two times; floor_s, the error that a perfect answer would leave, as
    the gap of two independent times is the square root of two times their own mean error if it is normal.
    """
    rows = some(examples.rows, np.isfinite(examples.rows["attendance_s"]))
    keys = _cells(rows)
    order = np.lexsort((np.random.default_rng(SEED).random(len(keys)), keys))
    one, two = order[:-1], order[1:]
    pair = (keys[one] == keys[two]) & (rows["incident_number"][one] != rows["incident_number"][two])
    gap_s = np.abs(rows["attendance_s"][one] - rows["attendance_s"][two])[pair]
    return {
        "pairs": float(len(gap_s)),
        "mean_gap_s": float(gap_s.mean()),
        "floor_s": float(gap_s.mean() / np.sqrt(2)),
    }


def _cells(rows: Columns) -> np.ndarray[Any, np.dtype[np.int64]]:
    _, station = np.unique(rows["station_code"].astype(str), return_inverse=True)
    column = np.floor(rows["easting_m"] / TWIN_CELL_M).astype(np.int64)
    row = np.floor(rows["northing_m"] / TWIN_CELL_M).astype(np.int64)
    return np.asarray((station.astype(np.int64) * 100_000 + column) * 100_000 + row)
