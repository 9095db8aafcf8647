"""The two baselines that every model must beat: a constant, and distance alone.

Distance alone is isotonic: farther never means sooner. Two curves are fitted on straight-line km from
the deployed station, the conditional median (least absolute error) and the conditional mean (least
squares). The baseline predicts the median curve, and the mean curve where a mean is
requested. Measured on real rows, MAE / RMSE in seconds on first and second pumps:

| train -> test                         | constant      | mean curve   | median curve | scikit-learn |
|---------------------------------------|---------------|--------------|--------------|--------------|
| 2023, January-September -> last quarter | 108.3 / 149.7 | 73.1 / 110.8 | 73.4 / 112.8 | 73.3 / 110.8 |
| 2017, January -> February             | 106.0 / 150.3 | 76.8 / 117.5 | 75.0 / 119.1 | 76.9 / 117.4 |

(7,769 -> 3,484 rows and 10,993 -> 9,690; the last column is its `IsotonicRegression`.) The median curve
is 1.8 s stronger in MAE on one set and 0.2 s weaker on the other, whose last quarter was slower than the
months before it. Twenty to 150 binned medians made monotone were 0.0 to 0.7 s weaker on both.
"""

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import BadValue, TooFewRows

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Constant:
    """The same prediction for every dispatch: median and mean of the training rows, seconds."""

    median_s: float
    mean_s: float

    def predict(self, n: int) -> Floats:
        """(n,) the median."""
        return np.full(n, self.median_s)

    def predict_mean(self, n: int) -> Floats:
        """(n,) the mean."""
        return np.full(n, self.mean_s)


@dataclass(frozen=True, slots=True)
class Curve:
    """Seconds by distance: straight lines between knots, level outside them. Both ascend, shape (k,)."""

    distance_km: Floats
    attendance_s: Floats

    def at(self, distance_km: Floats) -> Floats:
        """Return the seconds at each distance, NaN where the distance is NaN."""
        return np.asarray(np.interp(distance_km, self.distance_km, self.attendance_s))


@dataclass(frozen=True, slots=True)
class Distance:
    """Distance alone. A dispatch of unknown distance gets the prediction of the constant."""

    median: Curve
    mean: Curve
    unknown: Constant

    def predict(self, distance_km: Floats) -> Floats:
        """(n,) median seconds."""
        return np.where(np.isnan(distance_km), self.unknown.median_s, self.median.at(distance_km))

    def predict_mean(self, distance_km: Floats) -> Floats:
        """(n,) mean seconds."""
        return np.where(np.isnan(distance_km), self.unknown.mean_s, self.mean.at(distance_km))


def fit_constant(attendance_s: Floats) -> Constant:
    """Fit the median and mean of (n,) finite seconds. Raises: TooFewRows if n is 0; BadValue."""
    if len(attendance_s) == 0:
        raise TooFewRows("constant: no training row. Give records with an attendance time.")
    if not np.isfinite(attendance_s).all():
        missing = int((~np.isfinite(attendance_s)).sum())
        raise BadValue("attendance_s", missing, "rows without a time: leave them out")
    return Constant(float(np.median(attendance_s)), float(np.mean(attendance_s)))


def fit_distance(distance_km: Floats, attendance_s: Floats) -> Distance:
    """Fit both curves from (n,) km, NaN where unknown, and (n,) finite seconds.

    Raises: TooFewRows without two different distances; BadValue.
    """
    constant = fit_constant(attendance_s)
    if len(distance_km) != len(attendance_s):
        raise BadValue("distance_km", len(distance_km), f"{len(attendance_s)} times were given")
    known = ~np.isnan(distance_km)
    order = np.argsort(distance_km[known], kind="stable")
    distance, seconds = distance_km[known][order], attendance_s[known][order]
    distinct, starts = np.unique(distance, return_index=True)
    if len(distinct) < 2 or not np.isfinite(distinct).all():
        raise TooFewRows("distance: two different finite distances needed. Give records with coordinates.")
    sizes = np.diff(np.append(starts, len(seconds)))
    return Distance(
        median=_curve(distinct, isotonic_median(seconds, sizes), sizes),
        mean=_curve(distinct, isotonic_mean(np.add.reduceat(seconds, starts) / sizes, sizes), sizes),
        unknown=constant,
    )


def isotonic_mean(level_mean: Floats, level_size: NDArray[np.int64]) -> Floats:
    """Return the (k,) ascending values of least squared error, by pooling adjacent violators.

    Args: level_mean, level_size: (k,) mean and number of the rows of each level, in order.
    """
    totals: list[float] = []
    weights: list[int] = []
    levels: list[int] = []
    for mean, weight in zip(level_mean.tolist(), level_size.tolist(), strict=True):
        totals.append(mean * weight)
        weights.append(weight)
        levels.append(1)
        # a level that is not above the one before violates the order: the two are pooled into their mean
        while len(levels) > 1 and totals[-2] / weights[-2] >= totals[-1] / weights[-1]:
            total_s, rows, count = totals.pop(), weights.pop(), levels.pop()
            totals[-1] += total_s
            weights[-1] += rows
            levels[-1] += count
    return np.repeat(np.array(totals) / np.array(weights), levels)


def isotonic_median(seconds: Floats, level_size: NDArray[np.int64]) -> Floats:
    """Return the (k,) ascending values of least absolute error; of equally good ones the middle.

    Args: seconds: (n,) rows, sorted by level. level_size: (k,) rows of each level.
    """
    low = _lowest_isotonic_median(seconds, level_size)
    # The highest solution is the lowest one of the mirrored rows.
    high = -_lowest_isotonic_median(-seconds[::-1], level_size[::-1])[::-1]
    return np.asarray((low + high) / 2)


def _lowest_isotonic_median(seconds: Floats, level_size: NDArray[np.int64]) -> Floats:
    """Return the lowest exact solution in n log n; the heap holds the points where the least error changes its slope.

    Source: the "slope trick". Each row changes the slope by two at its own value; the constraint to ascend removes
    the rising part.
    """
    heap: list[float] = []
    lowest = np.empty(len(level_size))
    rows = iter((-seconds).tolist())
    for level, size in enumerate(level_size.tolist()):
        for _ in range(size):
            row = next(rows)
            heapq.heappush(heap, row)
            heapq.heappush(heap, row)
        for _ in range(size):
            heapq.heappop(heap)
        # The values are negated, because heapq keeps the smallest on top and the largest is needed.
        lowest[level] = -heap[0]
    # A later level may have pulled its predecessors down: the running minimum from the end restores the order.
    return np.asarray(np.minimum.accumulate(lowest[::-1])[::-1])


def _curve(distinct_km: Floats, level_s: Floats, level_size: NDArray[np.int64]) -> Curve:
    """Return one knot per step, at the mean distance of its rows; lines between knots beat the steps themselves."""
    starts = np.flatnonzero(np.append(True, np.diff(level_s) > 0))
    rows = np.add.reduceat(level_size, starts)
    return Curve(np.add.reduceat(distinct_km * level_size, starts) / rows, level_s[starts])
