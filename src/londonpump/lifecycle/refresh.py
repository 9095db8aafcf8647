"""The command `refresh context`: store current weather, calendars and traffic in the database, where the service reads them.

Sources are independent: one that fails is reported and keeps its earlier rows, and the others go on. Every attempt is
recorded in the database. No message contains a key.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from londonpump.domain.columns import WeatherHour
from londonpump.domain.errors import BadValue, SourceFailed
from londonpump.domain.london_clock import LONDON
from londonpump.ingest import open_meteo, visual_crossing
from londonpump.ingest.bank_holidays import fetch_bank_holidays
from londonpump.ingest.http import Http
from londonpump.ingest.school_terms_page import fetch_school_holidays
from londonpump.ingest.tomtom import KEY_SETTING, fetch_traffic
from londonpump.ingest.visual_crossing import LondonDays
from londonpump.ingest.weather_hours import HOUR, HOURS_AHEAD, HOURS_BACK, Span, format_utc, hour_of
from londonpump.lifecycle.weather_history import (
    HistoryResult,
    RefreshSession,
    fill_open_meteo,
    fill_visual_crossing,
)
from londonpump.persistence.database import Engine
from londonpump.persistence.repositories.context import (
    last_fetches,
    prune_traffic,
    prune_weather,
    read_weather,
    record_fetch,
    store_bank_holidays,
    store_school_holidays,
    store_traffic,
    store_weather,
)
from londonpump.settings import Settings

OPEN_METEO, VISUAL_CROSSING = "open-meteo", "visual-crossing"
NO_FORECASTS = "archived forecasts do not exist at that address, the archive was used instead"


@dataclass(frozen=True, slots=True)
class StepResult:
    """Result of one source."""

    rows: int  # number of rows stored
    message: str
    problem: str | None = None  # why some of its rows are missing


def _refresh_weather(session: RefreshSession, publisher: str) -> StepResult:
    """Store the hours around now as they are known now, except those that repeat what is stored."""
    rows = _forecast(session, publisher)
    # Only changes are stored, as versions with their own time: an example must see what was known at its call.
    new = _changed(session, rows)
    store_weather(session.engine, new)
    prune_weather(session.engine)
    span = f"{format_utc(rows[0].observed_at)} to {format_utc(rows[-1].observed_at)}"
    return StepResult(len(new), f"{len(rows)} hours from {span}, {len(new)} of them new or changed")


def _refresh_history(session: RefreshSession, publisher: str, since: date) -> StepResult:
    """Store past hours since a day that are missing."""
    fill = fill_open_meteo if publisher == OPEN_METEO else fill_visual_crossing
    result = fill(session, since)
    count = sum(result.hours_by_source.values())
    problem = " ".join(dict.fromkeys(_sentence(str(each)) for each in result.problems)) or None
    return StepResult(count, _format_history(result, since), problem)


def _refresh_bank_holidays(session: RefreshSession) -> StepResult:
    """Store the bank holidays of England by GOV.UK, and compare them with the `holidays` library."""
    check = fetch_bank_holidays(session.http, session.settings)
    count = store_bank_holidays(session.engine, check.announced)
    return StepResult(count, "; ".join((f"{count} days that GOV.UK lists", *check.differences)))


def _refresh_school_holidays(session: RefreshSession) -> StepResult:
    """Store school holidays of the years on the borough's page; years it no longer shows stay."""
    days = fetch_school_holidays(session.http, session.settings, session.now.astimezone(LONDON).date())
    years = store_school_holidays(session.engine, days)
    changes = [
        f"{verb} {', '.join(map(str, which))}"
        for verb, which in (("added", years.added), ("renewed", years.replaced), ("kept", years.kept))
        if which
    ]
    return StepResult(len(days), f"{len(days)} days; " + ("; ".join(changes) or "no year"))


def _refresh_traffic(session: RefreshSession) -> StepResult:
    """Store the current congestion."""
    reading = fetch_traffic(session.http, session.settings, session.now)
    store_traffic(session.engine, [reading])
    prune_traffic(session.engine)
    return StepResult(1, f"congestion {reading.congestion_rate:.0%}")


def _forecast(session: RefreshSession, publisher: str) -> list[WeatherHour]:
    if publisher == OPEN_METEO:
        return open_meteo.fetch_forecast(session.http, session.settings, session.now)
    this_hour = hour_of(session.now)
    span = Span(this_hour - HOUR * HOURS_BACK, this_hour + HOUR * HOURS_AHEAD)
    first, last = (at.astimezone(LONDON).date() for at in (span.first_at, span.end_at - HOUR))
    rows = visual_crossing.fetch_visual_crossing(
        session.http, session.settings, LondonDays(first, last), session.now
    )
    return [replace(row, available_at=session.now) for row in rows if span.has(row.observed_at)]


def _changed(session: RefreshSession, rows: Sequence[WeatherHour]) -> list[WeatherHour]:
    """Return the rows that differ from their newest stored version, or that have none."""
    stored = read_weather(session.engine, rows[0].observed_at, rows[-1].observed_at + timedelta(hours=1))
    newest = {(row.observed_at, row.source): row for row in stored}
    is_known = {key: replace(row, available_at=session.now) for key, row in newest.items()}
    return [row for row in rows if is_known.get((row.observed_at, row.source)) != row]


def _format_history(result: HistoryResult, since: date) -> str:
    stored_hours = ", ".join(f"{hours:,} of {source}" for source, hours in result.hours_by_source.items())
    missing = f", {result.missing:,} past hours are missing" if result.missing else ""
    nothing = "nothing was received" if result.problems else "nothing was missing"
    summary = f"Since {since}: {stored_hours or nothing}{missing}"
    return summary if result.has_forecasts else f"{summary}; {NO_FORECASTS}"


def _sentence(text: str) -> str:
    return text.rstrip(".") + "."


FIRST_RECORD_DATE = date(2009, 1, 1)
"""Copy of the constant in `fetch`, whose libraries an hourly refresh need not load."""


class Part(StrEnum):
    """Parts that can be refreshed, in this order."""

    WEATHER = "weather"
    HISTORY = "weather-history"
    BANK_HOLIDAYS = "bank-holidays"
    SCHOOL_HOLIDAYS = "school-holidays"
    TRAFFIC = "traffic"


class State(StrEnum):
    """State of a part after a refresh."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class RefreshRequest:
    """Request to refresh the context."""

    since: date | None = None  # also refresh past hours from this day on
    weather_from: str = OPEN_METEO  # publisher of the weather
    only: Part | None = None  # refresh this part only


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of one part."""

    part: Part
    state: State
    message: str  # what was stored, or what failed and which values are used instead
    rows: int = 0


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """Outcomes of the requested parts."""

    outcomes: tuple[Outcome, ...]

    @property
    def has_failed(self) -> bool:
        """True if any part failed."""
        return any(outcome.state is State.FAILED for outcome in self.outcomes)

    def to_text(self) -> str:
        """Format one line per part."""
        return "\n".join(
            f"{outcome.part}: {'FAILED. ' if outcome.state is State.FAILED else ''}{outcome.message}"
            for outcome in self.outcomes
        )


def refresh_context(
    settings: Settings, engine: Engine, http: Http, now: datetime, request: RefreshRequest = RefreshRequest()
) -> RefreshResult:
    """Fetch every requested part and store it. A source that fails is an outcome, not an error.

    Args: now: the time from which the fetched values count as known, UTC.
    Raises: BadValue for a request that makes no sense; DatabaseFailed.
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
        raise BadValue("--since", request.since.isoformat(), "is in the future; give a past day")
    if request.since is not None and request.since < FIRST_RECORD_DATE:
        # Each earlier year would cost a request for hours that no record needs.
        raise BadValue(
            "--since", request.since.isoformat(), f"is before {FIRST_RECORD_DATE}, the first record"
        )


def _refresh(session: RefreshSession, part: Part, request: RefreshRequest) -> Outcome:
    if part is Part.TRAFFIC and session.settings.tomtom_key is None:
        return Outcome(
            part, State.SKIPPED, f"skipped: {KEY_SETTING} is not set. The usual congestion is used instead."
        )
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
        Part.WEATHER: lambda: _refresh_weather(session, request.weather_from),
        Part.HISTORY: lambda: _refresh_history(session, request.weather_from, since),
        Part.BANK_HOLIDAYS: lambda: _refresh_bank_holidays(session),
        Part.SCHOOL_HOLIDAYS: lambda: _refresh_school_holidays(session),
        Part.TRAFFIC: lambda: _refresh_traffic(session),
    }[part]


def _fallback_text(session: RefreshSession, part: Part) -> str:
    succeeded_at = next(
        (note.succeeded_at for note in last_fetches(session.engine) if note.source == part), None
    )
    if succeeded_at is None:
        return "It has never succeeded before."
    return f"It last succeeded {_age(session.now - succeeded_at)} ago ({format_utc(succeeded_at)}); the stored values are used."


def _age(passed: timedelta) -> str:
    minutes = passed // timedelta(minutes=1)
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"
