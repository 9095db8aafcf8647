"""Context for moments, out of the database: one question a part, by its index; the rule is `features.context`'s."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Select, Table, bindparam, select

from londonpump.domain.context_records import BankHoliday, SchoolHoliday, TrafficReading, WeatherHour
from londonpump.features import context
from londonpump.features.context import ContextSnapshot, ContextTables
from londonpump.features.observations import FRESH_US, MICROSECOND, OLDEST_H, Columns, Ints, timestamp_from_us
from londonpump.storage.database.engine import reading
from londonpump.storage.database.schema import (
    bank_holidays,
    school_holidays,
    school_years,
    traffic_readings,
    weather_hours,
)

OLDEST_WEATHER = timedelta(hours=OLDEST_H)
OLDEST_TRAFFIC = FRESH_US * MICROSECOND


def context_at(engine: Engine, at: datetime) -> ContextSnapshot:
    """The context of one moment as it was known then. at: aware. Raises: DatabaseFailed."""
    return context.context_at(context_tables(engine, at, at + MICROSECOND), at)


def context_columns(engine: Engine, at_us: Ints) -> Columns:
    """The context of many moments, by column: see `features.context.columns_at`. Raises: DatabaseFailed.

    Args: at_us: (n,) microseconds UTC.
    """
    if not len(at_us):
        return context.columns_at(ContextTables.of(), at_us)
    first_at, last_at = timestamp_from_us(int(np.min(at_us))), timestamp_from_us(int(np.max(at_us)))
    return context.columns_at(context_tables(engine, first_at, last_at + MICROSECOND), at_us)


def context_tables(engine: Engine, first_at: datetime, end_at: datetime) -> ContextTables:
    """All that counts for moments from first_at until before end_at. Raises: DatabaseFailed."""
    with reading(engine) as connection:
        return select_context_tables(connection, first_at, end_at)


def select_context(connection: Connection, at: datetime) -> ContextSnapshot:
    """As `context_at`, inside a transaction of the caller's."""
    return context.context_at(select_context_tables(connection, at, at + MICROSECOND), at)


def select_context_tables(connection: Connection, first_at: datetime, end_at: datetime) -> ContextTables:
    """As `context_tables`, inside a transaction of the caller's."""
    hour_at = first_at.replace(minute=0, second=0, microsecond=0)
    # London's year is the year of UTC: it is not summer at New Year.
    years = {"first": first_at.year, "last": end_at.year}
    days = {"first": first_at.date().replace(month=1, day=1), "last": end_at.date().replace(month=12, day=31)}

    def rows(statement: Select[Any], parameters: dict[str, Any]) -> Sequence[Any]:
        return connection.execute(statement, parameters).all()

    return ContextTables.of(
        [WeatherHour(*row) for row in rows(_WEATHER, {"first": hour_at - OLDEST_WEATHER, "end": end_at})],
        [TrafficReading(*row) for row in rows(_TRAFFIC, {"first": first_at - OLDEST_TRAFFIC, "end": end_at})],
        (
            [SchoolHoliday(*row) for row in rows(_SCHOOL_HOLIDAYS, years)],
            {row.year for row in rows(_SCHOOL_YEARS, years)},
        ),
        [BankHoliday(*row) for row in rows(_BANK_HOLIDAYS, days)],
    )


def _observed(table: Table, row_type: type[WeatherHour] | type[TrafficReading]) -> Select[Any]:
    """Columns in the order of the dataclass's fields; what came after the last moment is not asked for."""
    return select(*(table.c[field.name] for field in fields(row_type))).where(
        table.c.observed_at >= bindparam("first"),
        table.c.observed_at < bindparam("end"),
        table.c.available_at < bindparam("end"),
    )


_WEATHER = _observed(weather_hours, WeatherHour)
_TRAFFIC = _observed(traffic_readings, TrafficReading)
_SCHOOL_HOLIDAYS = select(school_holidays.c.day, school_holidays.c.source).where(
    school_holidays.c.year.between(bindparam("first"), bindparam("last"))
)
_SCHOOL_YEARS = select(school_years.c.year).where(
    school_years.c.year.between(bindparam("first"), bindparam("last"))
)
_BANK_HOLIDAYS = select(bank_holidays.c.day, bank_holidays.c.title, bank_holidays.c.source).where(
    bank_holidays.c.day.between(bindparam("first"), bindparam("last"))
)
