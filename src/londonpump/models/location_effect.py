"""Location effects: smoothed and shrunk residuals of past dispatches near a location.

Residuals are summed in square cells (per station, or over all), spread over the neighbouring cells by a
Gaussian, and shrunk towards 0 where there are few dispatches. For training rows the value is computed from the other
folds, so that no row sees its own target.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Several times the mean absolute error (about 70 s): only the few extreme arrivals are cut.
CLIP_S = 250.0
# At this distance the weight is 0.04 of that in the centre.
REACH = 2.5
"""A Gaussian is cut off at this many widths."""
MIN_WEIGHT = 0.25
"""A cell with less weight than a quarter of a dispatch is not stored."""
ROW, STATION = 1 << 13, 1 << 26
"""Cell numbers: station, column and row in one integer; 8192 cells of 100 m reach past Britain's width."""


@dataclass(frozen=True, slots=True)
class Smoothing:
    """The settings of one location effect."""

    name: str
    """Name of the feature."""
    cell_m: int
    """Side of a cell."""
    width_m: int
    """Width of the Gaussian."""
    shrink: float
    """Number of dispatches whose weight pulls the value towards 0."""
    is_by_station: bool


# Near and wide per station, because the way to a place differs by station; the third is for all together.
# Six dispatches of shrinkage, and the widths, were chosen on folds inside the training months (accuracy.md).
SMOOTHINGS = (
    Smoothing("pair_300_s", 100, 300, 6.0, is_by_station=True),
    Smoothing("pair_1200_s", 300, 1200, 6.0, is_by_station=True),
    Smoothing("location_200_s", 100, 200, 6.0, is_by_station=False),
)


@dataclass(frozen=True, slots=True)
class LocationEffect:
    """A fitted look-up of location effects."""

    smoothing: Smoothing
    keys: Ints
    """(c,) sorted cell numbers."""
    value_s: Floats
    """(c,) shrunk residual of each cell, rounded to 0.1 s."""

    def __call__(self, station: Ints, easting_m: Floats, northing_m: Floats) -> Floats:
        """Return (n,) seconds, 0 where there was no training dispatch."""
        # 0 is neutral: without past dispatches nearby, the curve and the other features decide.
        query_keys = cell_keys(self.smoothing, station, easting_m, northing_m)
        return _look_up(query_keys, self.keys, self.value_s)

    def to_arrays(self) -> dict[str, Ints]:
        """Return integer arrays: keys as differences, values in tenths of seconds."""
        tenths = np.rint(self.value_s * 10).astype(np.int64)
        return dict(zip(_names(self.smoothing), (np.diff(self.keys, prepend=0), tenths), strict=True))

    @classmethod
    def from_arrays(cls, name: str, arrays: Mapping[str, Ints]) -> "LocationEffect":
        """The inverse of `to_arrays`; `arrays` may hold those of other smoothings too."""
        smoothing = next(s for s in SMOOTHINGS if s.name == name)
        steps, tenths = (arrays[each] for each in _names(smoothing))
        return cls(smoothing, np.cumsum(steps), tenths / 10)


def _names(smoothing: Smoothing) -> tuple[str, str]:
    return f"{smoothing.name}.steps", f"{smoothing.name}.tenths"


def cell_keys(smoothing: Smoothing, station: Ints, easting_m: Floats, northing_m: Floats) -> Ints:
    """Return the (n,) cell number of each dispatch; station -1 (unknown) has cells of its own."""
    # clipped to the grid, so that a location far outside cannot share a number with a cell inside
    column = np.clip(np.floor_divide(easting_m, smoothing.cell_m), 0, ROW - 1).astype(np.int64)
    row = np.clip(np.floor_divide(northing_m, smoothing.cell_m), 0, ROW - 1).astype(np.int64)
    # A key must not be negative: the unknown station, -1, becomes 0.
    which = station + 1 if smoothing.is_by_station else np.zeros_like(station)
    return np.asarray(which * STATION + column * ROW + row)


def fit_location_effect(
    smoothing: Smoothing, keys: Ints, residual_s: Floats, fold: Ints
) -> tuple[LocationEffect, Floats]:
    """Fit one location effect.

    Args: keys: (n,) of `cell_keys`. residual_s: (n,) actual minus curve. fold: (n,) fold of the row's incident.
    Returns: the look-up over all rows, and the (n,) value of each row from the other folds.
    """
    # a few very late arrivals must not mark a whole neighbourhood as slow
    residual_s = np.clip(residual_s, -CLIP_S, CLIP_S)
    order = np.argsort(keys, kind="stable")
    # One patch per station: a grid of all London per station would be mostly empty.
    patches = [
        _patch(smoothing, keys[rows], residual_s[rows], fold[rows], int(fold.max(initial=0)) + 1)
        for rows in np.split(order, _starts_of_stations(keys[order]))
        if len(rows)
    ]
    out_of_fold = np.empty(len(keys))
    out_of_fold[order] = np.concatenate([own for _, _, own in patches]) if patches else np.empty(0)
    all_keys = np.concatenate([cells for cells, _, _ in patches]) if patches else np.empty(0, np.int64)
    value_s = np.concatenate([value for _, value, _ in patches]) if patches else np.empty(0)
    return LocationEffect(smoothing, all_keys, _tenths(value_s)), _tenths(out_of_fold)


def _starts_of_stations(sorted_keys: Ints) -> Ints:
    return np.flatnonzero(np.diff(sorted_keys // STATION)) + 1


def _patch(
    smoothing: Smoothing, keys: Ints, residual_s: Floats, fold: Ints, n_folds: int
) -> tuple[Ints, Floats, Floats]:
    """Return, for one station or for all, the stored cells, their values, and each row's value from the other folds.

    Each fold is smoothed separately; smoothing is linear, so the other folds of a row are the whole minus its own.
    """
    reach = int(np.ceil(REACH * smoothing.width_m / smoothing.cell_m))
    inner = keys % STATION
    column, row = inner // ROW, inner % ROW
    # The patch is padded by the reach of the Gaussian, so that nothing is cut off at its edge.
    west, south = max(int(column.min()) - reach, 0), max(int(row.min()) - reach, 0)
    shape = (int(column.max()) + reach + 1 - west, int(row.max()) + reach + 1 - south)
    at = (column - west) * shape[1] + (row - south)
    sums, weights = (
        np.stack([_smoothed(smoothing, at[fold == f], value[fold == f], shape) for f in range(n_folds)])
        for value in (residual_s, np.ones(len(keys)))
    )
    total, weight = sums.sum(axis=0), weights.sum(axis=0)
    rest_s, rest_w = total[at] - sums[fold, at], weight[at] - weights[fold, at]
    kept = np.flatnonzero(weight >= MIN_WEIGHT)
    cells = keys[0] // STATION * STATION + (kept // shape[1] + west) * ROW + kept % shape[1] + south
    value_s = total[kept] / (weight[kept] + smoothing.shrink)
    # The difference of two nearly equal sums may be slightly negative.
    return cells, value_s, rest_s / (np.maximum(rest_w, 0.0) + smoothing.shrink)


def _smoothed(smoothing: Smoothing, at: Ints, value: Floats, shape: tuple[int, int]) -> Floats:
    """Sum values in cells and spread them by a Gaussian whose centre weighs 1."""
    # the service never fits, and SciPy takes a while to load
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415

    gathered = np.bincount(at, value, shape[0] * shape[1]).reshape(shape)
    sigma = smoothing.width_m / smoothing.cell_m
    spread = gaussian_filter(gathered, sigma, mode="constant", truncate=REACH)
    # The weights of the filter sum to 1; rescaled, a dispatch counts as one in its own cell.
    taps = np.exp(-0.5 * (np.arange(-int(REACH * sigma + 0.5), int(REACH * sigma + 0.5) + 1) / sigma) ** 2)
    return np.asarray(spread.ravel() * taps.sum() ** 2)


def _tenths(value_s: Floats) -> Floats:
    """Round to a tenth of a second, as stored, so that training and serving see the same number."""
    return np.asarray(np.rint(value_s * 10) / 10)


def _look_up(query_keys: Ints, keys: Ints, values: Floats) -> Floats:
    if not len(keys):
        return np.zeros(len(query_keys))
    at = np.minimum(np.searchsorted(keys, query_keys), len(keys) - 1)
    return np.where(keys[at] == query_keys, values[at], 0.0)
