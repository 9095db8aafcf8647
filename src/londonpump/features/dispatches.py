"""Runs to predict, by column, and what is worked out about them on the way to features.

A run is one pump sent, or that might be sent, to one place. Columns are NumPy arrays of n rows: numbers
as float64 (NaN unknown), texts as object arrays (None unknown), `mobilised_us` as int64 microseconds UTC.
"""

from collections.abc import Iterator, Mapping
from copy import copy
from datetime import date, timedelta
from functools import cache, cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from londonpump.domain import thames
from londonpump.domain.london_clock import bank_holidays as bank_holidays_of_england
from londonpump.domain.london_clock import london_us
from londonpump.features.ground_lookup import GroundLookup

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = NDArray[np.object_]
Columns = Mapping[str, NDArray[Any]]

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
EPOCH = date(1970, 1, 1)
THURSDAY = 3
FIRE_STATION = "Fire station"
AT_STATION_M = 300.0
BLOCK_ROWS = 50_000


class Dispatches:
    """n runs, and what follows from their columns alone and the ground look-up.

    Args: columns: `mobilised_us, easting_m, northing_m, station_code, station_easting_m,
    station_northing_m`, and any other column of `tables.examples`; one that is absent is unknown.
    """

    def __init__(self, columns: Columns, ground: GroundLookup) -> None:
        self.columns = columns
        self.lookup = ground
        self.n = len(columns["mobilised_us"])

    def blocks(self) -> Iterator[tuple[slice, "Dispatches"]]:
        """The runs in blocks of rows, so that what is worked out per station fits in memory."""
        if self.n <= BLOCK_ROWS:
            yield slice(None), self
            return
        for start in range(0, self.n, BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            yield rows, self.take(rows)

    def with_columns(self, columns: Columns) -> Self:
        """The same runs with other columns of context and counts: what is worked out of the others is kept."""
        changed = copy(self)
        changed.columns = columns
        if columns.get("is_working_day") is not self.columns.get("is_working_day"):
            vars(changed).pop("is_working_day", None)
        return changed

    def take(self, rows: Ints | slice) -> Self:
        """Some of the runs, with what was worked out of them already."""
        taken = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                vars(taken)[name] = value[rows]
        vars(taken).pop("_station_distances_m", None)
        taken.columns = {name: values[rows] for name, values in self.columns.items()}
        taken.n = len(taken.columns["mobilised_us"])
        return taken

    def number(self, name: str) -> Floats:
        """(n,) a numeric column, NaN where unknown."""
        values = self.columns.get(name)
        return np.full(self.n, np.nan) if values is None else np.asarray(values, np.float64)

    def text(self, name: str) -> Texts:
        """(n,) a text column, None where unknown."""
        values = self.columns.get(name)
        return np.full(self.n, None, object) if values is None else values

    @cached_property
    def distance_m(self) -> Floats:
        """Straight from the station to the place."""
        return np.asarray(np.hypot(self.east_m, self.north_m))

    @cached_property
    def east_m(self) -> Floats:
        """How far east of the station the place lies."""
        return self.number("easting_m") - self.number("station_easting_m")

    @cached_property
    def north_m(self) -> Floats:
        """How far north of the station the place lies."""
        return self.number("northing_m") - self.number("station_northing_m")

    @cached_property
    def by_bridge_m(self) -> Floats:
        """As distance_m, but over the best bridge where the Thames lies between."""
        return thames.distance_by_bridge_m(
            self.number("station_easting_m"),
            self.number("station_northing_m"),
            self.number("easting_m"),
            self.number("northing_m"),
        )

    @cached_property
    def ground(self) -> Ints:
        """Index of the ground of the place: as the caller states it, else from the past of the place."""
        stated = self.lookup.index(self.text("station_ground_code"))
        if (stated >= 0).all():
            return stated
        found = self.lookup(self.number("easting_m"), self.number("northing_m"), self.day)
        return np.where(stated >= 0, stated, found)

    @cached_property
    def station(self) -> Ints:
        """Index of the station as a ground, -1 for one that is no ground's."""
        return self.lookup.index(self.text("station_code"))

    @cached_property
    def is_own_ground(self) -> NDArray[np.bool_]:
        """The pump sets out from the station of the place's ground."""
        return np.asarray(self.station == self.ground)

    @cached_property
    def is_at_station(self) -> NDArray[np.bool_]:
        """Somebody walked in: the place is a fire station, and near enough to be this one."""
        is_fire_station = np.array([text == FIRE_STATION for text in self.text("property_type")], bool)
        return is_fire_station & (self.distance_m < AT_STATION_M)

    @cached_property
    def two_nearest_m(self) -> Floats:
        """(n, 2) from the place to its nearest and second nearest station."""
        far_m, row = self._station_distances_m
        return np.asarray(np.partition(far_m, (0, 1), axis=1)[row, :2])

    @cached_property
    def n_stations_nearer(self) -> Ints:
        """Stations nearer to the place than the one that the pump sets out from."""
        far_m, row = self._station_distances_m
        return np.asarray((far_m[row] < self.distance_m[:, None] - 1.0).sum(axis=1))

    @cached_property
    def _station_distances_m(self) -> tuple[Floats, Ints]:
        """(k, stations) from places to every station, infinite where that was not open on the day; (n,) the row of
        each run. Runs to one place that follow each other, as the candidates of a call do, share a row."""
        east_m, north_m = self.number("easting_m"), self.number("northing_m")
        begins = np.ones(self.n, bool)
        begins[1:] = (np.diff(east_m) != 0) | (np.diff(north_m) != 0) | (np.diff(self.day) != 0)
        far_m = self.lookup.distances_m(east_m[begins], north_m[begins], self.day[begins])
        return far_m, np.cumsum(begins) - 1

    @cached_property
    def london_us(self) -> Ints:
        """London wall time of the mobilisation, microseconds since 1970."""
        return london_us(self.columns["mobilised_us"])

    @cached_property
    def hour(self) -> Floats:
        """London hour with its fraction, 0 to 24."""
        return (self.london_us % DAY_US) / HOUR_US

    @cached_property
    def day(self) -> Ints:
        """London days since 1970."""
        return self.london_us // DAY_US

    @cached_property
    def weekday(self) -> Ints:
        """0 Monday to 6 Sunday, in London."""
        return (self.day + THURSDAY) % 7

    @cached_property
    def month(self) -> Ints:
        """1 to 12, in London."""
        months = self.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return np.asarray(months % 12 + 1)

    @cached_property
    def is_working_day(self) -> NDArray[np.bool_]:
        """Monday to Friday and no bank holiday of England: as the column says, else by the library."""
        holiday = bank_holidays()
        next_one = holiday[np.minimum(np.searchsorted(holiday, self.day), len(holiday) - 1)]
        by_library = (self.weekday < 5) & (next_one != self.day)
        stated = self.number("is_working_day")
        return np.asarray(np.where(np.isnan(stated), by_library, stated == 1.0))


@cache
def bank_holidays() -> Ints:
    """Days since 1970 of the bank holidays of England, one-off ones too, 2008 to 2040."""
    return np.array([(day - EPOCH) // timedelta(days=1) for day in bank_holidays_of_england()], np.int64)
