"""Slices that differ from the other rows, with intervals that hold although the slices were chosen by their figures.

Of three hundred slices the worst fifteen are mostly unlucky ones. All intervals are therefore simultaneous: with 95 % confidence
every one of them holds the true difference of its slice, so any may be chosen. They are value ± c · se, where se is the standard
deviation over resampled days, and c is the 95 % quantile over the resamples of the largest |resampled - value| / se of all slices
(single-step max-t; Westfall and Young, 1993). The slices share the drawn days, so their dependence (a station lies in a borough) is
part of c, which Bonferroni's correction would ignore and which the false discovery rate would need an assumption for.

On 6,000 simulated rows in 74 slices that do not differ (skewed errors, bad days) 1 of 80 tables chose a slice by its error, and 4 of 80
by its coverage, where 2 are meant. On the good side, which no table shows, it was 16 and 12: skewed values need longer intervals there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from londonpump.evaluation.evaluation_rows import Bools, EvaluationRows, Floats
from londonpump.evaluation.intervals import CONFIDENCE, Stat, draw_days, ratio

MIN_SLICE_DAYS = 10
"""With fewer days the standard deviation of the resamples says little."""


@dataclass(frozen=True, slots=True)
class SliceDifference:
    """The mean of the rows of a slice minus that of all other rows."""

    slice_name: str
    value: str
    n: int
    mean: float
    difference: Stat
    """With the ends of the simultaneous interval."""


def slice_differences(
    rows: EvaluationRows, values: Floats, min_rows: int, resamples: int = 1000, seed: int = 0
) -> list[SliceDifference]:
    """Return every slice of `min_rows` rows or more on MIN_SLICE_DAYS days, with its difference from the other rows.

    Args: values: (n,) what is averaged, such as absolute errors, or 1 where the interval holds the actual time.
    """
    draws = draw_days(rows.day, resamples, seed)
    day = np.searchsorted(draws.days, rows.day)
    n_days = len(draws.days)
    kept = [
        (*named, inside)
        for named, inside in _slices(rows)
        # A slice of nearly all rows leaves no others to compare it with.
        if min(inside.sum(), (~inside).sum()) >= min_rows and len(np.unique(day[inside])) >= MIN_SLICE_DAYS
    ]
    if not kept:
        return []
    # Sums by day once: every resample is then one product with the number of times that each day was drawn.
    total, count = (draws.counts @ np.bincount(day, weight, n_days) for weight in (values, np.ones(len(day))))
    sums, counts = (
        draws.counts
        @ np.stack([np.bincount(day[inside], weight[inside], n_days) for *_, inside in kept], axis=1)
        for weight in (values, np.ones(len(day)))
    )
    mean = ratio(sums, counts)
    gap = mean - ratio(total[:, None] - sums, count[:, None] - counts)
    value, drawn = gap[0], gap[1:]
    spread = np.nanstd(drawn, axis=0)
    known = spread > 0
    largest = (
        np.nanmax(np.abs(drawn - value)[:, known] / spread[known], axis=1) if known.any() else np.zeros(1)
    )
    half = float(np.quantile(largest, CONFIDENCE)) * spread
    return [
        SliceDifference(
            name,
            text,
            int(inside.sum()),
            float(mean[0, at]),
            Stat(float(value[at]), float(value[at] - half[at]), float(value[at] + half[at]))
            if known[at]
            else Stat(float(value[at])),
        )
        for at, (name, text, inside) in enumerate(kept)
    ]


def worse_slices(found: Sequence[SliceDifference], sign: int = 1) -> list[SliceDifference]:
    """Return the slices whose whole interval is on the bad side of 0, the largest difference first.

    Args: sign: 1 if more is worse (errors), -1 if less is (coverage).
    """

    def nearest(one: SliceDifference) -> float:
        ends = (one.difference.low, one.difference.high)
        return min(sign * end for end in ends if end is not None) if None not in ends else 0.0

    return sorted(
        (one for one in found if nearest(one) > 0), key=lambda one: -sign * (one.difference.value or 0)
    )


def _slices(rows: EvaluationRows) -> Iterator[tuple[tuple[str, str], Bools]]:
    for name, of_row in rows.slices.items():
        for value in np.unique(of_row):
            yield (name, str(value)), of_row == value
