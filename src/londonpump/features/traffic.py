"""Congestion as it was known at a moment: readings as they came, or a table by year, weekday and hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.context_records import TrafficReading
from londonpump.domain.london_clock import HOUR_US, london_us
from londonpump.features.calendars import DAY_US, years_of
from londonpump.features.weather import timestamp_from_us, us_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FRESH_US = 2 * HOUR_US
"""Traffic of two hours ago says little about now."""
THURSDAY_AFTER_SUNDAY = 4
FIRST_YEAR, HOURS_OF_A_WEEK = 1970, 168


@dataclass(frozen=True, slots=True)
class TrafficReadings:
    """Readings as arrays of (m,), by available_at, then observed_at, then source."""

    available_us: Ints
    observed_us: Ints
    congestion_rate: Floats
    source: tuple[str, ...]

    @classmethod
    def of(cls, readings: Sequence[TrafficReading]) -> "TrafficReadings":
        """The readings in any order."""
        ordered = sorted(readings, key=lambda one: (one.available_at, one.observed_at, one.source))
        return cls(
            np.array([us_of(one.available_at) for one in ordered], np.int64),
            np.array([us_of(one.observed_at) for one in ordered], np.int64),
            np.array([one.congestion_rate for one in ordered], np.float64),
            tuple(one.source for one in ordered),
        )

    def rows_known(self, at_us: Ints) -> Ints:
        """(n,) the reading available last at each moment; -1 if it tells of two hours ago or more, or none came."""
        rows = np.searchsorted(self.available_us, at_us, side="right") - 1
        if not len(self.available_us):
            return rows
        return np.where(at_us - self.observed_us[rows] < FRESH_US, rows, -1)

    def timestamps(self, row: int) -> tuple[datetime | None, datetime | None]:
        """observed_at and available_at of a reading."""
        return timestamp_from_us(int(self.observed_us[row])), timestamp_from_us(int(self.available_us[row]))

    @property
    def changes_us(self) -> Ints:
        """Instants at which the answer may change."""
        return np.concatenate((self.available_us, self.observed_us + FRESH_US))


@dataclass(frozen=True, slots=True)
class TrafficWeeks:
    """Congestion by London year, weekday and hour, for (m,) hours of a week: the original's shape of file.

    keys: (m,) sorted, one number an hour. congestion_rate: (m,).
    """

    keys: Ints
    congestion_rate: Floats
    source: tuple[str, ...]

    @classmethod
    def of(cls, year: Ints, weekday: Ints, hour: Ints, rate: Floats, source: str) -> "TrafficWeeks":
        """weekday: 0 Sunday to 6 Saturday. Of an hour that stands twice the first counts."""
        keys, first = np.unique(_key(year, weekday, hour), return_index=True)
        return cls(keys, rate[first], (source,) * len(keys))

    def rows_known(self, at_us: Ints) -> Ints:
        """(n,) the row of each moment's London year, weekday and hour; -1 where there is none."""
        london = london_us(at_us)
        days = london // DAY_US
        key = _key(years_of(days), (days + THURSDAY_AFTER_SUNDAY) % 7, london % DAY_US // HOUR_US)
        rows = np.searchsorted(self.keys, key)
        is_there = np.append(self.keys, -1)[rows] == key
        return np.where(is_there, rows, -1)

    def timestamps(self, _row: int) -> tuple[datetime | None, datetime | None]:
        """Nobody says when such a table was known."""
        return None, None

    @property
    def changes_us(self) -> Ints:
        """None but at the full hours."""
        return np.empty(0, np.int64)


Traffic = TrafficReadings | TrafficWeeks


def _key(year: Ints, weekday: Ints, hour: Ints) -> Ints:
    return np.asarray((year - FIRST_YEAR) * HOURS_OF_A_WEEK + weekday * 24 + hour, np.int64)
