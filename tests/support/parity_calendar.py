"""Columns of day, hour, weather, traffic and holidays: the original reads GMT as London time."""
# ruff: noqa: S608 - no text of a stranger goes into these queries

from collections.abc import Container, Iterator
from datetime import date

import numpy as np
from numpy.typing import NDArray
from support.parity_columns import Array, Comparison, explained, is_equal
from support.parity_month import ParityMonth
from support.parity_rows import CLOCKS
from support.wall_clock import GREENWICH, LONDON, WEEKDAYS, WallClock, bank_holidays, regular_bank_holidays

from londonpump.features.dispatches import Dispatches
from londonpump.features.ground_lookup import GroundLookup

SCHOOL = "1 school holidays on their true days"
WORKING = "7 one-off bank holidays known"
OLDEST_H, HOUR_US = 6, 3_600_000_000
OUR_WEATHER = {
    "temp": "temp_c", "precip": "precip_mm", "cloudcover": "cloudcover_pct", "visibility": "visibility_km",
    "conditions": "our_conditions",
}  # fmt: skip
Flags = NDArray[np.bool_]


class Calendar:
    """Comparisons of the columns that follow from the time of mobilisation.

    Args: pairs: columns of the paired rows, `start_us` among them.
    """

    def __init__(self, month: ParityMonth, pairs: dict[str, Array]) -> None:
        self.month, self.pairs = month, pairs
        self.gmt = WallClock(pairs["start_us"], GREENWICH)
        self.london = WallClock(pairs["start_us"], LONDON)
        nowhere = GroundLookup((), (), np.zeros((0, 2)), np.zeros(0, np.int64))
        self.dispatches = Dispatches({"mobilised_us": pairs["start_us"]}, nowhere)

    def all(self) -> Iterator[Comparison]:
        """Return the comparisons of sixteen columns."""
        yield self._date()
        yield from self._parts()
        for column, ours in OUR_WEATHER.items():
            their_column = "their_conditions" if column == "conditions" else column
            yield self._weather(column, self.pairs[their_column], self.pairs[ours])
        # The icon is a picture for the conditions and no feature: it is looked up, not kept.
        icons = self._of_the_hour_or_before("icon")
        yield self._weather("icon", self.pairs["icon"], icons)
        yield self._congestion()
        yield self._working_day()
        yield self._school_holiday()

    def _by_the_clock(
        self, column: str, theirs: Array, replayed: Array, ours: Array, exact: Array
    ) -> Comparison:
        everywhere = np.ones(len(theirs), bool)
        return Comparison(
            column, theirs, ours, explained({CLOCKS: everywhere}, theirs, replayed, ours, exact)
        )

    def _date(self) -> Comparison:
        days = (self.pairs["DateAndTimeMobilised"] // 86_400_000_000).astype("datetime64[D]").astype(object)
        return self._by_the_clock(
            "DateAndTimeMobilised", days, self.gmt.dates, self.dispatches.day.astype("datetime64[D]").astype(object),
            self.london.dates,
        )  # fmt: skip

    def _parts(self) -> Iterator[Comparison]:
        days = self.dispatches.day.astype("datetime64[D]").astype(object)
        for part in ("year", "month", "day"):
            ours = (
                self.dispatches.month if part == "month" else np.array([getattr(day, part) for day in days])
            )
            theirs = self.pairs[part]
            yield self._by_the_clock(part, theirs, self.gmt.part(part), ours, self.london.part(part))
        hours = np.floor(self.dispatches.hour)
        yield self._by_the_clock("hour", self.pairs["hour"], self.gmt.hours, hours, self.london.hours)
        weekdays = np.array([WEEKDAYS.index(name) for name in self.pairs["weekday"]])
        ours = self.dispatches.weekday
        yield self._by_the_clock("weekday", weekdays, self.gmt.weekdays, ours, self.london.weekdays)

    def _weather(self, column: str, theirs: Array, ours: Array) -> Comparison:
        replayed = _either(theirs, self._at_hour(column, self.gmt.hour_texts))
        exact = self._of_the_hour_or_before(column)
        return self._by_the_clock(column, theirs, replayed, ours, exact)

    def _at_hour(self, column: str, hour_texts: Array) -> tuple[Array, Array]:
        """Return (n,) first and last value of the file at each hour, because an hour may be listed twice."""
        found: dict[str, list[object]] = {}
        empty = 0.0 if column == "precip" else None
        for hour, value in self.month.rows(f"SELECT date, {column} FROM weather ORDER BY file_row"):
            found.setdefault(hour, []).append(empty if value is None else value)
        array_dtype = object if column in ("conditions", "icon") else np.float64
        nothing = [None if array_dtype is object else np.nan]
        values = [found.get(hour, nothing) for hour in hour_texts]
        return np.array([v[0] for v in values], array_dtype), np.array([v[-1] for v in values], array_dtype)

    def _of_the_hour_or_before(self, column: str) -> Array:
        """Return (n,) first value of the file at the hour that London shows, or at the nearest of the six hours before."""
        value = self._at_hour(column, self.london.hour_texts)[0]
        for age_h in range(1, OLDEST_H + 1):
            before = WallClock(self.pairs["start_us"] - age_h * HOUR_US, LONDON).hour_texts
            is_gap = is_equal(value, np.full_like(value, None if value.dtype == object else np.nan))
            value = np.where(is_gap, self._at_hour(column, before)[0], value)
        return value

    def _congestion(self) -> Comparison:
        found = {
            (year, weekday, hour): congestion
            for year, weekday, hour, congestion in self.month.rows(
                "SELECT year, (day_nb + 5) % 7, hour, congestion FROM traffic"
            )
        }

        def at(clock: WallClock) -> Array:
            keys = zip(clock.part("year"), clock.weekdays, clock.hours, strict=True)
            return np.array([found.get(key, np.nan) for key in keys], np.float64)

        theirs, ours = self.pairs["congestion_rate"], self.pairs["our_congestion_rate"]
        return self._by_the_clock("congestion_rate", theirs, at(self.gmt), ours, at(self.london))

    def _working_day(self) -> Comparison:
        theirs, ours = self.pairs["workingday"], self.dispatches.is_working_day.astype(np.int64)
        truth = bank_holidays()
        by_gmt, by_london = (_is_working(clock, truth) for clock in (self.gmt, self.london))
        by_rule = _is_working(
            self.gmt, {day for year in range(2009, 2041) for day in regular_bank_holidays(year)}
        )
        # Its calendar knows some of the moved days: it may follow the truth or the rule, nothing else.
        missed = (theirs != by_gmt) & (theirs == by_rule)
        holds = {WORKING: missed, CLOCKS: ~missed}
        replayed = np.where(missed, by_rule, by_gmt)
        return Comparison("workingday", theirs, ours, explained(holds, theirs, replayed, ours, by_london))

    def _school_holiday(self) -> Comparison:
        rows = self.month.rows(
            "SELECT date_the_seed_ends_up_with::DATE, true_london_date::DATE FROM holidays"
        )
        swapped, true = {row[0] for row in rows}, {row[1] for row in rows}
        replayed = _is_in(self.gmt.dates, swapped)
        exact = np.where(
            _is_in(self.london.part("year"), {day.year for day in true}),
            _is_in(self.london.dates, true),
            np.nan,
        )
        is_wrong_day = replayed != _is_in(self.gmt.dates, true)
        holds = {SCHOOL: is_wrong_day | np.isnan(exact), CLOCKS: ~is_wrong_day & ~np.isnan(exact)}
        theirs, ours = self.pairs["school_holidays"], self.pairs["is_school_holiday"]
        return Comparison("school_holidays", theirs, ours, explained(holds, theirs, replayed, ours, exact))


def _is_working(clock: WallClock, holidays: set[date]) -> Array:
    return ((clock.weekdays < 5) & (_is_in(clock.dates, holidays) == 0)).astype(np.int64)


def _is_in(values: Array, known: Container[object]) -> Array:
    return np.fromiter((value in known for value in values), np.int64, len(values))


def _either(values: Array, choices: tuple[Array, Array]) -> Array:
    """Return (n,) the last choice where it equals the value, else the first."""
    first, last = choices
    return np.where(is_equal(values, last), last, first)
