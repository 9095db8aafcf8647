"""The values behind the plots of a report: calibration, reliability, error by location."""

from dataclasses import dataclass

import numpy as np

from londonpump.evaluation.evaluation_rows import EvaluationRows, Floats, Forecast, Ints
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


@dataclass(frozen=True, eq=False)
class GridCells:
    """Errors by square cell of the national grid."""

    cell_m: float
    easting_m: Floats
    """(c + 1,) edges."""
    northing_m: Floats
    """(r + 1,) edges."""
    n: Floats
    """(r, c) rows per cell; the errors are NaN where there are too few."""
    mae_s: Floats
    bias_s: Floats


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


def grid_cells(rows: EvaluationRows, forecast: Forecast, min_rows: int = 8) -> GridCells:
    """Return errors by cells of 500 m where the rows allow, else of 1 or 2 km; the bias is that of the mean if given."""
    cell_m = _cell_side_m(rows, min_rows)
    column = np.floor(rows.easting_m / cell_m).astype(np.int64)
    row = np.floor(rows.northing_m / cell_m).astype(np.int64)
    shape = (int(np.ptp(row)) + 1, int(np.ptp(column)) + 1)
    cell = (row - row.min()) * shape[1] + column - column.min()
    miss_s = np.abs(forecast.median_s - rows.actual_s)
    bias_s = (forecast.median_s if forecast.mean_s is None else forecast.mean_s) - rows.actual_s
    n = np.bincount(cell, minlength=shape[0] * shape[1]).astype(np.float64)
    enough = np.where(n >= min_rows, n, 0)
    return GridCells(
        cell_m=cell_m,
        easting_m=(column.min() + np.arange(shape[1] + 1)) * cell_m,
        northing_m=(row.min() + np.arange(shape[0] + 1)) * cell_m,
        n=n.reshape(shape),
        mae_s=ratio(_summed(cell, miss_s, len(n)), enough).reshape(shape),
        bias_s=ratio(_summed(cell, bias_s, len(n)), enough).reshape(shape),
    )


def _summed(cell: Ints, values: Floats, n_cells: int) -> Floats:
    return np.bincount(cell, values, minlength=n_cells).astype(np.float64)


def _cell_side_m(rows: EvaluationRows, min_rows: int) -> float:
    """Return the smallest side at which at least half of the rows lie in a cell with enough of them."""
    # 10,000 rows of 500 m cells reach 5,000 km: a column and a row never share a number
    for side_m in (500.0, 1000.0):
        cell_number = np.floor(rows.easting_m / side_m) * 10_000 + np.floor(rows.northing_m / side_m)
        _, count = np.unique(cell_number, return_counts=True)
        if count[count >= min_rows].sum() >= len(rows) / 2:
            return side_m
    return 2000.0


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
