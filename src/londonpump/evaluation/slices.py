"""Names of the slices a model is judged by: bands of distance and of the hour."""

from itertools import pairwise

import numpy as np

from londonpump.evaluation.evaluation_rows import Floats, Ints, Texts

DISTANCE_EDGES_KM = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
HOUR_BANDS = ("00-05", "06-09", "10-16", "17-20", "21-23")
HOUR_BAND_STARTS = (0, 6, 10, 17, 21)


def distance_band(distance_m: Floats) -> Texts:
    """(n,) `0.0-0.5 km` ... `5.0+ km`; a place on an edge belongs to the farther band."""
    edges = (0.0, *DISTANCE_EDGES_KM)
    names = [f"{low:.1f}-{high:.1f} km" for low, high in pairwise(edges)]
    names.append(f"{edges[-1]:.1f}+ km")
    band = np.searchsorted(np.asarray(DISTANCE_EDGES_KM) * 1000, distance_m, side="right")
    return np.asarray(names)[band]


def distance_decile(distance_m: Floats) -> Texts:
    """(n,) `01` (nearest tenth of the rows) to `10`; equal distances share a tenth."""
    edges = np.quantile(distance_m, np.arange(1, 10) / 10) if len(distance_m) else np.zeros(9)
    names = np.asarray([f"{tenth:02d}" for tenth in range(1, 11)])
    return names[np.searchsorted(edges, distance_m, side="left")]


def hour_band(hour: Ints) -> Texts:
    """(n,) the part of the London day: night, morning, working day, evening, late evening."""
    return np.asarray(HOUR_BANDS)[np.searchsorted(HOUR_BAND_STARTS, hour, side="right") - 1]
