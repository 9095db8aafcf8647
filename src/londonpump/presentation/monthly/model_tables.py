"""Tables of live performance, drift, decisions and alarms."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from londonpump.domain.attendance_targets import FIRST_PUMP_TARGET_S
from londonpump.domain.london_clock import LONDON
from londonpump.evaluation.attendance import FEW, MIN_DAYS, mean_change
from londonpump.evaluation.drift.detection import Drift
from londonpump.evaluation.evaluation_rows import Floats, Ints
from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.live import LiveFigures, LiveRows, live_figures
from londonpump.presentation.monthly.inputs import LivePerformance, MonthInputs
from londonpump.presentation.report.pages import Cell, Table
from londonpump.presentation.report.style import format_count, format_interval, format_number
from londonpump.presentation.texts.challenge import DecisionView
from londonpump.presentation.texts.monitor import AlarmView
from londonpump.presentation.texts.places import format_ground

MAX_STATIONS = 15


@dataclass(frozen=True, slots=True)
class _Metric:
    """A column of the tables; its values are those of `_measured` whose mean it shows."""

    label: str
    unit: str
    stat_of: Callable[[LiveFigures], Stat]
    is_signed: bool = False

    def cell(self, figures: LiveFigures, is_evaluated: bool) -> Cell:
        stat = self.stat_of(figures)
        ends = format_interval(stat, self.unit, self.is_signed) if is_evaluated else "few"
        return Cell(format_number(stat.value, self.unit, self.is_signed), ends)


METRICS = (
    _Metric("Mean error, s", "s", lambda figures: figures.mae_s),
    _Metric("Bias, s", "s", lambda figures: figures.bias_s, is_signed=True),
    _Metric("P10 to P90 holds, %", "%", lambda figures: figures.cover_80_share),
    _Metric("Over 6 min, %", "%", lambda figures: figures.late_share),
    _Metric("Over 6 min as predicted, %", "%", lambda figures: figures.predicted_late_share),
)


@dataclass(frozen=True, slots=True)
class _MetricColumns:
    """The METRICS that are known, and whether there are enough days for intervals."""

    metrics: tuple[_Metric, ...]
    has_intervals: bool

    @classmethod
    def of(cls, whole: LiveFigures, day: Ints) -> "_MetricColumns":
        known = tuple(metric for metric in METRICS if metric.stat_of(whole).value is not None)
        return cls(known, len(np.unique(day)) >= MIN_DAYS)

    def head(self, first: str) -> list[str]:
        return [first, *(metric.label for metric in self.metrics), "Mobilisations"]

    def cells(self, figures: LiveFigures) -> list[Cell]:
        is_evaluated = self.has_intervals and figures.n >= FEW
        cells = [metric.cell(figures, is_evaluated) for metric in self.metrics]
        return [*cells, Cell(format_count(figures.n))]


def live_tables(inputs: MonthInputs, performance: LivePerformance) -> list[Table]:
    """Return the tables of the month and the one before, of models, parts of the day, and stations by error."""
    now = _of_month(inputs, performance, is_before=False)
    if now is None:
        return []
    found = live_figures(now)
    shown = _MetricColumns.of(found.whole, now.day)
    rows = [(str(inputs.month), shown.cells(found.whole))]
    before = _of_month(inputs, performance, is_before=True)
    if before is not None:
        was = live_figures(before).whole
        rows.append(
            (
                str(inputs.month.before),
                _MetricColumns(shown.metrics, _MetricColumns.of(was, before.day).has_intervals).cells(was),
            )
        )
        rows.append(("Change", _changes(now, before, shown.metrics)))
    tables = [Table(f"{performance.title}, with 95 % intervals", shown.head("Month"), rows)]
    tables += _slices(found.by_model, "Model", shown) if len(found.by_model) > 1 else []
    tables += _slices(found.by_hour_band, "Hours", shown)
    return tables + _stations(found.by_station, shown)


def _of_month(inputs: MonthInputs, performance: LivePerformance, *, is_before: bool) -> LiveRows | None:
    if performance.rows is None:
        return None
    month = inputs.month.before if is_before else inputs.month
    rows = performance.rows.take(month.holds(performance.rows.day))
    return rows if len(rows) else None


def _changes(now: LiveRows, before: LiveRows, metrics: Sequence[_Metric]) -> list[Cell]:
    cells = []
    for metric, measured, then in zip(METRICS, _measured(now), _measured(before), strict=True):
        if metric in metrics:
            unit = "points" if metric.unit == "%" else "s"
            change = mean_change(measured, then)
            cells.append(Cell(format_number(change.value, unit, True), format_interval(change, unit, True)))
    return [*cells, Cell("")]


def _measured(rows: LiveRows) -> tuple[tuple[Floats, Ints], ...]:
    """Return the values whose mean is each of METRICS, and their days."""
    error_s = rows.p50_s - rows.actual_s
    is_inside = (rows.p10_s <= rows.actual_s) & (rows.actual_s <= rows.p90_s)
    is_known = np.isfinite(rows.predicted_late_share)
    is_late = (rows.actual_s > FIRST_PUMP_TARGET_S)[is_known].astype(np.float64)
    return (
        (np.abs(error_s), rows.day),
        (error_s, rows.day),
        (is_inside.astype(np.float64), rows.day),
        (is_late, rows.day[is_known]),
        (rows.predicted_late_share[is_known], rows.day[is_known]),
    )


def _slices(values: Mapping[str, LiveFigures], label: str, shown: _MetricColumns) -> list[Table]:
    rows = [(value, shown.cells(figures)) for value, figures in values.items()]
    return [Table(f"By {label.lower()}", shown.head(label), rows)] if rows else []


def _stations(values: Mapping[str, LiveFigures], shown: _MetricColumns) -> list[Table]:
    ranked = sorted(values, key=lambda code: -(values[code].mae_s.value or 0))
    rows = [(format_ground(code), shown.cells(values[code])) for code in ranked[:MAX_STATIONS]]
    caption = f"By station the pump left from: the {len(rows)} with the largest error of {len(ranked)} with {FEW} mobilisations or more"
    return [Table(caption, shown.head("Station"), rows)] if rows else []


MAX_INPUTS = 12
ACTIONS = {"promote": "promoted", "keep": "kept", "roll_back": "rolled back"}


def drift_table(inputs: MonthInputs) -> Table | None:
    """Return the table of inputs, the strongest drift first."""
    if inputs.drift is None:
        return None
    rows = [(one.name, _drift_cells(one)) for one in inputs.drift.inputs[:MAX_INPUTS]]
    until = inputs.drift.checked_until
    caption = f"Two weeks until {_format_day(until)} against the training data of the model, nearest to the limit first"
    return Table(caption, ["Input", "Rows elsewhere, %", "Of the limit, %", "Since", "Shifted most"], rows)


def _drift_cells(one: Drift) -> list[Cell]:
    since = "" if one.since is None else _format_day(one.since)
    shifted = "; ".join(
        f"{each.bin}: {_format_pct(each.share)} ({_format_pct(each.expected_share)} expected)"
        for each in one.shifted[:1]
    )
    of_limit = format_number(one.strength / one.limit, "%") if one.limit else ""
    verdict = ("worse", "drifts: over the limit") if one.is_drifting else ("", "")
    return [Cell(format_number(one.effect, "%")), Cell(of_limit, "", *verdict), Cell(since), Cell(shifted)]


def decision_table(decisions: Sequence[DecisionView], caption: str) -> Table | None:
    """Return the table of decisions, the oldest first."""
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
    head = ["When (London)", "Decision", "Active after it", "Challenger", "Why", "Who"]
    return Table(caption, head, rows) if rows else None


def alarm_table(alarms: Sequence[AlarmView]) -> Table | None:
    """Return the table of alarms, active ones first, then the newest."""
    ordered = sorted(alarms, key=lambda alarm: (alarm.cleared_at is not None, -alarm.raised_at.timestamp()))
    rows = [
        (
            alarm.name,
            [
                Cell(alarm.severity),
                Cell(_format_timestamp(alarm.raised_at)),
                Cell("stands" if alarm.cleared_at is None else _format_timestamp(alarm.cleared_at)),
                Cell(alarm.message),
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
