"""Rows that are judged, and what a bundle says about them, as `evaluation` takes them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.attendance_targets import LATENESS_LIMITS_S, MIN_UNDERESTIMATE_S
from londonpump.evaluation.evaluation_rows import (
    EvaluationRows,
    Forecast,
    distance_band,
    distance_decile,
    hour_band,
)
from londonpump.evaluation.metrics import CRPS_LEVELS
from londonpump.lifecycle.prepared_examples import Columns, incident_codes
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import P50, ResponseTimes

LEVELS = tuple(sorted({0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, *CRPS_LEVELS}))
MAX_SEEN_SHARE, MAX_SEEN_ROWS = 1e-5, 2
"""More known incidents than this share and a few is no accident of their hashes: with a million incidents learnt
from, one row in a million is taken for one of them."""
NONE = "none"


def build_judged_rows(bundle: Bundle, rows: Columns) -> EvaluationRows:
    """Rows with their answers and slices."""
    dispatches = bundle.dispatches(rows)
    hour = dispatches.hour.astype(np.int64)
    own = rows["recorded_ground_code"] == rows["station_code"]
    slices = {
        "distance_band": distance_band(dispatches.distance_m),
        "distance_decile": distance_decile(dispatches.distance_m),
        "hour": np.array([f"{h:02d}" for h in hour]),
        "hour_band": hour_band(hour),
        "station": _text(rows["station_code"]),
        "borough": _text(rows["borough_name"]),
        "own_ground": np.where(own, "own ground", "other ground"),
        "incident_type": _text(rows["incident_type"]),
        "pump": _text(rows["pump"]),
    }
    return EvaluationRows(
        actual_s=rows["attendance_s"],
        day=dispatches.day,
        incident=incident_codes(rows),
        slices=slices,
        station_code=_text(rows["station_code"]),
        distance_m=dispatches.distance_m,
        hour=hour,
        easting_m=rows["easting_m"],
        northing_m=rows["northing_m"],
    )


def forecast_of(times: ResponseTimes) -> Forecast:
    """A distribution as what is judged."""
    median_s = times.quantile(P50)
    return Forecast(
        median_s=median_s,
        mean_s=times.mean_s,
        levels=LEVELS,
        quantiles_s=times.quantiles(LEVELS),
        p_over={threshold_s: times.p_over(threshold_s) for threshold_s in LATENESS_LIMITS_S},
        p_underestimate=times.p_over(median_s + MIN_UNDERESTIMATE_S),
    )


def _text(values: NDArray[Any]) -> NDArray[np.str_]:
    return np.array([NONE if value is None else value for value in values], np.str_)
