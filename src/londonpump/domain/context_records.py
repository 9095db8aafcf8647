"""The shapes of context: what is known about a moment besides the call itself.

Each row says when its value holds (`observed_at`, UTC) and from when it could be known (`available_at`, UTC).
A calendar has no `available_at`: terms and bank holidays are announced months before their days.
"""

from dataclasses import dataclass
from datetime import date, datetime

WEATHER_NUMBERS = ("temp_c", "precip_mm", "cloudcover_pct", "visibility_km", "wind_kmh")
"""Degrees C, mm in the hour, %, km, km/h at 10 m."""


@dataclass(frozen=True, slots=True)
class WeatherHour:
    """The weather of London in the UTC hour that begins at `observed_at`; None where the publisher has a gap.

    precip_mm: no rain is 0, never None for want of rain. source: which publisher and which of its services.
    """

    observed_at: datetime
    available_at: datetime
    temp_c: float | None
    precip_mm: float | None
    cloudcover_pct: float | None
    visibility_km: float | None
    wind_kmh: float | None
    conditions: str | None
    source: str


@dataclass(frozen=True, slots=True)
class TrafficReading:
    """How much of a journey is congestion at a moment: 0 free flow, 1 the trip takes twice as long or more."""

    observed_at: datetime
    available_at: datetime
    congestion_rate: float
    source: str


@dataclass(frozen=True, slots=True)
class SchoolHoliday:
    """A London day without school; publishers list weekdays, the original some weekends too."""

    day: date
    source: str


@dataclass(frozen=True, slots=True)
class BankHoliday:
    """A bank holiday of England, the one-off ones too."""

    day: date
    title: str
    source: str
