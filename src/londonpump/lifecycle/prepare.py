"""The command `prepare`: read published files, clean them, count busy pumps, join context, and write examples.

It writes DATA/examples, DATA/calls, DATA/rejected (rejected rows; all Parquet) and DATA/report.json, or nothing if it
fails.
"""

import gc
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import ibis
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from londonpump.cleaning import examples, pump_counts, rules
from londonpump.cleaning.incidents import clean_incidents
from londonpump.cleaning.mobilisations import clean_mobilisations, pumps_of_incidents, with_incident_columns
from londonpump.domain.columns import DATA_SCHEMA
from londonpump.domain.errors import BadFile
from londonpump.domain.json_values import to_json
from londonpump.ingest import context_csv
from londonpump.ingest.published import PublishedTable, read_published
from londonpump.lifecycle import data_quality, rejections
from londonpump.lifecycle.completeness import Completeness, by_day
from londonpump.lifecycle.prepare_context import (
    ContextRequest,
    ContextSource,
    context_source,
    count_context,
    with_context,
)
from londonpump.lifecycle.progress import Progress, silent
from londonpump.persistence.atomic_files import atomic_folder, require_own_folder, write_json, write_text
from londonpump.presentation.quality import DataQuality, quality_sheet, render_quality
from londonpump.presentation.texts.prepare import Preparation, RowCounts


@dataclass(frozen=True, slots=True)
class ChosenRecords:
    """Files per table. Mobilisation files are optional; incident files are required."""

    incidents: tuple[Path, ...]
    mobilisations: tuple[Path, ...]


def select_records(
    fetched: Path, incidents: tuple[Path, ...], mobilisations: tuple[Path, ...]
) -> ChosenRecords:
    """Return the named files, or else the fetched ones. Raises: BadFile if there are no incident records."""
    if incidents:
        return ChosenRecords(incidents, mobilisations)
    if mobilisations:
        raise BadFile(mobilisations[0], "needs incident records too", "Give them: --incidents FILE.")
    # Imported here: a run on named files need not load the libraries for publishers.
    from londonpump.ingest.london_datastore import fetched_files  # noqa: PLC0415

    found = fetched_files(fetched)
    if found is None:
        raise BadFile(
            fetched, "holds no fetched records", "Give --incidents FILE, or run londonpump fetch records."
        )
    return ChosenRecords(found["incidents"], found.get("mobilisations", ()))


REPORT = "report.json"
STATIONS = "stations.json"
QUALITY = "quality"
"""The name of the page on the quality of the records, and of its figures, with three endings."""
NAMES = frozenset(
    {
        REPORT,
        STATIONS,
        *(f"{QUALITY}.{end}" for end in ("html", "json", "csv")),
        "examples",
        "calls",
        "rejected",
        "set_aside",
    }
)
"""Names in a folder that may be replaced: before schema 2 of its report, `rejected` was named `set_aside`."""
SIMULATED_MARK = "faults.json"
"""`simulate` writes this file beside its records, so that everything derived from them is marked as simulated."""
# Beyond it, DuckDB spills to the temporary folder.
MEMORY_LIMIT = "2GB"
GC_THRESHOLD = 50_000
MAX_ROWS_PER_FILE = 10**10
"""More rows than any file has, so that source_file * MAX_ROWS_PER_FILE + source_row is unique per row."""


@dataclass(frozen=True, slots=True)
class PrepareRequest:
    """Input files of `prepare`, and its output folder."""

    incidents: tuple[Path, ...]
    out: Path
    mobilisations: tuple[Path, ...] = ()
    stations: Path | None = None
    weather: Path | None = None
    traffic: Path | None = None
    school_holidays: Path | None = None
    is_complete: bool | None = None  # whether the records hold every call; None: determined from their counts
    is_simulated: bool = False
    # Address of the database for context that no file gives; hidden, because it may hold a password.
    database: str | None = field(default=None, repr=False)

    @property
    def context(self) -> ContextRequest:
        """Return the sources of the context to join."""
        return ContextRequest(self.stations, self.weather, self.traffic, self.school_holidays, self.database)


@dataclass(slots=True)
class Workspace:
    """DuckDB connection with its temporary folder, and the progress callback."""

    connection: Backend
    folder: Path
    progress: Progress

    def keep(self, table: Table, name: str) -> Table:
        """Compute an expression once and store it, so that later steps do not repeat it."""
        # Names are used once: `overwrite` would write every row twice.
        return self.connection.create_table(name, table, temp=True)

    def linked(self, folder: Path) -> Path:
        """Link to a folder under a plain name: DuckDB misreads quotes, backslashes and brackets in paths."""
        link = self.folder / "out"
        link.symlink_to(folder.resolve())
        return link

    def drop(self, *names: str) -> None:
        """Drop stored tables that no later step reads."""
        for name in names:
            self.connection.raw_sql(f'DROP TABLE IF EXISTS temp.main."{name}"')


def prepare(request: PrepareRequest, progress: Progress = silent) -> Preparation:
    """Make examples from published files.

    Raises: BadFile for a wrong file, TooFewRows if the files yield no example, DatabaseFailed if the context cannot be read.
    Then nothing is written, and earlier data stays.
    """
    # Checked before the long work, and again when the folder is replaced.
    require_own_folder(request.out, REPORT, NAMES)
    with context_source(request.context) as source, open_workspace(progress) as workspace:
        return _prepare(request, workspace, source)


@contextmanager
def open_workspace(progress: Progress) -> Iterator[Workspace]:
    """Open a DuckDB connection in memory, with a temporary folder to spill to."""
    with _cheap_expressions(), tempfile.TemporaryDirectory(prefix="londonpump-") as spill:
        connection = ibis.duckdb.connect(temp_directory=spill, memory_limit=MEMORY_LIMIT)
        try:
            yield Workspace(connection, Path(spill), progress)
        finally:
            connection.disconnect()


@contextmanager
def _cheap_expressions() -> Iterator[None]:
    """Spare work on expressions, which takes most of the time of a small `prepare`."""
    threshold = gc.get_threshold()
    fuses = ibis.options.sql.fuse_selects
    # DuckDB merges nested selects itself; Ibis spends a quarter of its compile time on merging them.
    ibis.options.sql.fuse_selects = False
    # Expressions are hundreds of thousands of small objects that live until the step ends.
    gc.set_threshold(GC_THRESHOLD, *threshold[1:])
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        ibis.options.sql.fuse_selects = fuses


def _prepare(request: PrepareRequest, workspace: Workspace, source: ContextSource) -> Preparation:
    published = read_records(request.incidents, request.mobilisations, workspace)
    station_list = context_csv.stations_table(workspace.connection, source.stations)
    workspace.progress("Cleaning incidents", 0.35)
    sent = published["mobilisations"].typed if "mobilisations" in published else None
    incidents = workspace.keep(
        clean_incidents(published["incidents"].typed, station_list, sent), "clean_incidents"
    )
    rejections.require_kept_rows("incidents", incidents, published)
    completeness = Completeness.of(by_day(incidents), request.is_complete)
    workspace.progress("Cleaning mobilisations", 0.45)
    if "mobilisations" in published:
        rows = workspace.keep(
            clean_mobilisations(published["mobilisations"].typed, incidents, station_list, workspace.keep),
            "joined",
        )
        rejections.validate_mobilised_times(rows, published["mobilisations"], request.mobilisations)
        rejections.validate_event_times(rows, published["mobilisations"], request.mobilisations)
        completeness = completeness.with_pumps(by_day(rows))
        cleaned, pumps = _from_mobilisations(workspace, rows, incidents, completeness)
        pump_table = "mobilisations"
    else:
        cleaned = workspace.keep(pumps_of_incidents(incidents, station_list), "pumps")
        pumps, pump_table = cleaned.filter(rules.is_kept(cleaned)), "pumps"
    rejections.require_kept_rows(pump_table, cleaned, published)
    workspace.progress("Joining weather, traffic and holidays", 0.75)
    pumps = with_context(workspace.connection, pumps, source)
    tables = {"incidents": incidents, pump_table: cleaned}
    return _write(request, workspace, _PreparedTables(published, tables, pumps, completeness, source))


def read_records(
    incidents: tuple[Path, ...], mobilisations: tuple[Path, ...], workspace: Workspace
) -> dict[str, PublishedTable]:
    """Read the published files; there is no entry for mobilisations if no file is given."""
    inputs = {"incidents": incidents, "mobilisations": mobilisations}
    inputs = {name: files for name, files in inputs.items() if files}
    published = {}
    for order, (name, files) in enumerate(inputs.items()):
        part = 0.35 / len(inputs)

        # `start` and `part` are bound as defaults, since the loop variables change.
        def report_progress(
            doing: str, share: float, start: float = order * part, part: float = part
        ) -> None:
            workspace.progress(doing, start + part * share)

        published[name] = read_published(workspace.connection, name, files, report_progress)
    return published


def _from_mobilisations(
    workspace: Workspace, rows: Table, incidents: Table, completeness: Completeness
) -> tuple[Table, Table]:
    """Return (every row with its rule, kept rows with their counts). rows: result of `clean_mobilisations`."""
    workspace.progress("Counting pumps out", 0.6)
    # Counting needs window joins over all rows, so only narrow columns take part; the others are joined at the end.
    used = rows.filter(rules.is_kept(rows)).select(*pump_counts.NARROW_COLUMNS)
    used = used.mutate(row_id=used.source_file.cast("int64") * MAX_ROWS_PER_FILE + used.source_row)
    used = pump_counts.with_attendance(used).drop(*pump_counts.LEFT_TIME_COLUMNS)
    days = completeness.counted_from()
    since = workspace.connection.create_table("counted_from", days, temp=True, overwrite=True)
    used = workspace.keep(used.left_join(since, "call_date").drop("call_date_right"), "attended")
    if completeness.pump_days:
        used = workspace.keep(pump_counts.with_pumps_out(used), "with_pumps_out")
        used = pump_counts.null_where_incomplete(pump_counts.with_ground_pumps(used))
        used = workspace.keep(used, "with_ground_pumps")
        workspace.drop("attended", "with_pumps_out")
    used = workspace.keep(pump_counts.reject_later_and_warm_up(used), "in_time")
    workspace.drop("with_ground_pumps")
    verdict = (*rules.ROW, "rule", "repairs")
    cleaned = rows.filter(rows.rule.notnull()).select(*verdict).union(used.select(*verdict))
    kept = pump_counts.with_all_columns(rows, used.filter(rules.is_kept(used)))
    return cleaned, with_incident_columns(kept, incidents)


@dataclass(frozen=True, slots=True)
class _PreparedTables:
    """Tables with their rules, mobilisations with their context, and its source, ready to be written."""

    published: dict[str, PublishedTable]
    tables: dict[str, Table]
    pumps: Table
    completeness: Completeness
    source: ContextSource


def _write(request: PrepareRequest, workspace: Workspace, prepared: _PreparedTables) -> Preparation:
    with atomic_folder(request.out, REPORT, NAMES) as out:
        linked = workspace.linked(out)
        for folder in ("examples", "calls", "rejected"):
            (out / folder).mkdir()
        workspace.progress("Writing examples", 0.85)
        workspace.connection.to_parquet(
            examples.as_examples(prepared.pumps), linked / "examples" / "examples.parquet"
        )
        workspace.connection.to_parquet(
            examples.calls(prepared.tables["incidents"]), linked / "calls" / "calls.parquet"
        )
        workspace.progress("Writing rejected rows", 0.95)
        for name, table in prepared.tables.items():
            raw = prepared.published["mobilisations" if name == "mobilisations" else "incidents"].raw
            workspace.connection.to_parquet(
                _rejected_rows(raw, table), linked / "rejected" / f"{name}.parquet"
            )
        written = workspace.connection.read_parquet(linked / "examples" / "examples.parquet")
        # Computed once: the warnings of the report and the examples of the page need the same queries.
        rejected = [
            one
            for name, table in prepared.tables.items()
            for one in rejections.rejections(name, table, rejections.files_of(name, prepared.published))
        ]
        report = Preparation(
            schema=DATA_SCHEMA,
            inputs=[file for table in prepared.published.values() for file in table.files],
            tables={name: count_by_rule(table) for name, table in prepared.tables.items()},
            warnings=rejections.warnings(rejected),
            examples=written.count().to_pyarrow().as_py(),
            complete=prepared.completeness.is_complete,
            completeness=prepared.completeness.report(),
            context=count_context(written, prepared.source),
            simulated=request.is_simulated or is_from_simulation(request.incidents, request.mobilisations),
        )
        write_json(out / STATIONS, to_json(prepared.source.stations))
        write_json(out / REPORT, to_json(report))
        quality = DataQuality(
            report,
            data_quality.count_rows(prepared.tables, prepared.published),
            data_quality.examples_of(prepared.tables, prepared.published, rejected),
        )
        write_text(out / f"{QUALITY}.html", render_quality(quality))
        write_text(out / f"{QUALITY}.csv", quality_sheet(quality).to_csv())
        write_json(out / f"{QUALITY}.json", to_json({"counts": quality.counts, "examples": quality.examples}))
    workspace.progress("Done", 1.0)
    return report


def count_by_rule(table: Table) -> RowCounts:
    """Count input, kept, repaired and rejected rows per rule; a repair counts only if the row is kept."""
    repaired: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    kept = 0
    for row in rules.rule_counts(table).to_pyarrow().to_pylist():
        if row["rule"] is not None:
            rejected[row["rule"]] += row["rows"]
            continue
        kept += row["rows"]
        for name in filter(None, row["repairs"].split(";")):
            repaired[name] += row["rows"]
    return RowCounts(
        kept + rejected.total(), kept, dict(sorted(repaired.items())), dict(sorted(rejected.items()))
    )


def is_from_simulation(*tables: tuple[Path, ...]) -> bool:
    """Return whether any of the files lies in a folder that `simulate` wrote."""
    return any((file.parent / SIMULATED_MARK).exists() for files in tables for file in files)


def _rejected_rows(raw: Table, table: Table) -> Table:
    """Return the rejected rows as they were published, each with the rule that rejected it."""
    out = table.filter(table.rule.notnull())
    extra = ("pump",) if "pump" in out.columns else ()
    out = out.select("source_file", "source_row", *extra, rejected_by="rule")
    # Cleaned rows hold parsed values; the published texts show why a rule rejected them.
    joined = out.join(raw, ("source_file", "source_row"))
    return joined.order_by("source_file", "source_row", *extra)
