"""Tables of the Brigade against its targets, and formats of times, areas and changes."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from londonpump.evaluation.attendance import (
    FEW,
    FIRST_MEAN,
    MET,
    MISSED,
    NOT_EVALUATED,
    TARGETS,
    UNSURE,
    AttendanceRows,
    Figure,
    Figures,
    Target,
    figures,
    mean_change,
    values_of,
)
from londonpump.evaluation.intervals import Stat
from londonpump.presentation.monthly.inputs import Month, MonthInputs
from londonpump.presentation.report.pages import Cell, Table
from londonpump.presentation.report.style import NOT_DEFINED, format_count, format_interval, format_number
from londonpump.presentation.report.tables import is_visible
from londonpump.presentation.texts.places import format_borough

VERDICTS = {
    MET: "met",
    MISSED: "missed",
    UNSURE: "not sure: the interval holds the target",
    NOT_EVALUATED: "too few to say",
}


def format_clock(seconds: float | None) -> str:
    """Return minutes and seconds, such as `5:17`."""
    if seconds is None:
        return NOT_DEFINED
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def format_figure_value(figure: Figure) -> str:
    """Return the value of a figure, a time or a percentage."""
    value = figure.stat.value
    return format_clock(value) if figure.target.share is None else f"{format_number(value, '%')}"


def format_figure_interval(figure: Figure) -> str:
    """Return the interval of a figure; empty if it has none."""
    low, high = figure.stat.low, figure.stat.high
    if low is None or high is None:
        return ""
    if figure.target.share is None:
        return f"{format_clock(low)} to {format_clock(high)}"
    return format_interval(figure.stat, "%")


def format_target(target: Target) -> str:
    """Return a target, such as `6:00 or less` or `90 % or more`."""
    return (
        f"{format_clock(target.limit_s)} or less"
        if target.share is None
        else f"{100 * target.share:.0f} % or more"
    )


def format_change(change: Stat, target: Target) -> tuple[str, str]:
    """Return a change and its interval, in seconds or points."""
    unit = "s" if target.share is None else "points"
    value = format_number(change.value, unit, is_signed=True)
    return f"{value} {unit}", format_interval(change, unit, is_signed=True)


MARKS = {
    MET: ("better", "the whole interval meets the target"),
    MISSED: ("worse", "the whole interval misses the target"),
}
BEFORE, CHANGE = "The month before", "Change"
MAX_CHANGED = 8


def london_table(inputs: MonthInputs, found: Figures) -> Table:
    """Return the table of targets of the whole Brigade, with the month before if there is one."""
    before = inputs.rows_before
    was = None if before is None else figures(before)
    rows = []
    for at, figure in enumerate(found):
        cells = [
            Cell(format_target(figure.target)),
            figure_cell(figure),
            Cell(VERDICTS[figure.verdict]),
        ]
        if was is not None and before is not None and inputs.rows is not None:
            cells += [figure_cell(was[at]), _changed(figure.target, inputs.rows, before)]
        rows.append((figure.target.name, [*cells, Cell(format_count(figure.n))]))
    head = ["Target", "Aim", str(inputs.month), "Verdict"]
    head += [BEFORE, CHANGE] if was is not None else []
    return Table("London as a whole, with 95 % intervals", [*head, occasions(inputs)], rows)


TIMES = {"turnout_s": "Turnout", "travel_s": "Travel"}


def rows_with(rows: AttendanceRows, name: str) -> AttendanceRows | None:
    """Return the first pumps with their turnout or travel as the time; None if no record has it."""
    values = getattr(rows, name)
    if values is None:
        return None
    # As the time of arrivals, turnout and travel go through the same means and intervals.
    known = replace(rows, attendance_s=values).take(~rows.is_second & np.isfinite(values))
    return known if len(known) else None


def times_table(inputs: MonthInputs) -> Table | None:
    """Return turnout and travel of the first pumps apart, with the month before; None without mobilisation records."""
    rows = []
    for name, label in TIMES.items():
        now, before = (
            None if part is None else rows_with(part, name) for part in (inputs.rows, inputs.rows_before)
        )
        if now is None:
            return None
        cells = [plain_cell(figures(now)[0].stat)]
        if inputs.rows_before is not None:
            cells += [
                Cell(NOT_DEFINED) if before is None else plain_cell(figures(before)[0].stat),
                Cell(NOT_DEFINED) if before is None else _changed(FIRST_MEAN, now, before),
            ]
        rows.append((label, [*cells, Cell(format_count(len(now)))]))
    head = ["First pumps, on average", str(inputs.month)]
    head += [BEFORE, CHANGE] if inputs.rows_before is not None else []
    return Table("Turnout and travel apart", [*head, occasions(inputs)], rows)


def plain_cell(stat: Stat) -> Cell:
    """Return a time with its interval, which is held against no target."""
    ends = "" if stat.low is None else f"{format_clock(stat.low)} to {format_clock(stat.high)}"
    return Cell(format_clock(stat.value), ends)


MIN_MONTHS, MAX_MONTHS = 3, 13
"""The table of London already shows two months."""


def figures_of_months(inputs: MonthInputs) -> dict[Month, Figures]:
    """Return the figures of the months until this one, at most thirteen, the oldest first."""
    found: dict[Month, Figures] = {}
    month = inputs.month
    for _ in range(MAX_MONTHS):
        rows = inputs.rows_of(month)
        if rows is not None:
            found[month] = figures(rows)
        month = month.before
    return dict(sorted(found.items()))


def months_table(inputs: MonthInputs, found: Mapping[Month, Figures]) -> Table | None:
    """Return London by month, with turnout and travel where they are known; None for fewer than three months."""
    if len(found) < MIN_MONTHS:
        return None
    known = {
        name: {
            month: rows_with(its_rows, name)
            for month in found
            if (its_rows := inputs.rows_of(month)) is not None
        }
        for name in TIMES
    }
    shown = {name: of for name, of in known.items() if any(part is not None for part in of.values())}
    rows = []
    for month, its_figures in found.items():
        cells = [figure_cell(figure) for figure in its_figures]
        for of in shown.values():
            part = of[month]
            cells.append(Cell(NOT_DEFINED) if part is None else plain_cell(figures(part)[0].stat))
        rows.append((f"{month.first_date:%b %Y}", [*cells, Cell(_first_count(its_figures))]))
    head = ["Month", *(f"{target.name}, {format_target(target)}" for target in TARGETS)]
    return Table("London by month", [*head, *(TIMES[name] for name in shown), occasions(inputs)], rows)


def occasions(inputs: MonthInputs) -> str:
    """Return the heading of the counts, which differs for a sample."""
    is_complete = inputs.records is not None and inputs.records.is_complete
    return "Arrivals" if is_complete else "Arrivals in the sample"


def _changed(target: Target, now: AttendanceRows, before: AttendanceRows) -> Cell:
    return change_cell(target, mean_change(values_of(target, now), values_of(target, before)))


def change_cell(target: Target, change: Stat) -> Cell:
    """Return a change with its interval, marked if the interval does not contain 0."""
    value, ends = format_change(change, target)
    if not is_visible(change, "s" if target.share is None else "points"):
        return Cell(value, ends)
    is_better = ((change.value or 0) < 0) == (target.share is None)
    verdict = "better" if is_better else "worse"
    return Cell(value, ends, verdict, f"{verdict} than before, the interval does not hold 0")


def area_tables(
    found: Mapping[str, Figures], name: Callable[[str], str], label: str, counted: str
) -> list[Table]:
    """Return the tables of areas, the slowest first; those with few arrivals are listed by name in a second one.

    Args: kind: `Borough`. counted: the head of the columns of counts.
    """
    known = {area: row for area, row in found.items() if row[0].n >= FEW}
    few = {area: row for area, row in found.items() if row[0].n < FEW}
    ranked = sorted(known, key=lambda area: -(known[area][0].stat.value or 0))
    head = [label, *(f"{target.name}, {format_target(target)}" for target in TARGETS), counted]
    tables = []
    if ranked:
        rows = [(name(area), [*map(figure_cell, known[area]), _counts(known[area])]) for area in ranked]
        tables.append(Table(f"By {label.lower()}, the slowest first", head, rows))
    if few:
        caption = f"Fewer than {FEW} first pumps: too few to rank or to hold against a target"
        rows = [(name(area), [_few(few[area]), Cell(_first_count(few[area]))]) for area in sorted(few)]
        tables.append(Table(caption, [label, head[1].split(",")[0], counted], rows))
    return tables


def changed_table(inputs: MonthInputs) -> Table | None:
    """Return the table of boroughs whose first pumps changed most against the month before."""
    now, before = inputs.rows, inputs.rows_before
    if now is None or before is None:
        return None
    rows = []
    for area in np.unique(now.borough):
        there, then = (each.firsts.take(each.firsts.borough == area) for each in (now, before))
        if min(len(there), len(then)) >= FEW:
            change = mean_change(values_of(FIRST_MEAN, there), values_of(FIRST_MEAN, then))
            rows.append((abs(change.value or 0.0), str(area), there, then))
    rows.sort(key=lambda row: (-row[0], row[1]))
    shown = [
        (
            format_borough(area),
            [
                Cell(format_clock(float(then.attendance_s.mean()))),
                Cell(format_clock(float(there.attendance_s.mean()))),
                _changed(FIRST_MEAN, there, then),
            ],
        )
        for _, area, there, then in rows[:MAX_CHANGED]
    ]
    head = ["Borough", BEFORE, str(inputs.month), CHANGE]
    return Table("Boroughs whose first pumps changed most", head, shown) if shown else None


def figure_cell(figure: Figure) -> Cell:
    """Return a figure with its interval, marked if the whole interval meets or misses the target."""
    verdict, note = MARKS.get(figure.verdict, ("", ""))
    ends = format_figure_interval(figure)
    few = "few" if not ends and figure.n else ""
    return Cell(format_figure_value(figure), ends or few, verdict, note)


def _few(row: Figures) -> Cell:
    return Cell(format_figure_value(row[0]))


def _counts(row: Figures) -> Cell:
    second = format_count(row[-1].n)
    return Cell(_first_count(row), f"{second} second")


def _first_count(row: Figures) -> str:
    return format_count(row[0].n)
