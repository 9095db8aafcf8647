"""What health asks of the database."""

from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex

from sqlalchemy import Connection, func, select

from londonpump.storage.database.context_repository import FetchRecord, select_last_fetches
from londonpump.storage.database.engine import upsert
from londonpump.storage.database.schema import bank_holidays, school_years, weather_hours, write_probe

PROBE_CHARACTERS = 16_384
"""About what a prediction and its audit take: a disk with less room than that is full to those who ask."""


@dataclass(frozen=True, slots=True)
class ContextState:
    """weather_hour_at: the newest hour that anything is known of now. years: that are known, by calendar."""

    weather_hour_at: datetime | None
    weather_fetched_at: datetime | None
    school_years: tuple[int, ...]
    bank_holiday_years: tuple[int, ...]
    fetches: tuple[FetchRecord, ...]


def database_responds(connection: Connection) -> bool:
    """Whether the database answers a question about a table of ours."""
    connection.execute(select(func.max(school_years.c.year))).one()
    return True


def write_something(connection: Connection) -> None:
    """Replace the row that stands for whatever the service writes: a full or read-only database refuses it."""
    # not the same twice: a database may leave out a write that changes nothing
    filling = token_hex(8).ljust(PROBE_CHARACTERS, "0")
    upsert(connection, write_probe, [{"id": 1, "filling": filling}])


def context_state(connection: Connection, now: datetime) -> ContextState:
    """How new the context is."""
    hours = weather_hours.c
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
