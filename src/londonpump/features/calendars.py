"""School holidays and working days of London."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.context_records import BankHoliday, SchoolHoliday
from londonpump.domain.london_clock import HOUR_US, london_us
from londonpump.features.dispatches import bank_holidays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY_US = 24 * HOUR_US
EPOCH = date(1970, 1, 1)
THURSDAY, SATURDAY = 3, 5
DAYS_OF_A_YEAR = 8
"""England has at least eight bank holidays per year: a shorter list adds to the library's days and replaces none."""
LIBRARY = "holidays library"


def london_days(at_us: Ints) -> Ints:
    """Return (n,) London days since 1970."""
    return london_us(at_us) // DAY_US


def years_of(days: Ints) -> Ints:
    """Return the (n,) calendar years of days since 1970."""
    return np.asarray(days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970)


@dataclass(frozen=True, slots=True)
class SchoolDays:
    """Days without school."""

    days: Ints
    """Days since 1970."""
    source_by_year: dict[int, str]
    """Source of each calendar year that is completely known."""

    @classmethod
    def of(cls, holidays: Sequence[SchoolHoliday], years: Collection[int]) -> "SchoolDays":
        """Build the days from holidays and the years that they cover."""
        source_of_year = {holiday.day.year: holiday.source for holiday in holidays}
        return cls(
            _days(holiday.day for holiday in holidays), {year: source_of_year.get(year, "") for year in years}
        )

    def is_holiday(self, at_us: Ints) -> Floats:
        """Return (n,) 1 on a London day without school, 0 on another, NaN outside the covered years."""
        days = london_days(at_us)
        is_covered = np.isin(years_of(days), np.array(sorted(self.source_by_year), np.int64))
        return np.where(is_covered, np.isin(days, self.days), np.nan)


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """Monday to Friday except bank holidays: the given ones, and the library's for years not given completely."""

    days: Ints
    source_by_year: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, listed: Sequence[BankHoliday]) -> "WorkingDays":
        """Build the days; a year with eight or more given days replaces the library, so that a moved holiday counts once."""
        by_year: dict[int, set[date]] = {}
        for holiday in listed:
            by_year.setdefault(holiday.day.year, set()).add(holiday.day)
        whole = {year for year, days in by_year.items() if len(days) >= DAYS_OF_A_YEAR}
        library = bank_holidays()
        # the library is dropped for years given completely, so that a moved holiday does not count on both days
        library = library[~np.isin(years_of(library), np.array(sorted(whole), np.int64))]
        sources = {holiday.day.year: holiday.source for holiday in listed if holiday.day.year in whole}
        return cls(np.union1d(_days(holiday.day for holiday in listed), library), sources)

    def is_working_day(self, at_us: Ints) -> Floats:
        """Return (n,) 1 or 0, by the London day."""
        days = london_days(at_us)
        is_weekday = (days + THURSDAY) % 7 < SATURDAY
        return np.asarray(is_weekday & ~np.isin(days, self.days), np.float64)


def _days(days: Iterable[date]) -> Ints:
    return np.unique(np.array([(day - EPOCH) // timedelta(days=1) for day in days], np.int64))
