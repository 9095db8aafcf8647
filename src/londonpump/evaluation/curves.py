"""The values behind the plots of a report: calibration and reliability."""

from dataclasses import dataclass

import numpy as np

from londonpump.evaluation.evaluation_rows import EvaluationRows, Floats, Forecast
from londonpump.evaluation.intervals import draw_days, ratio, stats_of

RESAMPLES = 400
"""Precise enough for the ends of a bar in a plot."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Points of a plot with their intervals; all (k,), NaN where an end is unknown."""

    x: Floats
    value: Floats
    low: Floats
    high: Floats
    n: Floats


def median_calibration(rows: EvaluationRows, forecast: Forecast, n_bins: int = 20) -> Curve:
    """Return the actual median against the announced one, in bins of equal count.

    `low` and `high` are the actual quartiles (not an interval of the median).
    """
    # Bins of equal count: with equal widths the rare long times would have bins of a few rows.
    order = np.argsort(forecast.median_s, kind="stable")
    bins = [index for index in np.array_split(order, n_bins) if len(index)]
    quartiles = np.array([np.quantile(rows.actual_s[index], (0.25, 0.5, 0.75)) for index in bins])
    announced_s = np.array([np.median(forecast.median_s[index]) for index in bins])
    n = np.array([float(len(index)) for index in bins])
    return Curve(announced_s, quartiles[:, 1], quartiles[:, 0], quartiles[:, 2], n)


def level_calibration(rows: EvaluationRows, forecast: Forecast, seed: int = 0) -> Curve | None:
    """Return the share of actual times at or below each quantile against its level; None without quantiles."""
    if forecast.levels is None or forecast.quantiles_s is None:
        return None
    below = (rows.actual_s[:, None] <= forecast.quantiles_s).astype(np.float64)
    ones = np.ones_like(below)
    return _shares(rows, np.asarray(forecast.levels), below, ones, seed)


def reliability(
    rows: EvaluationRows, forecast: Forecast, threshold_s: int = 360, n_bins: int = 10, seed: int = 0
) -> Curve | None:
    """Return the share over a threshold against the probability, in bins of equal count; None without any."""
    chance = (forecast.p_over or {}).get(threshold_s)
    if chance is None:
        return None
    edges = np.quantile(chance, np.arange(1, n_bins) / n_bins)
    inside = np.eye(n_bins)[np.searchsorted(edges, chance, side="left")]
    # Equal chances share a bin, which leaves other bins empty: an empty bin has no share.
    inside = inside[:, inside.sum(axis=0) > 0]
    late = inside * (rows.actual_s > threshold_s)[:, None]
    mean_chance = (inside * chance[:, None]).sum(axis=0) / inside.sum(axis=0)
    return _shares(rows, mean_chance, late, inside, seed)


def _shares(rows: EvaluationRows, x: Floats, part: Floats, whole: Floats, seed: int) -> Curve:
    """Return the ratio of the column sums of part and whole, both (n, k), with intervals from resampled days."""
    draws = draw_days(rows.day, RESAMPLES, seed)
    order = np.argsort(rows.day, kind="stable")
    # Summed by day once: a resample is then a product with the number of times that each day was drawn.
    starts = np.searchsorted(rows.day[order], draws.days)
    parts = draws.counts @ np.add.reduceat(part[order], starts, axis=0)
    wholes = draws.counts @ np.add.reduceat(whole[order], starts, axis=0)
    shares = ratio(parts, wholes)
    found = stats_of({str(column): shares[:, column] for column in range(shares.shape[1])})
    ends = np.array([[one.value, one.low, one.high] for one in found.values()], np.float64)
    return Curve(np.asarray(x), ends[:, 0], ends[:, 1], ends[:, 2], whole.sum(axis=0))
