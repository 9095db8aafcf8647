"""The Thames: the bank on which a location lies, and the distance that a pump drives over a bridge.

`thames.csv` is the middle of the river from Windsor to Gravesend as one line of the British National
Grid, west to east, with the points where a road crosses it. North is the Middlesex and Essex bank,
south the Surrey and Kent bank, so Twickenham is north and Richmond is south, whatever the compass says.

Source: the river and its bridges as any map shows them, to about 50 m. As first drawn, the line put
99.90 % of 25,441 published incidents (January and February 2017, and 2023) on the bank of their borough
(for Richmond upon Thames, the only borough on both banks: of their ward). After 28 bends were corrected with
the rest, only 3 incidents are on the wrong bank (99.99 %, no longer an independent figure): two calls in the
water off Lambeth, and one of Mortlake that is published 220 m into Chiswick.
Each of the 102 open stations is on the bank of its borough; the nearest to the line is 174 m away.

Of 33,757 first and second pumps of those records 2.7 % crossed the river. Their way is 226 m longer than the
straight line on average (median 61 m: pumps are sent across where a bridge is near).
"""

import csv
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

COLUMN_M = 10.0
"""Width of the north-south strips in which the line is looked up. The error is at most half of it."""
BLOCK_ROWS = 16_384
"""Rows compared with every bridge at once, so that memory stays at a few arrays of 3 MB."""


class RiverPoint(NamedTuple):
    """One bend of the line."""

    name: str
    easting_m: float
    northing_m: float
    crossing: str
    """`road` where a pump can cross today; empty at a mere bend; else the reason why a pump cannot cross.

    `closed`: Hammersmith Bridge, to motors since April 2019. `light`: Albert Bridge, weight limit. `narrow`:
    Rotherhithe Tunnel, nothing wider or higher than 2 m. `ferry`: Woolwich. `new`: Silvertown Tunnel, opened in
    April 2025, after most published records.
    """


@cache
def river_line() -> tuple[RiverPoint, ...]:
    """Return every bend of the Thames from Windsor to Gravesend, west to east along the water."""
    text = resources.files(__package__).joinpath("thames.csv").read_text("utf-8")
    return tuple(
        RiverPoint(row["name"], float(row["easting_m"]), float(row["northing_m"]), row["crossing"])
        for row in csv.DictReader(text.splitlines())
    )


@cache
def road_crossings() -> tuple[RiverPoint, ...]:
    """Return the bridges and tunnels that a pump can use, west to east."""
    return tuple(point for point in river_line() if point.crossing == "road")


def is_south_of_thames(easting_m: ArrayLike, northing_m: ArrayLike) -> Flags:
    """Return whether locations are on the south (Surrey and Kent) bank.

    Args: easting_m, northing_m: same shape or one of them scalar, metres of the British National Grid.
    Returns: flags of their common shape. West of Windsor and east of Gravesend the river is assumed to run
        on along its last northing. A coordinate that is NaN gives False.
    """
    lookup = _river_by_column()
    easting, northing = np.asarray(easting_m, np.float64), np.asarray(northing_m, np.float64)
    # fmax and fmin, unlike clip, also bring a NaN into the table.
    offset = np.fmin(np.fmax(easting - lookup.west_m, 0.0), lookup.last_offset_m)
    column = (offset * (1.0 / COLUMN_M)).astype(np.intp)
    # The river is crossed an odd number of times on the way due north from the south bank.
    is_south = np.logical_xor.reduce(lookup.northing_m[:, column] > northing, axis=0)
    return np.asarray(is_south & ~np.isnan(easting))


def crosses_thames(
    station_easting_m: ArrayLike, station_northing_m: ArrayLike, easting_m: ArrayLike, northing_m: ArrayLike
) -> Flags:
    """Return whether station and location are on different banks; shapes broadcast, metres of the National Grid.

    Locations, unlike stations, may be unknown (NaN): such a location counts as on the north bank.
    """
    return np.asarray(
        is_south_of_thames(station_easting_m, station_northing_m) ^ is_south_of_thames(easting_m, northing_m)
    )


def distance_by_bridge_m(
    station_easting_m: ArrayLike, station_northing_m: ArrayLike, easting_m: ArrayLike, northing_m: ArrayLike
) -> Floats:
    """Return the straight distance on one bank, else the shortest way from station to bridge to location.

    Args: shapes broadcast (one location against every station, or row by row); metres of the National Grid.
    Returns: metres, of the common shape; NaN where a coordinate is NaN.

    Locations on one bank count as joined by land, also across a loop of the river (Barnes, the Isle of
    Dogs, the Greenwich peninsula), where the way round is longer than the straight line.
    """
    station_e, station_n = (
        np.asarray(station_easting_m, np.float64),
        np.asarray(station_northing_m, np.float64),
    )
    location_e, location_n = np.asarray(easting_m, np.float64), np.asarray(northing_m, np.float64)
    distance_m = np.asarray(_straight_m(location_e - station_e, location_n - station_n))
    crossing = crosses_thames(station_e, station_n, location_e, location_n)
    if crossing.any():
        ends = tuple(
            _rows_that_cross(value, crossing) for value in (station_e, station_n, location_e, location_n)
        )
        distance_m[crossing] = _over_best_bridge_m(*ends, n=int(np.count_nonzero(crossing)))
    return distance_m


def _rows_that_cross(value: Floats, crossing: Flags) -> Floats:
    """Return the values of the rows that cross; a single value for all rows stays single, (1,)."""
    return value.reshape(1) if value.size == 1 else np.broadcast_to(value, crossing.shape)[crossing]


def _over_best_bridge_m(
    station_e: Floats, station_n: Floats, location_e: Floats, location_n: Floats, *, n: int
) -> Floats:
    """Return the shortest way over one bridge in metres, (n,); computed in blocks, so that memory does not grow.

    Args: coordinates (n,) or (1,), metres. n: rows.
    """
    bridge_e, bridge_n = _bridges_m()
    best_m = np.empty(n)
    for start in range(0, n, BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        from_e, from_n, to_e, to_n = (
            value if value.size == 1 else value[rows]
            for value in (station_e, station_n, location_e, location_n)
        )
        way_m = _straight_m(bridge_e - from_e, bridge_n - from_n) + _straight_m(
            bridge_e - to_e, bridge_n - to_n
        )
        way_m.min(axis=0, out=best_m[rows])
    return best_m


def _straight_m(east_m: Floats, north_m: Floats) -> Floats:
    # np.hypot costs three times as much to guard against an overflow that no place on Earth can cause.
    return np.asarray(np.sqrt(east_m * east_m + north_m * north_m))


class _RiverByColumn(NamedTuple):
    """Northings at which the line crosses each strip: (most crossings, strips), -inf where there are fewer."""

    west_m: float
    last_offset_m: float
    northing_m: Floats


@cache
def _bridges_m() -> tuple[Floats, Floats]:
    """Return the eastings and northings of the road crossings, each (crossings, 1)."""
    points = np.array([(point.easting_m, point.northing_m) for point in road_crossings()])
    return points[:, :1].copy(), points[:, 1:].copy()


@cache
def _river_by_column() -> _RiverByColumn:
    line = river_line()
    easting = np.array([point.easting_m for point in line])
    northing = np.array([point.northing_m for point in line])
    west_m = float(easting.min())
    middle = np.arange(west_m + COLUMN_M / 2, easting.max(), COLUMN_M)
    start, end = easting[:-1, None], easting[1:, None]
    # Half-open, so that a strip that passes exactly through a bend meets one of its two stretches.
    is_crossed = (middle >= np.minimum(start, end)) & (middle < np.maximum(start, end))
    along = (middle - start) / np.where(end == start, 1.0, end - start)
    crossed = np.where(is_crossed, northing[:-1, None] + along * np.diff(northing)[:, None], -np.inf)
    max_crossings = int(is_crossed.sum(axis=0).max())
    deepest = np.ascontiguousarray(np.sort(crossed, axis=0)[-max_crossings:])
    return _RiverByColumn(west_m, (middle.size - 1) * COLUMN_M, deepest)
