"""Usual errors of the announced median, by place: what `monitor` subtracts before it looks for a slow-down.

The median lies below the mean of times with a long tail, and a good model is a little early or late in some places. The
usual error is the mean of actual minus median on training dispatches, out of fold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.features.dispatches import Dispatches
from londonpump.features.ground_lookup import Cells, look_up_cells, majority_cells

Floats = NDArray[np.float64]
Texts = NDArray[np.str_]

MAX_ERROR_S = 100.0
"""Errors are clipped at this on both sides, so that a single very late pump does not decide."""
PRIOR_ROWS = 200
"""Weight, in dispatches, of the usual error of all London: a place with few dispatches hardly departs from it."""
UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class UsualErrors:
    """Usual errors in seconds, and the borough of a location."""

    london_s: float
    borough_s: Mapping[str, float]
    ground_s: Mapping[str, float]
    boroughs: tuple[str, ...]
    cells: tuple[Cells, ...]
    """Cells of past dispatches and their boroughs, indices into `boroughs`."""
    borough_of_ground: Mapping[str, str]
    """Borough of most past dispatches on each ground, for cells with too few of them."""

    def borough_of(self, easting_m: Floats, northing_m: Floats, ground: Texts) -> Texts:
        """Return the (n,) borough of most past dispatches near each location, UNKNOWN on a ground without any."""
        near = np.array([*self.boroughs, UNKNOWN], np.str_)[look_up_cells(self.cells, easting_m, northing_m)]
        of_ground = np.array([self.borough_of_ground.get(str(code), UNKNOWN) for code in ground], np.str_)
        return np.where(near == UNKNOWN, of_ground, near)

    def at(self, borough: Texts, ground: Texts) -> tuple[Floats, Floats, Floats]:
        """Return the (n,) usual errors of London, of boroughs and of grounds; that of London for an unknown place."""
        return (
            np.full(len(borough), self.london_s),
            np.array([self.borough_s.get(str(name), self.london_s) for name in borough]),
            np.array([self.ground_s.get(str(code), self.london_s) for code in ground]),
        )


def clip_errors(error_s: Floats) -> Floats:
    """Return errors clipped at MAX_ERROR_S on both sides."""
    return np.clip(error_s, -MAX_ERROR_S, MAX_ERROR_S)


def fit_usual_errors(error_s: Floats, dispatches: Dispatches, borough: NDArray[Any]) -> UsualErrors:
    """Fit the usual errors.

    Args: error_s: (n,) actual minus median out of fold, NaN where it does not count. borough: (n,) recorded
    boroughs, None where unknown.
    """
    easting_m, northing_m = dispatches.number("easting_m"), dispatches.number("northing_m")
    is_known = np.array([name is not None for name in borough], bool)
    boroughs, index = np.unique(borough[is_known].astype(str), return_inverse=True)
    cells = majority_cells(easting_m[is_known], northing_m[is_known], index.astype(np.int64), len(boroughs))
    counts = np.isfinite(error_s)
    # The mean of clipped errors, and not a median: a slow-down of some pumps moves it.
    clipped_s = clip_errors(error_s[counts])
    london_s = float(clipped_s.mean()) if len(clipped_s) else 0.0
    ground_of = np.array(dispatches.lookup.codes, np.str_)[dispatches.ground]
    look_up = UsualErrors(
        london_s=round(london_s, 2),
        borough_s={},
        ground_s=_means(clipped_s, ground_of[counts], london_s),
        boroughs=tuple(str(name) for name in boroughs),
        cells=cells,
        borough_of_ground=_most_frequent(borough[is_known].astype(str), ground_of[is_known]),
    )
    # the looked-up borough, as the monitor knows no other
    borough_of = look_up.borough_of(easting_m, northing_m, ground_of)
    return replace(look_up, borough_s=_means(clipped_s, borough_of[counts], london_s))


def _most_frequent(borough: Texts, ground: Texts) -> dict[str, str]:
    pairs, n = np.unique(np.stack([ground, borough]), axis=1, return_counts=True)
    # Of each ground the last entry stays, which is the one with the most dispatches
    return {str(pairs[0, at]): str(pairs[1, at]) for at in np.argsort(n, kind="stable")}


def _means(error_s: Floats, place: Texts, london_s: float) -> dict[str, float]:
    names, index, n = np.unique(place, return_inverse=True, return_counts=True)
    sums = np.bincount(index, error_s, len(names))
    means_s = (sums + PRIOR_ROWS * london_s) / (n + PRIOR_ROWS)
    return {str(name): round(float(mean_s), 2) for name, mean_s in zip(names, means_s, strict=True) if name}
