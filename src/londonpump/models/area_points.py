"""Representative points of postcode districts and station grounds, for requests that give only an area.

The training calls of an area are sorted along a space-filling curve and picked at even steps, so that the points are
dense where calls are. The result does not depend on the order of the calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Points = Mapping[str, Floats]

# Each point costs a dispatch per candidate.
POINTS = 24
"""Maximum number of points per area."""
MIN_CALLS = 5
"""Fewer past calls do not show the extent of an area: it stays unknown."""
SIDE_BITS = 16
"""The curve runs through 65,536 x 65,536 cells."""
CELL_M = 20
"""Cell size of the curve; it covers 1,310 km per side, the whole national grid."""


@dataclass(frozen=True, slots=True)
class AreaPoints:
    """Points by area: (k, 2) easting and northing in metres, k from 5 to 24, all equally likely."""

    districts: Points
    grounds: Points

    def district(self, code: str) -> Floats | None:
        """Return the (k, 2) points of a postcode district such as SE15, None if it had too few calls."""
        return self.districts.get(code.strip().upper())

    def ground(self, code: str) -> Floats | None:
        """Return the (k, 2) points of the ground of a station such as A24, None if it had too few calls."""
        return self.grounds.get(code.strip().upper())

    def to_json(self) -> dict[str, dict[str, list[int]]]:
        """Return JSON-serializable values, rounded to the metre."""
        return {"districts": _flat(self.districts), "grounds": _flat(self.grounds)}

    @classmethod
    def from_json(cls, value: Mapping[str, Mapping[str, list[int]]]) -> Self:
        """The inverse of `to_json`."""
        return cls(_points(value["districts"]), _points(value["grounds"]))


def fit_area_points(calls: Mapping[str, NDArray[Any]]) -> AreaPoints:
    """Fit the points of each area from training calls, one row per incident."""
    # Rounded like the stored points, so that a bundle predicts the same before and after it is written.
    location_m = np.rint(np.column_stack([calls["easting_m"], calls["northing_m"]]))
    return AreaPoints(
        districts=_by_name(calls["postcode_district"], location_m),
        grounds=_by_name(calls["recorded_ground_code"], location_m),
    )


def central(points_m: Floats) -> int:
    """Return the index of the (k, 2) point nearest to the mean of all."""
    return int(np.hypot(*(points_m - points_m.mean(axis=0)).T).argmin())


def representative(location_m: Floats) -> Floats:
    """Return (k, 2) of the (n, 2) locations, k at most POINTS, at even steps along the curve."""
    # ties on the curve are broken by the coordinates, so that the order of the calls does not matter
    along = location_m[np.lexsort((location_m[:, 1], location_m[:, 0], hilbert(location_m)))]
    # The middle of each of k equal stretches stands for its calls.
    k = min(POINTS, len(along))
    return np.asarray(along[((np.arange(k) + 0.5) * (len(along) / k)).astype(np.int64)])


def hilbert(location_m: Floats) -> Ints:
    """Return the (n,) position of each location on the Hilbert curve through the national grid.

    Source: Hilbert 1891; the steps follow Warren, Hacker's Delight, 16-2, on arrays instead of bits.
    """
    top = (1 << SIDE_BITS) - 1
    x, y = np.clip(location_m // CELL_M, 0, top).astype(np.int64).T.copy()
    along = np.zeros(len(location_m), np.int64)
    for bit in range(SIDE_BITS - 1, -1, -1):
        side = np.int64(1) << bit
        right, upper = (x & side) > 0, (y & side) > 0
        along = 4 * along + (3 * right ^ upper)
        x, y = x & (side - 1), y & (side - 1)
        is_turned = ~upper
        mirrored = is_turned & right
        x, y = np.where(mirrored, side - 1 - x, x), np.where(mirrored, side - 1 - y, y)
        x, y = np.where(is_turned, y, x), np.where(is_turned, x, y)
    return along


def _by_name(names: NDArray[Any], location_m: Floats) -> dict[str, Floats]:
    known = np.array([name is not None for name in names], bool)
    if not known.any():
        return {}
    listed, at, calls = np.unique(names[known].astype(str), return_inverse=True, return_counts=True)
    locations_m = np.split(location_m[known][np.argsort(at, kind="stable")], np.cumsum(calls)[:-1])
    return {
        str(name): representative(own)
        for name, own in zip(listed, locations_m, strict=True)
        if len(own) >= MIN_CALLS
    }


def _flat(points: Points) -> dict[str, list[int]]:
    return {name: own.astype(np.int64).ravel().tolist() for name, own in points.items()}


def _points(value: Mapping[str, list[int]]) -> dict[str, Floats]:
    return {name: np.array(own, np.float64).reshape(-1, 2) for name, own in value.items()}
