"""The response time to a place that is only named: any of its points may be meant, each as likely.

The distribution function of the whole is the mean of those of the points, so a quantile is found by inverting that
mean. The mean of the points' quantiles would leave out how far apart they lie.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from londonpump.models.distribution import ResponseTimes

Floats = NDArray[np.float64]

HALVINGS = 16
"""Of the span between the quickest and the slowest point: 1,200 s come down to 0.02 s."""


class Times(Protocol):
    """What may be asked of n response times, to an exact place or to one that is only named."""

    @property
    def mean_s(self) -> Floats:
        """(n,) mean."""

    def quantile(self, level: float) -> Floats:
        """(n,) seconds that a run stays below with this chance."""

    def quantiles(self, levels: tuple[float, ...]) -> Floats:
        """(n, levels) seconds."""

    def p_over(self, threshold_s: float | Floats) -> Floats:
        """(n,) chance of taking longer than a threshold, one for all or one a run."""


@dataclass(frozen=True, slots=True)
class MixtureTimes:
    """n response times, each to one of `points` places. parts: n x points of them, those of a run side by side."""

    parts: ResponseTimes
    points: int

    @property
    def mean_s(self) -> Floats:
        """(n,) mean."""
        return self._mean(self.parts.mean_s)

    def quantile(self, level: float) -> Floats:
        """(n,) seconds that a run stays below with this chance."""
        of_points_s = self.parts.quantile(level).reshape(-1, self.points)
        low_s, high_s = of_points_s.min(axis=1), of_points_s.max(axis=1)
        for _ in range(HALVINGS):
            middle_s = (low_s + high_s) / 2
            is_enough = 1.0 - self.p_over(middle_s) >= level
            low_s, high_s = np.where(is_enough, low_s, middle_s), np.where(is_enough, middle_s, high_s)
        return np.asarray(high_s)

    def quantiles(self, levels: tuple[float, ...]) -> Floats:
        """(n, levels) seconds."""
        return np.stack([self.quantile(level) for level in levels], axis=1)

    def p_over(self, threshold_s: float | Floats) -> Floats:
        """(n,) chance of taking longer than a threshold, one for all or one a run."""
        of_parts = np.repeat(threshold_s, self.points) if np.ndim(threshold_s) else threshold_s
        return self._mean(self.parts.p_over(of_parts))

    def _mean(self, of_parts: Floats) -> Floats:
        return np.asarray(of_parts.reshape(-1, self.points).mean(axis=1))
