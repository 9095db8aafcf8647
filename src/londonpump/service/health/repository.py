"""Database queries of the health routes."""

from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex

from sqlalchemy import Connection, func, select

from londonpump.storage.database.fetch_repository import FetchRecord, select_last_fetches
from londonpump.storage.database.monitoring_tables import write_probe
from londonpump.storage.database.schema import bank_holidays, school_years, weather_hours
from londonpump.storage.database.upserts import upsert

PROBE_CHARACTERS = 16_384
"""About the size of a prediction with its audit line: a disk with less free space than this counts as full."""


@dataclass(frozen=True, slots=True)
class ContextState:
    """Newest weather and calendars in the database."""

    weather_hour_at: datetime | None
    """Newest past hour with known weather."""
    weather_fetched_at: datetime | None
    school_years: tuple[int, ...]
    bank_holiday_years: tuple[int, ...]
    fetches: tuple[FetchRecord, ...]


def database_responds(connection: Connection) -> bool:
    """Return True if the database answers a query on one of our tables."""
    connection.execute(select(func.max(school_years.c.year))).one()
    return True


def write_something(connection: Connection) -> None:
    """Write the probe row, which fails if the database is full or read-only."""
    # random content, because a database may skip a write that changes nothing
    filling = token_hex(8).ljust(PROBE_CHARACTERS, "0")
    upsert(connection, write_probe, [{"id": 1, "filling": filling}])


def context_state(connection: Connection, now: datetime) -> ContextState:
    """Read the age of weather and calendars."""
    hours = weather_hours.c
    # forecasts of future hours do not count: they would hide that no new weather arrives
    known = select(func.max(hours.observed_at), func.max(hours.available_at)).where(
        hours.observed_at <= now, hours.available_at <= now
    )
    weather = connection.execute(known).one()
    days = connection.execute(select(bank_holidays.c.day)).scalars()
    return ContextState(
        weather_hour_at=weather[0],
        weather_fetched_at=weather[1],
        school_years=tuple(connection.execute(select(school_years.c.year).order_by("year")).scalars()),
        bank_holiday_years=tuple(sorted({day.year for day in days})),
        fetches=tuple(select_last_fetches(connection)),
    )


def age_s(since_at: datetime | None, now: datetime) -> float | None:
    """Return the seconds since a time, at least 0 even if the clock was set back; None without a time."""
    return None if since_at is None else round(max((now - since_at).total_seconds(), 0.0), 1)
