"""Hourly weather of London from Open-Meteo: the forecast for now, archived forecasts and ERA5 for the past.

Open-Meteo stamps an hour's rain at its end: the value for 10:00 fell from 9:00 to 10:00. Our row of 9:00 is the
hour that begins then, so its rain is the value stamped 10:00. The same holds for the weather code, which Open-Meteo
derives from that rain. Temperature, cloud, visibility and wind are instantaneous, so the row of 9:00 has the values
stamped 9:00. Each request therefore also includes the hour after the last one.

The archive (ERA5) has no visibility. Source: open-meteo.com/en/docs; data under CC BY 4.0.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from londonpump.domain.columns import WeatherHour
from londonpump.domain.errors import SourceFailed
from londonpump.ingest.http import Http
from londonpump.ingest.http.client import parse_json
from londonpump.ingest.weather_hours import (
    HOUR,
    HOUR_S,
    HOURS_AHEAD,
    HOURS_BACK,
    LONDON_LATITUDE,
    LONDON_LONGITUDE,
    REPORT_IT,
    YEAR_2100_S,
    Span,
    conditions,
    days,
    format_utc,
    hour_of,
    require_hours,
    validate_hours,
)
from londonpump.settings import Settings

PUBLISHER = "Open-Meteo"
METRES_IN_KM = 1000.0
# Archived forecasts are used first, because their errors are like those in service (decisions.md, 18).
ARCHIVED_FORECASTS_FROM = date(2022, 1, 1)
UNITS = {
    "temperature_2m": "°C",
    "precipitation": "mm",
    "cloud_cover": "%",
    "wind_speed_10m": "km/h",
    "weather_code": "wmo code",
    "visibility": "m",
}
ARCHIVED_NUMBERS = ("temp_c", "precip_mm", "cloudcover_pct", "wind_kmh")
"""Numbers of the archive, which has no visibility. If an archived forecast lacks one of them, the archive is used."""
Series = list[float | None]


@dataclass(frozen=True, slots=True)
class Service:
    """One weather service of Open-Meteo."""

    source: str
    """The name stored in rows."""
    host: str
    """The publisher's address."""
    path: str
    """The path below a base address set by the user."""
    has_visibility: bool

    def address(self, base: str | None) -> str:
        """Return the address to request."""
        return self.host if base is None else base + self.path

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the names of the fields to request."""
        return tuple(name for name in UNITS if self.has_visibility or name != "visibility")


FORECAST = Service("open_meteo_forecast", "https://api.open-meteo.com/v1/forecast", "/v1/forecast", True)
ARCHIVED_FORECAST = Service(
    "open_meteo_archived_forecast",
    "https://historical-forecast-api.open-meteo.com/v1/forecast",
    "/v1/historical-forecast",
    True,
)
ARCHIVE = Service("open_meteo_archive", "https://archive-api.open-meteo.com/v1/archive", "/v1/archive", False)


def fetch_forecast(http: Http, settings: Settings, fetched_at: datetime) -> list[WeatherHour]:
    """Return the hours from 6 h before this hour to 48 h after its beginning, known from `fetched_at` on.

    Raises: SourceFailed if the response lacks any of these hours.
    """
    period = {"past_days": "1", "forecast_days": "3"}
    this_hour = hour_of(fetched_at)
    span = Span(this_hour - HOUR * HOURS_BACK, this_hour + HOUR * HOURS_AHEAD)
    rows = [
        row for row in _fetch_hours(http, settings, FORECAST, period, fetched_at) if span.has(row.observed_at)
    ]
    require_hours(PUBLISHER, rows, span.hours())
    return rows


def fetch_past(
    http: Http, settings: Settings, service: Service, span: tuple[date, date], fetched_at: datetime
) -> list[WeatherHour]:
    """Return the past UTC hours of the days of `span`, both ends included. An hour without a value has only gaps.

    Raises: SourceFailed if the response omits a requested hour.
    """
    first_date, last_date = span
    today = fetched_at.astimezone(UTC).date()
    # The hour after the last one has its rain, but there is no data after today.
    one_more = min(last_date + timedelta(days=1), today)
    period = {"start_date": first_date.isoformat(), "end_date": one_more.isoformat()}
    rows = _fetch_hours(http, settings, service, period, fetched_at)
    past = Span(
        days(first_date, last_date).first_at, min(days(first_date, last_date).end_at, hour_of(fetched_at))
    )
    rows = [row for row in rows if past.has(row.observed_at)]
    if not rows or (rows[0].observed_at, rows[-1].observed_at + HOUR) != (past.first_at, past.end_at):
        received = (
            f"{format_utc(rows[0].observed_at)} to {format_utc(rows[-1].observed_at)}"
            if rows
            else "none of them"
        )
        raise SourceFailed(
            PUBLISHER,
            f"the hours from {format_utc(past.first_at)} to {format_utc(past.end_at)} were requested, {received} received",
            REPORT_IT,
        )
    return rows


def _fetch_hours(
    http: Http, settings: Settings, service: Service, period: Mapping[str, str], fetched_at: datetime
) -> list[WeatherHour]:
    params = {
        "latitude": str(LONDON_LATITUDE),
        "longitude": str(LONDON_LONGITUDE),
        "hourly": ",".join(service.fields),
        "timezone": "GMT",
        "timeformat": "unixtime",
        **period,
    }
    response = http.get(PUBLISHER, service.address(settings.open_meteo_url), params)
    return parse_open_meteo(response.body, fetched_at, service)


def parse_open_meteo(body: bytes, fetched_at: datetime, service: Service) -> list[WeatherHour]:
    """Return one row per hour. The last time stamp only ends the hour before it.

    A row of the forecast is known from `fetched_at` on, a row of the past from its own hour on, as an approximation:
    the service would have had a forecast by then.
    Raises: SourceFailed for an unexpected format, unit or order, a gap between hours, or impossible values.
    """
    hourly = _hourly(body, service)
    stamps = _stamps(hourly)
    columns = {name: _series(hourly, name, len(stamps)) for name in service.fields}
    rows = []
    for number, stamp in enumerate(stamps[:-1]):
        observed_at = datetime.fromtimestamp(stamp, UTC)
        now = {name: values[number] for name, values in columns.items()}
        code = columns["weather_code"][number + 1]
        metres = now.get("visibility")
        rows.append(
            WeatherHour(
                observed_at=observed_at,
                available_at=fetched_at if service is FORECAST else observed_at,
                temp_c=now["temperature_2m"],
                precip_mm=columns["precipitation"][number + 1],
                cloudcover_pct=now["cloud_cover"],
                visibility_km=None if metres is None else metres / METRES_IN_KM,
                wind_kmh=now["wind_speed_10m"],
                conditions=conditions(now["cloud_cover"], None if code is None else int(code)),
                source=service.source,
            )
        )
    return validate_hours(PUBLISHER, rows)


Hourly = Mapping[str, list[Any]]
"""The values of each field by hour, not yet checked."""


def _hourly(body: bytes, service: Service) -> Hourly:
    response = parse_json(PUBLISHER, body)
    hourly = response.get("hourly") if isinstance(response, dict) else None
    units = response.get("hourly_units") if isinstance(response, dict) else None
    if not isinstance(hourly, dict) or not isinstance(units, dict):
        raise _unexpected_format("has no hourly and hourly_units")
    for name in ("time", *service.fields):
        if not isinstance(hourly.get(name), list):
            raise _unexpected_format(f"has no hourly.{name}")
    if units.get("time") == "iso8601" and response.get("utc_offset_seconds") == 0:
        hourly = {**hourly, "time": [_unixtime(text) for text in hourly["time"]]}
    elif units.get("time") != "unixtime":
        raise _unexpected_format(f"counts time as {units.get('time')!r}, not as unixtime or UTC")
    for name in service.fields:
        is_empty = all(value is None for value in hourly[name])
        # A field without any value has no unit either.
        if units.get(name) != UNITS[name] and not is_empty:
            raise _unexpected_format(f"gives {name} in {units.get(name)!r}, not in {UNITS[name]}")
    return hourly


def _unixtime(text: object) -> int:
    """Return the seconds of a text such as `2024-05-24T09:00`, which a mirror may send although seconds were requested."""
    try:
        stamped_at = datetime.fromisoformat(text if isinstance(text, str) else "")
    except ValueError:
        raise _unexpected_format(f"has {text!r} for a time") from None
    return int((stamped_at if stamped_at.tzinfo else stamped_at.replace(tzinfo=UTC)).timestamp())


def _stamps(hourly: Hourly) -> list[int]:
    stamps: list[int] = hourly["time"]
    if not all(
        isinstance(stamp, int) and stamp % HOUR_S == 0 and 0 <= stamp < YEAR_2100_S for stamp in stamps
    ):
        raise _unexpected_format("has times that are no whole hours of UTC")
    for before, stamp in pairwise(stamps):
        if stamp != before + HOUR_S:
            edges = [format_utc(datetime.fromtimestamp(each, UTC)) for each in (before, stamp)]
            raise _unexpected_format(f"goes from {edges[0]} to {edges[1]}")
    return stamps


def _series(hourly: Hourly, name: str, length: int) -> Series:
    values: list[Any] = hourly[name]
    if len(values) != length:
        raise _unexpected_format(f"has {len(values)} values of {name} for {length} hours")
    for value in values:
        # bool is a subclass of int, so the exact type is compared.
        if value is not None and (type(value) not in (int, float) or not math.isfinite(value)):
            raise _unexpected_format(f"has {value!r} for {name}")
    return values


def _unexpected_format(problem: str) -> SourceFailed:
    return SourceFailed(PUBLISHER, f"the answer {problem}", REPORT_IT)
