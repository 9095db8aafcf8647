"""Drivable roads as a reader of a map file returns them: lines of points on the British National Grid."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

CLASSES = ("trunk", "primary", "secondary", "tertiary", "minor")
"""Classes of road, the fastest first. Motorways are of the first class."""
SPEEDS_KMH = np.array([59.0, 55.0, 49.0, 48.0, 42.0])
"""Blue-light speeds per class, fitted on real dispatches of 2017 and 2023."""
JUNCTION_S = 1.4
"""Seconds per junction passed, from the same fit."""
POINT_FIELDS = ("signals", "crossings", "calming")
"""What a point of a road may be: traffic signals, a crossing, a traffic calming."""

LONDON_BOX = (500_500.0, 152_800.0, 565_000.0, 204_000.0)
"""Greater London and 3 km around it: west, south, east and north in metres of the grid."""


@dataclass(frozen=True, slots=True)
class RoadLines:
    """Roads of a map file. Line i runs through the points `points[starts[i]:starts[i + 1]]`; points are numbered."""

    easting_m: Floats
    northing_m: Floats
    starts: Ints
    points: Ints
    road_class: Ints
    """The class of each line, a position in CLASSES."""
    direction: Ints
    """The legal direction of each line: 1 along it, -1 against it, 0 both."""
    is_motorway: Flags
    is_20mph: Flags | None = None
    """None if the file has no speed limits of 20 mph."""
    marks: dict[str, Flags] = field(default_factory=dict)
    """Flags per point by name of POINT_FIELDS, only those that the file has."""
    source: str = ""
    licence: str = ""
    attribution: str = ""
    box_degrees: tuple[float, float, float, float] | None = None
    """West, south, east and north of the map as the file states them; None: what its roads span."""
    dated: date | None = None
    """The date of the data as the file gives it."""


def number_points(*ids: Ints) -> tuple[Ints, list[Ints]]:
    """Return the sorted distinct ids of several arrays, and each array as positions among them."""
    known, numbers = np.unique(np.concatenate(ids), return_inverse=True)
    cuts = np.cumsum([len(each) for each in ids])[:-1]
    return known, np.split(numbers.astype(np.int64), cuts)


def is_inside(box: tuple[float, float, float, float], easting_m: Floats, northing_m: Floats) -> Flags:
    """Return which points lie in a box of the grid."""
    west, south, east, north = box
    return np.asarray(
        (easting_m >= west) & (easting_m <= east) & (northing_m >= south) & (northing_m <= north)
    )
