"""What the page of a month is made of; everything it says comes from here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from londonpump.domain.errors import BadValue
from londonpump.evaluation.drift import DriftResult, StationChange
from londonpump.evaluation.evaluation_rows import Bools, Ints
from londonpump.evaluation.live import LiveRows
from londonpump.evaluation.monthly.attendance import AttendanceRows

EPOCH_DATE = date(1970, 1, 1)
_WRITTEN = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
LAST_YEAR = 9998


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """number: 1 to 12."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> "Month":
        """The month of a London day."""
        return cls(day.year, day.month)

    @classmethod
    def read(cls, text: str) -> "Month":
        """`2017-01`. Raises: BadValue for anything else."""
        found = _WRITTEN.fullmatch(text)
        if found is None or not EPOCH_DATE.year <= int(found[1]) <= LAST_YEAR:
            raise BadValue("--month", text, "is no month; write it like 2026-09")
        return cls(int(found[1]), int(found[2]))

    @property
    def first_date(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    @property
    def last_date(self) -> date:
        """Its last day."""
        return self.next.first_date - timedelta(days=1)

    @property
    def next(self) -> "Month":
        """The month after it."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def before(self) -> "Month":
        """The month before it."""
        return Month.of(self.first_date - timedelta(days=1))

    @property
    def days(self) -> int:
        """How many days it has."""
        return self.last_date.day

    def holds(self, day: Ints) -> Bools:
        """(n,) whether London days since 1970 lie in it."""
        first, end = ((month.first_date - EPOCH_DATE).days for month in (self, self.next))
        return (day >= first) & (day < end)

    def __str__(self) -> str:
        return f"{self.first_date:%B} {self.year}"


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Published records until a day. is_complete False: a sample, whose counts are not the Brigade's.

    incidents: kept ones of the month, with or without an arrival.
    """

    rows: AttendanceRows
    until_date: date
    is_complete: bool
    incidents: int


@dataclass(frozen=True, slots=True, eq=False)
class LivePerformance:
    """Announced times with what came of them. title: whose. told: what the figures are of, in sentences.

    rows: of the month and of those before it that are looked at; none where `told` says why.
    """

    title: str
    description: str
    rows: LiveRows | None


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """A line of the ledger. champion_after None: no model on duty from then on."""

    decided_at: datetime
    action: str
    champion_after: str | None
    challenger: str | None
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """cleared_at None: it stands."""

    raised_at: datetime
    cleared_at: datetime | None
    severity: str
    alarm_type: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class MonthInputs:
    """at: the moment of the look. records None: nothing prepared. drift None: `drift_note` says why not.

    facts: name and words, for the head of the page: models, ages, hash. decisions, alarms: of the month and until `at`.
    """

    month: Month
    at: datetime
    records: Records | None
    live_performances: Sequence[LivePerformance]
    decisions: Sequence[DecisionLine]
    alarms: Sequence[AlarmLine]
    drift: DriftResult | None
    drift_note: str
    stations: Sequence[StationChange]
    attribution: str
    facts: Mapping[str, str] = field(default_factory=dict)
    is_simulated: bool = False

    @property
    def rows(self) -> AttendanceRows | None:
        """Arrivals of the month; None if there is none."""
        return self.rows_of(self.month)

    @property
    def rows_before(self) -> AttendanceRows | None:
        """Arrivals of the month before."""
        return self.rows_of(self.month.before)

    @property
    def is_whole(self) -> bool:
        """Whether the records reach to the end of the month."""
        return self.records is not None and self.records.until_date >= self.month.last_date

    def rows_of(self, month: Month) -> AttendanceRows | None:
        """Arrivals of a month; None if there is none."""
        if self.records is None:
            return None
        found = self.records.rows.take(month.holds(self.records.rows.day))
        return found if len(found) else None
