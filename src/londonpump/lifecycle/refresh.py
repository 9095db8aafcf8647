"""The verb `refresh context`: weather, calendars and traffic of now into the database, where serving reads them.

Each source on its own: one that fails is told and leaves its earlier rows as they are; the others go on.
Every try is noted in the database. No message holds a key.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Engine

from londonpump.domain.context_records import WeatherHour
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
from londonpump.settings import Settings
from londonpump.storage.database.context_repository import (
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

OPEN_METEO, VISUAL_CROSSING = "open-meteo", "visual-crossing"
NO_FORECASTS = "archived forecasts do not exist at that address, the archive stands in"


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a source brought. rows: stored. problem: a part that failed, in words, though the rest came."""

    rows: int
    message: str
    problem: str | None = None


def _refresh_weather(session: RefreshSession, publisher: str) -> StepResult:
    """The hours around now, as they are known now; hours that say what was known already add nothing."""
    rows = _forecast(session, publisher)
    new = _changed(session, rows)
    store_weather(session.engine, new)
    prune_weather(session.engine)
    span = f"{format_utc(rows[0].observed_at)} to {format_utc(rows[-1].observed_at)}"
    return StepResult(len(new), f"{len(rows)} hours from {span}, {len(new)} of them new or changed")


def _refresh_history(session: RefreshSession, publisher: str, since: date) -> StepResult:
    """Past hours since that day that are not there yet."""
    fill = fill_open_meteo if publisher == OPEN_METEO else fill_visual_crossing
    result = fill(session, since)
    count = sum(result.hours_by_source.values())
    problem = " ".join(dict.fromkeys(_sentence(str(each)) for each in result.problems)) or None
    return StepResult(count, _format_history(result, since), problem)


def _refresh_bank_holidays(session: RefreshSession) -> StepResult:
    """Bank holidays of England, GOV.UK's and the library's compared."""
    check = fetch_bank_holidays(session.http, session.settings)
    count = store_bank_holidays(session.engine, check.announced)
    return StepResult(count, "; ".join((f"{count} days that GOV.UK lists", *check.differences)))


def _refresh_school_holidays(session: RefreshSession) -> StepResult:
    """School holidays of the years that the borough's page shows; years it no longer shows stay."""
    days = fetch_school_holidays(session.http, session.settings, session.now.astimezone(LONDON).date())
    years = store_school_holidays(session.engine, days)
    changes = [
        f"{verb} {', '.join(map(str, which))}"
        for verb, which in (("added", years.added), ("renewed", years.replaced), ("kept", years.kept))
        if which
    ]
    return StepResult(len(days), f"{len(days)} days; " + ("; ".join(changes) or "no year"))


def _refresh_traffic(session: RefreshSession) -> StepResult:
    """Congestion of now."""
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
    """The rows whose newest vintage in the database says something else, or nothing."""
    stored = read_weather(session.engine, rows[0].observed_at, rows[-1].observed_at + timedelta(hours=1))
    newest = {(row.observed_at, row.source): row for row in stored}
    is_known = {key: replace(row, available_at=session.now) for key, row in newest.items()}
    return [row for row in rows if is_known.get((row.observed_at, row.source)) != row]


def _format_history(result: HistoryResult, since: date) -> str:
    stored_hours = ", ".join(f"{hours:,} of {source}" for source, hours in result.hours_by_source.items())
    missing = f", {result.missing:,} past hours are not there" if result.missing else ""
    nothing = "nothing came" if result.problems else "nothing was to be fetched"
    summary = f"Since {since}: {stored_hours or nothing}{missing}"
    return summary if result.has_forecasts else f"{summary}; {NO_FORECASTS}"


def _sentence(text: str) -> str:
    return text.rstrip(".") + "."


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
        return "It has never come whole before."
    return f"All went well {_age(session.now - succeeded_at)} ago ({format_utc(succeeded_at)}); what is stored stands in."


def _age(passed: timedelta) -> str:
    minutes = passed // timedelta(minutes=1)
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"
