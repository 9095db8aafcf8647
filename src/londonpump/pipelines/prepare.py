"""From published files to examples: read, clean, count, join context, write.

Writes DATA/examples, DATA/calls, DATA/set_aside (Parquet) and DATA/report.json, whole or not at all.
"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from londonpump.cleaning import attendance, examples, incident_pumps, pumps_out, rules
from londonpump.cleaning.incidents import clean_incidents
from londonpump.cleaning.mobilisations import clean_mobilisations, with_incident_columns
from londonpump.pipelines import rejections
from londonpump.pipelines.completeness import Completeness, by_day
from londonpump.pipelines.prepare_context import (
    ContextRequest,
    ContextSource,
    context_source,
    counted,
    with_context,
)
from londonpump.pipelines.prepare_report import counted_by_rule, described
from londonpump.pipelines.progress import Progress, silent
from londonpump.sources import context_files
from londonpump.sources.published import PublishedTable, read_published
from londonpump.storage.files import refuse_foreign_folder, whole_folder, write_json

REPORT = "report.json"
STATIONS = "stations.json"
NAMES = frozenset({REPORT, STATIONS, "examples", "calls", "set_aside"})
SIMULATED_MARK = "faults.json"
"""`simulate` leaves this beside its records: what is made of them is marked, whether one says so or not."""
MEMORY_LIMIT = "2GB"
FILES_APART = 10**10
"""More rows than any file has: source_file * FILES_APART + source_row is one number a row."""


@dataclass(frozen=True, slots=True)
class PrepareRequest:
    """What to prepare from and where to put it; is_complete None: find out.

    database: the address of the one that context is read from, for what no file gives; None: not asked.
    """

    incidents: tuple[Path, ...]
    out: Path
    mobilisations: tuple[Path, ...] = ()
    stations: Path | None = None
    weather: Path | None = None
    traffic: Path | None = None
    school_holidays: Path | None = None
    is_complete: bool | None = None
    is_simulated: bool = False
    database: str | None = field(default=None, repr=False)

    @property
    def context(self) -> ContextRequest:
        """What context to join."""
        return ContextRequest(self.stations, self.weather, self.traffic, self.school_holidays, self.database)


@dataclass(slots=True)
class Workplace:
    """An engine, a folder that is its own, and who hears of progress."""

    connection: Backend
    folder: Path
    progress: Progress

    def keep(self, table: Table, name: str) -> Table:
        """Finish a step: compute the expression once and store it."""
        return self.connection.create_table(name, table, temp=True, overwrite=True)

    def shown(self, folder: Path) -> Path:
        """A link to a folder, for the engine: quotes, backslashes and brackets in the path itself would mislead it."""
        link = self.folder / "out"
        link.symlink_to(folder.resolve())
        return link

    def drop(self, *names: str) -> None:
        """Forget stored tables that no later step reads."""
        for name in names:
            self.connection.raw_sql(f'DROP TABLE IF EXISTS temp.main."{name}"')


def prepare(request: PrepareRequest, progress: Progress = silent) -> dict[str, Any]:
    """Make examples out of published files. Returns: what report.json holds.

    Raises: BadFile if a file is not what it should be, TooFewRows if no example comes out of the files, DatabaseFailed if
    the database of the context cannot be read: then nothing is written, and earlier data stays.
    """
    refuse_foreign_folder(request.out, REPORT, NAMES)
    with (
        context_source(request.context) as source,
        tempfile.TemporaryDirectory(prefix="londonpump-") as spill,
    ):
        connection = ibis.duckdb.connect(temp_directory=spill, memory_limit=MEMORY_LIMIT)
        try:
            return _prepare(request, Workplace(connection, Path(spill), progress), source)
        finally:
            connection.disconnect()


def _prepare(request: PrepareRequest, place: Workplace, source: ContextSource) -> dict[str, Any]:
    published = _read(request, place)
    station_list = context_files.stations_table(place.connection, source.stations)
    place.progress("Cleaning incidents", 0.35)
    sent = published["mobilisations"].typed if "mobilisations" in published else None
    incidents = place.keep(
        clean_incidents(published["incidents"].typed, station_list, sent), "clean_incidents"
    )
    rejections.refuse_nothing_kept("incidents", incidents, published)
    completeness = Completeness.of(by_day(incidents), request.is_complete)
    place.progress("Cleaning mobilisations", 0.45)
    if "mobilisations" in published:
        rows = place.keep(
            clean_mobilisations(published["mobilisations"].typed, incidents, station_list, place.keep),
            "joined",
        )
        rejections.refuse_far_mobilisations(rows, published["mobilisations"], request.mobilisations)
        rejections.refuse_far_times(rows, published["mobilisations"], request.mobilisations)
        completeness = completeness.with_pumps(by_day(rows))
        cleaned, pumps = _from_mobilisations(place, rows, incidents, completeness)
        pump_table = "mobilisations"
    else:
        cleaned = place.keep(incident_pumps.pumps_of_incidents(incidents, station_list), "pumps")
        pumps, pump_table = cleaned.filter(rules.is_kept(cleaned)), "pumps"
    rejections.refuse_nothing_kept(pump_table, cleaned, published)
    place.progress("Joining weather, traffic and holidays", 0.75)
    pumps = with_context(place.connection, pumps, source)
    tables = {"incidents": incidents, pump_table: cleaned}
    return _write(request, place, _Made(published, tables, pumps, completeness, source))


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


def _from_mobilisations(
    place: Workplace, rows: Table, incidents: Table, completeness: Completeness
) -> tuple[Table, Table]:
    """(every row with its rule, kept rows with their counts). rows: of `clean_mobilisations`."""
    place.progress("Counting pumps out", 0.6)
    used = rows.filter(rules.is_kept(rows)).select(*attendance.LOOKED_AT)
    used = used.mutate(row_id=used.source_file.cast("int64") * FILES_APART + used.source_row)
    used = attendance.with_attendance(used).drop(*attendance.FOR_LEFT_TIME)
    days = completeness.counted_from()
    since = place.connection.create_table("counted_from", days, temp=True, overwrite=True)
    used = place.keep(used.left_join(since, "call_date").drop("call_date_right"), "attended")
    if completeness.pump_days:
        used = place.keep(pumps_out.with_pumps_out(used), "with_pumps_out")
        used = pumps_out.without_unknown(pumps_out.with_ground_pumps(used))
        used = place.keep(used, "with_ground_pumps")
        place.drop("attended", "with_pumps_out")
    used = place.keep(attendance.set_aside_later(used), "in_time")
    place.drop("with_ground_pumps")
    verdict = (*rules.ROW, "rule", "repairs")
    cleaned = rows.filter(rows.rule.notnull()).select(*verdict).union(used.select(*verdict))
    kept = attendance.joined(rows, used.filter(rules.is_kept(used)))
    return cleaned, with_incident_columns(kept, incidents)


@dataclass(frozen=True, slots=True)
class _Made:
    """What is to be written: tables with their rules, mobilisations with their context, and where that is from."""

    published: dict[str, PublishedTable]
    tables: dict[str, Table]
    pumps: Table
    completeness: Completeness
    source: ContextSource


def _write(request: PrepareRequest, place: Workplace, made: _Made) -> dict[str, Any]:
    with whole_folder(request.out, REPORT, NAMES) as out:
        shown = place.shown(out)
        for folder in ("examples", "calls", "set_aside"):
            (out / folder).mkdir()
        place.progress("Writing examples", 0.85)
        place.connection.to_parquet(examples.examples(made.pumps), shown / "examples" / "examples.parquet")
        place.connection.to_parquet(
            examples.calls(made.tables["incidents"]), shown / "calls" / "calls.parquet"
        )
        place.progress("Writing rows set aside", 0.95)
        for name, table in made.tables.items():
            raw = made.published["mobilisations" if name == "mobilisations" else "incidents"].raw
            place.connection.to_parquet(_rows_set_aside(raw, table), shown / "set_aside" / f"{name}.parquet")
        written = place.connection.read_parquet(shown / "examples" / "examples.parquet")
        report = {
            "schema": 1,
            "inputs": [described(file) for table in made.published.values() for file in table.files],
            "tables": {name: counted_by_rule(table) for name, table in made.tables.items()},
            "warnings": rejections.warnings(made.tables, made.published),
            "examples": written.count().to_pyarrow().as_py(),
            "complete": made.completeness.is_complete,
            "completeness": made.completeness.report(),
            "context": counted(written, made.source),
            "simulated": request.is_simulated or _is_of_simulation(request),
        }
        write_json(out / STATIONS, [station.to_json() for station in made.source.stations])
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
