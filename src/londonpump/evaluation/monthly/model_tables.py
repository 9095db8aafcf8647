"""Drift, decisions and alarms, as rows of ready words."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from londonpump.domain.london_clock import LONDON
from londonpump.evaluation.drift import Drift
from londonpump.evaluation.monthly.inputs import AlarmLine, DecisionLine, MonthInputs
from londonpump.evaluation.monthly.months import EPOCH_DATE
from londonpump.evaluation.report.tables import Cell, Table
from londonpump.evaluation.report.text_formats import format_number

MAX_INPUTS = 12
ACTIONS = {"promote": "put on duty", "keep": "kept", "roll_back": "taken back"}


def drift_table(inputs: MonthInputs) -> Table | None:
    """Inputs, the one nearest to its limit or farthest over it first."""
    if inputs.drift is None:
        return None
    rows = [(one.name, _drift_cells(one)) for one in inputs.drift.inputs[:MAX_INPUTS]]
    until = EPOCH_DATE + timedelta(days=inputs.drift.checked_last)
    caption = (
        f"Two weeks until {_format_day(until)} against what the model learnt from, nearest to the limit first"
    )
    return Table(caption, ["Input", "Rows elsewhere, %", "Of the limit, %", "Since", "Moved most"], rows)


def _drift_cells(one: Drift) -> list[Cell]:
    since = "" if one.since is None else _format_day(EPOCH_DATE + timedelta(days=one.since))
    moved = "; ".join(
        f"{each.bin}: {_format_pct(each.share)} ({_format_pct(each.expected_share)} expected)"
        for each in one.moved[:1]
    )
    of_limit = format_number(one.strength / one.limit, "%") if one.limit else ""
    verdict = ("worse", "drifts: over the limit") if one.is_drifting else ("", "")
    return [Cell(format_number(one.effect, "%")), Cell(of_limit, "", *verdict), Cell(since), Cell(moved)]


def decision_table(decisions: Sequence[DecisionLine], caption: str) -> Table | None:
    """Lines of the ledger, the oldest first."""
    rows = [
        (
            _format_timestamp(line.decided_at),
            [
                Cell(ACTIONS.get(line.action, line.action)),
                Cell(line.champion_after or "none"),
                Cell(line.challenger or ""),
                Cell(line.reason),
                Cell(line.actor),
            ],
        )
        for line in decisions
    ]
    head = ["When (London)", "Decision", "On duty after it", "Challenger", "Why", "Who"]
    return Table(caption, head, rows) if rows else None


def alarm_table(alarms: Sequence[AlarmLine]) -> Table | None:
    """Alarms, those that stand first, then the newest."""
    ordered = sorted(alarms, key=lambda alarm: (alarm.cleared_at is not None, -alarm.raised_at.timestamp()))
    rows = [
        (
            f"{alarm.alarm_type} {alarm.subject}".strip(),
            [
                Cell(alarm.severity),
                Cell(_format_timestamp(alarm.raised_at)),
                Cell("stands" if alarm.cleared_at is None else _format_timestamp(alarm.cleared_at)),
                Cell(alarm.text),
            ],
        )
        for alarm in ordered
    ]
    head = ["Alarm", "Severity", "Raised (London)", "Cleared", "What it said"]
    return Table("Alarms that stood at any moment since the month began", head, rows) if rows else None


def _format_pct(share: float) -> str:
    return f"{format_number(share, '%')} %"


def _format_timestamp(at: datetime) -> str:
    there = at.astimezone(LONDON)
    return f"{there.day} {there:%b %Y %H:%M}"


def _format_day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
