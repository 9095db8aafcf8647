"""The Brigade against its targets, as rows of ready words."""

from collections.abc import Callable, Mapping

import numpy as np

from londonpump.evaluation.monthly import words
from londonpump.evaluation.monthly.attendance import (
    FEW,
    FIRST_MEAN,
    MET,
    MISSED,
    TARGETS,
    AttendanceRows,
    Figure,
    Figures,
    figures,
    mean_change,
    values_of,
)
from londonpump.evaluation.monthly.inputs import MonthInputs
from londonpump.evaluation.report.tables import Cell, Table
from londonpump.evaluation.report.words import count_words

MARKS = {
    MET: ("better", "the whole interval meets the target"),
    MISSED: ("worse", "the whole interval misses the target"),
}
BEFORE, CHANGE = "The month before", "Change"
MOST_CHANGED = 8


def london_table(inputs: MonthInputs, found: Figures) -> Table:
    """Each target of the whole Brigade, with the month before where there is one."""
    before = inputs.rows_before
    was = None if before is None else figures(before)
    rows = []
    for at, figure in enumerate(found):
        cells = [Cell(words.aim_words(figure.target)), _cell(figure), Cell(words.VERDICTS[figure.verdict])]
        if was is not None and before is not None and inputs.rows is not None:
            cells += [_cell(was[at]), _changed(figure, inputs.rows, before)]
        rows.append((figure.target.name, [*cells, Cell(count_words(figure.n))]))
    head = ["Target", "Aim", str(inputs.month), "Verdict"]
    head += [BEFORE, CHANGE] if was is not None else []
    return Table("London as a whole, with 95 % intervals", [*head, occasions(inputs)], rows)


def occasions(inputs: MonthInputs) -> str:
    """What the column of counts is called: those of a sample are not the Brigade's."""
    is_complete = inputs.records is not None and inputs.records.is_complete
    return "Arrivals" if is_complete else "Arrivals in the sample"


def _changed(figure: Figure, now: AttendanceRows, before: AttendanceRows) -> Cell:
    target = figure.target
    change = mean_change(values_of(target, now), values_of(target, before))
    value, ends = words.change_words(change, target)
    low, high = change["low"], change["high"]
    if low is None or high is None or low <= 0 <= high:
        return Cell(value, ends)
    is_better = (high < 0) == (target.share is None)
    told = f"{'better' if is_better else 'worse'} than the month before, the interval does not hold 0"
    return Cell(value, ends, "better" if is_better else "worse", told)


def place_tables(
    found: Mapping[str, Figures], name: Callable[[str], str], kind: str, counted: str
) -> list[Table]:
    """Places, the slowest first pump first; those with few arrivals by themselves, by name, not ranked.

    Args: kind: `Borough`. counted: the head of the columns of counts.
    """
    known = {place: row for place, row in found.items() if row[0].n >= FEW}
    few = {place: row for place, row in found.items() if row[0].n < FEW}
    ranked = sorted(known, key=lambda place: -(known[place][0].stat["value"] or 0))
    head = [kind, *(f"{target.name}, {words.aim_words(target)}" for target in TARGETS), counted]
    tables = []
    if ranked:
        rows = [(name(place), [*map(_cell, known[place]), _counts(known[place])]) for place in ranked]
        tables.append(Table(f"By {kind.lower()}, the slowest first", head, rows))
    if few:
        caption = f"Fewer than {FEW} first pumps: too few to rank or to hold against a target"
        rows = [(name(place), [_few(few[place]), Cell(_first_count(few[place]))]) for place in sorted(few)]
        tables.append(Table(caption, [kind, head[1].split(",")[0], counted], rows))
    return tables


def changed_table(inputs: MonthInputs) -> Table | None:
    """Boroughs whose first pumps changed most against the month before."""
    now, before = inputs.rows, inputs.rows_before
    if now is None or before is None:
        return None
    rows = []
    for place in np.unique(now.borough):
        there, then = (each.firsts.take(each.firsts.borough == place) for each in (now, before))
        if min(len(there), len(then)) >= FEW:
            change = mean_change(values_of(FIRST_MEAN, there), values_of(FIRST_MEAN, then))
            rows.append((abs(change["value"] or 0.0), str(place), there, then))
    rows.sort(key=lambda row: (-row[0], row[1]))
    shown = [
        (
            words.borough_words(place),
            [
                Cell(words.clock_words(float(then.attendance_s.mean()))),
                Cell(words.clock_words(float(there.attendance_s.mean()))),
                _changed(figures(there)[0], there, then),
            ],
        )
        for _, place, there, then in rows[:MOST_CHANGED]
    ]
    head = ["Borough", BEFORE, str(inputs.month), CHANGE]
    return Table("Boroughs whose first pumps changed most", head, shown) if shown else None


def _cell(figure: Figure) -> Cell:
    verdict, told = MARKS.get(figure.verdict, ("", ""))
    ends = words.ends_words(figure)
    few = "few" if not ends and figure.n else ""
    return Cell(words.value_words(figure), ends or few, verdict, told)


def _few(row: Figures) -> Cell:
    return Cell(words.value_words(row[0]))


def _counts(row: Figures) -> Cell:
    second = count_words(row[-1].n)
    return Cell(_first_count(row), f"{second} second")


def _first_count(row: Figures) -> str:
    return count_words(row[0].n)
