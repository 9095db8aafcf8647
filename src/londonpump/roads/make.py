"""Make a table of roads from a map file: read, check, find the ways, store."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from londonpump.domain.errors import BadFile
from londonpump.domain.stations import Station
from londonpump.persistence.content_folders import sha256_of
from londonpump.roads.build import (
    MAX_STATION_TO_ROAD_M,
    OnProgress,
    StationRoads,
    extent_of,
    field_names,
    find_cells,
    join_stations,
    make_ways,
)
from londonpump.roads.lines import RoadLines
from londonpump.roads.network import Network, RoadIndex, build_network
from londonpump.roads.open_roads import read_open_roads
from londonpump.roads.osm import is_extract, read_osm
from londonpump.roads.store import save_table
from londonpump.roads.table import FORMAT

MIN_KEPT_SHARE = 0.97
"""Share of the length of roads that must be reachable from each other."""
_GEOPACKAGE, _ZIP = b"SQLite format 3\0", b"PK\x03\x04"
_START_BYTES = 64
_KINDS = "an OpenStreetMap extract (.osm.pbf) or the GeoPackage of OS Open Roads"


@dataclass(frozen=True, slots=True)
class Made:
    """Result of an import."""

    folder: Path
    roads: StationRoads
    n_cells: int
    km: float
    kept_share: float


def make_table(
    path: Path,
    stations: Iterable[Station],
    out: Path,
    provenance: dict[str, str],
    *,
    is_partial: bool,
    on_progress: OnProgress = lambda _done, _all: None,
) -> Made:
    """Make the table of a map file and store it under `out`, completely or not at all.

    Args: is_partial: accept a map that covers only a part of London.
    Raises: BadFile if the file is no map of roads, or one that would give wrong ways.
    """
    stations = tuple(stations)
    lines = read_roads(path)
    network = build_network(lines)
    if network is None:
        raise BadFile(path, "has no roads in London", f"Name {_KINDS} that holds London.")
    if network.kept_share < MIN_KEPT_SHARE:
        raise BadFile(
            path,
            f"only {network.kept_share:.1%} of the length of its roads can be reached from each other "
            f"(at least {MIN_KEPT_SHARE:.0%} is needed), so it is not a whole road network",
            "Fetch it again, or name another extract.",
        )
    index, extent = RoadIndex(network), extent_of(lines)
    roads = join_stations(index, extent, stations)
    _validate_stations(path, roads, is_partial=is_partial)
    cells = find_cells(index, extent, stations)
    arrays, listed = make_ways(network, roads, cells, on_progress)
    card = {
        "format": FORMAT,
        "source": lines.source,
        "date": lines.dated and lines.dated.isoformat(),
        "licence": lines.licence,
        "attribution": lines.attribution,
        "extent": asdict(extent),
        "is_partial": any(each.status == "open" for each in roads.outside),
        "file": {"sha256": sha256_of(path)},
        "kept_share": round(network.kept_share, 4),
        "fields": list(field_names(network)),
        "grid": asdict(cells.grid),
        "stations": listed,
    }
    folder = save_table(card, arrays, {**provenance, "file": path.name}, out)
    return Made(folder, roads, len(cells.row), _length_km(network), network.kept_share)


def read_roads(path: Path) -> RoadLines:
    """Read a map file of either kind, which its first bytes show. Raises: BadFile."""
    try:
        with path.open("rb") as file:
            start = file.read(_START_BYTES)
    except OSError as error:
        raise BadFile(path, f"cannot be read ({error.strerror})", f"Name {_KINDS}.") from error
    if start.startswith(_GEOPACKAGE):
        return read_open_roads(path)
    if is_extract(start):
        return read_osm(path)
    advice = "Unpack it and name the file in it." if start.startswith(_ZIP) else f"Name {_KINDS}."
    raise BadFile(path, "is not a map of roads", advice)


def _validate_stations(path: Path, roads: StationRoads, *, is_partial: bool) -> None:
    far = [(each, distance_m) for each, distance_m in roads.far if each.status == "open"]
    if far:
        (station, distance_m), n_more = max(far, key=lambda each: each[1]), len(far) - 1
        others = f", and {n_more} more" if n_more else ""
        raise BadFile(
            path,
            f"{station.name} ({station.code}) lies {distance_m:,.0f} m from its nearest road{others} (at most "
            f"{MAX_STATION_TO_ROAD_M:.0f} m): roads are missing, or the station is in the wrong place",
            "Name a complete extract, or correct the list of stations.",
        )
    outside = [each for each in roads.outside if each.status == "open"]
    if outside and not is_partial:
        raise BadFile(
            path,
            f"covers only a part of London: {len(outside)} open stations lie outside it, among them "
            f"{outside[0].name} ({outside[0].code})",
            "Name a map of all London, or accept the part: --partial.",
        )
    if not any(each.status == "open" for each in roads.joined):
        raise BadFile(path, "holds no open station of London", f"Name {_KINDS} that holds London.")


def _length_km(network: Network) -> float:
    parts = network.segments
    length = parts.along[:, :5].sum(1)
    # a piece with two directions is one piece of road
    return float((length / (1 + (parts.reverse >= 0))).sum() / 1000)
