"""Wall times of timestamps: of London by the zone database, or of Greenwich all year."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from holidays import country_holidays
from numpy.typing import NDArray

DAY_US = 86_400_000_000
QUARTER_US = 900_000_000
LONDON = ZoneInfo("Europe/London")
GREENWICH = UTC
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ONE_OFF_HOLIDAYS = frozenset(
    date(*day) for day in ((2011, 4, 29), (2012, 6, 5), (2022, 6, 3), (2022, 9, 19), (2023, 5, 8))
)
"""Bank holidays of a wedding, two jubilees, a funeral and a coronation."""


@dataclass(frozen=True)
class WallClock:
    """A clock. at_us: (n,) timestamps, microseconds UTC. zone: its time zone."""

    at_us: NDArray[np.int64]
    zone: tzinfo

    @cached_property
    def datetimes(self) -> list[datetime]:
        """Return (n,) wall times of the quarter of an hour that each timestamp lies in."""
        quarters = {int(q): _datetime_at(int(q), self.zone) for q in np.unique(self.at_us // QUARTER_US)}
        return [quarters[int(q)] for q in self.at_us // QUARTER_US]

    @cached_property
    def dates(self) -> NDArray[np.object_]:
        """Return (n,) dates."""
        return np.array([timestamp.date() for timestamp in self.datetimes], object)

    @cached_property
    def hours(self) -> NDArray[np.int64]:
        """Return (n,) hours, 0 to 23."""
        return np.array([timestamp.hour for timestamp in self.datetimes], np.int64)

    @cached_property
    def hour_texts(self) -> NDArray[np.object_]:
        """Return (n,) hours in the format of the weather file: 2022-05-01 09."""
        return np.array([f"{timestamp:%Y-%m-%d %H}" for timestamp in self.datetimes], object)

    def part(self, name: str) -> NDArray[np.int64]:
        """Return (n,) years, months or days."""
        return np.array([getattr(day, name) for day in self.dates], np.int64)

    @cached_property
    def weekdays(self) -> NDArray[np.int64]:
        """Return (n,) weekdays, 0 for Monday to 6 for Sunday."""
        return np.array([day.weekday() for day in self.dates], np.int64)


def _datetime_at(quarter: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(quarter * 900, tz=UTC).astimezone(zone)


def bank_holidays() -> set[date]:
    """Return the bank holidays of England, special ones included, 2009 to 2040."""
    return set(country_holidays("GB", subdiv="ENG", years=range(2009, 2041)))


def regular_bank_holidays(year: int) -> set[date]:
    """Return the bank holidays of England that follow from rules, without any that was moved or added."""
    easter = _easter(year)
    first_of_may, last_of_may = date(year, 5, 1), date(year, 5, 31)
    new_year = _next_weekday(date(year, 1, 1))
    christmas = {_next_weekday(date(year, 12, 25)), date(year, 12, 26)}
    if date(year, 12, 26).weekday() >= 5:
        christmas = {date(year, 12, 27), date(year, 12, 28)}
    elif date(year, 12, 25).weekday() >= 5:
        christmas = {date(year, 12, 26), date(year, 12, 27)}
    return {
        new_year,
        easter - timedelta(days=2),
        easter + timedelta(days=1),
        first_of_may + timedelta(days=-first_of_may.weekday() % 7),
        last_of_may - timedelta(days=last_of_may.weekday()),
        date(year, 8, 31) - timedelta(days=date(year, 8, 31).weekday()),
    } | christmas


def _next_weekday(day: date) -> date:
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= 5 else 0)


def _easter(year: int) -> date:
    """Return Easter Sunday (Meeus, Jones and Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday_offset = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday_offset) // 451
    month, day = divmod(h + weekday_offset - 7 * m + 114, 31)
    return date(year, month, day + 1)
