"""Response times as distributions: centre, scale, and the shape of the error.

All figures of a dispatch come from one distribution, so they never contradict each other: quantile(p) = centre +
scale x z(p), where z is the conformal table of standardised errors of the dispatch's group. Values are clipped to
0 and 1,200 s, because the published records end there.

For an area, the distribution function is the mean over its points, and a quantile inverts that mean. The mean of the
points' quantiles would ignore how far apart the points are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from londonpump.domain.attendance_targets import MAX_PUBLISHED_S

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Finer at the ends, where the quantiles lie far apart.
LEVELS: Floats = np.concatenate([[0.0025, 0.005], np.arange(1, 100) / 100, [0.995, 0.9975]])
"""The levels at which the shape is stored; between two of them it is interpolated linearly."""
LEVEL_WEIGHTS: Floats = np.diff(np.concatenate([[0.0], (LEVELS[1:] + LEVELS[:-1]) / 2, [1.0]]))
"""Weight of each level in a mean: the probability mass between the midpoints to its neighbours."""
# The announced time is the P50; P10 to P90 is the interval whose coverage is evaluated and monitored.
P10, P50, P90 = 0.1, 0.5, 0.9


@dataclass(frozen=True, slots=True)
class ResponseTimes:
    """n response times; centre_s and scale_s have shape (n,)."""

    centre_s: Floats
    scale_s: Floats
    group: Ints
    """(n,) row of `shape`."""
    shape: Floats
    """(groups, levels) standardised errors, increasing along a row."""
    fastest_s: Floats | float = 0.0
    """(n,) lower limit of the response time."""

    def take(self, rows: Ints | slice) -> "ResponseTimes":
        """Return the response times of some rows."""
        fastest_s = self.fastest_s[rows] if isinstance(self.fastest_s, np.ndarray) else self.fastest_s
        return ResponseTimes(self.centre_s[rows], self.scale_s[rows], self.group[rows], self.shape, fastest_s)

    def quantile(self, level: float) -> Floats:
        """Return the (n,) seconds that a dispatch stays below with this probability."""
        # Interpolated once per group, not once per dispatch: there are few groups and many candidates.
        z = np.array([np.interp(level, LEVELS, row) for row in self.shape])
        return self._seconds(z[self.group])

    def quantiles(self, levels: tuple[float, ...]) -> Floats:
        """Return the (n, levels) quantiles, seconds."""
        z = np.array([np.interp(levels, LEVELS, row) for row in self.shape])
        return self._seconds(z[self.group], columns=True)

    @property
    def mean_s(self) -> Floats:
        """Return the (n,) means of the clipped distributions."""
        return np.asarray(self._seconds(self.shape[self.group], columns=True) @ LEVEL_WEIGHTS)

    def p_over(self, threshold_s: float | Floats) -> Floats:
        """Return the (n,) probability of exceeding a threshold, one for all or one per dispatch."""
        threshold_s = np.broadcast_to(np.asarray(threshold_s, np.float64), self.centre_s.shape)
        z = (threshold_s - self.centre_s) / self.scale_s
        below = np.empty(len(z))
        for group, row in enumerate(self.shape):
            rows = self.group == group
            if rows.any():
                below[rows] = np.interp(z[rows], row, LEVELS, left=0.0, right=1.0)
        below[threshold_s < self.fastest_s] = 0.0
        # The records stop at this time, so that they contain no information on a later arrival.
        below[threshold_s >= MAX_PUBLISHED_S] = 1.0
        return np.asarray(1.0 - below)

    def _seconds(self, z: Floats, columns: bool = False) -> Floats:
        centre, scale = (
            (self.centre_s[:, None], self.scale_s[:, None]) if columns else (self.centre_s, self.scale_s)
        )
        fastest = np.minimum(self.fastest_s, MAX_PUBLISHED_S)
        if columns and np.ndim(fastest):
            fastest = np.asarray(fastest)[:, None]
        return np.asarray(np.clip(centre + scale * z, fastest, MAX_PUBLISHED_S))


def shape_of(z: Floats) -> Floats:
    """Return (levels,) conformal quantiles: at least the stated share of later standardised errors is below each.

    Source: split conformal prediction (Vovk; Lei et al. 2018), the (n + 1) rank of each tail.

    Args: z: (n,) standardised errors of calibration rows, n at least 1.
    """
    z = np.sort(z)
    n = len(z)
    # 0.55 x 100 is 55.000000000000007 in binary: rounded outwards it would take the next rank
    rank = np.round(LEVELS * (n + 1), 9)
    # Each tail is rounded outwards, so that an interval covers at least what it claims.
    outwards = np.where(LEVELS < P50, np.floor(rank), np.where(LEVELS > P50, np.ceil(rank), rank))
    # With few errors the outermost ranks do not exist: the extreme error is the widest that can be claimed.
    position = np.clip(outwards - 1, 0, n - 1)
    return np.asarray(np.interp(position, np.arange(n), z))


HALVINGS = 16
"""Bisection steps: the widest span of 1,200 s shrinks to 0.02 s."""


class Times(Protocol):
    """The interface of n response times, to an exact location or to an area."""

    def take(self, rows: Ints) -> Self:
        """Return the response times of some rows."""

    @property
    def mean_s(self) -> Floats:
        """Return the (n,) means."""

    def quantile(self, level: float) -> Floats:
        """Return the (n,) seconds that a dispatch stays below with this probability."""

    def quantiles(self, levels: tuple[float, ...]) -> Floats:
        """Return the (n, levels) quantiles, seconds."""

    def p_over(self, threshold_s: float | Floats) -> Floats:
        """Return the (n,) probability of exceeding a threshold, one for all or one per dispatch."""


@dataclass(frozen=True, slots=True)
class MixtureTimes:
    """n response times, each to an area of several equally likely points."""

    parts: ResponseTimes
    """n x points response times; those of one dispatch are adjacent."""
    points: int
    """Number of points of the area."""

    def take(self, rows: Ints) -> "MixtureTimes":
        """Return the response times of some rows."""
        every = (rows[:, None] * self.points + np.arange(self.points)).ravel()
        return MixtureTimes(self.parts.take(every), self.points)

    @property
    def mean_s(self) -> Floats:
        """Return the (n,) means."""
        return self._mean(self.parts.mean_s)

    def quantile(self, level: float) -> Floats:
        """Return the (n,) seconds that a dispatch stays below with this probability."""
        of_points_s = self.parts.quantile(level).reshape(-1, self.points)
        # The quantile of a mixture lies between the smallest and the largest quantile of its points.
        low_s, high_s = of_points_s.min(axis=1), of_points_s.max(axis=1)
        for _ in range(HALVINGS):
            middle_s = (low_s + high_s) / 2
            is_enough = 1.0 - self.p_over(middle_s) >= level
            low_s, high_s = np.where(is_enough, low_s, middle_s), np.where(is_enough, middle_s, high_s)
        # The upper end: at least the stated probability lies below it.
        return np.asarray(high_s)

    def quantiles(self, levels: tuple[float, ...]) -> Floats:
        """Return the (n, levels) quantiles, seconds."""
        return np.stack([self.quantile(level) for level in levels], axis=1)

    def p_over(self, threshold_s: float | Floats) -> Floats:
        """Return the (n,) probability of exceeding a threshold, one for all or one per dispatch."""
        of_parts = np.repeat(threshold_s, self.points) if np.ndim(threshold_s) else threshold_s
        return self._mean(self.parts.p_over(of_parts))

    def _mean(self, of_parts: Floats) -> Floats:
        return np.asarray(of_parts.reshape(-1, self.points).mean(axis=1))


@dataclass(frozen=True, slots=True)
class QuantileMixture:
    """The mixture of k equally likely distributions that are given by their quantiles, as one distribution function."""

    second: Floats
    """(k x levels,) seconds, rising."""
    level: Floats
    """(k x levels,) probability of each of the seconds, rising."""

    @classmethod
    def of(cls, seconds: Floats) -> "QuantileMixture":
        """Build the mixture from (k, levels) quantiles at LEVELS."""
        flat = seconds.ravel()
        order = flat.argsort()
        weight = np.tile(LEVEL_WEIGHTS / len(seconds), len(seconds))[order]
        return cls(flat[order], weight.cumsum() - weight / 2)

    def quantiles(self, levels: tuple[float, ...]) -> Floats:
        """Return the quantiles in seconds."""
        return np.interp(levels, self.level, self.second)

    def p_over(self, threshold_s: float) -> float:
        """Return the chance of taking longer than a threshold."""
        return 1.0 - float(np.interp(threshold_s, self.second, self.level, left=0.0, right=1.0))


N_TIMES = 96
"""Times, about 6 s apart, at which the chances that two pumps have arrived are computed."""
N_TIMES_OF_PAIR = 48
"""The same for the chance that one is first, which is asked for each candidate: within 0.005 of many draws."""
MAX_POINTS_OF_PAIR = 8
"""Points of an area for that chance, evenly among those of the area."""
SAME_START, OTHER_START = 0.78, 0.27
"""Correlation of the quantiles at which two pumps of one call arrive, by whether both leave from one station.

Measured on the calls with two pumps of 2023, predicted by five folds (docs/explanation/accuracy.md, "Two pumps of one call"):
901 pairs from one station, 2,207 from two. From rank correlations (0.76 and 0.26), which single very late pumps do not dominate.
"""
# ndtri is infinite at 0 and 1
MIN_CHANCE = 1e-9
# 12 nodes integrate over the shared standard normal variable
_NODES, _WEIGHTS_WHOLE = np.polynomial.hermite_e.hermegauss(12)
_WEIGHTS: Floats = _WEIGHTS_WHOLE / _WEIGHTS_WHOLE.sum()


def later_of_two_s(times: Times, rows: Ints, levels: Sequence[float], correlation: float) -> list[float]:
    """Return quantiles of the later of two arrivals at one call.

    Args: rows: (2,). levels: within the range of LEVELS.
    """
    parts, pairs = _by_point(times, rows[None], None)
    ends_s = _ends(parts, pairs)
    time_s = np.linspace(ends_s.min(), ends_s.max(), N_TIMES)
    arrived = _arrived(parts, pairs, np.tile(time_s, (len(pairs), 1)), np.full(len(pairs), correlation))
    # given the shared variable, the two arrivals are independent: multiply, then average over nodes and points
    both = (arrived.prod(axis=1) @ _WEIGHTS).mean(axis=0)
    return [float(s) for s in np.interp(levels, both, time_s)]


def chance_before(times: Times, pairs: Ints, correlation: Floats) -> Floats:
    """Return the (m,) chance that the first pump of each pair arrives before the second.

    Args: pairs: (m, 2) rows. correlation: (m,).
    """
    parts, of_points = _by_point(times, pairs, MAX_POINTS_OF_PAIR)
    ends_s = _ends(parts, of_points)
    time_s = np.linspace(ends_s.min(axis=1), ends_s.max(axis=1), N_TIMES_OF_PAIR, axis=1)
    n_points = len(of_points) // len(pairs)
    arrived = _arrived(parts, of_points, time_s, np.repeat(correlation, n_points))
    first, second = np.moveaxis(arrived, 1, 0)
    # The mass between two times meets the mean chance that the other pump is later; what lies beyond the ends is tiny.
    later = 1.0 - (second[:, 1:] + second[:, :-1]) / 2
    wins = (np.diff(first, axis=1) * later).sum(axis=1) + first[:, 0] * (1.0 - second[:, 0] / 2)
    return np.asarray(np.clip(wins @ _WEIGHTS, 0.0, 1.0).reshape(-1, n_points).mean(axis=1))


def _by_point(times: Times, pairs: Ints, max_points: int | None) -> tuple[Times, Ints]:
    """Return the times to single points, and (m x points, 2) rows of them, those of one pair adjacent; None: all points.

    Both pumps go to the same point of an area, so that their mixtures must not be joined as if each had one of its own.
    """
    if not isinstance(times, MixtureTimes):
        return times, pairs
    step = 1 if max_points is None else max(1, times.points // max_points)
    rows = pairs[:, None, :] * times.points + np.arange(0, times.points, step)[:, None]
    return times.parts, rows.reshape(-1, 2)


def _ends(times: Times, pairs: Ints) -> Floats:
    """Return (m, 4) the earliest and the latest time of both pumps."""
    return times.take(pairs.ravel()).quantiles((LEVELS[0], LEVELS[-1])).reshape(len(pairs), -1)


def _arrived(times: Times, pairs: Ints, time_s: Floats, correlation: Floats) -> Floats:
    """Return the (m, 2, t, nodes) chance that each pump has arrived at (m, t) times, given the shared variable.

    The two times of a pair are joined by a Gaussian copula.
    """
    n_times = time_s.shape[1]
    later = times.take(np.repeat(pairs.ravel(), n_times)).p_over(np.repeat(time_s, 2, axis=0).ravel())
    chance = np.clip(1.0 - later.reshape(*pairs.shape, n_times), MIN_CHANCE, 1.0 - MIN_CHANCE)
    shared, own = (part[:, None, None, None] ** 0.5 for part in (correlation, 1.0 - correlation))
    return np.asarray(ndtr((ndtri(chance)[..., None] - shared * _NODES) / own))
