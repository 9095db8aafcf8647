"""Timestamps of a simulation in seconds since 1970, in UTC and on the London clock."""

from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.london_clock import LONDON, london_us

Ints = NDArray[np.int64]
DAY_S, HOUR_S = 86_400, 3_600


def london_seconds(utc_s: Ints) -> Ints:
    """Convert UTC timestamps to the London clock, both in seconds since 1970."""
    return london_us(utc_s * 1_000_000) // 1_000_000


def midnight_utc_s(day: date) -> int:
    """Return the start of a London day in seconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=LONDON).timestamp())


def day_number(day: date) -> int:
    """Return the number of days since 1970."""
    return (day - date(1970, 1, 1)).days


def year_of(day: Ints) -> Ints:
    """Return the calendar years of day numbers."""
    return day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
