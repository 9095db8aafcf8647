"""The commands `fetch roads`, `roads import` and `roads show`."""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from londonpump import __version__
from londonpump.domain.stations import Station, by_code, known_stations
from londonpump.ingest.http import Http
from londonpump.ingest.road_map import ATTRIBUTION, LICENCE, fetch_map
from londonpump.lifecycle.progress import Progress, silent
from londonpump.persistence.database import open_database
from londonpump.persistence.embedded_database import database_exists
from londonpump.persistence.repositories.context import read_stations
from londonpump.roads.make import Made, make_table
from londonpump.roads.store import current_table
from londonpump.roads.table import RoadTable
from londonpump.settings import Settings

MAPS = "maps"
"""Folder of the downloaded maps, beside the tables."""
READ_SHARE = 0.3
"""Share of the time of an import that passes before the first station."""


@dataclass(frozen=True, slots=True)
class ImportedRoads:
    """Result of an import."""

    made: Made
    table: RoadTable

    def to_text(self) -> str:
        """Format what was imported, what is missing, and what must be shown with it."""
        made = self.made
        return "\n".join(
            [
                f"{made.km:,.0f} km of roads, of which {made.kept_share:.1%} can be reached from each other.",
                *format_table(self.table),
                *_format_missing(made),
            ]
        )


def import_roads(
    settings: Settings, path: Path, *, is_partial: bool, progress: Progress = silent
) -> ImportedRoads:
    """Make the table of a map file and use it from now on. Raises: BadFile, and the table in use stays."""
    progress(f"read {path.name}", 0.0)
    made = make_table(
        path,
        stations_with_ways(settings),
        settings.roads,
        {"software": f"londonpump {__version__}", "made_at": datetime.now(UTC).isoformat(timespec="seconds")},
        is_partial=is_partial,
        on_progress=lambda done, n: progress("find the ways", READ_SHARE + (1 - READ_SHARE) * done / n),
    )
    return ImportedRoads(made, current_table(settings.roads))


def fetch_roads(settings: Settings, http: Http | None = None, at: datetime | None = None) -> str:
    """Download the map of the roads. Returns: what was done. Raises: SourceFailed, BadFile; an earlier map stays."""
    with nullcontext(http) if http is not None else Http() as client:
        fetched = fetch_map(client, settings.roads_url, settings.roads / MAPS, at or datetime.now(UTC))
    verb = "Fetched" if fetched.is_new else "Kept, because it is still the newest,"
    checked = "its MD5 is that of the publisher" if fetched.is_checked else "the publisher gives no MD5 of it"
    return "\n".join(
        [
            f"{verb} {fetched.path} ({fetched.size_bytes / 1e6:,.1f} MB; {checked}).",
            f"Licence: {LICENCE}. Show with what is made from it: {ATTRIBUTION}.",
            f"Use it: londonpump roads import {fetched.path}",
        ]
    )


def stations_with_ways(settings: Settings) -> tuple[Station, ...]:
    """Return every known station, with the places of the imported list where there is one."""
    imported: tuple[Station, ...] = ()
    if database_exists(settings.database):
        engine = open_database(settings.database)
        try:
            imported = read_stations(engine)
        finally:
            engine.dispose()
    return tuple((by_code(known_stations()) | by_code(imported)).values())


def show_roads(settings: Settings) -> tuple[list[str], dict[str, Any]]:
    """Return the table in use as lines of text and as JSON. Raises: BadFile if there is none, or it is damaged."""
    table = current_table(settings.roads)
    return format_table(table), table.summary()


def format_table(table: RoadTable) -> list[str]:
    """Format a table: name, source, extent, stations and attribution."""
    extent = table.extent
    part = " (a part of London)" if table.is_partial else ""
    east = f"{extent['west']:.3f} to {extent['east']:.3f} degrees east"
    north = f"{extent['south']:.3f} to {extent['north']:.3f} degrees north"
    n_cells = int(table.arrays["cells"].max()) + 1
    size_mb = sum(values.nbytes for values in table.arrays.values()) / 1e6
    return [
        f"table       {table.name} ({size_mb:,.0f} MB) in {table.folder}",
        f"source      {table.source}, {table.date or 'of unknown date'}; {table.licence}",
        f"shown with  {table.attribution}",
        f"extent      {east}, {north}{part}",
        f"ways        {len(table.stations)} stations, {n_cells:,} cells of 100 m",
        f"fields      {', '.join(table.fields)}",
    ]


def _format_missing(made: Made) -> list[str]:
    lines = []
    if made.roads.outside:
        names = ", ".join(f"{each.name} ({each.code})" for each in made.roads.outside)
        lines.append(f"No ways from {len(made.roads.outside)} stations outside the map: {names}.")
    for station, distance_m in made.roads.far:
        lines.append(
            f"No ways from {station.name} ({station.code}), which is {station.status}: it lies {distance_m:,.0f} m "
            "from its nearest road."
        )
    return lines
