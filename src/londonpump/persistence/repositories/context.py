"""Weather, traffic, holidays, the imported list of stations, the last fetch of each source, and the context at a time.

Weather and traffic are kept in all their vintages: each row says when it became known. The context at a time is read
with one indexed query per table; `features.context` holds the rules. Every function that takes an engine raises
DatabaseFailed.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import (
    Connection,
    Engine,
    Select,
    Table,
    bindparam,
    delete,
    exists,
    extract,
    func,
    insert,
    select,
)

from londonpump.domain.columns import BankHoliday, SchoolHoliday, TrafficReading, WeatherHour
from londonpump.domain.stations import Station
from londonpump.features import context
from londonpump.features.context import ContextSnapshot, ContextTables
from londonpump.features.observations import FRESH_US, MICROSECOND, OLDEST_H, Columns, Ints, timestamp_from_us
from londonpump.persistence.database.engine import Row, as_row, reading, upsert, writing
from londonpump.persistence.database.schema import (
    bank_holidays,
    school_holidays,
    source_fetches,
    traffic_readings,
    weather_hours,
)
from londonpump.persistence.database.schema import school_years as years_table
from londonpump.persistence.database.schema import stations as stations_table

# England has had eight or more per year since 1978, so fewer are an incomplete year.
MIN_BANK_HOLIDAYS = 8
FIELDS = tuple(field.name for field in fields(Station))
OLDEST_WEATHER = timedelta(hours=OLDEST_H)
OLDEST_TRAFFIC = FRESH_US * MICROSECOND


def store_weather(engine: Engine, rows: Sequence[WeatherHour]) -> int:
    """Add hours, replacing rows of the same hour, source and vintage. Returns: how many."""
    return _store(engine, weather_hours, rows)


def read_weather(engine: Engine, first_at: datetime, end_at: datetime) -> list[WeatherHour]:
    """Return every vintage of the hours from `first_at` until before `end_at`, by observed_at, available_at, source."""
    with reading(engine) as connection:
        found = connection.execute(_between(weather_hours, first_at, end_at)).mappings()
        return [WeatherHour(**row) for row in found]


def known_hours(
    engine: Engine, first_at: datetime, end_at: datetime, sources: Sequence[str]
) -> set[datetime]:
    """Return the hours from `first_at` until before `end_at` with a row of one of the sources, even an incomplete one."""
    query = select(weather_hours.c.observed_at).where(
        weather_hours.c.observed_at >= first_at,
        weather_hours.c.observed_at < end_at,
        weather_hours.c.source.in_(sources),
    )
    with reading(engine) as connection:
        return set(connection.execute(query.distinct()).scalars())


def prune_weather(engine: Engine) -> int:
    """Delete forecasts that can never be used again, so that hourly refreshes do not fill the table.

    Only hours that have begun are used. If a source published a later forecast before the hour began, its earlier
    forecasts are never chosen. Returns: how many rows were deleted.
    """
    return _prune(engine, weather_hours)


def store_traffic(engine: Engine, rows: Sequence[TrafficReading]) -> int:
    """Add readings like `store_weather`."""
    return _store(engine, traffic_readings, rows)


def read_traffic(engine: Engine, first_at: datetime, end_at: datetime) -> list[TrafficReading]:
    """Return every vintage of the readings like `read_weather`."""
    with reading(engine) as connection:
        found = connection.execute(_between(traffic_readings, first_at, end_at)).mappings()
        return [TrafficReading(**row) for row in found]


def prune_traffic(engine: Engine) -> int:
    """Delete readings like `prune_weather`."""
    return _prune(engine, traffic_readings)


def _store(engine: Engine, table: Table, rows: Sequence[WeatherHour] | Sequence[TrafficReading]) -> int:
    # by key, because PostgreSQL rejects two rows with one key in one statement; the later row counts
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


@dataclass(frozen=True, slots=True)
class StoredYears:
    """Calendar years that were added, replaced or left unchanged."""

    added: tuple[int, ...] = ()
    replaced: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()


def store_school_holidays(
    engine: Engine, holidays: Sequence[SchoolHoliday], *, replace: bool = False
) -> StoredYears:
    """Add new calendar years. A stored year stays unless its own source now has more days of it.

    Args: replace: replace the given years in any case (a manual import).
    Years that are not given always stay.
    """
    with writing(engine) as connection:
        return put_school_holidays(connection, holidays, replace=replace)


def put_school_holidays(
    connection: Connection, holidays: Sequence[SchoolHoliday], *, replace: bool = False
) -> StoredYears:
    """Do the same as `store_school_holidays` inside the transaction of the caller."""
    by_year: dict[int, dict[date, SchoolHoliday]] = defaultdict(dict)
    for holiday in holidays:
        by_year[holiday.day.year][holiday.day] = holiday
    known = _days_and_source(connection)
    added, replaced, kept = [], [], []
    for year, days in sorted(by_year.items()):
        source = days[min(days)].source
        if year not in known:
            added.append(year)
        elif replace or (source == known[year][1] and len(days) > known[year][0]):
            replaced.append(year)
        else:
            kept.append(year)
            continue
        _write_year(connection, year, source, [days[day] for day in sorted(days)])
    return StoredYears(tuple(added), tuple(replaced), tuple(kept))


def read_school_holidays(engine: Engine) -> list[SchoolHoliday]:
    """Return every school holiday, by day."""
    query = select(school_holidays.c.day, school_holidays.c.source).order_by(school_holidays.c.day)
    with reading(engine) as connection:
        return [SchoolHoliday(**row) for row in connection.execute(query).mappings()]


def school_years(engine: Engine) -> set[int]:
    """Return the calendar years whose school holidays are known. Other years are unknown, not school days."""
    with reading(engine) as connection:
        return set(connection.execute(select(years_table.c.year)).scalars())


def store_bank_holidays(engine: Engine, days: Sequence[BankHoliday]) -> int:
    """Add bank holidays. A complete calendar year replaces the stored one, because a holiday can be moved.

    Days of an incomplete year (fewer than eight) are added to the stored ones. Returns: how many days were given.
    """
    by_day = {day.day: as_row(day) for day in days}
    years = [day.year for day in by_day]
    complete_years = {year for year in years if years.count(year) >= MIN_BANK_HOLIDAYS}
    with writing(engine) as connection:
        connection.execute(
            delete(bank_holidays).where(extract("year", bank_holidays.c.day).in_(complete_years))
        )
        upsert(connection, bank_holidays, list(by_day.values()))
    return len(by_day)


def read_bank_holidays(engine: Engine) -> list[BankHoliday]:
    """Return every bank holiday, by day."""
    with reading(engine) as connection:
        found = connection.execute(select(bank_holidays).order_by(bank_holidays.c.day)).mappings()
        return [BankHoliday(**row) for row in found]


def _days_and_source(connection: Connection) -> dict[int, tuple[int, str]]:
    query = (
        select(years_table.c.year, years_table.c.source, func.count(school_holidays.c.day))
        .outerjoin(school_holidays, school_holidays.c.year == years_table.c.year)
        .group_by(years_table.c.year, years_table.c.source)
    )
    return {year: (n_days, source) for year, source, n_days in connection.execute(query)}


def _write_year(connection: Connection, year: int, source: str, holidays: Sequence[SchoolHoliday]) -> None:
    now = datetime.now(UTC)
    upsert(connection, years_table, [{"year": year, "source": source, "added_at": now}])
    connection.execute(delete(school_holidays).where(school_holidays.c.year == year))
    rows = [{**as_row(holiday), "year": year, "added_at": now} for holiday in holidays]
    upsert(connection, school_holidays, rows)


def store_stations(engine: Engine, stations: Sequence[Station]) -> int:
    """Replace the whole list. Returns: how many stations it has."""
    with writing(engine) as connection:
        return put_stations(connection, stations)


def put_stations(connection: Connection, stations: Sequence[Station]) -> int:
    """Do the same as `store_stations` inside the transaction of the caller."""
    rows = [{**as_row(station), "pumps": list(station.pumps)} for station in stations]
    connection.execute(delete(stations_table))
    if rows:
        connection.execute(insert(stations_table), rows)
    return len(rows)


def read_stations(engine: Engine) -> tuple[Station, ...]:
    """Return the imported list, by code; empty if none was imported."""
    with reading(engine) as connection:
        return select_stations(connection)


def select_stations(connection: Connection) -> tuple[Station, ...]:
    """Do the same as `read_stations` inside the transaction of the caller."""
    query = select(*(stations_table.c[name] for name in FIELDS)).order_by(stations_table.c.code)
    found = connection.execute(query).mappings()
    return tuple(Station(**{**row, "pumps": tuple(row["pumps"])}) for row in found)


@dataclass(frozen=True, slots=True)
class FetchRecord:
    """The last fetch from a source."""

    source: str
    at: datetime
    problem: str | None
    """None if the fetch succeeded."""
    rows: int
    succeeded_at: datetime | None
    """The last successful fetch; None if there was none."""


def record_fetch(engine: Engine, source: str, at: datetime, problem: str | None, rows: int) -> None:
    """Store a fetch. The problem must not contain an API key."""
    row = {"source": source, "fetched_at": at, "problem": problem, "row_count": rows}
    with writing(engine) as connection:
        connection.execute(insert(source_fetches), row)


def last_fetches(engine: Engine) -> list[FetchRecord]:
    """Return the newest fetch of each source, by source."""
    with reading(engine) as connection:
        return select_last_fetches(connection)


def select_last_fetches(connection: Connection) -> list[FetchRecord]:
    """Do the same as `last_fetches` inside the transaction of the caller."""
    fetches = source_fetches.c
    good = (
        select(fetches.source, func.max(fetches.fetched_at).label("succeeded_at"))
        .where(fetches.problem.is_(None))
        .group_by(fetches.source)
        .subquery()
    )
    # the id decides between two fetches at the same time
    rank = func.row_number().over(
        partition_by=fetches.source, order_by=(fetches.fetched_at.desc(), fetches.id.desc())
    )
    ranked = select(source_fetches, rank.label("rank")).subquery()
    query = (
        select(ranked, good.c.succeeded_at)
        .outerjoin(good, good.c.source == ranked.c.source)
        .where(ranked.c.rank == 1)
        .order_by(ranked.c.source)
    )
    return [
        FetchRecord(row.source, row.fetched_at, row.problem, row.row_count, row.succeeded_at)
        for row in connection.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class ContextState:
    """Newest weather and calendars in the database."""

    weather_hour_at: datetime | None
    """Newest past hour with known weather."""
    weather_fetched_at: datetime | None
    school_years: tuple[int, ...]
    bank_holiday_years: tuple[int, ...]
    fetches: tuple[FetchRecord, ...]


def context_state(connection: Connection, now: datetime) -> ContextState:
    """Read the newest weather, the years of the calendars and the last fetches."""
    weather_hour_at, weather_fetched_at = newest_weather(connection, now)
    days = connection.execute(select(bank_holidays.c.day)).scalars()
    return ContextState(
        weather_hour_at,
        weather_fetched_at,
        school_years=tuple(connection.execute(select(years_table.c.year).order_by("year")).scalars()),
        bank_holiday_years=tuple(sorted({day.year for day in days})),
        fetches=tuple(select_last_fetches(connection)),
    )


def newest_weather(connection: Connection, at: datetime) -> tuple[datetime | None, datetime | None]:
    """Return the newest hour of weather that was known at a time, and the newest fetch of such hours."""
    hours = weather_hours.c
    # forecasts of future hours do not count: they would hide that no new weather arrives
    known = select(func.max(hours.observed_at), func.max(hours.available_at)).where(
        hours.observed_at <= at, hours.available_at <= at
    )
    hour_at, fetched_at = connection.execute(known).one()
    return hour_at, fetched_at


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

    def rows(statement: Select[Any], parameters: Row) -> Sequence[Any]:
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
_SCHOOL_YEARS = select(years_table.c.year).where(
    years_table.c.year.between(bindparam("first"), bindparam("last"))
)
_BANK_HOLIDAYS = select(bank_holidays.c.day, bank_holidays.c.title, bank_holidays.c.source).where(
    bank_holidays.c.day.between(bindparam("first"), bindparam("last"))
)
