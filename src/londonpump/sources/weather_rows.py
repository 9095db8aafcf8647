"""What every publisher's hours of weather must be before they are taken: in order, sane, and all that was asked.

An answer that fails is refused whole: half a year of weather that looks like a year is worse than none.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from londonpump.brigade.errors import SourceFailed
from londonpump.tables.context import WEATHER_NUMBERS, WeatherHour

LONDON_LATITUDE, LONDON_LONGITUDE = 51.5074, -0.1278
HOUR = timedelta(hours=1)
HOUR_S = 3600
YEAR_2100_S = 4_102_444_800
SANE = {
    "temp_c": (-40.0, 50.0),
    "precip_mm": (0.0, 200.0),
    "cloudcover_pct": (0.0, 100.0),
    "visibility_km": (0.0, 400.0),
    "wind_kmh": (0.0, 250.0),
}
"""Beyond these no hour of London has been: another unit, or a marker for a gap."""
REPORT_IT = "Nothing of it was stored. Look for a change of the publisher's format, and report it."
DAYS_NAMED = 3
GAP_HOURS = 6
HOURS_BACK, HOURS_AHEAD = 6, 48
"""Around now, what a refresh asks for: as far back as a join may look, two days ahead in case of an outage."""


@dataclass(frozen=True, slots=True)
class Span:
    """Whole UTC hours from `first_at` up to `end_at`, which is no part of it."""

    first_at: datetime
    end_at: datetime

    def hours(self) -> list[datetime]:
        """Every hour of it, in order."""
        count = max(0, (self.end_at - self.first_at) // HOUR)
        return [self.first_at + HOUR * number for number in range(count)]

    def has(self, moment: datetime) -> bool:
        """Whether the moment lies within."""
        return self.first_at <= moment < self.end_at


def days(first_date: date, last_date: date) -> Span:
    """The UTC hours of these days, both ends included."""
    midnight = datetime.combine(first_date, time(), UTC)
    return Span(midnight, datetime.combine(last_date + timedelta(days=1), time(), UTC))


def hour_of(moment: datetime) -> datetime:
    """The UTC hour that the moment lies in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def has_values(row: WeatherHour) -> bool:
    """Whether the hour holds any number."""
    return any(getattr(row, name) is not None for name in WEATHER_NUMBERS)


def checked(publisher: str, rows: list[WeatherHour]) -> list[WeatherHour]:
    """The same rows. Raises: SourceFailed if hours do not increase or a value is no weather of London."""
    for before, row in pairwise(rows):
        if row.observed_at <= before.observed_at:
            raise SourceFailed(
                publisher,
                f"hours are out of order: {in_words(row.observed_at)} after {in_words(before.observed_at)}",
                REPORT_IT,
            )
    for row in rows:
        _refuse_strange_values(publisher, row)
    return rows


def _refuse_strange_values(publisher: str, row: WeatherHour) -> None:
    for name, (low, high) in SANE.items():
        value = getattr(row, name)
        # Written so that NaN, which compares with nothing, is refused too.
        if value is not None and not low <= value <= high:
            raise SourceFailed(
                publisher,
                f"{name} is {value:g} at {in_words(row.observed_at)}, beyond {low:g} to {high:g}",
                REPORT_IT,
            )


def refuse_gaps(publisher: str, rows: Iterable[WeatherHour], asked: Sequence[datetime]) -> None:
    """Raises: SourceFailed naming the days that are not there: more than 6 of their asked hours, or all, are empty.

    Up to 6 hours are a gap, as every publisher has some: they stay empty here, and the join fills them.
    """
    there = {row.observed_at for row in rows if has_values(row)}
    asked_of = Counter(hour.date() for hour in asked)
    lacking_of = Counter(hour.date() for hour in asked if hour not in there)
    lacking = [
        day for day, hours in sorted(lacking_of.items()) if hours > GAP_HOURS or hours == asked_of[day]
    ]
    if lacking:
        raise SourceFailed(publisher, f"the answer lacks {days_in_words(lacking)}", REPORT_IT)


def days_in_words(some: Sequence[date]) -> str:
    """The first few days by name, in order, and how many there are."""
    named = ", ".join(f"{day:%Y-%m-%d}" for day in some[:DAYS_NAMED])
    return named if len(some) <= DAYS_NAMED else f"{len(some)} days ({named} ... {some[-1]:%Y-%m-%d})"


def in_words(moment: datetime) -> str:
    """An instant as people read it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
