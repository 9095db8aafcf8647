"""Dispatches with an area as location: each is predicted from its postcode district or its station ground alone.

For comparison they are predicted from the exact location, and from the middle of the area as if it were exact.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.splits import Fold, some
from londonpump.domain.json_values import to_json
from londonpump.evaluation.evaluate import RESAMPLES, evaluate_models
from londonpump.evaluation.evaluation_rows import Forecast
from londonpump.lifecycle.prepared_examples import Columns, Examples, build_judged_rows
from londonpump.models.area_points import central
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import Times
from londonpump.models.predict import predict_area, predict_dispatches

Floats = NDArray[np.float64]
LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95)
METRICS_STORED = ("n", "mae_s", "bias_of_mean_s", "cover_80_share", "width_80_s", "cover_90_share")
EXACT, NAMED, MIDDLE = "exact", "named", "middle"


def evaluate_named_places(examples: Examples, fold: Fold, resamples: int = RESAMPLES) -> dict[str, Any]:
    """`{district, ground: {rows, unknown, distance_m, exact, named, middle: measures}}`, all three on the same rows.

    distance_m: mean from the station to the exact place, and to the points of the name. unknown: judged rows whose name has too few training calls; they are left out. The ground is the recorded one.
    """
    bundle, columns = fold.bundle, fold.columns
    of_call = dict(zip(examples.calls["incident_number"], examples.calls["postcode_district"], strict=True))
    district = np.array([of_call[number] for number in columns["incident_number"]], object)
    return {
        "district": _judged(bundle, columns, district, resamples),
        "ground": _judged(bundle, columns, columns["recorded_ground_code"], resamples),
    }


def _judged(bundle: Bundle, columns: Columns, names: NDArray[Any], resamples: int) -> dict[str, Any]:
    is_ground = names is columns["recorded_ground_code"]
    points = bundle.area_points.grounds if is_ground else bundle.area_points.districts
    known = np.array([name in points for name in names], bool)
    rows, names = some(columns, known), names[known]
    columns_named = {**rows, "station_ground_code": names} if is_ground else rows
    forecasts = {
        EXACT: forecast_of(predict_dispatches(bundle, rows).times),
        NAMED: _by_name(names, lambda of, where: _named(bundle, some(columns_named, where), points[of])),
        MIDDLE: _by_name(names, lambda of, where: _middle(bundle, some(columns_named, where), points[of])),
    }
    evaluated_rows = build_judged_rows(bundle, rows).without_slices()
    found = to_json(evaluate_models(evaluated_rows, forecasts, resamples=resamples))
    measures = {name: slices["all"]["all"] for name, slices in found["models"].items()}
    return {
        "rows": found["rows"],
        "unknown": int((~known).sum()),
        "distance_m": _distances_m(rows, names, points),
        **{name: {metric: one[metric] for metric in METRICS_STORED} for name, one in measures.items()},
    }


def _distances_m(rows: Columns, names: NDArray[Any], points: Mapping[str, Floats]) -> dict[str, float]:
    station_m = np.column_stack([rows["station_easting_m"], rows["station_northing_m"]])
    place_m = np.column_stack([rows["easting_m"], rows["northing_m"]])
    to_points = [np.hypot(*(points[name] - at).T).mean() for name, at in zip(names, station_m, strict=True)]
    return {EXACT: float(np.hypot(*(place_m - station_m).T).mean()), NAMED: float(np.mean(to_points))}


def forecast_of(times: Times) -> Forecast:
    """Return the forecast of response times, for evaluation."""
    quantiles_s = times.quantiles(LEVELS)
    return Forecast(quantiles_s[:, LEVELS.index(0.5)], times.mean_s, LEVELS, quantiles_s)


def _named(bundle: Bundle, columns: Columns, points_m: Floats) -> Times:
    return predict_area(bundle, columns, points_m, max_dispatches=len(columns["mobilised_us"]))[1].times


def _middle(bundle: Bundle, columns: Columns, points_m: Floats) -> Times:
    east_m, north_m = np.tile(points_m[central(points_m)], (len(columns["mobilised_us"]), 1)).T
    return predict_dispatches(bundle, {**columns, "easting_m": east_m, "northing_m": north_m}).times


def _by_name(names: NDArray[Any], times_of: Callable[[str, NDArray[np.bool_]], Times]) -> Forecast:
    """Return one forecast of all rows, predicted name by name."""
    mean_s, quantiles_s = np.empty(len(names)), np.empty((len(names), len(LEVELS)))
    for name in sorted(set(names)):
        where = names == name
        part = forecast_of(times_of(name, where))
        mean_s[where], quantiles_s[where] = part.mean_s, part.quantiles_s
    return Forecast(quantiles_s[:, LEVELS.index(0.5)], mean_s, LEVELS, quantiles_s)
