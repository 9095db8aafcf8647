"""The metrics: what is added up over rows, and how each metric follows from the sums.

The announced time is `median_s`: mean and median absolute error, the share within 60 s and bias are computed on
it. Bias is the mean of announced minus actual: above 0 the pump comes earlier than announced. Root mean square error, R2 and
the bias of the mean are computed on `mean_s` where the model gives one, else on `median_s`: each answer is held to what it
claims to be.

CRPS is twice the plain mean of the pinball loss at eleven levels, 0.05 to 0.95 in equal steps (about 2 %
above the integral over all levels on dispatches such as these). Quantiles between given levels lie on a
straight line. Chances are kept 1e-6 away from 0 and 1 in the log loss.
"""

from collections.abc import Callable, Mapping

import numpy as np

from londonpump.domain.attendance_targets import MIN_UNDERESTIMATE_S
from londonpump.evaluation.evaluation_rows import THRESHOLDS_S, Bools, EvaluationRows, Floats, Forecast
from londonpump.evaluation.intervals import ratio

FLAGGED_SHARE = 0.077
"""The share of dispatches that the original's list of stations flags; warnings are compared at this share."""


def most_likely(chance: Floats, share: float) -> Bools:
    """Return (n,) True for the rows of highest probability, as near to the share as ties allow; never for 0."""
    n = len(chance)
    n_flagged = round(share * n)
    if n_flagged == 0:
        return np.zeros(n, np.bool_)
    bar = np.partition(chance, n - n_flagged)[n - n_flagged]
    with_ties, without = chance >= bar, chance > bar
    # Tied chances are flagged together or not at all: their order would be arbitrary.
    nearer = with_ties if with_ties.sum() - n_flagged <= n_flagged - without.sum() else without
    return np.asarray(nearer & (chance > 0))


# The targets say "11 levels" and not which; other levels change the figure by some per cent (accuracy.md).
CRPS_LEVELS = tuple(round(0.05 + 0.09 * step, 2) for step in range(11))
# 80 % is what a prediction shows; 90 % tests the tails.
BANDS = {80: (0.1, 0.9), 90: (0.05, 0.95)}
WITHIN_S = 60
WARNING_S = 600
MIN_CHANCE = 1e-6

Columns = dict[str, Floats]
Sums = Mapping[str, Floats]


def row_columns(rows: EvaluationRows, forecast: Forecast, flagged_share: float) -> Columns:
    """Return the (n,) columns that are summed, by name."""
    columns = _point_columns(rows, forecast)
    for share, (low, high) in BANDS.items():
        columns |= _band_columns(rows.actual_s, forecast, share, (low, high))
    columns |= _crps_column(rows.actual_s, forecast)
    for threshold_s, chance in (forecast.p_over or {}).items():
        columns |= _chance_columns(f"over_{threshold_s}", chance, rows.actual_s > threshold_s)
    if forecast.p_underestimate is not None:
        happened = rows.actual_s > forecast.median_s + MIN_UNDERESTIMATE_S
        columns |= _chance_columns("underestimate", forecast.p_underestimate, happened)
    return columns | _warning_columns(rows, forecast, flagged_share)


def _point_columns(rows: EvaluationRows, forecast: Forecast) -> Columns:
    mean_s = forecast.median_s if forecast.mean_s is None else forecast.mean_s
    abs_error = np.abs(forecast.median_s - rows.actual_s)
    # R2 is a difference of squares: without centring it would cancel to rounding.
    centred = rows.actual_s - rows.actual_s.mean() if len(rows) else rows.actual_s
    return {
        "rows": np.ones(len(rows)),
        "abs_error": abs_error,
        "within_60": (abs_error <= WITHIN_S).astype(np.float64),
        "error": forecast.median_s - rows.actual_s,
        "error_of_mean": mean_s - rows.actual_s,
        "squared_error": (mean_s - rows.actual_s) ** 2,
        "actual": centred,
        "actual_squared": centred**2,
    }


def _band_columns(actual_s: Floats, forecast: Forecast, share: int, levels: tuple[float, float]) -> Columns:
    low, high = (forecast.quantile_at(level) for level in levels)
    if low is None or high is None:
        return {}
    below, above = actual_s < low, actual_s > high
    return {
        f"cover_{share}": (~below & ~above).astype(np.float64),
        f"below_{share}": below.astype(np.float64),
        f"above_{share}": above.astype(np.float64),
        f"width_{share}": high - low,
    }


def _crps_column(actual_s: Floats, forecast: Forecast) -> Columns:
    loss = np.zeros(len(actual_s))
    for level in CRPS_LEVELS:
        quantile_s = forecast.quantile_at(level)
        if quantile_s is None:
            return {}
        miss_s = actual_s - quantile_s
        loss += np.maximum(level * miss_s, (level - 1) * miss_s)
    return {"crps": 2 * loss / len(CRPS_LEVELS)}


def _chance_columns(name: str, chance: Floats, happened: Bools) -> Columns:
    # one confident miss would make the log loss infinite
    kept = np.clip(chance, MIN_CHANCE, 1 - MIN_CHANCE)
    return {
        f"{name}_brier": (chance - happened) ** 2,
        f"{name}_log_loss": -np.log(np.where(happened, kept, 1 - kept)),
        f"{name}_rate": happened.astype(np.float64),
    }


def _warning_columns(rows: EvaluationRows, forecast: Forecast, flagged_share: float) -> Columns:
    """Return for each warning the flagged rows, the due rows, and their intersection."""
    is_long = rows.actual_s > WARNING_S
    is_under = rows.actual_s > forecast.median_s + MIN_UNDERESTIMATE_S
    warnings = {}
    if forecast.p_over is not None and WARNING_S in forecast.p_over:
        warnings["warning_600"] = (most_likely(forecast.p_over[WARNING_S], flagged_share), is_long)
    elif forecast.far_m is not None:
        warnings["warning_600"] = (most_likely(forecast.far_m, flagged_share), is_long)
    if forecast.p_underestimate is not None:
        warnings["warning_underestimate"] = (most_likely(forecast.p_underestimate, flagged_share), is_under)
    if forecast.is_listed is not None:
        warnings["station_list_600"] = (forecast.is_listed, is_long)
        warnings["station_list_underestimate"] = (forecast.is_listed, is_under)
    # Precision and recall are ratios of these sums, so that they can be resampled by day like the other metrics.
    columns: Columns = {}
    for name, (flagged, due) in warnings.items():
        parts = {"flagged": flagged, "due": due, "hit": flagged & due}
        columns |= {f"{name}_{part}": values.astype(np.float64) for part, values in parts.items()}
    return columns


def _mean(column: str) -> Callable[[Sums], Floats]:
    return lambda sums: ratio(sums[column], sums["rows"])


def _rmse(sums: Sums) -> Floats:
    return np.asarray(np.sqrt(ratio(sums["squared_error"], sums["rows"])))


def _r2(sums: Sums) -> Floats:
    """Return R2 against the mean of the same rows; undefined where all actual times are equal."""
    scatter = sums["actual_squared"] - ratio(sums["actual"] ** 2, sums["rows"])
    # equal times leave rounding errors where the scatter is 0
    scatter = np.where(scatter > 1e-9 * sums["actual_squared"], scatter, 0.0)
    return np.asarray(1 - ratio(sums["squared_error"], scatter))


_WARNINGS = ("warning_600", "warning_underestimate", "station_list_600", "station_list_underestimate")

Metric = Callable[[Sums], Floats]


def _all_metrics() -> dict[str, tuple[str, Metric]]:
    metrics: dict[str, tuple[str, Metric]] = {
        "mae_s": ("abs_error", _mean("abs_error")),
        "rmse_s": ("squared_error", _rmse),
        "r2": ("squared_error", _r2),
        "bias_s": ("error", _mean("error")),
        "bias_of_mean_s": ("error_of_mean", _mean("error_of_mean")),
        "within_60_share": ("within_60", _mean("within_60")),
        "crps_s": ("crps", _mean("crps")),
    }
    for share in BANDS:
        for part in ("cover", "below", "above"):
            metrics[f"{part}_{share}_share"] = (f"{part}_{share}", _mean(f"{part}_{share}"))
        metrics[f"width_{share}_s"] = (f"width_{share}", _mean(f"width_{share}"))
    for name in [*(f"over_{threshold_s}" for threshold_s in THRESHOLDS_S), "underestimate"]:
        for part in ("brier", "log_loss", "rate"):
            metrics[f"{name}_{part}"] = (f"{name}_{part}", _mean(f"{name}_{part}"))
    for name in _WARNINGS:
        metrics |= _warning_metrics(name)
    return metrics


def _warning_metrics(name: str) -> dict[str, tuple[str, Metric]]:
    hit, flagged, due = (f"{name}_{part}" for part in ("hit", "flagged", "due"))
    return {
        f"{name}_precision": (hit, lambda sums: ratio(sums[hit], sums[flagged])),
        f"{name}_recall": (hit, lambda sums: ratio(sums[hit], sums[due])),
        f"{name}_flagged_share": (hit, _mean(flagged)),
    }


_METRICS = _all_metrics()


def metrics_of(sums: Sums) -> dict[str, Floats]:
    """Return every metric that the (r,) summed columns allow; NaN where not defined."""
    return {name: metric(sums) for name, (column, metric) in _METRICS.items() if column in sums}
