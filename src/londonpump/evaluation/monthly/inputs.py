"""What the page of a month is made of; everything it says comes from here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from londonpump.evaluation.drift import DriftResult
from londonpump.evaluation.drift_stations import StationChange
from londonpump.evaluation.live import LiveRows
from londonpump.evaluation.monthly.attendance import AttendanceRows
from londonpump.evaluation.monthly.months import Month


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
