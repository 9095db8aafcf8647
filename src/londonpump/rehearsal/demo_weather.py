"""Weather of now for the demo: that of the same London day and hour in the simulated year."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

from londonpump.domain.context_records import WeatherHour
from londonpump.domain.london_clock import LONDON

SOURCE = "simulated"
HOURS_BEFORE, HOURS_AFTER = 2, 24
HOUR = timedelta(hours=1)


def simulated_weather(file: Path, now: datetime) -> list[WeatherHour]:
    """The hours around `now` that the file has; hours to come are known from `now` on, as a forecast is.

    Args: file: weather_hourly.csv of the simulation, by London hour of its year.
    """
    with file.open(encoding="utf-8", newline="") as opened:
        by_hour = {row["date"][5:]: row for row in csv.DictReader(opened)}
    this_hour_at = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours_at = [this_hour_at + step * HOUR for step in range(-HOURS_BEFORE, HOURS_AFTER + 1)]
    found = [(hour_at, by_hour.get(f"{hour_at.astimezone(LONDON):%m-%d %H}")) for hour_at in hours_at]
    return [_hour(hour_at, min(hour_at, now), row) for hour_at, row in found if row is not None]


def _hour(observed_at: datetime, available_at: datetime, row: dict[str, str]) -> WeatherHour:
    return WeatherHour(
        observed_at=observed_at,
        available_at=available_at,
        temp_c=float(row["temp"]),
        precip_mm=float(row["precip"]),
        cloudcover_pct=float(row["cloudcover"]),
        visibility_km=float(row["visibility"]),
        wind_kmh=None,
        conditions=row["conditions"],
        source=SOURCE,
    )
