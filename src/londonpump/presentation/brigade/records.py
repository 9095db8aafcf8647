"""The values from which the report on the Brigade is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pyarrow as pa

from londonpump.evaluation.day_sums import Changes, DaySums, Estimates
from londonpump.evaluation.evaluation_rows import Bools, Ints
from londonpump.presentation.monthly.inputs import EPOCH_DATE

DAYS_OF_A_YEAR = 365
MIN_COMPARED_DAYS = 2 * DAYS_OF_A_YEAR


@dataclass(frozen=True, eq=False)
class BrigadeRecords:
    """Cleaned records, added up; tables are of Arrow, one row per month and more."""

    sums: DaySums
    mix: pa.Table
    """month, borough, incident_group, kind, incidents, with_cost, cost (pounds)."""
    delays: pa.Table | None
    """month, cause, mobilisations, attendance_s (sum); None without mobilisations, like `busy`."""
    busy: pa.Table | None
    """month, resource_code, mobilisations, with_left, busy_s (sum)."""
    incidents_by_day: Mapping[date, int]
    is_complete: bool
    n_files: int
    n_rejected: int
    is_simulated: bool
    attribution: str
    split_date: date | None = None
    """The first day of the period after, if two periods are compared."""

    @property
    def first_date(self) -> date:
        """Return the first day with an arrival."""
        return _date(self.sums.days[0])

    @property
    def last_date(self) -> date:
        """Return the last day with an arrival."""
        return _date(self.sums.days[-1])

    @cached_property
    def day_dates(self) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
        """Return (d,) the days as dates."""
        return self.sums.days.astype("datetime64[D]")

    @property
    def month_of_day(self) -> Ints:
        """Return (d,) months since January 1970."""
        return self.day_dates.astype("datetime64[M]").astype(np.int64)

    @property
    def year_of_day(self) -> Ints:
        """Return (d,) calendar years."""
        return self.day_dates.astype("datetime64[Y]").astype(np.int64) + EPOCH_DATE.year

    @property
    def is_recent(self) -> Bools:
        """Return (d,) whether a day is one of the last 365."""
        return np.asarray(self.sums.days > self.sums.days[-1] - DAYS_OF_A_YEAR)

    @property
    def is_before(self) -> Bools | None:
        """Return (d,) whether a day is one of the 365 before those; None if the records have not all of them."""
        # A part of a year would be compared with other months of the year.
        if len(self.sums.days) < MIN_COMPARED_DAYS:
            return None
        return np.asarray(
            ~self.is_recent & (self.sums.days > self.sums.days[-1] - MIN_COMPARED_DAYS), np.bool_
        )

    @property
    def recent_name(self) -> str:
        """Return what the last days are called: a year, unless the records are shorter."""
        return "The last year" if len(self.sums.days) >= DAYS_OF_A_YEAR else "All records"

    @cached_property
    def recent(self) -> Estimates:
        """Return the figures of the last year."""
        return self.sums.estimates(self.is_recent)

    @cached_property
    def yearly_change(self) -> tuple[Estimates, Changes] | None:
        """Return the figures of the year before, and the changes since, month by month; None if there is none."""
        if self.is_before is None:
            return None
        before = self.sums.estimates(self.is_before)
        return before, self.sums.changes(self.is_before, self.is_recent, self.month_of_day % 12)

    @cached_property
    def around_split(self) -> tuple[Bools, Bools] | None:
        """Return (d,) the days of at most a year before and from the split date on; None without one."""
        if self.split_date is None:
            return None
        # At most a year on each side: older days would count seasons and policies twice.
        split = (self.split_date - EPOCH_DATE).days
        days = self.sums.days
        return (days < split) & (days >= split - DAYS_OF_A_YEAR), (days >= split) & (
            days < split + DAYS_OF_A_YEAR
        )

    @cached_property
    def split_change(self) -> Changes | None:
        """Return the changes at the split date, month by month; None without one."""
        if self.around_split is None:
            return None
        return self.sums.changes(*self.around_split, self.month_of_day % 12)

    def dates_of(self, mask: Bools) -> tuple[date, date]:
        """Return the first and the last of some days."""
        days = self.sums.days[mask]
        return _date(days[0]), _date(days[-1])


def _date(day: int) -> date:
    return EPOCH_DATE + timedelta(days=int(day))
