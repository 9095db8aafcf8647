"""Dispatches by column, with derived quantities, and the workload of station grounds.

A dispatch is one pump that is, or might be, sent to one location. Columns are NumPy arrays of n rows: numbers
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
from londonpump.features.roads import ROAD_FIELDS, WayLookUp, ways

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
_WAY_COLUMN = {name: i for i, name in enumerate(ROAD_FIELDS)}


class Dispatches:
    """n dispatches, and what follows from their columns and the ground look-up.

    Args: columns: `mobilised_us, easting_m, northing_m, station_code, station_easting_m,
    station_northing_m`, and any other column of the examples; a missing one is unknown.
    """

    def __init__(self, columns: Columns, ground: GroundLookup, roads: WayLookUp | None = None) -> None:
        self.columns = columns
        self.lookup = ground
        self.roads = roads
        self.n = len(columns["mobilised_us"])

    def blocks(self) -> Iterator[tuple[slice, "Dispatches"]]:
        """Yield the dispatches in blocks of rows, so that values per station fit in memory."""
        if self.n <= BLOCK_ROWS:
            yield slice(None), self
            return
        for start in range(0, self.n, BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            yield rows, self.take(rows)

    def with_columns(self, columns: Columns) -> Self:
        """Return the dispatches with other columns of context and counts, keeping cached values of the rest."""
        changed = copy(self)
        changed.columns = columns
        # the only cached value that depends on a column of the context
        if columns.get("is_working_day") is not self.columns.get("is_working_day"):
            vars(changed).pop("is_working_day", None)
        return changed

    def take(self, rows: Ints | slice) -> Self:
        """Return some of the dispatches, with their cached values."""
        taken = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                vars(taken)[name] = value[rows]
        # its first part has one row per location, not per dispatch, and cannot be indexed
        vars(taken).pop("_station_distances_m", None)
        taken.columns = {name: values[rows] for name, values in self.columns.items()}
        taken.n = len(taken.columns["mobilised_us"])
        return taken

    def number(self, name: str) -> Floats:
        """Return an (n,) numeric column, NaN where unknown."""
        values = self.columns.get(name)
        return np.full(self.n, np.nan) if values is None else np.asarray(values, np.float64)

    def text(self, name: str) -> Texts:
        """Return an (n,) text column, None where unknown."""
        values = self.columns.get(name)
        return np.full(self.n, None, object) if values is None else values

    @cached_property
    def distance_m(self) -> Floats:
        """Straight distance from the station to the incident."""
        return np.asarray(np.hypot(self.east_m, self.north_m))

    @cached_property
    def east_m(self) -> Floats:
        """Distance of the incident east of the station."""
        return self.number("easting_m") - self.number("station_easting_m")

    @cached_property
    def north_m(self) -> Floats:
        """Distance of the incident north of the station."""
        return self.number("northing_m") - self.number("station_northing_m")

    @cached_property
    def by_bridge_m(self) -> Floats:
        """Distance over the best bridge where the Thames lies between, else `distance_m`."""
        return thames.distance_by_bridge_m(
            self.number("station_easting_m"),
            self.number("station_northing_m"),
            self.number("easting_m"),
            self.number("northing_m"),
        )

    @cached_property
    def way(self) -> Floats:
        """(n, ROAD_FIELDS) the way by road from the station, NaN where unknown."""
        return ways(self.roads, self.columns)

    def on_way(self, name: str) -> Floats:
        """Return (n,) one of ROAD_FIELDS."""
        return self.way[:, _WAY_COLUMN[name]]

    @cached_property
    def has_way(self) -> NDArray[np.bool_]:
        """True where the way by road is known in full."""
        return np.isfinite(self.on_way("road_m"))

    @cached_property
    def ground(self) -> Ints:
        """Index of the ground of the incident, as given by the caller, else from past calls."""
        # A stated ground takes precedence: the control room knows its grounds.
        stated = self.lookup.index(self.text("station_ground_code"))
        if (stated >= 0).all():
            return stated
        found = self.lookup(self.number("easting_m"), self.number("northing_m"), self.day)
        return np.where(stated >= 0, stated, found)

    @cached_property
    def station(self) -> Ints:
        """Index of the station as a ground, -1 for one without a ground."""
        return self.lookup.index(self.text("station_code"))

    @cached_property
    def is_own_ground(self) -> NDArray[np.bool_]:
        """True where the pump leaves from the station of the incident's ground."""
        return np.asarray(self.station == self.ground)

    @cached_property
    def is_at_station(self) -> NDArray[np.bool_]:
        """True where the incident is at the pump's own fire station (a running call)."""
        is_fire_station = np.array([text == FIRE_STATION for text in self.text("property_type")], bool)
        return is_fire_station & (self.distance_m < AT_STATION_M)

    @cached_property
    def two_nearest_m(self) -> Floats:
        """(n, 2) distances from the incident to its nearest and second nearest station."""
        far_m, row = self._station_distances_m
        return np.asarray(np.partition(far_m, (0, 1), axis=1)[row, :2])

    @cached_property
    def n_stations_nearer(self) -> Ints:
        """Number of stations nearer to the incident than the one that the pump leaves from."""
        far_m, row = self._station_distances_m
        # 1 m of tolerance, so that rounding does not count the station itself
        return np.asarray((far_m[row] < self.distance_m[:, None] - 1.0).sum(axis=1))

    @cached_property
    def _station_distances_m(self) -> tuple[Floats, Ints]:
        """(k, stations) distances, infinite where a station was not open on the day, and the (n,) row of each dispatch.

        Adjacent dispatches to one location, such as the candidates of a call, share a row.
        """
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
    def year(self) -> Ints:
        """Calendar year, in London."""
        years = self.day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)
        return np.asarray(years + EPOCH.year)

    @cached_property
    def is_working_day(self) -> NDArray[np.bool_]:
        """True on Monday to Friday except bank holidays of England, by the column if given, else by the library."""
        holiday = bank_holidays()
        next_one = holiday[np.minimum(np.searchsorted(holiday, self.day), len(holiday) - 1)]
        by_library = (self.weekday < 5) & (next_one != self.day)
        stated = self.number("is_working_day")
        return np.asarray(np.where(np.isnan(stated), by_library, stated == 1.0))


@cache
def bank_holidays() -> Ints:
    """Return the bank holidays of England, 2008 to 2040, one-off ones included, as days since 1970."""
    return np.array([(day - EPOCH) // timedelta(days=1) for day in bank_holidays_of_england()], np.int64)


WITHIN_US = 30 * 60 * 1_000_000
EVERY_CALL: Ints = np.array([[-(2**62), 2**62]], np.int64)
"""A span of complete calls, from and until in microseconds, that covers all of time."""
NO_CALL: Ints = np.empty((0, 2), np.int64)


def is_countable(complete: Ints, call_us: Ints, at_us: Ints) -> NDArray[np.bool_]:
    """Return (n,) whether no call of [at - 30 min, at) is missing.

    Args: complete: (k, 2) spans in order, from and until (not included), over which all calls are known. call_us,
    at_us: (n,) times of the row's own call and of the count.
    """
    if not len(complete):
        return np.zeros(len(call_us), np.bool_)
    span = np.searchsorted(complete[:, 0], call_us, "right") - 1
    is_inside = (span >= 0) & (call_us < complete[span, 1])
    # The half hour before must lie in the same span, or calls of it could be missing.
    return np.asarray(is_inside & (at_us - WITHIN_US >= complete[span, 0]))


def recent_calls(call_ground: Ints, call_us: Ints, ground: Ints, at_us: Ints, call_us_own: Ints) -> Ints:
    """Return the (n,) number of other calls on each ground in [at - 30 min, at).

    Args: call_ground, call_us: (c,) ground and time of every call. ground, at_us: (n,) where and when
    to count. call_us_own: (n,) the time of the row's own call, not counted if it falls within.
    """
    span = int(max(call_us.max(initial=0), at_us.max(initial=0))) + WITHIN_US + 1
    # one sorted key per (ground, time) lets a binary search count the calls of all rows at once
    keys = np.sort(call_ground * span + call_us)
    base = ground * span
    found = np.searchsorted(keys, base + at_us, "left") - np.searchsorted(
        keys, base + np.maximum(at_us - WITHIN_US, 0), "left"
    )
    is_own_within = (call_us_own >= at_us - WITHIN_US) & (call_us_own < at_us)
    return np.where(ground >= 0, found - is_own_within, 0)
