"""One step a source of context: ask it, store what came, say what that was. Failures are raised."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from londonpump.domain.context_records import WeatherHour
from londonpump.domain.london_clock import LONDON
from londonpump.ingest import open_meteo, visual_crossing
from londonpump.ingest.bank_holidays import fetch_bank_holidays
from londonpump.ingest.school_terms_page import fetch_school_holidays
from londonpump.ingest.tomtom import fetch_traffic
from londonpump.ingest.visual_crossing import LondonDays
from londonpump.ingest.weather_hours import HOUR, HOURS_AHEAD, HOURS_BACK, Span, format_utc, hour_of
from londonpump.lifecycle.weather_history import (
    HistoryResult,
    RefreshSession,
    fill_open_meteo,
    fill_visual_crossing,
)
from londonpump.storage.database.context_repository import (
    prune_traffic,
    prune_weather,
    read_weather,
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


def weather(session: RefreshSession, publisher: str) -> StepResult:
    """The hours around now, as they are known now; hours that say what was known already add nothing."""
    rows = _forecast(session, publisher)
    new = _changed(session, rows)
    store_weather(session.engine, new)
    prune_weather(session.engine)
    span = f"{format_utc(rows[0].observed_at)} to {format_utc(rows[-1].observed_at)}"
    return StepResult(len(new), f"{len(rows)} hours from {span}, {len(new)} of them new or changed")


def history(session: RefreshSession, publisher: str, since: date) -> StepResult:
    """Past hours since that day that are not there yet."""
    fill = fill_open_meteo if publisher == OPEN_METEO else fill_visual_crossing
    result = fill(session, since)
    count = sum(result.hours_by_source.values())
    problem = " ".join(dict.fromkeys(_sentence(str(each)) for each in result.problems)) or None
    return StepResult(count, _format_history(result, since), problem)


def bank_holidays(session: RefreshSession) -> StepResult:
    """Bank holidays of England, GOV.UK's and the library's compared."""
    check = fetch_bank_holidays(session.http, session.settings)
    count = store_bank_holidays(session.engine, check.announced)
    return StepResult(count, "; ".join((f"{count} days that GOV.UK lists", *check.differences)))


def school_holidays(session: RefreshSession) -> StepResult:
    """School holidays of the years that the borough's page shows; years it no longer shows stay."""
    days = fetch_school_holidays(session.http, session.settings, session.now.astimezone(LONDON).date())
    years = store_school_holidays(session.engine, days)
    changes = [
        f"{verb} {', '.join(map(str, which))}"
        for verb, which in (("added", years.added), ("renewed", years.replaced), ("kept", years.kept))
        if which
    ]
    return StepResult(len(days), f"{len(days)} days; " + ("; ".join(changes) or "no year"))


def traffic(session: RefreshSession) -> StepResult:
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
