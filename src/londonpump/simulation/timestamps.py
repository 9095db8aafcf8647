"""Instants of a simulation: seconds since 1970, in UTC, and the London clock beside them."""

from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.london_clock import LONDON, london_us

Ints = NDArray[np.int64]
DAY_S, HOUR_S = 86_400, 3_600


def london_seconds(utc_s: Ints) -> Ints:
    """London wall-clock time of UTC instants, both in seconds since 1970."""
    return london_us(utc_s * 1_000_000) // 1_000_000


def midnight_utc_s(day: date) -> int:
    """The instant a London day begins, seconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=LONDON).timestamp())


def day_number(day: date) -> int:
    """Days since 1970."""
    return (day - date(1970, 1, 1)).days


def year_of(day: Ints) -> Ints:
    """Calendar years of day numbers."""
    return day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
