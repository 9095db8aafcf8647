"""Drift, decisions and alarms, as rows of ready words."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from londonpump.brigade.clock import LONDON
from londonpump.evaluation.drift import Drift
from londonpump.evaluation.monthly.inputs import AlarmLine, DecisionLine, MonthInputs
from londonpump.evaluation.monthly.months import EPOCH_DATE
from londonpump.evaluation.report.tables import Cell, Table
from londonpump.evaluation.report.words import number_words

MOST_INPUTS = 12
ACTIONS = {"promote": "put on duty", "keep": "kept", "roll_back": "taken back"}


def drift_table(inputs: MonthInputs) -> Table | None:
    """Inputs, the one nearest to its limit or farthest over it first."""
    if inputs.drift is None:
        return None
    rows = [(one.name, _drift_cells(one)) for one in inputs.drift.inputs[:MOST_INPUTS]]
    until = EPOCH_DATE + timedelta(days=inputs.drift.checked_last)
    caption = f"Two weeks until {_day(until)} against what the model learnt from, nearest to the limit first"
    return Table(caption, ["Input", "Rows elsewhere, %", "Of the limit, %", "Since", "Moved most"], rows)


def _drift_cells(one: Drift) -> list[Cell]:
    since = "" if one.since is None else _day(EPOCH_DATE + timedelta(days=one.since))
    moved = "; ".join(
        f"{each.bin}: {_pct(each.share)} ({_pct(each.expected_share)} expected)" for each in one.moved[:1]
    )
    of_limit = number_words(one.strength / one.limit, "%") if one.limit else ""
    verdict = ("worse", "drifts: over the limit") if one.is_drifting else ("", "")
    return [Cell(number_words(one.effect, "%")), Cell(of_limit, "", *verdict), Cell(since), Cell(moved)]


def decision_table(decisions: Sequence[DecisionLine], caption: str) -> Table | None:
    """Lines of the ledger, the oldest first."""
    rows = [
        (
            _moment(line.decided_at),
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
            f"{alarm.kind} {alarm.subject}".strip(),
            [
                Cell(alarm.severity),
                Cell(_moment(alarm.raised_at)),
                Cell("stands" if alarm.cleared_at is None else _moment(alarm.cleared_at)),
                Cell(alarm.words),
            ],
        )
        for alarm in ordered
    ]
    head = ["Alarm", "Severity", "Raised (London)", "Cleared", "What it said"]
    return Table("Alarms that stood at any moment since the month began", head, rows) if rows else None


def _pct(share: float) -> str:
    return f"{number_words(share, '%')} %"


def _moment(at: datetime) -> str:
    there = at.astimezone(LONDON)
    return f"{there.day} {there:%b %Y %H:%M}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
