"""Hourly weather of London from Visual Crossing's timeline, which needs a key; the original used this source.

One response has at most 10,000 records, so a request covers at most a year of hours (8,784). Its days are London days.
An empty `precip` means no rain. In JSON every hour has its UTC second. In csv it has only London wall time: a repeated
hour is the second occurrence, an ambiguous hour that occurs once is the first.
Source: visualcrossing.com/resources/documentation/weather-api/timeline-weather-api.
"""

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from londonpump.domain.columns import VISUAL_CROSSING_NAMES, WeatherHour
from londonpump.domain.errors import SourceFailed
from londonpump.domain.json_values import JsonObject
from londonpump.domain.london_clock import LONDON, exists_in_london, is_ambiguous_in_london
from londonpump.ingest.http import Http
from londonpump.ingest.http.client import parse_json
from londonpump.ingest.weather_hours import (
    HOUR_S,
    REPORT_IT,
    YEAR_2100_S,
    Span,
    has_values,
    require_hours,
    validate_hours,
)
from londonpump.settings import Settings

PUBLISHER = "Visual Crossing"
FIELDS = (*VISUAL_CROSSING_NAMES, "conditions")


def hours_of(body: bytes) -> list[tuple[datetime, JsonObject]]:
    """Return the beginning of each hour and its unchanged fields.

    Raises: SourceFailed if it is neither JSON nor csv of the expected format, or if a field is missing from all hours.
    """
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise unexpected_format("is no text") from error
    is_csv = not text.startswith(("{", "[", "<")) and "," in text.partition("\n")[0]
    return _hours_of_csv(text) if is_csv else _hours_of_json(text)


def unexpected_format(problem: str) -> SourceFailed:
    """Return the error for a response with an unexpected format."""
    return SourceFailed(PUBLISHER, f"the answer {problem}", REPORT_IT)


def _hours_of_json(text: str) -> list[tuple[datetime, JsonObject]]:
    payload = parse_json(PUBLISHER, text.encode())
    days = payload.get("days") if isinstance(payload, dict) else None
    if not isinstance(days, list) or not all(isinstance(day, dict) for day in days):
        raise unexpected_format("has no days")
    hours: list[JsonObject] = []
    for day in days:
        of_day = day.get("hours")
        if not isinstance(of_day, list) or not all(isinstance(hour, dict) for hour in of_day):
            raise unexpected_format(f"has no hours in the day {day.get('datetime')!r}")
        hours += of_day
    if not hours:
        raise unexpected_format("has no hours")
    _require_fields({name for hour in hours for name in hour}, "datetimeEpoch")
    return [(_timestamp_of(hour.get("datetimeEpoch")), hour) for hour in hours]


def _timestamp_of(second: object) -> datetime:
    if not isinstance(second, int) or second % HOUR_S or not 0 <= second < YEAR_2100_S:
        raise unexpected_format(f"has {second!r} for datetimeEpoch, which is no whole hour")
    return datetime.fromtimestamp(second, UTC)


def _hours_of_csv(text: str) -> list[tuple[datetime, JsonObject]]:
    try:
        lines = list(csv.DictReader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise unexpected_format(f"is no sound csv ({error})") from error
    if not lines:
        raise unexpected_format("has no hours")
    _require_fields(set(lines[0]), "datetime")
    for line in lines:
        if None in line or None in line.values():
            raise unexpected_format(f"has a row of another length at {line['datetime']!r}")
    return list(zip(_utc_hours(line["datetime"] for line in lines), lines, strict=True))


def _utc_hours(texts: Iterator[str]) -> Iterator[datetime]:
    """Convert London wall hours in order to UTC: the second of two equal ones is winter time."""
    before: datetime | None = None
    for text in texts:
        wall = _wall_hour(text)
        is_second = wall == before and is_ambiguous_in_london(wall)
        yield wall.replace(tzinfo=LONDON, fold=int(is_second)).astimezone(UTC)
        before = wall


def _wall_hour(text: str) -> datetime:
    try:
        wall = datetime.fromisoformat(text)
    except ValueError as error:
        raise unexpected_format(f"has {text!r} for datetime") from error
    if wall.tzinfo is not None or (wall.minute, wall.second, wall.microsecond) != (0, 0, 0):
        raise unexpected_format(f"has {text!r} for datetime, which is no London hour")
    if not exists_in_london(wall):
        raise unexpected_format(f"has {text!r} for datetime, an hour that the clocks of London skip")
    return wall


def _require_fields(names: set[str], time_name: str) -> None:
    for name in (time_name, *FIELDS):
        if name not in names:
            raise unexpected_format(f"has no field {name}")


SOURCE = "visual_crossing"
KEY_SETTING = "LONDONPUMP_VISUAL_CROSSING_KEY"
PATH = "/VisualCrossingWebServices/rest/services/timeline/LONDON"
ELEMENTS = ",".join(("datetime", "datetimeEpoch", *FIELDS))
MAX_RECORDS_PER_REQUEST = 10_000
MAX_DAYS = 366


@dataclass(frozen=True, slots=True)
class LondonDays:
    """The requested London days, both ends included, at most a year."""

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
    """Return every hour of the requested days.

    Raises: SourceFailed without a key, if the response lacks a requested hour, or if it may have been truncated.
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
    # At the cap the publisher truncates without an error.
    if len(rows) >= MAX_RECORDS_PER_REQUEST:
        raise SourceFailed(PUBLISHER, f"the answer was cut at {len(rows):,} records", "Ask for fewer days.")
    require_hours(PUBLISHER, rows, requested.span.hours())
    return rows


def parse_visual_crossing(body: bytes, fetched_at: datetime) -> list[WeatherHour]:
    """Return one row per hour of a JSON or csv response.

    A past hour is known from its beginning on, as an approximation (the service would have had a forecast by then), a
    future hour from `fetched_at` on.
    Raises: SourceFailed for an unexpected format or order, or impossible values.
    """
    return validate_hours(
        PUBLISHER, [_row(observed_at, hour, fetched_at) for observed_at, hour in hours_of(body)]
    )


def _row(observed_at: datetime, hour: JsonObject, fetched_at: datetime) -> WeatherHour:
    conditions_text = hour.get("conditions")
    if conditions_text is not None and not (
        isinstance(conditions_text, str) and conditions_text.isprintable()
    ):
        raise unexpected_format(f"has {conditions_text!r} for conditions")
    row = WeatherHour(
        observed_at=observed_at,
        # Only hours in the past count as known from their beginning.
        available_at=min(observed_at, fetched_at),
        **{name: _number(hour, field) for field, name in VISUAL_CROSSING_NAMES.items()},
        conditions=conditions_text or None,
        source=SOURCE,
    )
    # An hour without any value is unknown, not dry.
    is_dry = row.precip_mm is None and has_values(row)
    return replace(row, precip_mm=0.0) if is_dry else row


def _number(hour: JsonObject, name: str) -> float | None:
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
