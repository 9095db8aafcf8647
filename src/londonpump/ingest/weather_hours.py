"""Checks and conditions of hourly weather, for every publisher: order, plausible values, and no missing hours.

A response that fails is rejected as a whole: half a year of weather that looks like a year is worse than none.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from londonpump.domain.columns import RANGES, WEATHER_NUMBERS, WeatherHour
from londonpump.domain.errors import SourceFailed

CLEAR_BELOW_PCT, OVERCAST_FROM_PCT = 20.0, 90.0
RAIN, SNOW, ICE = "Rain", "Snow", "Freezing Drizzle/Freezing Rain"
PRECIPITATION_WORDS = (
    dict.fromkeys((0, 1, 2, 3, 45, 48), "")
    | dict.fromkeys((51, 53, 55, 61, 63, 65, 80, 81, 82, 95, 96, 99), RAIN)
    | dict.fromkeys((56, 57, 66, 67), ICE)
    | dict.fromkeys((71, 73, 75, 77, 85, 86), SNOW)
)


def conditions(cloudcover_pct: float | None, wmo_code: int | None) -> str | None:
    """Return text such as "Clear", "Partially cloudy", "Rain, Overcast" or "Snow"; None if either value is unknown.

    The texts and the limits of cloud cover are Visual Crossing's, which has none for fog and thunder: visibility shows
    fog, and a thunderstorm is rain. WMO codes are Open-Meteo's.
    """
    precipitation = None if wmo_code is None else PRECIPITATION_WORDS.get(wmo_code)
    if cloudcover_pct is None or precipitation is None:
        return None
    if cloudcover_pct < CLEAR_BELOW_PCT:
        return precipitation or "Clear"
    sky = "Partially cloudy" if cloudcover_pct < OVERCAST_FROM_PCT else "Overcast"
    return f"{precipitation}, {sky}" if precipitation else sky


LONDON_LATITUDE, LONDON_LONGITUDE = 51.5074, -0.1278
HOUR = timedelta(hours=1)
HOUR_S = 3600
YEAR_2100_S = 4_102_444_800
REPORT_IT = "Nothing of it was stored. Look for a change of the publisher's format, and report it."
MAX_DAYS_LISTED = 3
GAP_HOURS = 6
HOURS_BACK, HOURS_AHEAD = 6, 48
"""The hours that a refresh requests: back as far as a join may look, and two days ahead in case of an outage."""


@dataclass(frozen=True, slots=True)
class Span:
    """Whole UTC hours from `first_at` up to `end_at`, exclusive."""

    first_at: datetime
    end_at: datetime

    def hours(self) -> list[datetime]:
        """Return every hour, in order."""
        count = max(0, (self.end_at - self.first_at) // HOUR)
        return [self.first_at + HOUR * number for number in range(count)]

    def has(self, timestamp: datetime) -> bool:
        """Return whether the timestamp lies within."""
        return self.first_at <= timestamp < self.end_at


def days(first_date: date, last_date: date) -> Span:
    """Return the UTC hours of these days, both ends included."""
    midnight = datetime.combine(first_date, time(), UTC)
    return Span(midnight, datetime.combine(last_date + timedelta(days=1), time(), UTC))


def hour_of(timestamp: datetime) -> datetime:
    """Return the beginning of the UTC hour that contains the timestamp."""
    # UTC hours have no gap and no repetition when the clocks of London change.
    return timestamp.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def has_values(row: WeatherHour) -> bool:
    """Return whether the hour has any number."""
    return any(getattr(row, name) is not None for name in WEATHER_NUMBERS)


def validate_hours(publisher: str, rows: list[WeatherHour]) -> list[WeatherHour]:
    """Return the same rows. Raises: SourceFailed if hours do not increase or a value is outside its range."""
    for before, row in pairwise(rows):
        if row.observed_at <= before.observed_at:
            raise SourceFailed(
                publisher,
                f"hours are out of order: {format_utc(row.observed_at)} after {format_utc(before.observed_at)}",
                REPORT_IT,
            )
    for row in rows:
        _validate_values(publisher, row)
    return rows


def _validate_values(publisher: str, row: WeatherHour) -> None:
    for name in WEATHER_NUMBERS:
        value = getattr(row, name)
        if value is not None and not RANGES[name].has(value):
            raise SourceFailed(
                publisher,
                f"{name} is {value:g} at {format_utc(row.observed_at)}, not {RANGES[name]}",
                REPORT_IT,
            )


def require_hours(publisher: str, rows: Iterable[WeatherHour], requested: Sequence[datetime]) -> None:
    """Raise SourceFailed naming the missing days: those with more than 6 requested hours empty, or all of them.

    Every publisher has gaps of up to 6 hours. They stay empty here, and the join fills them.
    """
    present = {row.observed_at for row in rows if has_values(row)}
    requested_by_day = Counter(hour.date() for hour in requested)
    missing_by_day = Counter(hour.date() for hour in requested if hour not in present)
    missing_days = [
        day
        for day, hours in sorted(missing_by_day.items())
        # A few missing hours are normal; a day without any value is an outage.
        if hours > GAP_HOURS or hours == requested_by_day[day]
    ]
    if missing_days:
        raise SourceFailed(publisher, f"the answer lacks {format_days(missing_days)}", REPORT_IT)


def format_days(dates: Sequence[date]) -> str:
    """Format the first few days, in order, and the number of days."""
    named = ", ".join(f"{day:%Y-%m-%d}" for day in dates[:MAX_DAYS_LISTED])
    return named if len(dates) <= MAX_DAYS_LISTED else f"{len(dates)} days ({named} ... {dates[-1]:%Y-%m-%d})"


def format_utc(timestamp: datetime) -> str:
    """Format a timestamp for people."""
    return f"{timestamp:%Y-%m-%d %H:%M} UTC"
