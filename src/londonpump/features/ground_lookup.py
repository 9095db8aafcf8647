"""Look-up of the station ground of a location, fitted on past calls.

The ground is that of most past records in the 100 m cell (3 or more), else in the 500 m cell, else that of the nearest
station open on the day. Training and serving use the same derived value; the recorded ground is never a feature.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.stations import Station

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Cells = tuple[Codes, Codes]
"""Sorted numbers of cells, and the area of each."""

# Fine cells first, because grounds border each other inside a coarse one.
CELL_SIZES_M = (100, 500)
# A single record may be wrong.
MIN_RECORDS = 3
ROW = 100_000
"""Distance of the numbers of neighbouring columns; northings reach 1,300 km."""
EPOCH = date(1970, 1, 1)
ALWAYS, NEVER = -(2**31), 2**31
"""Days since 1970 before and after all others."""
BLOCK_ROWS = 50_000


def cell_of(easting_m: Floats, northing_m: Floats, size_m: int) -> Codes:
    """Return one number per square cell of the national grid."""
    column = np.floor_divide(easting_m, size_m).astype(np.int64)
    return column * ROW + np.floor_divide(northing_m, size_m).astype(np.int64)


@dataclass(frozen=True, slots=True)
class GroundLookup:
    """The fitted look-up; grounds are indices into `codes`."""

    codes: tuple[str, ...]
    cells: tuple[Cells, ...]
    """For each of CELL_SIZES_M, sorted cell numbers and their grounds."""
    station_m: Floats
    """(s, 2) easting and northing of the stations."""
    station_ground: Codes
    """(s,) ground of each station."""
    open_days: Codes | None = None
    """(s, 2) first day and first day after closure, since 1970; None if no station has a date."""

    def __call__(self, easting_m: Floats, northing_m: Floats, day: Codes | None = None) -> Codes:
        """Return the (n,) ground of each location. day: (n,) days since 1970; None is after every known date."""
        ground = look_up_cells(self.cells, easting_m, northing_m)
        open_ = ground < 0
        if open_.any():
            # Without a day, every closed station counts as closed.
            days = np.full(int(open_.sum()), NEVER - 1) if day is None else day[open_]
            ground[open_] = self._nearest_ground(easting_m[open_], northing_m[open_], days)
        return ground

    def distances_m(self, easting_m: Floats, northing_m: Floats, day: Codes) -> Floats:
        """Return straight distances, (n, stations open on some of the days), infinite on a day without the station."""
        here, is_open = self._open_stations(day)
        far_m = distances_m(easting_m, northing_m, self.station_m[here])
        return far_m if is_open is None else np.where(is_open, far_m, np.inf)

    def _nearest_ground(self, easting_m: Floats, northing_m: Floats, day: Codes) -> Codes:
        """Find the ground of the nearest open station, in blocks that fit in memory."""
        found = np.empty(len(easting_m), np.int64)
        for start in range(0, len(easting_m), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            here = self._open_stations(day[block])[0]
            far_m = self.distances_m(easting_m[block], northing_m[block], day[block])
            found[block] = self.station_ground[here[far_m.argmin(axis=1)]]
        return found

    def _open_stations(self, day: Codes) -> tuple[Codes, NDArray[np.bool_] | None]:
        """Return the stations open on some of the days, and (n, stations) on which; None if on all."""
        every = np.arange(len(self.station_m))
        if self.open_days is None or not len(day):
            return every, None
        first, last = day.min(), day.max()
        # Stations closed over time: a dispatch of 2013 must not be measured against the stations of today.
        opened, closed = self.open_days.T
        here = np.flatnonzero((opened <= last) & (first < closed))
        if len(here) <= 1:  # the second nearest station must exist, even if infinitely far
            here = every
        opened, closed = opened[here], closed[here]
        if (opened <= first).all() and (last < closed).all():
            return here, None
        return here, (opened <= day[:, None]) & (day[:, None] < closed)

    def index(self, codes: NDArray[Any]) -> Codes:
        """Return the (n,) index of station codes, -1 for a station without a ground."""
        known = _numbered(self.codes)
        return np.fromiter(map(known.get, codes, repeat(-1)), np.int64, len(codes))


def fit_ground(
    easting_m: Floats, northing_m: Floats, ground_code: NDArray[Any], stations: tuple[Station, ...]
) -> GroundLookup:
    """Fit the ground look-up on training records, one row per incident.

    Args: ground_code: (n,) recorded grounds, None where unknown. stations: those that may be the nearest,
    closed ones with their dates.
    """
    codes = tuple(sorted({station.code for station in stations} | {c for c in ground_code if c is not None}))
    index = {code: i for i, code in enumerate(codes)}
    known = np.array([code is not None for code in ground_code], bool)
    ground = np.fromiter((index[code] for code in ground_code[known]), np.int64, int(known.sum()))
    return GroundLookup(
        codes=codes,
        cells=majority_cells(easting_m[known], northing_m[known], ground, len(codes)),
        station_m=np.array([[s.easting_m, s.northing_m] for s in stations], np.float64).reshape(-1, 2),
        station_ground=np.array([index[s.code] for s in stations], np.int64),
        open_days=_open_days(stations),
    )


def majority_cells(easting_m: Floats, northing_m: Floats, area: Codes, n_areas: int) -> tuple[Cells, ...]:
    """Return the area of most records in each cell with enough of them, for each of CELL_SIZES_M."""
    return tuple(_majority(cell_of(easting_m, northing_m, size_m), area, n_areas) for size_m in CELL_SIZES_M)


def look_up_cells(levels: tuple[Cells, ...], easting_m: Floats, northing_m: Floats) -> Codes:
    """Return the (n,) area of each location by its smallest known cell, -1 where none is known."""
    area = np.full(len(easting_m), -1, np.int64)
    for size_m, (cells, areas) in zip(CELL_SIZES_M, levels, strict=True):
        open_ = area < 0
        if not len(cells) or not open_.any():
            continue
        cell = cell_of(easting_m[open_], northing_m[open_], size_m)
        at = np.minimum(np.searchsorted(cells, cell), len(cells) - 1)
        area[open_] = np.where(cells[at] == cell, areas[at], -1)
    return area


@lru_cache(maxsize=4)
def _numbered(codes: tuple[str, ...]) -> dict[str, int]:
    return {code: i for i, code in enumerate(codes)}


def distances_m(easting_m: Floats, northing_m: Floats, station_m: Floats) -> Floats:
    """Return (n, s) straight distances from locations to stations."""
    return np.hypot(easting_m[:, None] - station_m[:, 0], northing_m[:, None] - station_m[:, 1])


def _open_days(stations: tuple[Station, ...]) -> Codes | None:
    if all(s.opened_date is None and s.closed_date is None for s in stations):
        return None
    return np.array(
        [
            [
                ALWAYS if s.opened_date is None else (s.opened_date - EPOCH) // timedelta(days=1),
                NEVER if s.closed_date is None else (s.closed_date - EPOCH) // timedelta(days=1),
            ]
            for s in stations
        ],
        np.int64,
    )


def _majority(cell: Codes, ground: Codes, n_grounds: int) -> tuple[Codes, Codes]:
    """Return the sorted cells with enough records, and the most frequent ground of each (the first of a tie)."""
    pairs, records = np.unique(cell * n_grounds + ground, return_counts=True)
    cells, grounds = pairs // n_grounds, pairs % n_grounds
    # sorted by cell, then by descending count: the first row of each cell is its majority
    order = np.lexsort((grounds, -records, cells))
    cells, grounds, records = cells[order], grounds[order], records[order]
    first = np.flatnonzero(np.diff(cells, prepend=-1))
    total = np.add.reduceat(records, first) if len(first) else records
    enough = total >= MIN_RECORDS
    return cells[first][enough], grounds[first][enough]
