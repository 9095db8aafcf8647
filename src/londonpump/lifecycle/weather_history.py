"""Fetch past hours of weather that are missing in the database, year by year.

Archived forecasts of Open-Meteo (from 2022 on) come first, because the service would have seen them. Other hours come from its
archive (ERA5), which is five days late. A custom base address may have no archived forecasts (404): then only the archive is
used. Visual Crossing has one service for all hours. Years that were stored stay if a later year fails.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby

from londonpump.domain.columns import WeatherHour
from londonpump.domain.errors import SourceFailed
from londonpump.domain.london_clock import LONDON
from londonpump.ingest import open_meteo, visual_crossing
from londonpump.ingest.http import Http, PublisherUnavailable, SourceNotFound
from londonpump.ingest.open_meteo import ARCHIVE, ARCHIVED_FORECAST, ARCHIVED_NUMBERS
from londonpump.ingest.weather_hours import Span, days, has_values, hour_of, require_hours
from londonpump.persistence.database import Engine
from londonpump.persistence.repositories.context import known_hours, store_weather
from londonpump.settings import Settings

ARCHIVE_DELAY = timedelta(days=6)
"""ERA5 is five days late, and the day must have ended."""

Hours = Sequence[datetime]


@dataclass(frozen=True, slots=True)
class RefreshSession:
    """Resources of a refresh."""

    settings: Settings
    engine: Engine
    http: Http
    now: datetime  # UTC; time from which all fetched values count as known


@dataclass(slots=True)
class HistoryResult:
    """Stored hours, and what is still missing."""

    hours_by_source: dict[str, int] = field(default_factory=dict)
    missing: int = 0  # requested hours that are still missing
    has_forecasts: bool = True  # False if the base address has no archived forecasts
    unavailable: set[str] = field(default_factory=set)  # sources that do not respond and are not asked again
    problems: list[SourceFailed] = field(default_factory=list)


def fill_open_meteo(session: RefreshSession, since: date) -> HistoryResult:
    """Store past hours since a day from archived forecasts and the archive. Failures are collected, not raised."""
    result = HistoryResult()
    source = ARCHIVED_FORECAST.source
    archive_end = days(since, session.now.date() - ARCHIVE_DELAY).end_at
    # One request per year: an answer stays small, and a failure loses at most one year.
    for year in _years(_past(session, since)):
        recent = [hour for hour in year if hour.date() >= open_meteo.ARCHIVED_FORECASTS_FROM]
        fetch = partial(_archived_forecasts, result)
        _fetch_missing(session, result, _missing_hours(session, recent, source), source, fetch)
        old = [hour for hour in year if hour < archive_end]
        _fetch_missing(
            session, result, _missing_hours(session, old, source, ARCHIVE.source), ARCHIVE.source, _archive
        )
        result.missing += len(_missing_hours(session, year, source, ARCHIVE.source))
    return result


def fill_visual_crossing(session: RefreshSession, since: date) -> HistoryResult:
    """Store past hours since a day. Failures, such as a missing key, are collected, not raised."""
    result = HistoryResult()
    for year in _years(_past(session, since)):
        source = visual_crossing.SOURCE
        _fetch_missing(session, result, _missing_hours(session, year, source), source, _visual_crossing)
        result.missing += len(_missing_hours(session, year, source))
    return result


def _past(session: RefreshSession, since: date) -> list[datetime]:
    return Span(days(since, since).first_at, hour_of(session.now)).hours()


def _years(hours: Hours) -> list[list[datetime]]:
    return [list(of_year) for _, of_year in groupby(hours, key=lambda hour: hour.year)]


def _missing_hours(session: RefreshSession, hours: Hours, *sources: str) -> list[datetime]:
    if not hours:
        return []
    known = known_hours(session.engine, hours[0], hours[-1] + timedelta(hours=1), sources)
    return [hour for hour in hours if hour not in known]


def _fetch_missing(
    session: RefreshSession,
    result: HistoryResult,
    missing: Hours,
    source: str,
    fetch: Callable[[RefreshSession, Hours], list[WeatherHour]],
) -> None:
    """Fetch and store missing hours; a failure is collected."""
    if not missing or source in result.unavailable:
        return
    try:
        rows = fetch(session, missing)
    except SourceFailed as failed:
        result.problems.append(failed)
        # Waiting for the same publisher again for each further year would take very long.
        if isinstance(failed, PublisherUnavailable):
            result.unavailable.add(source)
        return
    # Publishers answer with whole days; hours that are stored already must not get a second version.
    requested = set(missing)
    rows = [row for row in rows if row.observed_at in requested]
    for source in {row.source for row in rows}:
        result.hours_by_source[source] = result.hours_by_source.get(source, 0) + len(rows)
    store_weather(session.engine, rows)


def _archived_forecasts(result: HistoryResult, session: RefreshSession, missing: Hours) -> list[WeatherHour]:
    """Fetch archived forecasts. Only a custom base address may lack them; then the result is empty."""
    if not result.has_forecasts:
        return []
    span = (missing[0].date(), missing[-1].date())
    try:
        rows = open_meteo.fetch_past(session.http, session.settings, ARCHIVED_FORECAST, span, session.now)
    except SourceNotFound:
        if session.settings.open_meteo_url is None:
            raise
        result.has_forecasts = False
        return []
    return [row for row in rows if all(getattr(row, name) is not None for name in ARCHIVED_NUMBERS)]


def _archive(session: RefreshSession, missing: Hours) -> list[WeatherHour]:
    span = (missing[0].date(), missing[-1].date())
    rows = open_meteo.fetch_past(session.http, session.settings, ARCHIVE, span, session.now)
    require_hours(open_meteo.PUBLISHER, rows, missing)
    return [row for row in rows if has_values(row)]


def _visual_crossing(session: RefreshSession, missing: Hours) -> list[WeatherHour]:
    # Visual Crossing takes days of local time.
    first, last = (hour.astimezone(LONDON).date() for hour in (missing[0], missing[-1]))
    london_days = visual_crossing.LondonDays(first, last)
    rows = visual_crossing.fetch_visual_crossing(session.http, session.settings, london_days, session.now)
    return [row for row in rows if has_values(row)]
