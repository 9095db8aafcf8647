"""Mean differences between two models, with intervals that are valid for few days.

A month has few days, and a slice of it few rows in each. A plain percentile interval of resampled days is then too
short: on seven days of unequal size its 95 % held 86 % of the time, on 28 days 94 %. So each resample is measured in
its own standard error, which held 93 % and 95 % (docs/explanation/promotion.md): the bootstrap-t of Efron and
Tibshirani, An Introduction to the Bootstrap, chapter 12. Many slices are evaluated together by the largest of their
studentised deviations in each resample (max-t; Westfall and Young 1993), which accounts for shared rows and days.
"""

from dataclasses import dataclass

import numpy as np

from londonpump.evaluation.evaluation_rows import Floats, Ints
from londonpump.evaluation.intervals import DayDraws, ratio

NO_SCATTER_S = 1e-9
"""A standard error below this is rounding: the difference is the same on every day."""
# A resample without scatter would be infinitely far in its own standard errors.
FARTHEST = 1e6


@dataclass(frozen=True, eq=False)
class GroupDifferences:
    """Mean differences of k groups of rows."""

    value_s: Floats
    """(k,) seconds."""
    error_s: Floats
    """(k,) standard errors, by days."""
    studentised: Floats
    """(resamples, k) deviation of each resample from the value, in its own standard errors."""

    def interval(self, confidence: float) -> tuple[Floats, Floats]:
        """Return the (k,) lower and upper ends for each group alone."""
        tail = (1 - confidence) / 2
        low, high = np.quantile(self.studentised, (tail, 1 - tail), axis=0)
        return self.value_s - high * self.error_s, self.value_s - low * self.error_s

    def low_together(self, error_share: float) -> Floats:
        """Return (k,) lower ends that hold together except in `error_share` of cases; above 0 the group got worse."""
        if not len(self.value_s):
            return self.value_s
        # The largest deviation of each resample covers all groups at once, whatever rows they share.
        farthest = np.quantile(self.studentised.max(axis=1), 1 - error_share)
        return np.asarray(self.value_s - farthest * self.error_s)


def group_differences(difference_s: Floats, group: Ints, day: Ints, draws: DayDraws) -> GroupDifferences:
    """Return the differences of groups, with whole days drawn together.

    Args: difference_s: (m,) difference of each row. group: (m,) 0 to k - 1, each occurring. day: (m,) days, all among those
    of `draws`. A row of several groups is repeated.
    """
    k, n_days = int(group.max(initial=-1)) + 1, len(draws.days)
    cell = np.searchsorted(draws.days, day) * k + group
    rows = np.bincount(cell, minlength=n_days * k).reshape(n_days, k).astype(np.float64)
    sums = np.bincount(cell, difference_s, minlength=n_days * k).reshape(n_days, k)
    counts = draws.counts
    values = ratio(counts @ sums, counts @ rows)
    # on deviations from the value: sums of squares of large numbers would cancel to rounding
    off = sums - values[0] * rows
    shift = values - values[0]
    squares = counts @ off**2 - 2 * shift * (counts @ (off * rows)) + shift**2 * (counts @ rows**2)
    days = (rows > 0).sum(axis=0)
    # The usual correction of a variance for few observations.
    few_days = np.sqrt(days / np.maximum(days - 1, 1))
    errors = ratio(np.sqrt(np.maximum(squares, 0)), counts @ rows) * few_days
    return GroupDifferences(values[0], _without_noise(errors[0]), _studentised(shift[1:], errors[1:]))


def _without_noise(error_s: Floats) -> Floats:
    return np.where(error_s < NO_SCATTER_S, 0.0, error_s)


def _studentised(shift_s: Floats, error_s: Floats) -> Floats:
    """0 where a resample lacks the group or does not differ from the value."""
    moved = np.isfinite(shift_s) & (np.abs(shift_s) > NO_SCATTER_S)
    far = np.divide(shift_s, np.maximum(error_s, NO_SCATTER_S), out=np.zeros_like(shift_s), where=moved)
    return np.clip(far, -FARTHEST, FARTHEST)
