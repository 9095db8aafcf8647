"""The London clock, GMT, and the bank holidays of England.

Published mobilisation times are GMT, call times are London local time. All internal times are UTC; London time is
computed here for one timestamp or for a million. The rule (last Sunday of March 01:00 UTC to last Sunday of October
01:00 UTC) is unchanged since 1996; tests compare it with the zone database.
"""

import csv
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).with_name("bank_holidays.csv")
FIRST_YEAR, LAST_YEAR = 2008, 2040


@cache
def bank_holidays() -> tuple[date, ...]:
    """Return the bank holidays in order: both the day itself where it falls on a weekend, and its substitute.

    `scripts/write_bank_holidays.py` writes the file.
    """
    with FILE.open(encoding="utf-8", newline="") as file:
        return tuple(date.fromisoformat(row["date"]) for row in csv.DictReader(file))


LONDON = ZoneInfo("Europe/London")
HOUR_US = 3_600_000_000


def summer_time_bounds(year: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the UTC timestamps, in microseconds since 1970, at which summer time begins and ends in each year."""
    january = (year - 1970).astype("datetime64[Y]")
    march_31 = (january.astype("datetime64[M]") + 2).astype("datetime64[D]") + 30
    october_31 = (january.astype("datetime64[M]") + 9).astype("datetime64[D]") + 30
    day_us = 24 * HOUR_US
    # 1 January 1970 was a Thursday: (day + 4) % 7 is the number of days since the last Sunday.
    return tuple(  # type: ignore[return-value]
        (day.astype(np.int64) - (day.astype(np.int64) + 4) % 7) * day_us + HOUR_US
        for day in (march_31, october_31)
    )


def london_us(utc_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Convert UTC timestamps to London wall-clock time, both in microseconds since 1970."""
    year = utc_us.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
    # zoneinfo converts one timestamp at a time, which is too slow for a million.
    starts, ends = summer_time_bounds(year)
    return utc_us + np.where((utc_us >= starts) & (utc_us < ends), HOUR_US, 0)


def begin_of(day: date) -> datetime:
    """Return the midnight at which a day of London begins, in UTC. The next one is 23 or 25 h later if the clocks change."""
    return datetime.combine(day, time(), LONDON).astimezone(UTC)


def exists_in_london(wall: datetime) -> bool:
    """Return whether the clocks of London ever show this time. They never show 01:30 on the last Sunday of March."""
    in_london = wall.replace(tzinfo=LONDON)
    return in_london.astimezone(ZoneInfo("UTC")).astimezone(LONDON).replace(tzinfo=None) == wall


def is_ambiguous_in_london(wall: datetime) -> bool:
    """Return whether the clocks of London show this time twice, such as 01:30 on the last Sunday of October."""
    return exists_in_london(wall) and (
        wall.replace(tzinfo=LONDON, fold=0).utcoffset() != wall.replace(tzinfo=LONDON, fold=1).utcoffset()
    )
