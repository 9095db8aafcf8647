"""Records of context: what is known about a moment besides the call itself.

Each row holds the time for which its value is valid (`observed_at`, UTC) and the time from which it could be known
(`available_at`, UTC). A calendar has no `available_at`: terms and bank holidays are announced months ahead.
"""

from dataclasses import dataclass
from datetime import date, datetime

WEATHER_NUMBERS = ("temp_c", "precip_mm", "cloudcover_pct", "visibility_km", "wind_kmh")
"""Units: degrees C, mm per hour, %, km, km/h at 10 m."""


@dataclass(frozen=True, slots=True)
class WeatherHour:
    """The weather of London in the UTC hour that begins at `observed_at`; None where the publisher has a gap."""

    observed_at: datetime
    available_at: datetime
    temp_c: float | None
    precip_mm: float | None
    """0 if there was no rain, None only for a gap."""
    cloudcover_pct: float | None
    visibility_km: float | None
    wind_kmh: float | None
    conditions: str | None
    source: str
    """The publisher and which of its services."""


@dataclass(frozen=True, slots=True)
class TrafficReading:
    """The congestion of London at a moment: 0 is free flow, 1 means that a trip takes twice as long or more."""

    observed_at: datetime
    available_at: datetime
    congestion_rate: float
    source: str


@dataclass(frozen=True, slots=True)
class SchoolHoliday:
    """A London day without school. Publishers list weekdays only; the original lists some weekends too."""

    day: date
    source: str


@dataclass(frozen=True, slots=True)
class BankHoliday:
    """A bank holiday of England, including one-off ones."""

    day: date
    title: str
    source: str
