"""Hourly weather of London from Visual Crossing's timeline, with a key: the source that the original used.

One request answers at most 10,000 records, so a year of hours (8,784 at most) is the most that is asked at
once. Its days are London days. An empty `precip` is no rain.
Source: visualcrossing.com/resources/documentation/weather-api/timeline-weather-api.
"""

import math
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from londonpump.domain.context_records import WeatherHour
from londonpump.domain.errors import SourceFailed
from londonpump.domain.london_clock import LONDON
from londonpump.ingest.http import Http
from londonpump.ingest.visual_crossing_format import PUBLISHER, Hour, hours_of, unexpected_format
from londonpump.ingest.weather_hours import Span, has_values, require_hours, validate_hours
from londonpump.settings import Settings

SOURCE = "visual_crossing"
KEY_SETTING = "LONDONPUMP_VISUAL_CROSSING_KEY"
PATH = "/VisualCrossingWebServices/rest/services/timeline/LONDON"
ELEMENTS = "datetime,datetimeEpoch,temp,precip,cloudcover,visibility,windspeed,conditions"
MAX_RECORDS_PER_REQUEST = 10_000
MAX_DAYS = 366


@dataclass(frozen=True, slots=True)
class LondonDays:
    """What to ask for: London days, both ends included, a year of them at most."""

    first_date: date
    last_date: date
    response_format: Literal["json", "csv"] = "json"

    @property
    def span(self) -> Span:
        """Their UTC hours."""
        return Span(_midnight(self.first_date), _midnight(self.last_date + timedelta(days=1)))


def fetch_visual_crossing(
    http: Http, settings: Settings, requested: LondonDays, fetched_at: datetime
) -> list[WeatherHour]:
    """Every hour of the asked days.

    Raises: SourceFailed without a key, if the answer lacks an asked hour, or if it may have been cut at its cap.
    """
    if settings.visual_crossing_key is None:
        raise SourceFailed(
            PUBLISHER, "needs a key", f"Set {KEY_SETTING}, or ask Open-Meteo, which needs none."
        )
    if (requested.last_date - requested.first_date).days >= MAX_DAYS:
        raise SourceFailed(PUBLISHER, "answers a year of hours at most", "Ask year by year.")
    response = http.get(
        PUBLISHER,
        f"{settings.visual_crossing_url}{PATH}/{requested.first_date}/{requested.last_date}",
        {
            "unitGroup": "metric",
            "include": "hours",
            "contentType": requested.response_format,
            "elements": ELEMENTS,
        },
        secret={"key": settings.visual_crossing_key.get_secret_value()},
    )
    rows = parse_visual_crossing(response.body, fetched_at)
    if len(rows) >= MAX_RECORDS_PER_REQUEST:
        raise SourceFailed(PUBLISHER, f"the answer was cut at {len(rows):,} records", "Ask for fewer days.")
    require_hours(PUBLISHER, rows, requested.span.hours())
    return rows


def parse_visual_crossing(body: bytes, fetched_at: datetime) -> list[WeatherHour]:
    """Rows by the hour of a json or csv answer.

    A past hour is known from its beginning on (a stand-in: serving would have had a forecast by then), a coming
    one from `fetched_at` on.
    Raises: SourceFailed if the answer has another shape or order, or wild values.
    """
    return validate_hours(
        PUBLISHER, [_row(observed_at, hour, fetched_at) for observed_at, hour in hours_of(body)]
    )


def _row(observed_at: datetime, hour: Hour, fetched_at: datetime) -> WeatherHour:
    conditions_text = hour.get("conditions")
    if conditions_text is not None and not (
        isinstance(conditions_text, str) and conditions_text.isprintable()
    ):
        raise unexpected_format(f"has {conditions_text!r} for conditions")
    row = WeatherHour(
        observed_at=observed_at,
        available_at=min(observed_at, fetched_at),
        temp_c=_number(hour, "temp"),
        precip_mm=_number(hour, "precip"),
        cloudcover_pct=_number(hour, "cloudcover"),
        visibility_km=_number(hour, "visibility"),
        wind_kmh=_number(hour, "windspeed"),
        conditions=conditions_text or None,
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
        raise unexpected_format(f"has {value!r} for {name}") from error
    if isinstance(value, bool) or not math.isfinite(number):
        raise unexpected_format(f"has {value!r} for {name}")
    return number


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)
