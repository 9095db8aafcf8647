"""Context of `prepare`: read it from files or else from the database, join it to mobilisations, and count it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from londonpump.cleaning.examples import CONTEXT_COLUMNS, context_counts, mobilisation_span, weather_counts
from londonpump.cleaning.examples import with_context as join_context
from londonpump.domain.stations import Station, known_stations
from londonpump.features.context import ContextTables, spells
from londonpump.features.observations import LIBRARY, MICROSECOND, Columns, SchoolDays, WeatherTable, us_of
from londonpump.ingest import context_csv
from londonpump.ingest.station_file import read_stations as read_station_file
from londonpump.persistence.embedded_database import database_exists
from londonpump.presentation.texts.prepare import ContextPart, JoinedRows

if TYPE_CHECKING:
    from londonpump.persistence.database import Engine

WEATHER, CONGESTION, SCHOOL_HOLIDAYS, WORKING_DAYS = (
    "weather",
    "congestion",
    "school_holidays",
    "working_days",
)
PARTS = (WEATHER, CONGESTION, SCHOOL_HOLIDAYS, WORKING_DAYS)
COLUMNS = {
    "congestion_rate": CONGESTION,
    "is_school_holiday": SCHOOL_HOLIDAYS,
    "is_working_day": WORKING_DAYS,
}
"""Part of the context per column; every other context column belongs to the weather."""
FLAGS = ("is_weather_imputed", "is_school_holiday", "is_working_day")
FILE, DATABASE, OWN_LIST = "file", "database", "own list"


@dataclass(frozen=True, slots=True)
class ContextRequest:
    """Sources of context. Files take precedence over the database."""

    stations: Path | None = None
    weather: Path | None = None
    traffic: Path | None = None
    school_holidays: Path | None = None
    # Address of the database; None: not used. Hidden, because it may hold a password.
    database: str | None = field(default=None, repr=False)

    def origins(self) -> dict[str, str | None]:
        """Return the source of each part: `file`, `database`, or None if it was not requested.

        Without a database, working days come from the `holidays` library.
        """
        files = dict(zip(PARTS, (self.weather, self.traffic, self.school_holidays, None), strict=True))
        rest = DATABASE if self.database is not None else None
        found = {part: FILE if file else rest for part, file in files.items()}
        return {**found, WORKING_DAYS: rest or LIBRARY}


class ContextSource:
    """Reader of context during `prepare`: the files, and the database if it was requested and exists.

    The files are read at once, so that a wrong file is reported before the records are cleaned.
    """

    def __init__(self, request: ContextRequest, engine: "Engine | None") -> None:
        self.origins = request.origins()
        self.stations, self.stations_from = _stations(request, engine)
        self._engine = engine
        self._weather = context_csv.read_weather(request.weather) if request.weather else None
        self._traffic = context_csv.read_traffic(request.traffic) if request.traffic else None
        self._school = _school_days(request.school_holidays) if request.school_holidays else None

    def tables(self, first_at: datetime, end_at: datetime) -> ContextTables:
        """Return the context from first_at until before end_at. Raises: DatabaseFailed."""
        stored = ContextTables()
        if self._engine is not None:
            from londonpump.persistence.repositories.context import context_tables  # noqa: PLC0415

            stored = context_tables(self._engine, first_at, end_at)
        return ContextTables(
            stored.weather if self._weather is None else WeatherTable.of(self._weather),
            self._traffic or stored.traffic,
            self._school or stored.school,
            stored.working,
        )


def _stations(request: ContextRequest, engine: "Engine | None") -> tuple[tuple[Station, ...], str]:
    """Return the stations and their source: the file, or else the imported list, or else the built-in list."""
    if request.stations:
        return read_station_file(request.stations), FILE
    if engine is not None:
        from londonpump.persistence.repositories.context import read_stations  # noqa: PLC0415

        imported = read_stations(engine)
        if imported:
            return imported, DATABASE
    return known_stations(), OWN_LIST


def _school_days(path: Path) -> SchoolDays:
    """Read a file of school holidays. It covers all years from that of its first holiday to that of its last."""
    days = context_csv.read_school_holidays(path)
    years = [one.day.year for one in days]
    return SchoolDays.of(days, range(min(years), max(years) + 1))


@contextmanager
def context_source(request: ContextRequest) -> Iterator[ContextSource]:
    """Open the sources of context. An embedded database that does not exist counts as empty.

    Raises: BadFile, DatabaseFailed if a file or the database cannot be read.
    """
    if request.database is None or not database_exists(request.database):
        yield ContextSource(request, None)
        return
    # Imported here: a run without a database need not load its libraries.
    from londonpump.persistence.database import open_database  # noqa: PLC0415

    engine = open_database(request.database)
    try:
        yield ContextSource(request, engine)
    finally:
        engine.dispose()


def with_context(connection: Backend, pumps: Table, source: ContextSource) -> Table:
    """Join the columns of every requested part to the mobilisations."""
    parts = {part for part, origin in source.origins.items() if origin}
    span = mobilisation_span(pumps).to_pyarrow().to_pylist()[0]
    if not parts or span["first_at"] is None:
        return pumps
    first_at, last_at = (span[name].replace(tzinfo=UTC) for name in ("first_at", "last_at"))
    end_at = last_at + MICROSECOND  # spells end exclusively, and the last mobilisation needs one too
    found = spells(source.tables(first_at, end_at), us_of(first_at), us_of(end_at))
    joined = [name for name in CONTEXT_COLUMNS if COLUMNS.get(name, WEATHER) in parts]
    return join_context(
        pumps, connection.create_table("spells", spells_as_arrow(found, joined), temp=True, overwrite=True)
    )


def spells_as_arrow(found: Columns, names: list[str]) -> pa.Table:
    """Return `from_at, until_at` and the named columns as an Arrow table, null where unknown."""
    is_unknown = np.isnan(found["weather_age_h"])
    made = {
        edge: pa.array(found[edge.replace("_at", "_us")].astype("datetime64[us]"))
        for edge in ("from_at", "until_at")
    }
    for name in names:
        values = found[name]
        if name == "is_weather_imputed":
            made[name] = pa.array(values, pa.bool_(), mask=is_unknown)
        elif name in FLAGS:
            made[name] = pa.array(values == 1.0, pa.bool_(), mask=np.isnan(values))
        else:
            made[name] = pa.array(values, pa.string() if values.dtype == object else None, from_pandas=True)
    return pa.table(made)


def count_context(examples: Table, source: ContextSource) -> dict[str, ContextPart]:
    """Count the examples with context per part and source, for report.json."""
    have = context_counts(examples).to_pyarrow().to_pylist()[0]
    rows = {part: JoinedRows(have[part], _missing_share(have[part], have["rows"])) for part in PARTS[1:]}
    if source.origins[WEATHER]:
        rows[WEATHER] = _of_weather(weather_counts(examples).to_pyarrow(), have["rows"])
    parts = {
        part: ContextPart(origin, rows[part] if origin else None) for part, origin in source.origins.items()
    }
    return {**parts, "stations": ContextPart(source.stations_from, stations=len(source.stations))}


def _missing_share(joined: int, rows: int) -> float | None:
    return round(1 - joined / rows, 6) if rows else None


def _of_weather(groups: pa.Table, rows: int) -> JoinedRows:
    sources: Counter[str] = Counter()
    own = 0
    for group in groups.to_pylist():
        if group["weather_source"] is not None:
            sources[group["weather_source"]] += group["rows"]
            own += group["rows"] if group["is_own_hour"] else 0
    joined = sources.total()
    share = _missing_share(joined, rows)
    return JoinedRows(joined, share, dict(sorted(sources.items())), own, joined - own)
