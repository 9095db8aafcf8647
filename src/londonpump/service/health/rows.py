"""What health asks of the database."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from londonpump.storage.database.fetch_rows import FetchNote, fetches_noted
from londonpump.storage.database.schema import bank_holidays, school_years, weather_hours


@dataclass(frozen=True, slots=True)
class ContextState:
    """weather_hour_at: the newest hour that anything is known of now. years: that are known, by calendar."""

    weather_hour_at: datetime | None
    weather_fetched_at: datetime | None
    school_years: tuple[int, ...]
    bank_holiday_years: tuple[int, ...]
    fetches: tuple[FetchNote, ...]


def answers(connection: Connection) -> bool:
    """Whether the database answers a question about a table of ours."""
    connection.execute(select(func.max(school_years.c.year))).one()
    return True


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
        fetches=tuple(fetches_noted(connection)),
    )
