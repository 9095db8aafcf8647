"""Metrics that are no ratio of sums: median absolute error, AUC and calibration error.

Each is worked out exactly on the data, and on resampled days from counts in fine bins; the small
difference between the binned and the exact value is taken off every resample.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from londonpump.evaluation.evaluation_rows import Bools, Floats, Ints
from londonpump.evaluation.intervals import ratio

ERROR_BINS = 48
CALIBRATION_BINS = 10
BINS_WITHIN = 4
CHANCE_BINS = CALIBRATION_BINS * BINS_WITHIN


@dataclass(frozen=True, eq=False)
class DaysOfRows:
    """Which day each of (n,) rows lies on: `of_row` indexes the columns of `counts`, (1 + resamples, days)."""

    of_row: Ints
    counts: Floats

    def draw(self, bin_of_row: Ints, n_bins: int, weight: Floats | None = None) -> Floats:
        """(1 + resamples, n_bins): rows (or their weights) in each bin in each resample."""
        n_days = self.counts.shape[1]
        cells = np.bincount(self.of_row * n_bins + bin_of_row, weight, minlength=n_days * n_bins)
        table = cells.reshape(n_days, n_bins).astype(np.float32)
        return np.asarray(self.counts.astype(np.float32, copy=False) @ table, np.float64)


def median_error(abs_error: Floats, days: DaysOfRows) -> Floats:
    """(1 + resamples,) median absolute error, s, on a straight line inside bins that narrow towards the middle."""
    order = np.argsort(abs_error, kind="stable")
    bin_of_rank = _bin_of_rank(len(abs_error))
    bin_of_row = np.empty(len(order), np.int64)
    bin_of_row[order] = bin_of_rank
    first_rank = np.searchsorted(bin_of_rank, np.arange(ERROR_BINS + 1))
    edges = abs_error[order][np.minimum(first_rank, len(order) - 1)]
    counts = days.draw(bin_of_row, ERROR_BINS)
    reached = np.cumsum(counts, axis=1)
    half = reached[:, -1:] / 2
    middle = np.argmax(reached >= half, axis=1)
    row = np.arange(len(counts))
    inside = np.maximum(counts[row, middle], 1e-12)
    share = np.clip(1 - (reached[row, middle] - half[:, 0]) / inside, 0, 1)
    medians = edges[middle] + share * (edges[middle + 1] - edges[middle])
    medians[half[:, 0] == 0] = np.nan
    return _moved_to(float(np.median(abs_error)), medians)


def _bin_of_rank(n: int) -> Ints:
    """(n,) the bin of each rank: the nearer to the median, the fewer ranks share one."""
    from_middle = 2 * (np.arange(n) + 0.5) / n - 1
    warped = (1 + np.sign(from_middle) * np.sqrt(np.abs(from_middle))) / 2
    return np.asarray(np.minimum(warped * ERROR_BINS, ERROR_BINS - 1), np.int64)


def ranking_and_calibration(chance: Floats, happened: Bools, days: DaysOfRows) -> tuple[Floats, Floats]:
    """AUC and expected calibration error, both (1 + resamples,).

    The error is the mean gap between chance and share in ten bins of equal count (equal chances stay together),
    weighted by rows. A resample adds its own noise to every gap, so its draws are centred on the value.
    AUC is NaN where only one of the two outcomes occurs.
    """
    edges = np.quantile(chance, np.arange(1, CHANCE_BINS) / CHANCE_BINS)
    bin_of_row = np.searchsorted(edges, chance, side="left")
    rows = days.draw(bin_of_row, CHANCE_BINS)
    late = days.draw(bin_of_row, CHANCE_BINS, happened.astype(np.float64))
    chances = days.draw(bin_of_row, CHANCE_BINS, chance)
    auc = np.clip(_moved_to(auc_of(chance, happened), _binned_auc(late, rows - late)), 0, 1)
    return auc, _calibration_error(rows, late, chances)


def auc_of(chance: Floats, happened: Bools) -> float:
    """Chance that a run where it happened was ranked above one where it did not; NaN with one outcome only."""
    n_late = int(happened.sum())
    n_other = len(happened) - n_late
    if not n_late or not n_other:
        return float("nan")
    ranks = rankdata(chance)[happened].sum()
    return float((ranks - n_late * (n_late + 1) / 2) / (n_late * n_other))


def _binned_auc(late: Floats, other: Floats) -> Floats:
    others_below = np.cumsum(other, axis=1) - other
    pairs = late.sum(axis=1) * other.sum(axis=1)
    won = (late * (others_below + other / 2)).sum(axis=1)
    return ratio(won, pairs)


def _calibration_error(rows: Floats, late: Floats, chances: Floats) -> Floats:
    def coarse(fine: Floats) -> Floats:
        return np.asarray(fine.reshape(len(fine), CALIBRATION_BINS, BINS_WITHIN).sum(axis=2))

    gap = np.abs(coarse(chances) - coarse(late)).sum(axis=1)
    error = ratio(gap, rows.sum(axis=1))
    if len(error) > 1 and np.isfinite(error[1:]).any():
        error[1:] = np.clip(error[1:] + error[0] - np.nanmean(error[1:]), 0, 1)
    return error


def _moved_to(exact: float, binned: Floats) -> Floats:
    """Resamples moved so that the first of them, the data, has its exact value."""
    return np.asarray(binned + (exact - binned[0]))
