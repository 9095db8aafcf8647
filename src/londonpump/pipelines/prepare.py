"""From published files to examples: read, clean, count, join context, write.

Writes DATA/examples, DATA/calls, DATA/set_aside (Parquet) and DATA/report.json, whole or not at all.
"""

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from londonpump.brigade.demand import COMPLETE_SHARE, known_rate_a_day
from londonpump.brigade.errors import TooFewRows
from londonpump.brigade.stations import Station, known_stations
from londonpump.cleaning import attendance, context, examples, incident_pumps, pumps_out, rules
from londonpump.cleaning.incidents import clean_incidents
from londonpump.cleaning.mobilisations import clean_mobilisations, with_incident_columns
from londonpump.pipelines.progress import Progress, silent
from londonpump.sources import context_files
from londonpump.sources.published import InputFile, PublishedTable, read_published
from londonpump.storage.files import refuse_foreign_folder, whole_folder, write_json

REPORT = "report.json"
STATIONS = "stations.json"
NAMES = frozenset({REPORT, STATIONS, "examples", "calls", "set_aside"})
SIMULATED_MARK = "faults.json"
"""`simulate` leaves this beside its records: what is made of them is marked, whether one says so or not."""
MEMORY_LIMIT = "2GB"
FILES_APART = 10**10
"""More rows than any file has: source_file * FILES_APART + source_row is one number a row."""

ContextJoin = tuple[Path | None, Callable[..., Table], Callable[..., Table]]
"""A file, how it is read, how its table is joined."""


@dataclass(frozen=True, slots=True)
class PrepareRequest:
    """What to prepare from and where to put it; is_complete None: find out."""

    incidents: tuple[Path, ...]
    out: Path
    mobilisations: tuple[Path, ...] = ()
    stations: Path | None = None
    weather: Path | None = None
    traffic: Path | None = None
    school_holidays: Path | None = None
    is_complete: bool | None = None
    is_simulated: bool = False


@dataclass(slots=True)
class Workplace:
    """An engine, where its tables are kept, and who hears of progress."""

    connection: Backend
    progress: Progress

    def keep(self, table: Table, name: str) -> Table:
        """Finish a step: compute the expression once and store it."""
        return self.connection.create_table(name, table, temp=True, overwrite=True)

    def drop(self, *names: str) -> None:
        """Forget stored tables that no later step reads."""
        for name in names:
            self.connection.raw_sql(f'DROP TABLE IF EXISTS temp.main."{name}"')


def prepare(request: PrepareRequest, progress: Progress = silent) -> dict[str, Any]:
    """Make examples out of published files. Returns: what report.json holds.

    Raises: BadFile if a file is not what it should be: then nothing is written.
    """
    refuse_foreign_folder(request.out, REPORT, NAMES)
    with tempfile.TemporaryDirectory(prefix="londonpump-") as spill:
        connection = ibis.duckdb.connect(temp_directory=spill, memory_limit=MEMORY_LIMIT)
        try:
            return _prepare(request, Workplace(connection, progress))
        finally:
            connection.disconnect()


def _prepare(request: PrepareRequest, place: Workplace) -> dict[str, Any]:
    published = _read(request, place)
    stations = context_files.read_stations(request.stations) if request.stations else known_stations()
    station_list = context_files.stations_table(place.connection, stations)
    place.progress("Cleaning incidents", 0.35)
    incidents = place.keep(clean_incidents(published["incidents"].typed, station_list), "clean_incidents")
    completeness = _completeness(incidents, request.is_complete)
    place.progress("Cleaning mobilisations", 0.45)
    if "mobilisations" in published:
        cleaned, pumps = _from_mobilisations(
            place, published["mobilisations"].typed, incidents, station_list, completeness["is_complete"]
        )
        pump_table = "mobilisations"
    else:
        cleaned = place.keep(incident_pumps.pumps_of_incidents(incidents, station_list), "pumps")
        pumps, pump_table = cleaned.filter(rules.is_kept(cleaned)), "pumps"
    place.progress("Joining weather, traffic and holidays", 0.75)
    pumps = _with_context(request, place, pumps)
    tables = {"incidents": incidents, pump_table: cleaned}
    return _write(request, place, stations, published, tables, pumps, completeness)


def _read(request: PrepareRequest, place: Workplace) -> dict[str, PublishedTable]:
    given = {"incidents": request.incidents, "mobilisations": request.mobilisations}
    given = {name: files for name, files in given.items() if files}
    published = {}
    for order, (name, files) in enumerate(given.items()):
        part = 0.35 / len(given)

        def tell(doing: str, share: float, start: float = order * part, part: float = part) -> None:
            place.progress(doing, start + part * share)

        published[name] = read_published(place.connection, name, files, tell)
    return published


def _completeness(incidents: Table, stated: bool | None) -> dict[str, Any]:
    """Is this every call, or a sample of them? Stated, or by the known rate of the year."""
    kept = incidents.filter(rules.is_kept(incidents))
    dates = kept.agg(first=kept.call_date.min(), last=kept.call_date.max(), rows=kept.count())
    found = dates.to_pyarrow().to_pylist()[0]
    if not found["rows"]:
        raise TooFewRows("No incident record is usable: every row was set aside. Look at the files.")
    days = (found["last"] - found["first"]).days + 1
    rate = found["rows"] / days
    known = known_rate_a_day(found["first"].year if days == 1 else found["last"].year)
    is_complete = stated if stated is not None else rate >= COMPLETE_SHARE * known
    return {
        "is_complete": is_complete,
        "is_stated": stated is not None,
        "first_date": found["first"].isoformat(),
        "last_date": found["last"].isoformat(),
        "incidents_a_day": round(rate, 1),
        "known_incidents_a_day": round(known, 1),
    }


def _from_mobilisations(
    place: Workplace, typed: Table, incidents: Table, stations: Table, is_stream: bool
) -> tuple[Table, Table]:
    """(every row with its rule, kept rows with their counts)."""
    rows = place.keep(clean_mobilisations(typed, incidents, stations, place.keep), "joined")
    place.progress("Counting pumps out", 0.6)
    used = rows.filter(rules.is_kept(rows)).select(*attendance.LOOKED_AT)
    used = used.mutate(row_id=used.source_file.cast("int64") * FILES_APART + used.source_row)
    used = attendance.with_attendance(used).drop(*attendance.FOR_LEFT_TIME)
    used = place.keep(used, "attended")
    if is_stream:
        used = place.keep(pumps_out.with_pumps_out(used), "with_pumps_out")
        used = place.keep(pumps_out.with_ground_pumps(used), "with_ground_pumps")
        place.drop("attended", "with_pumps_out")
    used = place.keep(attendance.set_aside_later(used, is_stream), "in_time")
    place.drop("with_ground_pumps")
    verdict = (*rules.ROW, "rule", "repairs")
    cleaned = rows.filter(rows.rule.notnull()).select(*verdict).union(used.select(*verdict))
    kept = attendance.joined(rows, used.filter(rules.is_kept(used)))
    return cleaned, with_incident_columns(kept, incidents)


def _with_context(request: PrepareRequest, place: Workplace, pumps: Table) -> Table:
    joins: tuple[ContextJoin, ...] = (
        (request.weather, context_files.read_weather, context.with_weather),
        (request.traffic, context_files.read_traffic, context.with_congestion),
        (request.school_holidays, context_files.read_school_holidays, context.with_school_holidays),
    )
    for path, read, join in joins:
        if path is not None:
            pumps = join(pumps, read(place.connection, path))
    return pumps


def _write(
    request: PrepareRequest,
    place: Workplace,
    stations: tuple[Station, ...],
    published: dict[str, PublishedTable],
    tables: dict[str, Table],
    pumps: Table,
    completeness: dict[str, Any],
) -> dict[str, Any]:
    with whole_folder(request.out, REPORT, NAMES) as out:
        for folder in ("examples", "calls", "set_aside"):
            (out / folder).mkdir()
        place.progress("Writing examples", 0.85)
        place.connection.to_parquet(examples.examples(pumps), out / "examples" / "examples.parquet")
        place.connection.to_parquet(examples.calls(tables["incidents"]), out / "calls" / "calls.parquet")
        place.progress("Writing rows set aside", 0.95)
        for name, table in tables.items():
            raw = published["mobilisations" if name == "mobilisations" else "incidents"].raw
            place.connection.to_parquet(_rows_set_aside(raw, table), out / "set_aside" / f"{name}.parquet")
        rows = place.connection.read_parquet(out / "examples" / "examples.parquet").count().to_pyarrow()
        report = {
            "schema": 1,
            "inputs": [_described(file) for table in published.values() for file in table.files],
            "tables": {name: _counted(table) for name, table in tables.items()},
            "examples": rows.as_py(),
            "complete": completeness["is_complete"],
            "completeness": completeness,
            "simulated": request.is_simulated or _is_of_simulation(request),
        }
        write_json(out / STATIONS, [station.to_json() for station in stations])
        write_json(out / REPORT, report)
    place.progress("Done", 1.0)
    return report


def _is_of_simulation(request: PrepareRequest) -> bool:
    given = (*request.incidents, *request.mobilisations)
    return any((file.parent / SIMULATED_MARK).exists() for file in given)


def _rows_set_aside(raw: Table, table: Table) -> Table:
    """The rows as they were published, and the rule that removed each."""
    out = table.filter(table.rule.notnull())
    extra = ("pump",) if "pump" in out.columns else ()
    out = out.select("source_file", "source_row", "rule", *extra)
    joined = out.join(raw, ("source_file", "source_row"))
    return joined.order_by("source_file", "source_row", *extra)


def _described(file: InputFile) -> dict[str, Any]:
    return {
        "file": file.file,
        "sha256": file.sha256,
        "rows": file.rows,
        "table": file.table,
        "formats": file.formats,
    }


def _counted(table: Table) -> dict[str, Any]:
    """`in, kept, repaired, set_aside`; a repair is counted where the row is kept."""
    repaired: Counter[str] = Counter()
    set_aside: Counter[str] = Counter()
    kept = 0
    for row in rules.counts(table).to_pyarrow().to_pylist():
        if row["rule"] is not None:
            set_aside[row["rule"]] += row["rows"]
            continue
        kept += row["rows"]
        for name in filter(None, row["repairs"].split(";")):
            repaired[name] += row["rows"]
    return {
        "in": kept + set_aside.total(),
        "kept": kept,
        "repaired": dict(sorted(repaired.items())),
        "set_aside": dict(sorted(set_aside.items())),
    }
