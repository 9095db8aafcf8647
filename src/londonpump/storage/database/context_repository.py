"""Weather and traffic, in all their vintages: each row says when it could be known first.

`calendar_rows` holds the days, `fetch_rows` when each source was asked last. All raise DatabaseFailed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, Table, delete, exists, select

from londonpump.domain.context_records import TrafficReading, WeatherHour
from londonpump.storage.database.calendar_repository import (
    StoredYears,
    read_bank_holidays,
    read_school_holidays,
    school_years,
    store_bank_holidays,
    store_school_holidays,
)
from londonpump.storage.database.engine import reading, writing
from londonpump.storage.database.fetch_repository import FetchRecord, last_fetches, record_fetch
from londonpump.storage.database.schema import traffic_readings, weather_hours
from londonpump.storage.database.upserts import as_row, upsert

__all__ = [
    "FetchRecord",
    "StoredYears",
    "known_hours",
    "last_fetches",
    "prune_traffic",
    "prune_weather",
    "read_bank_holidays",
    "read_school_holidays",
    "read_traffic",
    "read_weather",
    "record_fetch",
    "school_years",
    "store_bank_holidays",
    "store_school_holidays",
    "store_traffic",
    "store_weather",
]


def store_weather(engine: Engine, rows: Sequence[WeatherHour]) -> int:
    """Add hours; the same hour, source and vintage again takes the place of the earlier row. Returns: how many."""
    return _store(engine, weather_hours, rows)


def read_weather(engine: Engine, first_at: datetime, end_at: datetime) -> list[WeatherHour]:
    """Every vintage of the hours from first_at until before end_at, by observed_at, available_at, source."""
    with reading(engine) as connection:
        found = connection.execute(_between(weather_hours, first_at, end_at)).mappings()
        return [WeatherHour(**row) for row in found]


def known_hours(
    engine: Engine, first_at: datetime, end_at: datetime, sources: Sequence[str]
) -> set[datetime]:
    """Which hours from first_at until before end_at have a row of one of the sources, whole or with gaps."""
    query = select(weather_hours.c.observed_at).where(
        weather_hours.c.observed_at >= first_at,
        weather_hours.c.observed_at < end_at,
        weather_hours.c.source.in_(sources),
    )
    with reading(engine) as connection:
        return set(connection.execute(query.distinct()).scalars())


def prune_weather(engine: Engine) -> int:
    """Drop forecasts that can never be used again, so that an hourly refresh does not grow without end.

    A moment uses hours that have begun; where a source had a later forecast still before its hour began, the
    earlier ones are never chosen for any moment. Returns: how many rows are gone.
    """
    return _prune(engine, weather_hours)


def store_traffic(engine: Engine, rows: Sequence[TrafficReading]) -> int:
    """As `store_weather`."""
    return _store(engine, traffic_readings, rows)


def read_traffic(engine: Engine, first_at: datetime, end_at: datetime) -> list[TrafficReading]:
    """As `read_weather`."""
    with reading(engine) as connection:
        found = connection.execute(_between(traffic_readings, first_at, end_at)).mappings()
        return [TrafficReading(**row) for row in found]


def prune_traffic(engine: Engine) -> int:
    """As `prune_weather`."""
    return _prune(engine, traffic_readings)


def _store(engine: Engine, table: Table, rows: Sequence[WeatherHour] | Sequence[TrafficReading]) -> int:
    # by key: of two rows with one key in one call the later stands, on both engines
    by_key = {(row.observed_at, row.source, row.available_at): as_row(row) for row in rows}
    with writing(engine) as connection:
        upsert(connection, table, list(by_key.values()))
    return len(by_key)


def _between(table: Table, first_at: datetime, end_at: datetime) -> Select[Any]:
    columns = table.c
    return (
        select(table)
        .where(columns.observed_at >= first_at, columns.observed_at < end_at)
        .order_by(columns.observed_at, columns.available_at, columns.source)
    )


def _prune(engine: Engine, table: Table) -> int:
    later = table.alias("later")
    is_outdated = exists().where(
        later.c.observed_at == table.c.observed_at,
        later.c.source == table.c.source,
        later.c.available_at > table.c.available_at,
        later.c.available_at <= table.c.observed_at,
    )
    with writing(engine) as connection:
        return connection.execute(delete(table).where(is_outdated)).rowcount
