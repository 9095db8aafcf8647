"""A database of made-up context as an hourly refresh leaves it: several vintages per hour, and traffic every quarter of an hour."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from londonpump.domain.columns import SchoolHoliday, TrafficReading, WeatherHour
from londonpump.persistence.database import open_database
from londonpump.persistence.repositories.context import (
    store_school_holidays,
    store_traffic,
    store_weather,
)

HOUR = timedelta(hours=1)
FORECAST_AGES_MIN = (-40, 20, 80, 140, 200, 260, 320)
"""Forecast times of an hour from its beginning on; of the earlier ones an hourly refresh keeps only the last."""
SKIES = ("Clear", "Partially cloudy", "Overcast", "Rain, Overcast")
SEED = 1


def url_of(file: Path) -> str:
    """Return the address of an embedded database."""
    return f"sqlite:///{file.resolve()}"


def fill(file: Path, start: date, days: int) -> int:
    """Fill the database from six hours before the first day on. Returns: the number of weather rows."""
    draw = random.Random(SEED)  # noqa: S311 - weather is no secret
    first = datetime(start.year, start.month, start.day, tzinfo=UTC) - 6 * HOUR
    hours = [first + i * HOUR for i in range(days * 24 + 12)]
    engine = open_database(url_of(file))
    try:
        rows = [row for hour in hours for row in _vintages(hour, draw)]
        store_weather(engine, rows)
        quarters = [hour + i * HOUR / 4 for hour in hours for i in range(4)]
        store_traffic(engine, [TrafficReading(at, at, draw.random(), "tomtom") for at in quarters])
        all_days = [start + timedelta(days=i) for i in range(days)]
        holidays = [day for day in all_days if day.month in (4, 8, 12) and day.weekday() < 5]
        store_school_holidays(engine, [SchoolHoliday(day, "made up") for day in holidays])
    finally:
        engine.dispose()
    return len(rows)


def _vintages(hour: datetime, draw: random.Random) -> list[WeatherHour]:
    published = [("open_meteo_archived_forecast", hour)]
    published += [("open_meteo_forecast", hour + age * HOUR / 60) for age in FORECAST_AGES_MIN]
    return [
        WeatherHour(
            observed_at=hour,
            available_at=available,
            temp_c=round(draw.gauss(11, 6), 1),
            precip_mm=round(max(0.0, draw.gauss(-1, 1)), 1),
            cloudcover_pct=round(draw.uniform(0, 100)),
            visibility_km=round(draw.uniform(1, 40), 1) if draw.random() < 0.9 else None,
            wind_kmh=round(draw.uniform(0, 50), 1),
            conditions=draw.choice(SKIES),
            source=source,
        )
        for source, available in published
    ]
