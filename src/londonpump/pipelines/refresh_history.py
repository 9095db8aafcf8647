"""Past hours of weather that are not in the database yet, year by year.

Open-Meteo's archived forecasts come first, from 2022 on: they are what serving would have seen. What they do not
have comes from its archive (ERA5), which is complete five days late. Hours there already are not asked again.
A base address of one's own may have no archived forecasts (404): then the archive alone stands in.
Visual Crossing has one service for all. What came of a year is kept when a later year fails.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby

from sqlalchemy import Engine

from londonpump.brigade.clock import LONDON
from londonpump.brigade.errors import SourceFailed
from londonpump.settings import Settings
from londonpump.sources import open_meteo, visual_crossing
from londonpump.sources.http import Http, NothingThere, PublisherAway
from londonpump.sources.open_meteo import ARCHIVE, ARCHIVED_FORECAST
from londonpump.sources.weather_rows import Span, days, has_values, hour_of, refuse_gaps
from londonpump.storage.database.context_rows import hours_known, store_weather
from londonpump.tables.context import WeatherHour

ARCHIVE_DELAY = timedelta(days=6)
"""ERA5 is five days late, and the day must be over."""
CORE = ("temp_c", "precip_mm", "cloudcover_pct", "wind_kmh")
"""An archived forecast that lacks one of these is asked of the archive; the archive never has visibility."""

Hours = Sequence[datetime]


@dataclass(frozen=True, slots=True)
class Reach:
    """What a refresh works with. now: UTC, the moment of all that it fetches."""

    settings: Settings
    engine: Engine
    http: Http
    now: datetime


@dataclass(slots=True)
class Filled:
    """What came: hours by source as stored, in order of asking; hours asked for that are still not there.
    has_forecasts: whether archived forecasts exist there. away: sources that answer nobody for now: their other
    years are not asked."""

    came: dict[str, int] = field(default_factory=dict)
    lacking: int = 0
    has_forecasts: bool = True
    away: set[str] = field(default_factory=set)
    problems: list[SourceFailed] = field(default_factory=list)


def fill_open_meteo(reach: Reach, since: date) -> Filled:
    """Past hours since that day from archived forecasts and the archive. Failures are kept, not raised."""
    filled = Filled()
    source = ARCHIVED_FORECAST.source
    archive_end = days(since, reach.now.date() - ARCHIVE_DELAY).end_at
    for year in _years(_past(reach, since)):
        recent = [hour for hour in year if hour.date() >= open_meteo.ARCHIVED_FORECASTS_FROM]
        fetch = partial(_archived_forecasts, filled)
        _ask(reach, filled, _lacking(reach, recent, source), source, fetch)
        old = [hour for hour in year if hour < archive_end]
        _ask(reach, filled, _lacking(reach, old, source, ARCHIVE.source), ARCHIVE.source, _archive)
        filled.lacking += len(_lacking(reach, year, source, ARCHIVE.source))
    return filled


def fill_visual_crossing(reach: Reach, since: date) -> Filled:
    """Past hours since that day. Failures are kept, not raised; without a key it is one."""
    filled = Filled()
    for year in _years(_past(reach, since)):
        source = visual_crossing.SOURCE
        _ask(reach, filled, _lacking(reach, year, source), source, _visual_crossing)
        filled.lacking += len(_lacking(reach, year, source))
    return filled


def _past(reach: Reach, since: date) -> list[datetime]:
    return Span(days(since, since).first_at, hour_of(reach.now)).hours()


def _years(hours: Hours) -> list[list[datetime]]:
    return [list(of_year) for _, of_year in groupby(hours, key=lambda hour: hour.year)]


def _lacking(reach: Reach, hours: Hours, *sources: str) -> list[datetime]:
    if not hours:
        return []
    known = hours_known(reach.engine, hours[0], hours[-1] + timedelta(hours=1), sources)
    return [hour for hour in hours if hour not in known]


def _ask(
    reach: Reach,
    filled: Filled,
    lacking: Hours,
    source: str,
    fetch: Callable[[Reach, Hours], list[WeatherHour]],
) -> None:
    """Store the rows of lacking hours; a failure is kept."""
    if not lacking or source in filled.away:
        return
    try:
        rows = fetch(reach, lacking)
    except SourceFailed as failed:
        filled.problems.append(failed)
        if isinstance(failed, PublisherAway):
            filled.away.add(source)
        return
    wanted = set(lacking)
    rows = [row for row in rows if row.observed_at in wanted]
    for source in {row.source for row in rows}:
        filled.came[source] = filled.came.get(source, 0) + len(rows)
    store_weather(reach.engine, rows)


def _archived_forecasts(filled: Filled, reach: Reach, lacking: Hours) -> list[WeatherHour]:
    """None where there are none: the publisher itself has them, a base address of one's own need not."""
    if not filled.has_forecasts:
        return []
    span = (lacking[0].date(), lacking[-1].date())
    try:
        rows = open_meteo.fetch_past(reach.http, reach.settings, ARCHIVED_FORECAST, span, reach.now)
    except NothingThere:
        if reach.settings.open_meteo_url is None:
            raise
        filled.has_forecasts = False
        return []
    return [row for row in rows if all(getattr(row, name) is not None for name in CORE)]


def _archive(reach: Reach, lacking: Hours) -> list[WeatherHour]:
    span = (lacking[0].date(), lacking[-1].date())
    rows = open_meteo.fetch_past(reach.http, reach.settings, ARCHIVE, span, reach.now)
    refuse_gaps(open_meteo.PUBLISHER, rows, lacking)
    return [row for row in rows if has_values(row)]


def _visual_crossing(reach: Reach, lacking: Hours) -> list[WeatherHour]:
    first, last = (hour.astimezone(LONDON).date() for hour in (lacking[0], lacking[-1]))
    asked = visual_crossing.LondonDays(first, last)
    rows = visual_crossing.fetch_visual_crossing(reach.http, reach.settings, asked, reach.now)
    return [row for row in rows if has_values(row)]
