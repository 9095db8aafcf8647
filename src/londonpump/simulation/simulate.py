"""Simulate a Brigade and write its files."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import BadFile
from londonpump.simulation.calls import draw_calls, draw_weather_of
from londonpump.simulation.city import london
from londonpump.simulation.context_tables import (
    Weather,
    school_holiday_table,
    station_table,
    traffic_table,
    weather_table,
)
from londonpump.simulation.dispatch import dispatch
from londonpump.simulation.faults import Columns, Fault, Sheet, Traits, inject_faults
from londonpump.simulation.fleet import draw_fleet
from londonpump.simulation.plan import SimulationPlan, table
from londonpump.simulation.published_columns import incident_columns, is_hidden, mobilisation_columns
from londonpump.simulation.records import Records, add_mutual_aid, publish, station_grounds
from londonpump.simulation.report import Comparison, as_markdown, compare
from londonpump.simulation.text_formats import csv_chunks, write_atomically, write_json, write_spreadsheet

Ints = NDArray[np.int64]
EDGE_M = 17_000
Progress = Callable[[str, float], None]

# Each part draws from a random stream of its own, so that a change in one part leaves the others unchanged.
_STREAMS = ("weather", "calls", "fleet", "dispatch", "publication", "visitors", "faults")


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulated Brigade: its records, and the two files as columns of text in the published order."""

    plan: SimulationPlan
    records: Records
    grounds: Ints
    weather: Weather
    incidents: Columns
    mobilisations: Columns
    faults: list[Fault]


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """The written files, with counts and the comparison with real records."""

    files: dict[str, Path]
    rows: dict[str, int]
    fault_counts: dict[str, int]
    comparisons: list[Comparison] = field(default_factory=list)


def simulate(plan: SimulationPlan, progress: Progress | None = None) -> Simulated:
    """Simulate a Brigade. The same plan gives the same result.

    Args: progress: called with the step and the share done, 0 to 1.
    """
    on_progress = progress or _ignore_progress
    seeds = np.random.SeedSequence(plan.seed).spawn(len(_STREAMS))
    rng = {name: np.random.default_rng(seed) for name, seed in zip(_STREAMS, seeds, strict=True)}
    on_progress("calls", 0.0)
    city = london()
    weather = draw_weather_of(plan, rng["weather"])
    calls = draw_calls(plan, city, weather, rng["calls"])
    fleet = draw_fleet(plan, rng["fleet"])
    on_progress("dispatch", 0.1)
    dispatches = dispatch(calls, city, fleet, weather, rng["dispatch"])
    on_progress("records", 0.5)
    records = publish(calls, dispatches, fleet, city, rng["publication"])
    visitor = np.full(len(records.dispatches), -1, dtype=np.int64)
    if not plan.is_clean:
        records, visitor = add_mutual_aid(records, rng["visitors"])
    grounds = station_grounds(calls, city, plan)
    incidents = Sheet(
        "incidents", incident_columns(records, grounds, plan.output_format), np.arange(len(calls))
    )
    mobilisations = Sheet(
        "mobilisations", mobilisation_columns(records, visitor, plan.output_format), records.dispatches.call
    )
    faults: list[Fault] = []
    if not plan.is_clean:
        on_progress("faults", 0.7)
        traits = Traits(
            visitor,
            records.dispatches.travel_s,
            ~is_hidden(records),
            _is_special(records),
            _is_at_the_edge(records),
        )
        faults = inject_faults(incidents, mobilisations, traits, plan.output_format, rng["faults"])
    return Simulated(plan, records, grounds, weather, incidents.columns, mobilisations.columns, faults)


def write_simulation(plan: SimulationPlan, out: Path, progress: Progress | None = None) -> SimulationReport:
    """Simulate, and write incidents, mobilisations, context tables, the list of faults and the report.

    Each file is written completely or not at all. Raises: BadFile if `out` cannot be written to.
    """
    on_progress = progress or _ignore_progress
    try:
        out.mkdir(parents=True, exist_ok=True)
        _require_own_folder(out)
        done = simulate(plan, on_progress)
        on_progress("files", 0.75)
        files = {**_write_records(done, out), **_write_context(done, out)}
        comparisons = compare(done.records, done.grounds)
        counts = _counts(done.faults)
        report = SimulationReport(files, _rows(done), counts, comparisons)
        _write_report(done, report, out)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise BadFile(
            out, f"cannot be written to ({reason})", "Give a folder with enough space and write access"
        ) from problem
    on_progress("files", 1.0)
    return report


def _require_own_folder(out: Path) -> None:
    """Reject a folder that is neither empty nor an earlier simulation, because real records have the same names."""
    # faults.json exists only in simulated folders
    if any(out.iterdir()) and not (out / "faults.json").exists():
        raise BadFile(out, "holds other things (no faults.json)", "Name a new or empty folder.")


def _write_records(done: Simulated, out: Path) -> dict[str, Path]:
    vintage, ending = done.plan.output_format, done.plan.file_format
    files = {name: out / f"{name}.{ending}" for name in ("incidents", "mobilisations")}
    if ending == "xlsx":
        write_spreadsheet(files["incidents"], done.incidents)
        write_spreadsheet(files["mobilisations"], done.mobilisations)
        return files
    mark = vintage.has_byte_order_mark
    write_atomically(files["incidents"], csv_chunks(done.incidents, has_mark=mark))
    null = vintage.mobilisation_null
    write_atomically(files["mobilisations"], csv_chunks(done.mobilisations, null, has_mark=mark))
    return files


def _write_context(done: Simulated, out: Path) -> dict[str, Path]:
    tables = {
        "stations": station_table(done.plan),
        "weather_hourly": weather_table(done.plan, done.weather),
        "traffic_index": traffic_table(done.plan),
        "school_holidays": school_holiday_table(done.plan),
    }
    for name, columns in tables.items():
        write_atomically(out / f"{name}.csv", csv_chunks(columns))
    return {name: out / f"{name}.csv" for name in tables}


def _write_report(done: Simulated, report: SimulationReport, out: Path) -> None:
    plan = {**asdict(done.plan), "start": done.plan.start.isoformat()}
    listed = [
        {"fault_type": one.fault_type, "file": one.file, "row": one.row, "IncidentNumber": one.incident}
        for one in done.faults
    ]
    write_json(out / "faults.json", {"counts": report.fault_counts, "faults": listed})
    content = {
        "simulated": True,
        "plan": plan,
        "rows": report.rows,
        "faults": report.fault_counts,
        "figures": [
            asdict(one) | {"difference": one.difference, "is_within": one.is_within}
            for one in report.comparisons
        ],
    }
    write_json(out / "report.json", content)
    write_atomically(
        out / "report.md",
        [as_markdown(done.plan, report.rows, report.fault_counts, report.comparisons).encode()],
    )


def _rows(done: Simulated) -> dict[str, int]:
    return {
        "incidents": len(done.incidents["IncidentNumber"]),
        "mobilisations": len(done.mobilisations["IncidentNumber"]),
    }


def _counts(faults: list[Fault]) -> dict[str, int]:
    """Count faults by type; a type that occurs in both files is counted in both."""
    counts: dict[str, int] = {}
    for fault in faults:
        counts[fault.fault_type] = counts.get(fault.fault_type, 0) + 1
    return dict(sorted(counts.items()))


def _is_special(records: Records) -> NDArray[np.bool_]:
    is_special = np.array(table("incident_types")["special_service"]) != ""
    return np.asarray(is_special[records.calls.incident_type], np.bool_)


def _is_at_the_edge(records: Records) -> NDArray[np.bool_]:
    location, city = records.calls.location, records.city
    return (
        np.hypot(city.location_east_m[location] - 530_000, city.location_north_m[location] - 180_000) > EDGE_M
    )


def _ignore_progress(step: str, share: float) -> None:
    """Ignore the progress."""
