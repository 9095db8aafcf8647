"""Hourly weather of London from Visual Crossing's timeline, with a key: the source that the original used.

One request answers at most 10,000 records, so a year of hours (8,784 at most) is the most that is asked at
once. Its days are London days. An empty `precip` is no rain.
Source: visualcrossing.com/resources/documentation/weather-api/timeline-weather-api.
"""

import math
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from londonpump.brigade.clock import LONDON
from londonpump.brigade.errors import SourceFailed
from londonpump.settings import Settings
from londonpump.sources.http import Http
from londonpump.sources.visual_crossing_answer import PUBLISHER, Hour, hours_of, other_shape
from londonpump.sources.weather_rows import Span, checked, has_values, refuse_gaps
from londonpump.tables.context import WeatherHour

SOURCE = "visual_crossing"
KEY_SETTING = "LONDONPUMP_VISUAL_CROSSING_KEY"
PATH = "/VisualCrossingWebServices/rest/services/timeline/LONDON"
ELEMENTS = "datetime,datetimeEpoch,temp,precip,cloudcover,visibility,windspeed,conditions"
RECORDS_A_REQUEST = 10_000
MOST_DAYS = 366


@dataclass(frozen=True, slots=True)
class LondonDays:
    """What to ask for: London days, both ends included, a year of them at most."""

    first_date: date
    last_date: date
    form: Literal["json", "csv"] = "json"

    @property
    def span(self) -> Span:
        """Their UTC hours."""
        return Span(_midnight(self.first_date), _midnight(self.last_date + timedelta(days=1)))


def fetch_visual_crossing(
    http: Http, settings: Settings, asked: LondonDays, fetched_at: datetime
) -> list[WeatherHour]:
    """Every hour of the asked days.

    Raises: SourceFailed without a key, if the answer lacks an asked hour, or if it may have been cut at its cap.
    """
    if settings.visual_crossing_key is None:
        raise SourceFailed(
            PUBLISHER, "needs a key", f"Set {KEY_SETTING}, or ask Open-Meteo, which needs none."
        )
    if (asked.last_date - asked.first_date).days >= MOST_DAYS:
        raise SourceFailed(PUBLISHER, "answers a year of hours at most", "Ask year by year.")
    answer = http.get(
        PUBLISHER,
        f"{settings.visual_crossing_url}{PATH}/{asked.first_date}/{asked.last_date}",
        {"unitGroup": "metric", "include": "hours", "contentType": asked.form, "elements": ELEMENTS},
        secret={"key": settings.visual_crossing_key.get_secret_value()},
    )
    rows = parse_visual_crossing(answer.body, fetched_at)
    if len(rows) >= RECORDS_A_REQUEST:
        raise SourceFailed(PUBLISHER, f"the answer was cut at {len(rows):,} records", "Ask for fewer days.")
    refuse_gaps(PUBLISHER, rows, asked.span.hours())
    return rows


def parse_visual_crossing(body: bytes, fetched_at: datetime) -> list[WeatherHour]:
    """Rows by the hour of a json or csv answer.

    A past hour is known from its beginning on (a stand-in: serving would have had a forecast by then), a coming
    one from `fetched_at` on.
    Raises: SourceFailed if the answer has another shape or order, or wild values.
    """
    return checked(PUBLISHER, [_row(observed_at, hour, fetched_at) for observed_at, hour in hours_of(body)])


def _row(observed_at: datetime, hour: Hour, fetched_at: datetime) -> WeatherHour:
    words = hour.get("conditions")
    if words is not None and not (isinstance(words, str) and words.isprintable()):
        raise other_shape(f"has {words!r} for conditions")
    row = WeatherHour(
        observed_at=observed_at,
        available_at=min(observed_at, fetched_at),
        temp_c=_number(hour, "temp"),
        precip_mm=_number(hour, "precip"),
        cloudcover_pct=_number(hour, "cloudcover"),
        visibility_km=_number(hour, "visibility"),
        wind_kmh=_number(hour, "windspeed"),
        conditions=words or None,
        source=SOURCE,
    )
    # An hour of which nothing at all is known is no dry hour.
    is_dry = row.precip_mm is None and has_values(row)
    return replace(row, precip_mm=0.0) if is_dry else row


def _number(hour: Hour, name: str) -> float | None:
    value = hour.get(name)
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise other_shape(f"has {value!r} for {name}") from error
    if isinstance(value, bool) or not math.isfinite(number):
        raise other_shape(f"has {value!r} for {name}")
    return number


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)
