"""Small maps of roads with known answers: as lines, as OpenStreetMap extracts and as GeoPackages of OS Open Roads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from londonpump.domain.national_grid import to_degrees
from londonpump.domain.stations import Station
from londonpump.roads.lines import CLASSES, RoadLines

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "roads" / "london_west_drive_2018.osm.pbf"
"""The extract of west London, where the shared data lie beside the project."""
EAST_M, NORTH_M = 530_050.0, 180_050.0
"""The middle of a cell: positions of the maps are in metres from here."""
MARGIN_M = 1_500.0
"""What an extract covers beyond its outermost points."""
Points = Mapping[int, tuple[float, float]]


@dataclass(frozen=True)
class Way:
    """A road through numbered points. tags: further tags of OpenStreetMap."""

    points: Sequence[int]
    highway: str = "residential"
    tags: Mapping[str, str] = ()  # type: ignore[assignment]

    @property
    def all_tags(self) -> dict[str, str]:
        return {"highway": self.highway, **dict(self.tags)}


def grid_m(points: Points, number: int) -> tuple[float, float]:
    """Return easting and northing of a point."""
    east_m, north_m = points[number]
    return EAST_M + east_m, NORTH_M + north_m


def station(code: str, east_m: float, north_m: float, status: str = "open") -> Station:
    """Return a station at a position of the map."""
    return Station(code, f"Station {code}", status, EAST_M + east_m, NORTH_M + north_m)


def write_osm(
    path: Path,
    points: Points,
    ways: Sequence[Way],
    marks: Mapping[int, Mapping[str, str]] | None = None,
    dated: str | None = None,
) -> Path:
    """Write an extract. marks: tags of points."""
    import osmium

    header = osmium.io.Header()
    header.add_box(_box_around(points))
    if dated:
        header.set("osmosis_replication_timestamp", dated)
    with osmium.SimpleWriter(str(path), header=header) as writer:
        for number in sorted(points):
            latitude, longitude = to_degrees(*grid_m(points, number))
            node = osmium.osm.mutable.Node(
                id=number,
                location=(float(longitude), float(latitude)),
                tags=dict((marks or {}).get(number, {})),
            )
            writer.add_node(node)
        for number, way in enumerate(ways, 1):
            writer.add_way(osmium.osm.mutable.Way(id=number, nodes=list(way.points), tags=way.all_tags))
    return path


def write_city(
    path: Path, stations: Sequence[Station], spacing_m: float = 500.0, roads: int = 21
) -> tuple[Path, list[Station]]:
    """Write an extract with streets to the four winds across central London, whose classes take turns.

    Returns: its file, and the stations that lie between the streets.
    """
    half = roads // 2
    axis = range(-half, half + 1)
    points = {1 + (i + half) * roads + (j + half): (i * spacing_m, j * spacing_m) for i in axis for j in axis}
    number = {place: key for key, place in points.items()}
    classes = ("residential", "tertiary", "secondary", "residential", "primary", "residential", "trunk")
    ways = []
    for i in axis:
        highway = classes[i % len(classes)]
        ways.append(Way([number[i * spacing_m, j * spacing_m] for j in axis], highway))
        ways.append(Way([number[j * spacing_m, i * spacing_m] for j in axis], highway))
    reach_m = half * spacing_m
    inside = [
        each
        for each in stations
        if max(abs(each.easting_m - EAST_M), abs(each.northing_m - NORTH_M)) <= reach_m
    ]
    return write_osm(path, points, ways), inside


def _box_around(points: Points) -> Any:
    import osmium

    places = np.array([grid_m(points, number) for number in points])
    south, west = to_degrees(*(places.min(0) - MARGIN_M))
    north, east = to_degrees(*(places.max(0) + MARGIN_M))
    return osmium.osm.Box(float(west), float(south), float(east), float(north))


def write_open_roads(path: Path, points: Points, links: Sequence[Mapping[str, Any]], **options: Any) -> Path:
    """Write a GeoPackage with the layers and columns of OS Open Roads.

    Args: links: `points`, and values of columns. options: `without` leaves columns out, `crs` names another system of coordinates.
    """
    import pyogrio

    defaults = {
        "fictitious": False,
        "road_classification": "Unclassified",
        "road_function": "Local Road",
        "form_of_way": "Single Carriageway",
        "road_classification_number": "",
        "name_1": "",
        "name_1_lang": "",
        "name_2": "",
        "name_2_lang": "",
        "road_structure": "",
        "length_uom": "m",
        "loop": False,
        "primary_route": False,
        "trunk_road": False,
        "road_number_toid": "",
        "road_name_toid": "",
    }
    rows = []
    for number, link in enumerate(links):
        line = np.array([grid_m(points, at) for at in link["points"]])
        ends = {"start_node": f"N{link['points'][0]}", "end_node": f"N{link['points'][-1]}"}
        length = int(np.hypot(*np.diff(line, axis=0).T).sum())
        values = {name: value for name, value in link.items() if name != "points"}
        rows.append(
            (line, {"id": f"L{number}", "length": length, **defaults, **ends, **values}),
        )
    fields = [name for name in rows[0][1] if name not in options.get("without", ())]
    columns = [_column([row[name] for _, row in rows]) for name in fields]
    pyogrio.raw.write(
        path,
        np.array([_wkb(line) for line, _ in rows], dtype=object),
        columns,
        fields,
        layer="road_link",
        driver="GPKG",
        geometry_type="LineString",
        crs=options.get("crs", "EPSG:27700"),
    )
    nodes = sorted({at for link in links for at in (link["points"][0], link["points"][-1])})
    shapes = [b"\x01\x01\x00\x00\x00" + np.array(grid_m(points, at), "<f8").tobytes() for at in nodes]
    pyogrio.raw.write(
        path,
        np.array(shapes, dtype=object),
        [
            np.array([f"N{at}" for at in nodes], dtype=object),
            np.array(["junction"] * len(nodes), dtype=object),
        ],
        ["id", "form_of_road_node"],
        layer="road_node",
        driver="GPKG",
        geometry_type="Point",
        crs="EPSG:27700",
        append=True,
    )
    return path


def _column(values: list[Any]) -> Any:
    return np.array(values) if isinstance(values[0], bool | int) else np.array(values, dtype=object)


def _wkb(line: Any) -> bytes:
    return b"\x01\x02\x00\x00\x00" + len(line).to_bytes(4, "little") + line.astype("<f8").tobytes()


def as_lines(points: Points, ways: Sequence[tuple[Sequence[int], str, int]]) -> RoadLines:
    """Return lines of (points, class, direction)."""
    numbers = sorted(points)
    places = np.array([grid_m(points, number) for number in numbers])
    flat = [numbers.index(number) for line, _, _ in ways for number in line]
    return RoadLines(
        easting_m=places[:, 0],
        northing_m=places[:, 1],
        starts=np.cumsum([0, *(len(line) for line, _, _ in ways)]),
        points=np.array(flat),
        road_class=np.array([CLASSES.index(name) for _, name, _ in ways]),
        direction=np.array([direction for _, _, direction in ways]),
        is_motorway=np.zeros(len(ways), bool),
    )
