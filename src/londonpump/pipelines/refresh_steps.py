"""One step a source of context: ask it, store what came, say what that was. Failures are raised."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from londonpump.brigade.clock import LONDON
from londonpump.pipelines.refresh_history import Filled, Reach, fill_open_meteo, fill_visual_crossing
from londonpump.sources import open_meteo, visual_crossing
from londonpump.sources.bank_holidays import fetch_bank_holidays
from londonpump.sources.school_terms import fetch_school_holidays
from londonpump.sources.tomtom import fetch_traffic
from londonpump.sources.visual_crossing import LondonDays
from londonpump.sources.weather_rows import HOUR, HOURS_AHEAD, HOURS_BACK, Span, hour_of, in_words
from londonpump.storage.database.context_rows import (
    prune_traffic,
    prune_weather,
    read_weather,
    store_bank_holidays,
    store_school_holidays,
    store_traffic,
    store_weather,
)
from londonpump.tables.context import WeatherHour

OPEN_METEO, VISUAL_CROSSING = "open-meteo", "visual-crossing"
NO_FORECASTS = "archived forecasts do not exist at that address, the archive stands in"


@dataclass(frozen=True, slots=True)
class Came:
    """What a source brought. rows: stored. problem: a part that failed, in words, though the rest came."""

    rows: int
    words: str
    problem: str | None = None


def weather(reach: Reach, publisher: str) -> Came:
    """The hours around now, as they are known now; hours that say what was known already add nothing."""
    rows = _forecast(reach, publisher)
    new = _changed(reach, rows)
    store_weather(reach.engine, new)
    prune_weather(reach.engine)
    span = f"{in_words(rows[0].observed_at)} to {in_words(rows[-1].observed_at)}"
    return Came(len(new), f"{len(rows)} hours from {span}, {len(new)} of them new or changed")


def history(reach: Reach, publisher: str, since: date) -> Came:
    """Past hours since that day that are not there yet."""
    fill = fill_open_meteo if publisher == OPEN_METEO else fill_visual_crossing
    filled = fill(reach, since)
    count = sum(filled.came.values())
    problem = " ".join(dict.fromkeys(_sentence(str(each)) for each in filled.problems)) or None
    return Came(count, _filled_in_words(filled, since), problem)


def bank_holidays(reach: Reach) -> Came:
    """Bank holidays of England, GOV.UK's and the library's compared."""
    check = fetch_bank_holidays(reach.http, reach.settings)
    count = store_bank_holidays(reach.engine, check.announced)
    return Came(count, "; ".join((f"{count} days that GOV.UK lists", *check.words)))


def school_holidays(reach: Reach) -> Came:
    """School holidays of the years that the borough's page shows; years it no longer shows stay."""
    days = fetch_school_holidays(reach.http, reach.settings, reach.now.astimezone(LONDON).date())
    years = store_school_holidays(reach.engine, days)
    told = [
        f"{did} {', '.join(map(str, which))}"
        for did, which in (("added", years.added), ("renewed", years.replaced), ("kept", years.kept))
        if which
    ]
    return Came(len(days), f"{len(days)} days; " + ("; ".join(told) or "no year"))


def traffic(reach: Reach) -> Came:
    """Congestion of now."""
    reading = fetch_traffic(reach.http, reach.settings, reach.now)
    store_traffic(reach.engine, [reading])
    prune_traffic(reach.engine)
    return Came(1, f"congestion {reading.congestion_rate:.0%}")


def _forecast(reach: Reach, publisher: str) -> list[WeatherHour]:
    if publisher == OPEN_METEO:
        return open_meteo.fetch_forecast(reach.http, reach.settings, reach.now)
    this_hour = hour_of(reach.now)
    span = Span(this_hour - HOUR * HOURS_BACK, this_hour + HOUR * HOURS_AHEAD)
    first, last = (at.astimezone(LONDON).date() for at in (span.first_at, span.end_at - HOUR))
    rows = visual_crossing.fetch_visual_crossing(
        reach.http, reach.settings, LondonDays(first, last), reach.now
    )
    return [replace(row, available_at=reach.now) for row in rows if span.has(row.observed_at)]


def _changed(reach: Reach, rows: Sequence[WeatherHour]) -> list[WeatherHour]:
    """The rows whose newest vintage in the database says something else, or nothing."""
    stored = read_weather(reach.engine, rows[0].observed_at, rows[-1].observed_at + timedelta(hours=1))
    newest = {(row.observed_at, row.source): row for row in stored}
    is_known = {key: replace(row, available_at=reach.now) for key, row in newest.items()}
    return [row for row in rows if is_known.get((row.observed_at, row.source)) != row]


def _filled_in_words(filled: Filled, since: date) -> str:
    came = ", ".join(f"{hours:,} of {source}" for source, hours in filled.came.items())
    lacking = f", {filled.lacking:,} past hours are not there" if filled.lacking else ""
    nothing = "nothing came" if filled.problems else "nothing was to be fetched"
    told = f"Since {since}: {came or nothing}{lacking}"
    return told if filled.has_forecasts else f"{told}; {NO_FORECASTS}"


def _sentence(text: str) -> str:
    return text.rstrip(".") + "."
