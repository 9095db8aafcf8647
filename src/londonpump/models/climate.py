"""The usual weather of a month and hour: what stands in where no weather is known.

Means of the training hours, each UTC hour counted once however many runs it had, smoothed over neighbouring months and
hours. A month that training never saw takes the nearest ones.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from londonpump.features.dispatches import HOUR_US, Dispatches

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MONTHS, HOURS = 12, 24
SMOOTH_MONTHS, SMOOTH_H = 0.6, 1.0


@dataclass(frozen=True, slots=True)
class Climate:
    """means: column -> (12, 24) by month and London hour."""

    means: dict[str, Floats]

    def __call__(self, name: str, dispatches: Dispatches) -> Floats:
        """(n,) the usual value of a column at the moments of the runs."""
        return np.asarray(self.means[name][dispatches.month - 1, dispatches.hour.astype(np.int64)])

    def to_json(self) -> dict[str, Any]:
        """As json-able values."""
        return {name: means.tolist() for name, means in self.means.items()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls({name: np.array(means, np.float64) for name, means in value.items()})


def fit_climate(dispatches: Dispatches, names: tuple[str, ...]) -> Climate:
    """The usual values of columns that some runs know."""
    return Climate({name: _means(dispatches, dispatches.number(name)) for name in names})


def _means(dispatches: Dispatches, values: Floats) -> Floats:
    known = np.flatnonzero(np.isfinite(values))
    _, first = np.unique(dispatches.columns["mobilised_us"][known] // HOUR_US, return_index=True)
    once = known[first]
    cell = (dispatches.month[once] - 1) * HOURS + dispatches.hour[once].astype(np.int64)
    size = MONTHS * HOURS
    count = np.bincount(cell, minlength=size).reshape(MONTHS, HOURS)
    total = np.bincount(cell, values[once], minlength=size).reshape(MONTHS, HOURS)
    months, hours = _nearness(MONTHS, SMOOTH_MONTHS), _nearness(HOURS, SMOOTH_H)
    return np.asarray((months @ total @ hours / (months @ count @ hours)).round(3))


def _nearness(n: int, width: float) -> Floats:
    """(n, n) weights on a circle, positive everywhere: far ones count only where nothing nearer is known."""
    steps = np.arange(n)
    apart = np.abs(steps[:, None] - steps)
    return np.asarray(np.exp(-0.5 * (np.minimum(apart, n - apart) / width) ** 2))
