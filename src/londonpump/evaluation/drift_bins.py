"""Bins of inputs: categories, tenths of the reference, or known and inside the reference range."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.evaluation.evaluation_rows import Floats, Ints

NOT_KNOWN, OTHER, INSIDE, OUTSIDE = (
    "not known",
    "other",
    "inside the training range",
    "outside the training range",
)
MIN_SHARE = 0.005
"""A category rarer than this in the reference is counted among the others."""
TENTHS = tuple(step / 10 for step in range(1, 10))
NEARLY_ALL = (0.0005, 0.9995)
MARGIN_SHARE = 0.1


class DriftMeasure(StrEnum):
    """The property of an input that is monitored."""

    MIX = "mix"
    """Shares of categories."""
    SPREAD = "spread"
    """Distribution of numbers."""
    KNOWN = "known"
    """Share of values known and inside the training range, for weather and calendars, which vary by week."""


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """The bins of one input."""

    names: tuple[str, ...]
    """Names of the bins; the last one is for unknown values."""
    bin_of: Mapping[Any, int] = field(default_factory=dict)
    """Bin of each category."""
    edges: Floats | None = None
    """Edges of the bins of numbers."""
    is_range: bool = False

    def index(self, values: NDArray[Any]) -> Ints:
        """Return the (n,) bin of each value; values are objects (None unknown) or float64 (NaN unknown)."""
        if self.edges is None:
            other = len(self.names) - 2
            bin_of = {**self.bin_of, None: other + 1}
            return np.fromiter((bin_of.get(value, other) for value in values), np.int64, len(values))
        found = np.searchsorted(self.edges, values, side="right")
        if self.is_range:
            found = np.where(found == 1, 0, 1)
        return np.where(np.isnan(values), len(self.names) - 1, found).astype(np.int64)


def fit_bins(values: NDArray[Any], how: DriftMeasure) -> Bins:
    """Fit bins on the reference; `values` as in `Bins.index`."""
    if how is DriftMeasure.MIX:
        return _categories(values)
    known = values[np.isfinite(values)]
    if how is DriftMeasure.KNOWN:
        return Bins((INSIDE, OUTSIDE, NOT_KNOWN), edges=_range(known), is_range=True)
    edges = np.unique(np.quantile(known, TENTHS)) if len(known) else np.zeros(0)
    return Bins((*_names_between(edges), NOT_KNOWN), edges=edges)


def daily_counts(day: Ints, index: Ints, days: Ints, n_bins: int) -> Floats:
    """Return (d, n_bins) rows per bin on each of the consecutive `days`; rows of other days are ignored."""
    at = day - days[0]
    kept = (at >= 0) & (at < len(days))
    cells = np.bincount(at[kept] * n_bins + index[kept], minlength=len(days) * n_bins)
    return cells.reshape(len(days), n_bins).astype(np.float64)


def _categories(values: NDArray[Any]) -> Bins:
    counted = Counter(values.tolist())
    enough = MIN_SHARE * len(values)
    names = sorted(str(name) for name, n in counted.items() if name is not None and n >= enough)
    return Bins((*names, OTHER, NOT_KNOWN), bin_of={name: i for i, name in enumerate(names)})


def _range(known: Floats) -> Floats:
    """Return two edges that contain nearly all of the reference, with a margin."""
    if not len(known):
        return np.array([np.inf, np.inf])
    low, high = np.quantile(known, NEARLY_ALL)
    margin = max(MARGIN_SHARE * (high - low), 1e-9)
    return np.array([low - margin, high + margin])


def _names_between(edges: Floats) -> list[str]:
    if not len(edges):
        return ["any"]
    middle = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return [f"below {edges[0]:g}", *middle, f"{edges[-1]:g} and more"]
