"""Weather, congestion and days off as they were known at a timestamp.

Of the weather rows available at the timestamp, for its own UTC hour or an earlier one, the latest hour is used; of that
hour the row that became available last, and of these the last source by name. If that hour is more than `OLDEST_H`
hours earlier, the weather is unknown. A gap in one value is filled from the next row in the same order.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.columns import WEATHER_NUMBERS, BankHoliday, SchoolHoliday, TrafficReading, WeatherHour
from londonpump.domain.london_clock import HOUR_US, london_us
from londonpump.features.dispatches import bank_holidays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY_US = 24 * HOUR_US
FIRST_DAY = date(1970, 1, 1)
THURSDAY, SATURDAY = 3, 5
# GOV.UK lists a few years only, and the first or last of them may be cut off.
MIN_DAYS_PER_YEAR = 8
"""England has at least eight bank holidays per year: a shorter list adds to the library's days and replaces none."""
LIBRARY = "holidays library"


def day_of(day: int) -> date:
    """Return the London day of a number of days since 1970."""
    return FIRST_DAY + timedelta(days=int(day))


def london_days(at_us: Ints) -> Ints:
    """Return (n,) London days since 1970."""
    return london_us(at_us) // DAY_US


def years_of(days: Ints) -> Ints:
    """Return the (n,) calendar years of days since 1970."""
    return np.asarray(days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970)


@dataclass(frozen=True, slots=True)
class SchoolDays:
    """Days without school."""

    days: Ints
    """Days since 1970."""
    source_by_year: dict[int, str]
    """Source of each calendar year that is completely known."""

    @classmethod
    def of(cls, holidays: Sequence[SchoolHoliday], years: Collection[int]) -> "SchoolDays":
        """Build the days from holidays and the years that they cover."""
        source_of_year = {holiday.day.year: holiday.source for holiday in holidays}
        return cls(
            _days(holiday.day for holiday in holidays), {year: source_of_year.get(year, "") for year in years}
        )

    def is_holiday(self, at_us: Ints) -> Floats:
        """Return (n,) 1 on a London day without school, 0 on another, NaN outside the covered years."""
        days = london_days(at_us)
        # A day outside would read as a school day, so it is unknown.
        is_covered = np.isin(years_of(days), np.array(sorted(self.source_by_year), np.int64))
        return np.where(is_covered, np.isin(days, self.days), np.nan)


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """Monday to Friday except bank holidays: the given ones, and the library's for years not given completely."""

    days: Ints
    source_by_year: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, listed: Sequence[BankHoliday]) -> "WorkingDays":
        """Build the days; a year with eight or more given days replaces the library, so that a moved holiday counts once."""
        by_year: dict[int, set[date]] = {}
        for holiday in listed:
            by_year.setdefault(holiday.day.year, set()).add(holiday.day)
        whole = {year for year, days in by_year.items() if len(days) >= MIN_DAYS_PER_YEAR}
        library = bank_holidays()
        # the library is dropped for years given completely, so that a moved holiday does not count on both days
        library = library[~np.isin(years_of(library), np.array(sorted(whole), np.int64))]
        sources = {holiday.day.year: holiday.source for holiday in listed if holiday.day.year in whole}
        return cls(np.union1d(_days(holiday.day for holiday in listed), library), sources)

    def is_working_day(self, at_us: Ints) -> Floats:
        """Return (n,) 1 or 0, by the London day."""
        days = london_days(at_us)
        is_weekday = (days + THURSDAY) % 7 < SATURDAY
        return np.asarray(is_weekday & ~np.isin(days, self.days), np.float64)


def _days(days: Iterable[date]) -> Ints:
    return np.unique(np.array([(day - FIRST_DAY) // timedelta(days=1) for day in days], np.int64))


Columns = dict[str, NDArray[Any]]

OLDEST_H = 6
"""Maximum age of a value; after that the climate of the month and hour is the better estimate."""
WEATHER_VALUES = (*WEATHER_NUMBERS, "conditions")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def us_of(at: datetime) -> int:
    """Return the microseconds since 1970 of an aware datetime."""
    return (at - EPOCH) // MICROSECOND


def timestamp_from_us(us: int) -> datetime:
    """Return the UTC datetime of microseconds since 1970."""
    return EPOCH + us * MICROSECOND


@dataclass(frozen=True, slots=True)
class WeatherTable:
    """Weather rows as (m,) arrays, sorted by hour, available_at and source, with an index."""

    observed_us: Ints
    available_us: Ints
    source: NDArray[np.object_]
    values: Columns
    """Values by name; NaN or None is a gap."""
    distinct_available_us: Ints
    """(k,) the distinct available_at."""
    keys: Ints
    """(m,) hour and rank of available_at in one sortable number."""
    last_with: dict[str, Ints]
    """By name, (m,) the last row up to this one, of the same hour, that has the value; -1 if there is none."""

    @classmethod
    def of(cls, rows: Sequence[WeatherHour]) -> "WeatherTable":
        """Build the table from rows in any order; each `observed_at` begins a UTC hour."""
        ordered = sorted(rows, key=lambda row: (row.observed_at, row.available_at, row.source))
        observed = np.array([us_of(row.observed_at) for row in ordered], np.int64)
        available = np.array([us_of(row.available_at) for row in ordered], np.int64)
        values: Columns = {
            name: np.array([getattr(row, name) for row in ordered], np.float64) for name in WEATHER_NUMBERS
        }
        values["conditions"] = _objects([row.conditions for row in ordered])
        distinct_available_us, rank = np.unique(available, return_inverse=True)
        # One sorted key lets a binary search find hour and latest available row together.
        keys = observed // HOUR_US * (len(distinct_available_us) + 1) + rank
        last_with = {name: _last_with(observed, column) for name, column in values.items()}
        source = _objects([row.source for row in ordered])
        return cls(observed, available, source, values, distinct_available_us, keys, last_with)

    def rows_known(self, at_us: Ints) -> tuple[Ints, dict[str, Ints]]:
        """Return the (n,) row used at each timestamp, and the row that gives each value; -1 where there is none."""
        hour = at_us // HOUR_US
        # Rows that became available later are excluded in training too: the service could not have known them.
        rank = np.searchsorted(self.distinct_available_us, at_us, side="right") - 1
        chosen = np.full(len(at_us), -1, np.int64)
        giving = {name: chosen.copy() for name in WEATHER_VALUES}
        if not len(self.keys):
            return chosen, giving
        # the newest hour wins: a later pass fills only what the earlier ones left unknown
        for age_h in range(OLDEST_H + 1):
            # Rank -1 (nothing available yet) falls before the first row of the hour.
            found = (
                np.searchsorted(
                    self.keys, (hour - age_h) * (len(self.distinct_available_us) + 1) + rank, "right"
                )
                - 1
            )
            is_there = (found >= 0) & (self.observed_us[found] // HOUR_US == hour - age_h) & (rank >= 0)
            chosen = np.where((chosen < 0) & is_there, found, chosen)
            for name, rows in giving.items():
                row = np.where(is_there, self.last_with[name][found], -1)
                giving[name] = np.where(rows < 0, row, rows)
        return chosen, giving


def weather_known(table: WeatherTable, at_us: Ints) -> Columns:
    """Return the weather known at each of (n,) `at_us`, microseconds UTC.

    Returns: (n,) each: WEATHER_NUMBERS (NaN unknown), `conditions, weather_source` (None), `{number}_source` (of the row that
    gives each number), `weather_age_h`
    (0 the hour's own, NaN none), `is_weather_imputed` (some value is not of the hour's own row),
    `weather_observed_us, weather_available_us` (0 none).
    """
    chosen, giving = table.rows_known(at_us)
    known: Columns = {name: taken(table.values[name], rows) for name, rows in giving.items()}
    is_known = chosen >= 0
    known["weather_source"] = taken(table.source, chosen)
    known |= {f"{name}_source": taken(table.source, giving[name]) for name in WEATHER_NUMBERS}
    observed, available = _timestamps(table.observed_us, chosen), _timestamps(table.available_us, chosen)
    age_h = at_us // HOUR_US - observed // HOUR_US
    known["weather_age_h"] = np.where(is_known, age_h, np.nan)
    is_filled = is_known & (age_h > 0)
    for rows in giving.values():
        is_filled |= (rows >= 0) & (rows != chosen)
    known["is_weather_imputed"] = is_filled
    known["weather_observed_us"], known["weather_available_us"] = observed, available
    return known


def taken(values: NDArray[Any], rows: Ints) -> NDArray[Any]:
    """Return the (n,) value of each row; NaN or None where the row is -1."""
    nothing = [None if values.dtype == object else np.nan]
    return np.asarray(np.concatenate((values, np.array(nothing, values.dtype)))[rows])


def _timestamps(values: Ints, rows: Ints) -> Ints:
    return np.concatenate((values, np.zeros(1, np.int64)))[rows]


def _objects(values: list[Any]) -> NDArray[np.object_]:
    made = np.empty(len(values), object)
    made[:] = values
    return made


def _last_with(observed_us: Ints, values: NDArray[Any]) -> Ints:
    """Return (m,) the last row up to each, of the same hour, that has a value; -1 where there is none."""
    is_text = values.dtype == object
    has = np.array([value is not None for value in values], bool) if is_text else ~np.isnan(values)
    rows = (
        np.maximum.accumulate(np.where(has, np.arange(len(values)), -1))
        if len(values)
        else np.empty(0, np.int64)
    )
    is_same_hour = observed_us[rows] == observed_us if len(values) else np.empty(0, bool)
    return np.where((rows >= 0) & is_same_hour, rows, -1).astype(np.int64)


FRESH_US = 2 * HOUR_US
"""Older traffic says little about the present."""
THURSDAY_AFTER_SUNDAY = 4
FIRST_YEAR, HOURS_PER_WEEK = 1970, 168


@dataclass(frozen=True, slots=True)
class TrafficReadings:
    """Readings as (m,) arrays, sorted by available_at, observed_at and source."""

    available_us: Ints
    observed_us: Ints
    congestion_rate: Floats
    source: tuple[str, ...]

    @classmethod
    def of(cls, readings: Sequence[TrafficReading]) -> "TrafficReadings":
        """Build the arrays from readings in any order."""
        ordered = sorted(readings, key=lambda one: (one.available_at, one.observed_at, one.source))
        return cls(
            np.array([us_of(one.available_at) for one in ordered], np.int64),
            np.array([us_of(one.observed_at) for one in ordered], np.int64),
            np.array([one.congestion_rate for one in ordered], np.float64),
            tuple(one.source for one in ordered),
        )

    def rows_known(self, at_us: Ints) -> Ints:
        """Return the (n,) reading available last at each timestamp; -1 if it is two hours old or there is none."""
        # By the time it became available: that is the order in which the service sees readings.
        rows = np.searchsorted(self.available_us, at_us, side="right") - 1
        if not len(self.available_us):
            return rows
        return np.where(at_us - self.observed_us[rows] < FRESH_US, rows, -1)

    def timestamps(self, row: int) -> tuple[datetime | None, datetime | None]:
        """Return observed_at and available_at of a reading."""
        return timestamp_from_us(int(self.observed_us[row])), timestamp_from_us(int(self.available_us[row]))

    @property
    def changes_us(self) -> Ints:
        """Times at which the result of `rows_known` may change."""
        return np.concatenate((self.available_us, self.observed_us + FRESH_US))


@dataclass(frozen=True, slots=True)
class TrafficWeeks:
    """Congestion by London year, weekday and hour, (m,) each: the file format of the original."""

    keys: Ints
    """Sorted, one number per hour of a week in a year."""
    congestion_rate: Floats
    source: tuple[str, ...]

    @classmethod
    def of(cls, year: Ints, weekday: Ints, hour: Ints, rate: Floats, source: str) -> "TrafficWeeks":
        """Build the table; weekday is 0 Sunday to 6 Saturday, and the first of duplicate hours is used."""
        keys, first = np.unique(_key(year, weekday, hour), return_index=True)
        return cls(keys, rate[first], (source,) * len(keys))

    def rows_known(self, at_us: Ints) -> Ints:
        """Return the (n,) row of each timestamp's London year, weekday and hour; -1 where there is none."""
        london = london_us(at_us)
        days = london // DAY_US
        key = _key(years_of(days), (days + THURSDAY_AFTER_SUNDAY) % 7, london % DAY_US // HOUR_US)
        rows = np.searchsorted(self.keys, key)
        # The appended -1 is what a key beyond the last one is compared with.
        is_there = np.append(self.keys, -1)[rows] == key
        return np.where(is_there, rows, -1)

    def timestamps(self, _row: int) -> tuple[datetime | None, datetime | None]:
        """Return no times: such a table has none."""
        return None, None

    @property
    def changes_us(self) -> Ints:
        """No times, because the table changes at full hours only."""
        return np.empty(0, np.int64)


Traffic = TrafficReadings | TrafficWeeks


def _key(year: Ints, weekday: Ints, hour: Ints) -> Ints:
    return np.asarray((year - FIRST_YEAR) * HOURS_PER_WEEK + weekday * 24 + hour, np.int64)
