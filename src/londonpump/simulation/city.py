"""The city that the calls come from: locations with a weight, a station ground, a ward and a travel speed.

The city is the same for every seed: two simulations with different seeds are two years of one city, so what a model
learns about a location in one also holds in the other.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.stations import known_stations
from londonpump.simulation.plan import numbers, positions, table

CITY_SEED = 1666
CELL_M = 500
# Locations are 100 m squares, like the published rounded coordinates.
LOCATIONS_PER_CELL = 25
# Log sd of calls between locations of a cell: a hospital calls weekly, a house once in decades.
POPULARITY_SPREAD = 1.1
# Log sd of travel time by 500 m cell and by 2 km square: one-way streets, humps, stairs, gates.
CELL_SLOWNESS, DISTRICT_SLOWNESS = 0.10, 0.06

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class City:
    """Cells (rows of the measured table) and locations (100 m squares in them).

    Stations are rows of `known_stations()`, wards and boroughs rows of their tables.
    """

    cell_east_m: Floats
    cell_north_m: Floats
    cell_ground: Ints
    cell_ward: Ints
    cell_borough: Ints
    cell_district: list[str]
    cell_slowness: Floats
    location_cell: Ints
    location_east_m: Ints
    location_north_m: Ints
    location_cumulative: Floats
    station_location: Ints

    def draw_locations(self, uniform: Floats) -> Ints:
        """Return the locations for uniform numbers from 0 to 1, same shape."""
        return np.minimum(np.searchsorted(self.location_cumulative, uniform), len(self.location_cell) - 1)


@cache
def london() -> City:
    """Return the city."""
    rng = np.random.default_rng(CITY_SEED)
    east, north = (numbers("cells", f"{axis}_500m") * CELL_M for axis in ("east", "north"))
    cells = len(east)
    ward = positions(table("cells")["ward"], table("wards")["ward"])
    borough = positions(table("wards")["borough_code"], table("boroughs")["borough_code"])[ward]
    offset = np.arange(LOCATIONS_PER_CELL)
    location_cell = np.repeat(np.arange(cells), LOCATIONS_PER_CELL)
    location_east = (east[:, None] + offset % 5 * 100 + 50).ravel().astype(np.int64)
    location_north = (north[:, None] + offset // 5 * 100 + 50).ravel().astype(np.int64)
    # a log-normal factor per location: a few locations make most of the calls of a cell
    weight = _smoothed_weight(east, north)[:, None] * np.exp(
        POPULARITY_SPREAD * rng.standard_normal((cells, LOCATIONS_PER_CELL))
    )
    cumulative = np.cumsum(weight.ravel())
    return City(
        cell_east_m=east + CELL_M / 2,
        cell_north_m=north + CELL_M / 2,
        cell_ground=positions(table("cells")["ground"], [s.code for s in known_stations()]),
        cell_ward=ward,
        cell_borough=borough,
        cell_district=table("cells")["district"],
        cell_slowness=_slowness(east, north, rng),
        location_cell=location_cell,
        location_east_m=location_east,
        location_north_m=location_north,
        location_cumulative=cumulative / cumulative[-1],
        station_location=_station_locations(location_east, location_north),
    )


def _smoothed_weight(east: Floats, north: Floats) -> Floats:
    """Return the expected calls of each cell: its count, smoothed with its neighbours to reduce chance."""
    count = numbers("cells", "incidents")
    grid = np.zeros((160, 160))
    x, y = ((axis // CELL_M - low).astype(np.int64) for axis, low in ((east, 990), (north, 290)))
    grid[x, y] = count
    around = np.mean([np.roll(grid, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)], axis=0)
    return np.asarray(0.8 * count + 0.2 * around[x, y])


def _slowness(east: Floats, north: Floats, rng: np.random.Generator) -> Floats:
    wide = rng.standard_normal((40, 40))
    x, y = (((axis - low) // 2000).astype(np.int64) for axis, low in ((east, 495_000), (north, 145_000)))
    return np.asarray(CELL_SLOWNESS * rng.standard_normal(len(east)) + DISTRICT_SLOWNESS * wide[x, y])


def _station_locations(location_east: Ints, location_north: Ints) -> Ints:
    return np.array(
        [
            np.argmin(np.hypot(location_east - station.easting_m, location_north - station.northing_m))
            for station in known_stations()
        ],
        dtype=np.int64,
    )
