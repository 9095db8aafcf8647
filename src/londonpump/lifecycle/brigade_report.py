"""The command `report`: the Brigade against its targets from published records alone, without a model or a database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr.types import DateValue, FloatingValue, Table, TimestampValue

from londonpump.cleaning import rules
from londonpump.cleaning.incidents import clean_incidents, to_london
from londonpump.cleaning.mobilisations import clean_mobilisations, pumps_of_incidents, with_incident_columns
from londonpump.domain.attendance_targets import FIRST_PUMP_90_PCT_LIMIT_S, FIRST_PUMP_95_PCT_LIMIT_S
from londonpump.domain.errors import BadValue
from londonpump.domain.stations import known_stations
from londonpump.evaluation.day_sums import MEASURES, DaySums
from londonpump.evaluation.evaluation_rows import Floats
from londonpump.ingest import context_csv
from londonpump.ingest.published import PublishedTable
from londonpump.lifecycle import rejections
from londonpump.lifecycle.completeness import Completeness, by_day
from londonpump.lifecycle.evaluate import ATTRIBUTION, PAGE_MARK
from londonpump.lifecycle.prepare import (
    ChosenRecords,
    Workspace,
    is_from_simulation,
    open_workspace,
    read_records,
)
from londonpump.lifecycle.progress import Progress, silent
from londonpump.lifecycle.table_files import require_own_tables, write_tables
from londonpump.persistence.atomic_files import require_own_file, write_text
from londonpump.presentation.brigade import BrigadeRecords, render_brigade

COST_NAMES = ("notional cost (£)", "notional_cost", "notional cost")
TIME_RULES = ("no_attendance_time", "no_turnout", "no_travel", "impossible_time", "later_wave")
"""Rules about times of arrival: a pump was away all the same, so its busy time counts."""
PLACE = ("day", "borough", "ground")


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """Request to report on published records."""

    records: ChosenRecords
    report: Path
    tables: Path | None = None
    before_after: date | None = None
    """The first day of the period after."""


def report(request: ReportRequest, progress: Progress = silent) -> BrigadeRecords:
    """Read the records and write the page, and the tables if a folder is named.

    Raises: BadFile for a wrong file, TooFewRows without an attendance time, BadValue for a date outside the records.
    Then nothing is written.
    """
    # Checked before the long work.
    require_own_file(request.report, PAGE_MARK)
    if request.tables is not None:
        require_own_tables(request.tables)
    with open_workspace(progress) as workspace:
        records = _read(request, workspace)
    if request.before_after is not None:
        _require_both_sides(records, request.before_after)
    progress("Writing the page", 0.8)
    page = render_brigade(records)
    # The tables come first: a page is the sign that everything was written.
    if request.tables is not None:
        write_tables(request.tables, page.sheets)
    write_text(request.report, page.html)
    progress("Done", 1.0)
    return records


def _require_both_sides(records: BrigadeRecords, day: date) -> None:
    if not records.first_date < day <= records.last_date:
        raise BadValue(
            "--before-after",
            day.isoformat(),
            f"has no records on both sides: they run from {records.first_date} to {records.last_date}. Name a day between",
        )


def _read(request: ReportRequest, workspace: Workspace) -> BrigadeRecords:
    files = request.records
    published = read_records(files.incidents, files.mobilisations, workspace)
    stations = context_csv.stations_table(workspace.connection, known_stations())
    workspace.progress("Cleaning incidents", 0.35)
    sent = published["mobilisations"].typed if "mobilisations" in published else None
    incidents = workspace.keep(
        clean_incidents(published["incidents"].typed, stations, sent), "clean_incidents"
    )
    rejections.require_kept_rows("incidents", incidents, published)
    days = by_day(incidents)
    completeness = Completeness.of(days, None)
    pumps = workspace.keep(pumps_of_incidents(incidents, stations), "pumps")
    rejections.require_kept_rows("pumps", pumps, published)
    workspace.progress("Adding up attendance", 0.5)
    # Millions of rows become sums by day and place here, inside DuckDB.
    cells = [_attendance(pumps)]
    delays = busy = None
    if "mobilisations" in published:
        workspace.progress("Cleaning mobilisations", 0.55)
        rows = clean_mobilisations(published["mobilisations"].typed, incidents, stations, workspace.keep)
        rows = workspace.keep(with_incident_columns(rows, incidents), "mobilised")
        cells.append(_turnout_and_travel(rows))
        delays, busy = _delays(rows), _busy(rows)
    return BrigadeRecords(
        sums=_sums(cells),
        mix=_mix(incidents, published["incidents"]),
        delays=delays,
        busy=busy,
        incidents_by_day=days,
        is_complete=completeness.is_complete,
        n_files=sum(len(table.files) for table in published.values()),
        n_rejected=incidents.filter(incidents.rule.notnull()).count().to_pyarrow().as_py(),
        is_simulated=is_from_simulation(files.incidents, files.mobilisations),
        attribution=ATTRIBUTION,
        split_date=request.before_after,
    )


def _london_day(at: TimestampValue) -> DateValue:
    return to_london(at).date()


def _placed(table: Table, at: TimestampValue) -> Table:
    return table.mutate(
        day=_london_day(at).epoch_days(),
        borough=table.borough_name.fill_null("").strip().upper(),
        ground=table.ground_code.fill_null(""),
    )


def _attendance(pumps: Table) -> Table:
    """Return sums of first and second pumps per day and place, in the order of MEASURES."""
    kept = pumps.filter(rules.is_kept(pumps))
    kept = _placed(kept, kept.call_at)
    time_s, is_first = kept.attendance_s, kept.pump == "first"
    within = [
        (is_first & (time_s <= limit_s)).sum()
        for limit_s in (FIRST_PUMP_90_PCT_LIMIT_S, FIRST_PUMP_95_PCT_LIMIT_S)
    ]
    totals = [time_s.sum(where=is_first), *within, time_s.sum(where=~is_first)]
    counts = [is_first.sum(), is_first.sum(), is_first.sum(), (~is_first).sum()]
    return kept.group_by(*PLACE).agg(
        **{f"n_{at}": count for at, count in enumerate(counts)},
        **{f"total_{at}": total for at, total in enumerate(totals)},
    )


def _turnout_and_travel(rows: Table) -> Table:
    """Return sums of the turnout and travel of the pump that arrived first."""
    kept = rows.filter(rules.is_kept(rows))
    # The published order of pumps is missing in some years, so the arrival decides.
    arrival = ibis.window(
        group_by="incident_number",
        order_by=[kept.mobilised_at.epoch_seconds() + kept.attendance_s, "resource_code"],
    )
    kept = kept.mutate(is_first=ibis.row_number().over(arrival) == 0)
    first = kept.filter(kept.is_first)
    first = _placed(first, first.call_at)
    at = len(MEASURES) - 2
    return first.group_by(*PLACE).agg(
        **{f"n_{at}": first.turnout_s.count(), f"n_{at + 1}": first.travel_s.count()},
        **{f"total_{at}": first.turnout_s.sum(), f"total_{at + 1}": first.travel_s.sum()},
    )


def _sums(cells: Sequence[Table]) -> DaySums:
    # Incident and mobilisation records have different measures; each adds zeros to those of the other.
    tables = [table.to_pyarrow() for table in cells]

    def column(name: str) -> Floats:
        parts = [
            table[name].cast(pa.float64()).fill_null(0.0).to_numpy()
            if name in table.column_names
            else np.zeros(table.num_rows)
            for table in tables
        ]
        return np.concatenate(parts)

    def texts(name: str) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
        return np.concatenate([np.array(table[name].to_pylist(), np.str_) for table in tables])

    n, total = (
        np.stack([column(f"{kind}_{at}") for at in range(len(MEASURES))], axis=-1) for kind in ("n", "total")
    )
    return DaySums.of(column("day").astype(np.int64), texts("borough"), texts("ground"), n, total)


def _mix(incidents: Table, published: PublishedTable) -> pa.Table:
    """Return kept incidents and their notional cost by month, borough, group and type."""
    kept = incidents.filter(rules.is_kept(incidents))
    costs = published.raw.select(*rules.ROW, cost=_cost(published.raw))
    kept = kept.left_join(costs, rules.ROW)
    # A special service has one stop code; its type says what it was.
    is_special = kept.incident_group == "Special Service"
    kept = kept.mutate(
        month=kept.call_date.truncate("M"),
        borough=kept.borough_name.fill_null("").strip().upper(),
        kind=is_special.ifelse(kept.special_service_type, kept.stop_code).fill_null("not stated"),
    )
    found = kept.group_by("month", "borough", "incident_group", "kind").agg(
        incidents=kept.count(), with_cost=kept.cost.count(), cost=kept.cost.sum()
    )
    return found.order_by("month", "borough", "incident_group", "kind").to_pyarrow()


def _cost(raw: Table) -> FloatingValue:
    """Return the notional cost in pounds; null where the file has none or it is not a number."""
    # The cost is no input of any model, so a damaged one must not reject its row as a typed column would.
    named = {name.casefold(): name for name in raw.columns}
    found = [named[name] for name in COST_NAMES if name in named]
    if not found:
        return ibis.null("float64")
    return ibis.coalesce(
        *(raw[name].re_replace(r"[£,\s]", "").nullif("").try_cast("float64") for name in found)
    )


def _delays(rows: Table) -> pa.Table:
    """Return kept mobilisations by month and cause of delay, with the sum of their attendance times."""
    kept = rows.filter(rules.is_kept(rows))
    kept = kept.mutate(
        month=_london_day(kept.call_at).truncate("M"),
        cause=kept.delay_description.strip().nullif("").fill_null("No delay recorded"),
    )
    found = kept.group_by("month", "cause").agg(
        mobilisations=kept.count(), attendance_s=kept.attendance_s.sum()
    )
    return found.order_by("month", "cause").to_pyarrow()


def _busy(rows: Table) -> pa.Table:
    """Return seconds from mobilisation to leaving by month and pump; a later mobilisation ends the earlier one."""
    sent = rows.filter(rules.is_kept(rows) | rows.rule.isin(list(TIME_RULES)))
    sent = sent.filter(sent.mobilised_at.notnull() & sent.resource_code.notnull())
    later = ibis.window(group_by="resource_code", order_by="mobilised_at")
    sent = sent.mutate(next_at=sent.mobilised_at.lead().over(later))
    # A pump that is sent on from one incident to the next would otherwise be busy twice.
    until_at = ibis.least(sent.left_at, sent.next_at.fill_null(sent.left_at))
    sent = sent.mutate(
        month=_london_day(sent.mobilised_at).truncate("M"),
        busy_s=(until_at.epoch_seconds() - sent.mobilised_at.epoch_seconds()),
    )
    # A time of leaving before the mobilisation is a slip, not a negative time.
    sent = sent.mutate(busy_s=(sent.busy_s >= 0).ifelse(sent.busy_s, ibis.null("int64")))
    found = sent.group_by("month", "resource_code").agg(
        mobilisations=sent.count(), with_left=sent.busy_s.count(), busy_s=sent.busy_s.sum()
    )
    return found.order_by("month", "resource_code").to_pyarrow()
