"""Slices that differ from all rows, with intervals that hold although the slices were chosen by their figures.

Of three hundred slices the worst fifteen are mostly unlucky ones. All intervals are therefore simultaneous (bootstrap-t and max-t over
resampled days, as the promotion rule has them): with 95 % confidence every one of them holds the true difference of its slice, so any
may be chosen. Slices share rows and days (a station lies in a borough), which Bonferroni's correction would ignore and
which the false discovery rate would need an assumption for. A slice is compared with all mobilisations of the same days, because days
that are bad for all say nothing about it.

On 6,000 simulated rows in 74 slices that do not differ (skewed errors, bad days) 5 of 80 tables chose a slice by its error and 4 of 80 by
its coverage, where 2 are meant.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from londonpump.evaluation.evaluation_rows import EvaluationRows, Floats
from londonpump.evaluation.intervals import CONFIDENCE, Stat, draw_days
from londonpump.evaluation.promotion.comparison import group_differences

MIN_SLICE_DAYS = 10
"""With fewer days the standard error of a resample says little."""


@dataclass(frozen=True, slots=True)
class SliceDifference:
    """The mean of the rows of a slice, and how far it is from that of all rows of the same days."""

    slice_name: str
    value: str
    n: int
    mean: float
    difference: Stat
    """With the ends of the simultaneous interval."""


def slice_differences(
    rows: EvaluationRows, values: Floats, min_rows: int, resamples: int = 1000, seed: int = 0
) -> list[SliceDifference]:
    """Return every slice of `min_rows` rows or more on MIN_SLICE_DAYS days, with its difference from all rows.

    Args: values: (n,) what is averaged, such as absolute errors, or 1 where the interval holds the actual time.
    """
    draws = draw_days(rows.day, resamples, seed)
    day = np.searchsorted(draws.days, rows.day)
    off = values - (np.bincount(day, values) / np.bincount(day))[day]
    found = [
        (name, str(value), np.flatnonzero(of_row == value))
        for name, of_row in rows.slices.items()
        for value in np.unique(of_row)
    ]
    # A slice of all rows has nothing to differ from.
    kept = [
        (name, value, index)
        for name, value, index in found
        if min_rows <= len(index) < len(rows) and len(np.unique(day[index])) >= MIN_SLICE_DAYS
    ]
    if not kept:
        return []
    whole = np.concatenate([index for *_, index in kept])
    group = np.repeat(np.arange(len(kept)), [len(index) for *_, index in kept])
    tail = (1 - CONFIDENCE) / 2
    # The same draws for both sides; the upper ends are the lower ones of the negative values.
    lows, highs = (
        sign * group_differences(sign * off[whole], group, rows.day[whole], draws).low_together(tail)
        for sign in (1, -1)
    )
    return [
        SliceDifference(
            name,
            value,
            len(index),
            float(values[index].mean()),
            Stat(float(off[index].mean()), float(low), float(high)),
        )
        for (name, value, index), low, high in zip(kept, lows, highs, strict=True)
    ]


def worse_slices(found: Sequence[SliceDifference], sign: int = 1) -> list[SliceDifference]:
    """Return the slices whose whole interval is on the bad side of 0, the largest difference first.

    Args: sign: 1 if more is worse (errors), -1 if less is (coverage).
    """
    worse = [one for one in found if _end(one, sign) > 0]
    return sorted(worse, key=lambda one: -sign * (one.difference.value or 0))


def _end(one: SliceDifference, sign: int) -> float:
    """Return the end of the interval on the good side, as a difference for the worse."""
    end = one.difference.low if sign > 0 else one.difference.high
    return sign * (end or 0)
