"""Tables of the report on the Brigade, for its page and for CSV and XLSX."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from londonpump.evaluation.attendance import TARGETS, Figures
from londonpump.evaluation.day_sums import MEASURES, TRAVEL, TURNOUT, Changes, Estimates
from londonpump.evaluation.evaluation_rows import Ints
from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.lateness import Level
from londonpump.presentation.brigade.records import BrigadeRecords
from londonpump.presentation.monthly.attendance_tables import (
    VERDICTS,
    change_cell,
    figure_cell,
    format_clock,
    format_target,
)
from londonpump.presentation.report.pages import Cell, Table
from londonpump.presentation.report.sheets import Sheet, Value
from londonpump.presentation.report.style import format_count, format_number
from londonpump.presentation.texts.places import format_ground, format_place

MAX_ROWS = 15
MAX_KINDS = 18
HOURS_S = 3600
TIMES = (TURNOUT, TRAVEL)


def figures_of(records: BrigadeRecords, found: Estimates, level: Level) -> dict[str, Figures]:
    """Return the figures of the places of one level that have any arrival, by name."""
    return {
        name: found.figures(at)
        for at, (its_level, name) in enumerate(records.sums.places)
        if its_level is level and found.n[at, 0]
    }


def london_table(records: BrigadeRecords) -> Table:
    """Return London against its targets in the last year, with the year before if there is one."""
    before = records.yearly_change
    rows = []
    for at, figure in enumerate(records.recent.figures(0)):
        target = figure.target
        cells = [Cell(format_target(target)), figure_cell(figure), Cell(VERDICTS[figure.verdict])]
        if before is not None:
            was, changes = before
            cells += [figure_cell(was.figures(0)[at]), change_cell(target, changes.change.stat(0, at))]
        rows.append((target.name, [*cells, Cell(format_count(figure.n))]))
    head = ["Target", "Aim", records.recent_name, "Verdict"]
    head += ["The year before", "Change, month by month"] if before is not None else []
    return Table("London as a whole, with 95 % intervals", [*head, "Arrivals"], rows)


def times_table(records: BrigadeRecords) -> Table | None:
    """Return turnout and travel of first pumps in the last year; None without mobilisations."""
    before = records.yearly_change
    rows = []
    for name in TIMES:
        at = next(at for at, measure in enumerate(MEASURES) if measure.name == name)
        if not records.recent.n[0, at]:
            return None
        cells = [_clock_cell(records.recent.stat(0, at))]
        if before is not None:
            change = before[1].change.stat(0, at)
            cells += [_clock_cell(before[0].stat(0, at)), change_cell(MEASURES[at], change)]
        rows.append((name, [*cells, Cell(format_count(int(records.recent.n[0, at])))]))
    head = ["On average", records.recent_name]
    head += ["The year before", "Change, month by month"] if before is not None else []
    return Table("Turnout and travel of the pump that arrived first", [*head, "Arrivals"], rows)


def _clock_cell(stat: Stat) -> Cell:
    if stat.low is None or stat.high is None:
        return Cell(format_clock(stat.value))
    return Cell(format_clock(stat.value), f"{format_clock(stat.low)} to {format_clock(stat.high)}")


def year_table(records: BrigadeRecords) -> Table | None:
    """Return London by calendar year; None if there is only one."""
    years = records.year_of_day
    if years[0] == years[-1]:
        return None
    incidents: dict[int, int] = {}
    for day, n in records.incidents_by_day.items():
        incidents[day.year] = incidents.get(day.year, 0) + n
    rows = []
    for year, found in estimates_by(records, years, Level.LONDON):
        # A year that is cut by the records must not look like a quiet one.
        whole = 366 if year % 4 == 0 else 365
        days = int((years == year).sum())
        name = str(year) if days == whole else f"{year} ({days} days)"
        cells = [figure_cell(figure) for figure in found.figures(0)]
        rows.append((name, [*cells, Cell(format_count(incidents.get(year, 0)))]))
    head = ["Year", *(f"{target.name}, {format_target(target)}" for target in TARGETS), "Incidents"]
    return Table("London by year, with 95 % intervals", head, rows)


def estimates_by(
    records: BrigadeRecords, period: Ints, level: Level | None = None
) -> Iterator[tuple[int, Estimates]]:
    """Yield the figures of each year or month that has an arrival, of the places of one level or of all."""
    sums = records.sums if level is None else records.sums.of_level(level)
    has_any = records.sums.n[0, :, 0] > 0
    for one in np.unique(period[has_any]):
        yield int(one), sums.estimates((period == one) & has_any)


def change_tables(records: BrigadeRecords) -> list[Table]:
    """Return the changes at the split date: London, then the places that changed most beyond London's change."""
    found = records.split_change
    if found is None:
        return []
    rows = [
        (target.name, [change_cell(target, found.change.stat(0, at)), _smaller(found, 0, at)])
        for at, target in enumerate(MEASURES)
        if found.change.n[0, at]
    ]
    tables = [Table("London as a whole", ["Figure", "After minus before", "Occasions, smaller side"], rows)]
    for level, label in ((Level.BOROUGH, "Borough"), (Level.GROUND, "Station ground")):
        places = [
            (at, name)
            for at, (its_level, name) in enumerate(records.sums.places)
            if its_level is level and found.beyond_london.stat(at, 0).low is not None
        ]
        # Beyond London, since a change of all London says nothing about a place.
        places.sort(key=lambda one: -abs(found.beyond_london.value[one[0], 0]))
        shown = [
            (
                format_place(level, name).removeprefix("Ground of "),
                [
                    change_cell(TARGETS[0], found.change.stat(at, 0)),
                    change_cell(TARGETS[0], found.beyond_london.stat(at, 0)),
                    _smaller(found, at, 0),
                ],
            )
            for at, name in places[:MAX_ROWS]
        ]
        head = [label, "First pump on average", "Beyond London's change", "Occasions, smaller side"]
        if shown:
            caption = f"{label}s that changed most beyond London's change ({len(shown)} of {len(places)})"
            tables.append(Table(caption, head, shown))
    return tables


def _smaller(found: Changes, place: int, measure: int) -> Cell:
    return Cell(format_count(int(found.change.n[place, measure])))


def mix_table(records: BrigadeRecords) -> Table:
    """Return incidents and notional cost of the last year by group and kind, the most frequent first."""
    last = records.last_date.replace(day=1)
    recent = _since(records.mix, last, 0)
    before = _since(records.mix, last, 12) if records.is_before is not None else None
    found = _summed(recent, ["incident_group", "kind"], ["incidents", "with_cost", "cost"])
    was = {} if before is None else _summed(before, ["incident_group", "kind"], ["incidents"])
    n_all = sum(row[0] for row in found.values())
    has_cost = any(row[1] for row in found.values())
    # Groups come first, then the kinds within them that are most frequent.
    ranked = sorted(found.items(), key=lambda item: -item[1][0])
    groups = {name: [row for (group, _), row in ranked if group == name] for (name, _), _ in ranked}
    shown: list[tuple[str, list[float], tuple[str, str] | None]] = [
        (f"All {name or 'not stated'}", [sum(column) for column in zip(*rows, strict=True)], None)
        for name, rows in groups.items()
    ]
    shown += [(f"{kind} ({group})", row, (group, kind)) for (group, kind), row in ranked[:MAX_KINDS]]
    rows = []
    for name, (incidents, with_cost, cost), key in shown:
        cells = [Cell(format_count(int(incidents))), Cell(format_number(incidents / n_all, "%"))]
        if before is not None:
            then = (
                was.get(key, (0,))[0]
                if key
                else sum(row[0] for (group, _), row in was.items() if f"All {group or 'not stated'}" == name)
            )
            cells.append(Cell(format_number(incidents / then - 1, "%", is_signed=True) if then else ""))
        if has_cost:
            cells += [
                Cell(format_number(cost / 1e6, "s") if with_cost else ""),
                Cell(format_count(round(cost / with_cost)) if with_cost else ""),
            ]
        rows.append((name, cells))
    head = ["Incidents", "In the last twelve months", "Share, %"]
    head += ["Against the twelve before, %"] if before is not None else []
    head += ["Notional cost, £ million", "£ per incident"] if has_cost else []
    return Table("Incidents by group and kind", head, rows)


def _since(table: pa.Table, last: date, months_back: int) -> pa.Table:
    """Return the rows of twelve months that end `months_back` before the last one."""
    number = last.year * 12 + last.month - 1 - months_back
    month = pc.add(pc.multiply(pc.year(table["month"]), 12), pc.subtract(pc.month(table["month"]), 1))
    month = month.cast(pa.int64())
    return table.filter(pc.and_(pc.less_equal(month, number), pc.greater(month, number - 12)))


def _summed(table: pa.Table, keys: list[str], columns: list[str]) -> dict[tuple[str, ...], list[float]]:
    summed = table.group_by(keys).aggregate([(column, "sum") for column in columns]).to_pylist()
    return {
        tuple(row[key] or "" for key in keys): [row[f"{column}_sum"] or 0 for column in columns]
        for row in summed
    }


def delay_table(records: BrigadeRecords) -> Table | None:
    """Return mobilisations of the last twelve months by recorded cause of delay; None without mobilisations."""
    if records.delays is None:
        return None
    recent = _since(records.delays, records.last_date.replace(day=1), 0)
    found = _summed(recent, ["cause"], ["mobilisations", "attendance_s"])
    n_all = sum(row[0] for row in found.values())
    rows = [
        (
            cause,
            [
                Cell(format_count(int(n))),
                Cell(format_number(n / n_all, "%")),
                Cell(format_clock(attendance_s / n)),
            ],
        )
        for (cause,), (n, attendance_s) in sorted(found.items(), key=lambda item: -item[1][0])
    ]
    head = ["Cause of delay", "Mobilisations", "Share, %", "Attendance on average"]
    return Table("Causes of delay in the last twelve months", head, rows) if rows else None


def busy_tables(records: BrigadeRecords) -> list[Table]:
    """Return the busiest pumps of the last twelve months; empty without mobilisations."""
    if records.busy is None:
        return []
    recent = _since(records.busy, records.last_date.replace(day=1), 0)
    found = _summed(recent, ["resource_code"], ["mobilisations", "with_left", "busy_s"])
    if not found:
        return []
    # The last twelve months may be fewer, and the last of them may be cut.
    months = len(pc.unique(recent["month"]))
    days = 365.25 * months / 12
    ranked = sorted(found.items(), key=lambda item: -item[1][2])
    rows = [
        (
            f"{code} ({format_ground(code[:3])})",
            [
                Cell(format_count(int(n))),
                Cell(format_number(busy_s / HOURS_S / days, "s")),
                Cell(format_number(busy_s / HOURS_S / days / 24, "%")),
                Cell(format_number(with_left / n, "%")),
            ],
        )
        for (code,), (n, with_left, busy_s) in ranked[:MAX_ROWS]
    ]
    head = ["Pump", "Mobilisations", "Hours busy per day", "Busy, % of the time", "With a time of leaving, %"]
    caption = f"The {len(rows)} busiest of {len(found)} pumps, from mobilisation to leaving the incident"
    return [Table(caption, head, rows)]


def series_sheets(records: BrigadeRecords) -> list[Sheet]:
    """Return the series since the first record, unrounded: attendance by month and place, and what else is by month."""
    attendance = ("attendance_by_month", "Attendance by month: London, boroughs, station grounds")
    head = ["month", "level", "place"]
    for measure in MEASURES:
        name = measure.name.lower().replace("'", "").replace(" ", "_")
        unit = "s" if measure.share is None else "share"
        head += [f"{name}_{unit}", f"{name}_low", f"{name}_high", f"{name}_arrivals"]
    # Long rather than wide: one row per month and place reads into any tool without reshaping.
    rows: list[list[Value]] = []
    for month, found in estimates_by(records, records.month_of_day):
        for at, (level, name) in enumerate(records.sums.places):
            if found.n[at].any():
                rows.append(
                    [f"{1970 + month // 12}-{month % 12 + 1:02d}", level.value, name, *_numbers(found, at)]
                )
    sheets = [Sheet(*attendance, head, rows)]
    year = pc.year(records.mix["month"])
    by_year = records.mix.append_column("year", year)
    columns = ["incidents", "with_cost", "cost"]
    for key, title, table, keys, summed in (
        (
            "incidents_by_year",
            "Incidents and notional cost (pounds) by year, borough, group and kind",
            by_year,
            ["year", "borough", "incident_group", "kind"],
            columns,
        ),
        (
            "incidents_by_month",
            "Incidents and notional cost (pounds) by month, group and kind",
            records.mix,
            ["month", "incident_group", "kind"],
            columns,
        ),
        (
            "delays_by_month",
            "Mobilisations by month and cause of delay",
            records.delays,
            ["month", "cause"],
            ["mobilisations", "attendance_s"],
        ),
        (
            "busy_by_month",
            "Busy time (seconds) by month and pump",
            records.busy,
            ["month", "resource_code"],
            ["mobilisations", "with_left", "busy_s"],
        ),
    ):
        if table is not None:
            found_rows = table.group_by(keys).aggregate([(name, "sum") for name in summed])
            found_rows = found_rows.sort_by([(name, "ascending") for name in keys])
            listed = [[_plain(value) for value in row.values()] for row in found_rows.to_pylist()]
            sheets.append(Sheet(key, title, [*keys, *summed], listed))
    return sheets


def change_sheet(records: BrigadeRecords) -> Sheet | None:
    """Return the changes of every place and figure at the split date; None without one."""
    found = records.split_change
    if found is None:
        return None
    rows: list[list[Value]] = [
        [
            level.value,
            name,
            MEASURES[measure].name,
            *_stat(found.change.stat(at, measure)),
            *_stat(found.beyond_london.stat(at, measure)),
            int(found.change.n[at, measure]),
        ]
        for at, (level, name) in enumerate(records.sums.places)
        for measure in range(len(MEASURES))
        if found.change.n[at, measure]
    ]
    head = ["level", "place", "figure", "change", "change_low", "change_high"]
    head += ["beyond_london", "beyond_london_low", "beyond_london_high", "occasions_smaller_side"]
    return Sheet("before_after", f"After minus before {records.split_date}", head, rows)


def _numbers(found: Estimates, place: int) -> Iterator[Value]:
    for at in range(len(MEASURES)):
        yield from _stat(found.stat(place, at))
        yield int(found.n[place, at])


def _stat(stat: Stat) -> list[Value]:
    return [None if end is None else round(end, 4) for end in (stat.value, stat.low, stat.high)]


def _plain(value: object) -> Value:
    if isinstance(value, date):
        return f"{value:%Y-%m}"
    return value if isinstance(value, str | int | float) else None
