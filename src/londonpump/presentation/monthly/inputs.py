"""The values from which the monthly page is made."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from londonpump.domain.errors import BadValue
from londonpump.evaluation.attendance import AttendanceRows
from londonpump.evaluation.drift.detection import DriftResult, StationChange
from londonpump.evaluation.evaluation_rows import Bools, Ints
from londonpump.evaluation.lateness import Lateness
from londonpump.evaluation.live import LiveRows
from londonpump.presentation.texts.challenge import DecisionView
from londonpump.presentation.texts.monitor import AlarmView

EPOCH_DATE = date(1970, 1, 1)
_WRITTEN = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
LAST_YEAR = 9998


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month in London; `number` is 1 to 12."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> "Month":
        """Return the month of a London day."""
        return cls(day.year, day.month)

    @classmethod
    def read(cls, text: str) -> "Month":
        """Read a month such as `2017-01`. Raises: BadValue for anything else."""
        found = _WRITTEN.fullmatch(text)
        if found is None or not EPOCH_DATE.year <= int(found[1]) <= LAST_YEAR:
            raise BadValue("--month", text, "is not a month; write it like 2026-09")
        return cls(int(found[1]), int(found[2]))

    @property
    def first_date(self) -> date:
        """Return its first day."""
        return date(self.year, self.number, 1)

    @property
    def last_date(self) -> date:
        """Return its last day."""
        return self.next.first_date - timedelta(days=1)

    @property
    def next(self) -> "Month":
        """Return the following month."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def before(self) -> "Month":
        """Return the preceding month."""
        return Month.of(self.first_date - timedelta(days=1))

    @property
    def days(self) -> int:
        """Return its number of days."""
        return self.last_date.day

    def holds(self, day: Ints) -> Bools:
        """Return (n,) whether London days since 1970 lie in it."""
        first, end = ((month.first_date - EPOCH_DATE).days for month in (self, self.next))
        return (day >= first) & (day < end)

    def __str__(self) -> str:
        return f"{self.first_date:%B} {self.year}"


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Published records until a day."""

    rows: AttendanceRows
    until_date: date
    is_complete: bool
    """False for a sample, whose counts are not those of the Brigade."""
    incidents: int


@dataclass(frozen=True, slots=True, eq=False)
class LivePerformance:
    """Announced times with their outcomes."""

    title: str
    """Whose times they are."""
    description: str
    """Sentences about the origin of the figures."""
    rows: LiveRows | None
    """Rows of the month and of the months before it; None if `description` says why there are none."""


@dataclass(frozen=True, slots=True, eq=False)
class MonthInputs:
    """All values of the monthly page.

    `records` is None if nothing is prepared; if `drift` is None, `drift_note` says why. `facts` are names and texts for
    the head of the page. Decisions and alarms are those since the month began, until `at`.
    """

    month: Month
    at: datetime
    records: Records | None
    live_performances: Sequence[LivePerformance]
    decisions: Sequence[DecisionView]
    alarms: Sequence[AlarmView]
    drift: DriftResult | None
    drift_note: str
    stations: Sequence[StationChange]
    attribution: str
    facts: Mapping[str, str] = field(default_factory=dict)
    is_simulated: bool = False
    lateness: Lateness | None = None

    @property
    def rows(self) -> AttendanceRows | None:
        """Return the arrivals of the month; None if there is none."""
        return self.rows_of(self.month)

    @property
    def rows_before(self) -> AttendanceRows | None:
        """Return the arrivals of the month before."""
        return self.rows_of(self.month.before)

    @property
    def is_whole(self) -> bool:
        """Return True if the records reach the end of the month."""
        return self.records is not None and self.records.until_date >= self.month.last_date

    def rows_of(self, month: Month) -> AttendanceRows | None:
        """Return the arrivals of a month; None if there is none."""
        if self.records is None:
            return None
        found = self.records.rows.take(month.holds(self.records.rows.day))
        return found if len(found) else None
