"""Context read from the database, with one indexed query per table. `features.context` holds the rules."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Select, Table, bindparam, select

from londonpump.domain.columns import BankHoliday, SchoolHoliday, TrafficReading, WeatherHour
from londonpump.features import context
from londonpump.features.context import ContextSnapshot, ContextTables
from londonpump.features.observations import FRESH_US, MICROSECOND, OLDEST_H, Columns, Ints, timestamp_from_us
from londonpump.persistence.database.engine import reading
from londonpump.persistence.database.schema import (
    bank_holidays,
    school_holidays,
    school_years,
    traffic_readings,
    weather_hours,
)

OLDEST_WEATHER = timedelta(hours=OLDEST_H)
OLDEST_TRAFFIC = FRESH_US * MICROSECOND


def context_at(engine: Engine, at: datetime) -> ContextSnapshot:
    """Return the context at a timestamp, as it was known then. at: aware. Raises: DatabaseFailed."""
    return context.context_at(context_tables(engine, at, at + MICROSECOND), at)


def context_columns(engine: Engine, at_us: Ints) -> Columns:
    """Return the context at many timestamps, by column (see `features.context.columns_at`).

    Args: at_us: (n,) microseconds since 1970, UTC. Raises: DatabaseFailed.
    """
    if not len(at_us):
        return context.columns_at(ContextTables.of(), at_us)
    first_at, last_at = timestamp_from_us(int(np.min(at_us))), timestamp_from_us(int(np.max(at_us)))
    return context.columns_at(context_tables(engine, first_at, last_at + MICROSECOND), at_us)


def context_tables(engine: Engine, first_at: datetime, end_at: datetime) -> ContextTables:
    """Return everything that the context from `first_at` until before `end_at` needs. Raises: DatabaseFailed."""
    with reading(engine) as connection:
        return select_context_tables(connection, first_at, end_at)


def select_context(connection: Connection, at: datetime) -> ContextSnapshot:
    """Do the same as `context_at` inside the transaction of the caller."""
    return context.context_at(select_context_tables(connection, at, at + MICROSECOND), at)


def select_context_tables(connection: Connection, first_at: datetime, end_at: datetime) -> ContextTables:
    """Do the same as `context_tables` inside the transaction of the caller."""
    hour_at = first_at.replace(minute=0, second=0, microsecond=0)
    # the London year equals the UTC year, because summer time does not apply at New Year
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
    """Select the fields of `row_type` in their order, without rows that became known after the last timestamp."""
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
