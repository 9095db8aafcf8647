"""Days on which the records hold every incident, as `prepare` determines them.

Busy pumps and earlier calls can be counted only on those days, and only if the hours before them are complete too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby

import numpy as np
import pyarrow as pa
from ibis.expr.types import Table
from numpy.typing import NDArray

from londonpump.cleaning.rules import is_kept
from londonpump.domain.completeness import (
    COMPLETE_SHARE,
    complete_days,
    consecutive_spans,
    days_of_recorded_months,
    known_rate_per_day,
)
from londonpump.domain.london_clock import LONDON
from londonpump.presentation.texts import prepare as views

Days = Mapping[date, int]


@dataclass(frozen=True, slots=True)
class Completeness:
    """Complete days of prepared records."""

    incidents: Days  # kept incidents per London day, never empty
    stated: bool | None  # what the user states with --complete; None: determined from the counts
    days: list[date]  # days on which the records hold every incident
    pump_days: list[date] = field(default_factory=list)  # those with mobilisations of nearly all incidents
    has_mobilisations: bool = False

    @classmethod
    def of(cls, incidents: Days, stated: bool | None) -> "Completeness":
        """Determine complete days from the number of incidents, unless the user states whether records are complete."""
        if stated is None:
            return cls(incidents, stated, complete_days(incidents))
        return cls(incidents, stated, days_of_recorded_months(incidents) if stated else [])

    def with_pumps(self, attended: Days) -> "Completeness":
        """Determine days with complete mobilisations. attended: number of incidents with a mobilisation, per day."""
        days = self.days
        # Not every incident has a mobilisation in the records, hence a share.
        if self.stated is None:
            days = [day for day in days if attended.get(day, 0) >= COMPLETE_SHARE * self.incidents[day]]
        return Completeness(self.incidents, self.stated, self.days, days, has_mobilisations=True)

    @property
    def is_complete(self) -> bool:
        """True if every recorded day is complete. The first and the last may be cut off by the export."""
        # Exports often start and end within a day.
        inner = set(self.incidents) - {min(self.incidents), max(self.incidents)}
        return bool(self.days) and inner <= set(self.days)

    def counted_from(self) -> pa.Table:
        """Return `call_date, counted_from`: each day on which pumps can be counted, and the UTC start of its span."""
        rows = [
            (first + timedelta(days=n), _midnight(first))
            for first, last in consecutive_spans(self.pump_days)
            for n in range((last - first).days + 1)
        ]
        dates, starts = zip(*rows, strict=True) if rows else ((), ())
        return pa.table(
            {"call_date": pa.array(dates, pa.date32()), "counted_from": pa.array(starts, pa.timestamp("us"))}
        )

    def report(self) -> views.CompletenessReport:
        """Return the entry `completeness` of report.json."""
        first, last, days = min(self.incidents), max(self.incidents), days_of_recorded_months(self.incidents)
        return views.CompletenessReport(
            is_complete=self.is_complete,
            is_stated=self.stated is not None,
            first_date=first,
            last_date=last,
            incidents_per_day=round(sum(self.incidents.values()) / len(days), 1),
            known_incidents_per_day=round(known_rate_per_day(last.year), 1),
            has_mobilisations=self.has_mobilisations,
            complete_days=consecutive_spans(self.days),
            complete_pump_days=consecutive_spans(self.pump_days),
            months=list(self._months()),
        )

    def _months(self) -> Iterator[views.MonthOfRecords]:
        first, last = min(self.incidents), max(self.incidents)
        calendar = (first.replace(day=1) + timedelta(days=n) for n in range((last - first).days + 31))
        for (year, month), group in groupby(calendar, lambda day: (day.year, day.month)):
            if (year, month) > (last.year, last.month):
                return
            yield self._month(_whole_month(next(group)))

    def _month(self, days: list[date]) -> views.MonthOfRecords:
        recorded = [day for day in days if day in self.incidents]
        complete = sorted(set(days) & set(self.days))
        n = sum(self.incidents[day] for day in recorded)
        verdict = _verdict(len(complete), len(recorded), len(days))
        rate = n / len(recorded) if recorded else 0.0
        return views.MonthOfRecords(
            month=f"{days[0]:%Y-%m}",
            verdict=verdict,
            explanation=self._explanation(verdict, days[0].year, rate, complete),
            incidents=n,
            recorded_days=len(recorded),
            complete_days=len(complete),
            complete_pump_days=len(set(days) & set(self.pump_days)),
        )

    def _explanation(self, verdict: str, year: int, rate: float, complete: list[date]) -> str:
        if verdict == views.NO_RECORDS:
            return "no incident record"
        known = known_rate_per_day(year)
        found = f"{rate:.1f} incidents per day, {rate / known:.0%} of the known {known:.1f}"
        if self.stated is not None:
            return f"as stated; {found}"
        if verdict == views.IN_PART:
            spans = ", ".join(f"{first} to {last}" for first, last in consecutive_spans(complete))
            return f"only {spans}; {found}"
        return found


def by_day(rows: Table) -> dict[date, int]:
    """Count the incidents of the kept rows per London day of the call."""
    kept = rows.filter(is_kept(rows))
    counted = kept.group_by("call_date").agg(incidents=kept.incident_number.nunique())
    return {row["call_date"]: row["incidents"] for row in counted.to_pyarrow().to_pylist()}


def spans_us(spans: Sequence[tuple[date, date]]) -> NDArray[np.int64]:
    """Return the spans (k, 2) of London days in UTC microseconds."""
    edges = [(_midnight(first), _midnight(last + timedelta(days=1))) for first, last in spans]
    return np.array(edges, "datetime64[us]").astype(np.int64).reshape(-1, 2)


def _verdict(complete: int, recorded: int, days: int) -> str:
    if not recorded:
        return views.NO_RECORDS
    if not complete:
        return views.SAMPLE
    return views.COMPLETE if complete == days else views.IN_PART


def _whole_month(day: date) -> list[date]:
    days = (day.replace(day=1) + timedelta(days=n) for n in range(31))
    return [one for one in days if one.month == day.month]


def _midnight(day: date) -> datetime:
    """Return the start of a London day as a UTC time without a zone, as it is stored in tables."""
    return datetime.combine(day, time(), LONDON).astimezone(UTC).replace(tzinfo=None)
