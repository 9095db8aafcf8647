"""Weather, calendar and traffic as they were known at a timestamp, the same for training and serving."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.columns import EXAMPLES, BankHoliday, SchoolHoliday, TrafficReading, WeatherHour
from londonpump.domain.london_clock import HOUR_US
from londonpump.features.observations import (
    FRESH_US,
    LIBRARY,
    OLDEST_H,
    WEATHER_VALUES,
    Columns,
    Ints,
    SchoolDays,
    Traffic,
    TrafficReadings,
    WeatherTable,
    WorkingDays,
    london_days,
    taken,
    timestamp_from_us,
    us_of,
    weather_known,
    years_of,
)

UNITS = {column.name: column.symbol for column in EXAMPLES if column.symbol}
"""Units of the values that have one."""
NAMES = {column.name: column.label for column in EXAMPLES if column.label}
"""Display names of the values."""
TEXTS = frozenset({"conditions"})
S_PER_MIN = 60.0


@dataclass(frozen=True, slots=True)
class ContextValue:
    """One value of the context, with its source and times; a calendar value has no times."""

    name: str
    value: float | bool | str | None
    source: str | None = None
    observed_at: datetime | None = None
    available_at: datetime | None = None
    is_imputed: bool = False
    """The value is from an earlier hour, or from another row than the other values."""

    def age_min(self, at: datetime) -> float | None:
        """Return the age of the value in minutes since `available_at`, or None if it has none."""
        if self.available_at is None:
            return None
        return (at - self.available_at).total_seconds() / S_PER_MIN


@dataclass(frozen=True, slots=True)
class ContextSnapshot:
    """The context at one timestamp."""

    at: datetime
    values: tuple[ContextValue, ...]
    """One value per column: weather, congestion, school holiday, working day."""
    missing: tuple[str, ...]
    """Messages about missing values."""

    def __getitem__(self, name: str) -> ContextValue:
        """Return the value of a column."""
        return next(value for value in self.values if value.name == name)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return {column: (1,)} for models: numbers as float64 (NaN unknown), texts as objects (None)."""
        return {
            one.name: np.array([one.value], object if one.name in TEXTS else np.float64)
            for one in self.values
        }

    def to_json(self) -> dict[str, object]:
        """Return `at, values {name: value, unit, source, observed_at, available_at, age_min, is_imputed}, missing`."""
        return {
            "at": self.at.isoformat(),
            "values": {one.name: self._value_to_json(one) for one in self.values},
            "missing": list(self.missing),
        }

    def _value_to_json(self, one: ContextValue) -> dict[str, object]:
        age_min = one.age_min(self.at)
        return {
            "value": one.value,
            "unit": UNITS.get(one.name),
            "source": one.source,
            "observed_at": one.observed_at.isoformat() if one.observed_at else None,
            "available_at": one.available_at.isoformat() if one.available_at else None,
            "age_min": None if age_min is None else round(age_min, 1),
            "is_imputed": one.is_imputed,
        }


__all__ = [
    "ContextSnapshot",
    "ContextTables",
    "ContextValue",
    "WeatherTable",
    "columns_at",
    "context_at",
    "spells",
    "weather_known",
]


@dataclass(frozen=True, slots=True)
class ContextTables:
    """Tables of weather, traffic and calendars; an empty table means unknown."""

    weather: WeatherTable = field(default_factory=lambda: WeatherTable.of(()))
    traffic: Traffic = field(default_factory=lambda: TrafficReadings.of(()))
    school: SchoolDays = field(default_factory=lambda: SchoolDays.of((), ()))
    working: WorkingDays = field(default_factory=lambda: WorkingDays.of(()))

    @classmethod
    def of(
        cls,
        weather: Sequence[WeatherHour] = (),
        traffic: Sequence[TrafficReading] = (),
        school_holidays: tuple[Sequence[SchoolHoliday], Collection[int]] = ((), ()),
        bank_holidays: Sequence[BankHoliday] = (),
    ) -> "ContextTables":
        """Build tables from rows in any order. school_holidays: the days, and the calendar years that they cover."""
        return cls(
            WeatherTable.of(weather),
            TrafficReadings.of(traffic),
            SchoolDays.of(*school_holidays),
            WorkingDays.of(bank_holidays),
        )


def columns_at(tables: ContextTables, at_us: Ints) -> Columns:
    """Return the context known at each of (n,) `at_us`, microseconds UTC.

    Returns: the columns of `weather_known`, `congestion_rate` (NaN unknown), `congestion_source` (None),
    `is_school_holiday` (NaN outside covered years), `is_working_day`; (n,) each.
    """
    # The same function serves training and prediction, so that the two cannot differ.
    rows = tables.traffic.rows_known(at_us)
    return {
        **weather_known(tables.weather, at_us),
        "congestion_rate": taken(tables.traffic.congestion_rate, rows),
        "congestion_source": taken(np.array(tables.traffic.source, object), rows),
        "is_school_holiday": tables.school.is_holiday(at_us),
        "is_working_day": tables.working.is_working_day(at_us),
    }


def spells(tables: ContextTables, first_us: int, end_us: int) -> Columns:
    """Return time spans within one UTC hour each, over which the context does not change.

    Args: first_us, end_us: the range to cover, the end not included.
    Returns: (k,) `from_us, until_us` (not included) and the columns of `columns_at`, in order of time.
    """
    first, end = first_us // HOUR_US * HOUR_US, -(-end_us // HOUR_US) * HOUR_US
    # A spell ends wherever a row becomes available or too old: inside one nothing changes, so one look-up serves it.
    changes = np.concatenate((tables.weather.distinct_available_us, tables.traffic.changes_us))
    changes = changes[(changes > first) & (changes < end)]
    # A London day begins with a UTC hour, as long as London is a whole number of hours ahead.
    edges = np.unique(np.concatenate((np.arange(first, end, HOUR_US), changes)))
    return {"from_us": edges, "until_us": np.append(edges[1:], end), **columns_at(tables, edges)}


def context_at(tables: ContextTables, at: datetime) -> ContextSnapshot:
    """Return the context at one timestamp, each value with its source and age."""
    at_us = np.array([us_of(at)], np.int64)
    weather = _weather_values(tables.weather, at_us)
    # Calendars are by London day, weather by UTC hour.
    year = int(years_of(london_days(at_us))[0])
    values = (*weather, _congestion(tables.traffic, at_us), *_calendar(tables, at_us, year))
    return ContextSnapshot(at, values, tuple(_missing(values, year)))


def _weather_values(table: WeatherTable, at_us: Ints) -> list[ContextValue]:
    chosen, giving = table.rows_known(at_us)
    # The newest hour may not be available yet: an earlier one is used and marked.
    is_late = chosen[0] >= 0 and table.observed_us[chosen[0]] // HOUR_US < at_us[0] // HOUR_US
    values = []
    for name, (row,) in giving.items():
        if row < 0:
            values.append(ContextValue(name, None))
            continue
        value = table.values[name][row]
        values.append(
            ContextValue(
                name,
                value if isinstance(value, str) else float(value),
                table.source[row],
                timestamp_from_us(int(table.observed_us[row])),
                timestamp_from_us(int(table.available_us[row])),
                is_imputed=bool(is_late or row != chosen[0]),
            )
        )
    return values


def _congestion(traffic: Traffic, at_us: Ints) -> ContextValue:
    row = int(traffic.rows_known(at_us)[0])
    if row < 0:
        return ContextValue("congestion_rate", None)
    observed_at, available_at = traffic.timestamps(row)
    rate = float(traffic.congestion_rate[row])
    return ContextValue("congestion_rate", rate, traffic.source[row], observed_at, available_at)


def _calendar(tables: ContextTables, at_us: Ints, year: int) -> Iterator[ContextValue]:
    school = tables.school.is_holiday(at_us)[0]
    source = tables.school.source_by_year.get(year)
    yield ContextValue("is_school_holiday", None if np.isnan(school) else bool(school), source)
    source = tables.working.source_by_year.get(year, LIBRARY)
    yield ContextValue("is_working_day", bool(tables.working.is_working_day(at_us)[0]), source)


def _missing(values: Sequence[ContextValue], year: int) -> Iterator[str]:
    absent = {one.name for one in values if one.value is None}
    if absent.issuperset(WEATHER_VALUES):
        yield f"weather: no row of the last {OLDEST_H} h"
    else:
        for name in WEATHER_VALUES:
            if name in absent:
                yield f"{NAMES[name]}: no weather row of the last {OLDEST_H} h has it"
    if "congestion_rate" in absent:
        yield f"traffic: no reading of the last {FRESH_US // HOUR_US} h"
    if "is_school_holiday" in absent:
        yield f"school holidays: no calendar covers {year}"
