"""The verb `refresh context`: weather, calendars and traffic of now into the database, where serving reads them.

Each source on its own: one that fails is told and leaves its earlier rows as they are; the others go on.
Every try is noted in the database. No message holds a key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Engine

from londonpump.domain.errors import BadValue, SourceFailed
from londonpump.domain.london_clock import LONDON
from londonpump.ingest.http import Http
from londonpump.ingest.tomtom import KEY_SETTING
from londonpump.ingest.weather_hours import format_utc
from londonpump.lifecycle import refresh_steps as steps
from londonpump.lifecycle.refresh_steps import OPEN_METEO, StepResult
from londonpump.lifecycle.weather_history import RefreshSession
from londonpump.settings import Settings
from londonpump.storage.database.context_repository import last_fetches, record_fetch

FIRST_RECORD_DATE = date(2009, 1, 1)
"""As in `fetch`, whose libraries an hourly refresh need not load."""


class Part(StrEnum):
    """What can be refreshed, in this order."""

    WEATHER = "weather"
    HISTORY = "weather-history"
    BANK_HOLIDAYS = "bank-holidays"
    SCHOOL_HOLIDAYS = "school-holidays"
    TRAFFIC = "traffic"


class State(StrEnum):
    """What became of a part."""

    SUCCEEDED = "came"
    FAILED = "failed"
    SKIPPED = "not asked"


@dataclass(frozen=True, slots=True)
class RefreshRequest:
    """since: also past hours from that day on. weather_from: publisher of weather. only: nothing else."""

    since: date | None = None
    weather_from: str = OPEN_METEO
    only: Part | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One part: rows stored, and what came or what failed and what stands in, in words."""

    part: Part
    state: State
    message: str
    rows: int = 0


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """What became of each part that was wanted."""

    outcomes: tuple[Outcome, ...]

    @property
    def has_failed(self) -> bool:
        """Whether any part failed."""
        return any(outcome.state is State.FAILED for outcome in self.outcomes)

    def to_text(self) -> str:
        """A line a part."""
        return "\n".join(
            f"{outcome.part}: {'FAILED. ' if outcome.state is State.FAILED else ''}{outcome.message}"
            for outcome in self.outcomes
        )


def refresh_context(
    settings: Settings, engine: Engine, http: Http, now: datetime, request: RefreshRequest = RefreshRequest()
) -> RefreshResult:
    """Ask every source that is wanted and store what comes.

    Args: now: the moment from which what comes is known, UTC.
    Raises: BadValue if `wanted` cannot be meant; DatabaseFailed. A source that fails is an outcome.
    """
    _validate_request(request, now)
    session = RefreshSession(settings, engine, http, now.astimezone(UTC))
    parts = [part for part in Part if request.only in (None, part)]
    if request.since is None and Part.HISTORY in parts:
        parts.remove(Part.HISTORY)
    return RefreshResult(tuple(_refresh(session, part, request) for part in parts))


def _validate_request(request: RefreshRequest, now: datetime) -> None:
    if request.only is Part.HISTORY and request.since is None:
        raise BadValue("--only", str(request.only), "needs --since with the first day")
    if request.since is not None and request.since > now.astimezone(LONDON).date():
        raise BadValue("--since", request.since.isoformat(), "is yet to come; give a past day")
    if request.since is not None and request.since < FIRST_RECORD_DATE:
        # each year before it would be a request, for hours that no record needs
        raise BadValue(
            "--since", request.since.isoformat(), f"is before {FIRST_RECORD_DATE}, the first record"
        )


def _refresh(session: RefreshSession, part: Part, request: RefreshRequest) -> Outcome:
    if part is Part.TRAFFIC and session.settings.tomtom_key is None:
        return Outcome(part, State.SKIPPED, f"not asked: no {KEY_SETTING}. The congestion profile stands in.")
    try:
        result = _step(part, session, request)()
    except SourceFailed as failed:
        result = StepResult(0, "", str(failed))
    fallback = "" if result.problem is None else _fallback_text(session, part)
    record_fetch(session.engine, part, session.now, result.problem, result.rows)
    if result.problem is None:
        return Outcome(part, State.SUCCEEDED, result.message, result.rows)
    messages = (result.problem.rstrip(".") + ".", result.message and result.message + ".", fallback)
    return Outcome(part, State.FAILED, " ".join(message for message in messages if message), result.rows)


def _step(part: Part, session: RefreshSession, request: RefreshRequest) -> Callable[[], StepResult]:
    since = request.since or session.now.date()
    return {
        Part.WEATHER: lambda: steps.weather(session, request.weather_from),
        Part.HISTORY: lambda: steps.history(session, request.weather_from, since),
        Part.BANK_HOLIDAYS: lambda: steps.bank_holidays(session),
        Part.SCHOOL_HOLIDAYS: lambda: steps.school_holidays(session),
        Part.TRAFFIC: lambda: steps.traffic(session),
    }[part]


def _fallback_text(session: RefreshSession, part: Part) -> str:
    succeeded_at = next(
        (note.succeeded_at for note in last_fetches(session.engine) if note.source == part), None
    )
    if succeeded_at is None:
        return "It has never come whole before."
    return f"All went well {_age(session.now - succeeded_at)} ago ({format_utc(succeeded_at)}); what is stored stands in."


def _age(passed: timedelta) -> str:
    minutes = passed // timedelta(minutes=1)
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"
