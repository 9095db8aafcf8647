"""Responses of weather publishers in their own formats, for any days; each value is derived from its hour."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from support.publisher_server import Reply, Request, as_json

LONDON = ZoneInfo("Europe/London")
UNITS = {
    "time": "unixtime",
    "temperature_2m": "°C",
    "precipitation": "mm",
    "cloud_cover": "%",
    "visibility": "m",
    "wind_speed_10m": "km/h",
    "weather_code": "wmo code",
}
Json = dict[str, Any]


def open_meteo(first: datetime, hours: int, *, has_visibility: bool = True) -> Json:
    """Return hours from `first` on. temperature: the hour of the day; rain: a tenth of it, with its code; visibility 24 km."""
    timestamps = [first + timedelta(hours=number) for number in range(hours)]
    values: Json = {
        "time": [int(hour_at.timestamp()) for hour_at in timestamps],
        "temperature_2m": [float(hour_at.hour) for hour_at in timestamps],
        "precipitation": [hour_at.hour / 10 for hour_at in timestamps],
        "cloud_cover": [95 for _ in timestamps],
        "visibility": [24140.0 for _ in timestamps],
        "wind_speed_10m": [12.5 for _ in timestamps],
        "weather_code": [61 if hour_at.hour else 3 for hour_at in timestamps],
    }
    if not has_visibility:
        del values["visibility"]
    units = {name: unit for name, unit in UNITS.items() if name in values}
    return {"utc_offset_seconds": 0, "timezone": "GMT", "hourly_units": units, "hourly": values}


def forecast_of_now(request: Request) -> Reply:
    """Return a response of the forecast service: whole days from past_days ago, forecast_days from today on."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    past, coming = int(request.query["past_days"]), int(request.query["forecast_days"])
    return as_json(open_meteo(today - timedelta(days=past), 24 * (past + coming)))


def days_of_open_meteo(request: Request, change: Callable[[Json], None] = lambda _: None) -> Reply:
    """Return a response of the two archive services: whole days from start_date to end_date."""
    first, last = (date.fromisoformat(request.query[name]) for name in ("start_date", "end_date"))
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    value = open_meteo(
        start, 24 * ((last - first).days + 1), has_visibility="visibility" in request.query["hourly"]
    )
    change(value)
    return as_json(value)


def visual_crossing(first: date, last: date) -> Json:
    """Return London days of 23, 24 or 25 hours. temperature: the London hour; no rain is null."""
    return {"timezone": "Europe/London", "days": [_london_day(day) for day in _days(first, last)]}


def visual_crossing_of(request: Request) -> Reply:
    """Return a response of the timeline for the two days at the end of its path."""
    first, last = (date.fromisoformat(text) for text in request.path.rsplit("/", 2)[-2:])
    return as_json(visual_crossing(first, last))


def visual_crossing_csv(value: Json) -> str:
    """Return the same hours as csv, with London wall time only."""
    lines = ["name,datetime,temp,precip,cloudcover,visibility,windspeed,conditions"]
    for day in value["days"]:
        lines += [
            f'LONDON,{day["datetime"]}T{hour["datetime"]},{hour["temp"]},,40.0,10.0,12.0,"{hour["conditions"]}"'
            for hour in day["hours"]
        ]
    return "\n".join(lines) + "\n"


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _london_day(day: date) -> Json:
    start, end = (
        datetime(each.year, each.month, each.day, tzinfo=LONDON).timestamp()
        for each in (day, day + timedelta(days=1))
    )
    return {
        "datetime": day.isoformat(),
        "hours": [_london_hour(second) for second in range(int(start), int(end), 3600)],
    }


def _london_hour(second: int) -> Json:
    wall = datetime.fromtimestamp(second, LONDON)
    return {
        "datetime": f"{wall:%H:%M:%S}",
        "datetimeEpoch": second,
        "temp": float(wall.hour),
        "precip": None,
        "cloudcover": 40.0,
        "visibility": 10.0,
        "windspeed": 12.0,
        "conditions": "Rain, Partially cloudy",
    }
