"""Reader of OpenStreetMap extracts (`.osm.pbf`)."""

from array import array
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from londonpump.domain.errors import BadFile
from londonpump.domain.national_grid import to_grid
from londonpump.roads.lines import POINT_FIELDS, RoadLines

LICENCE = "Open Database License 1.0 (ODbL)"
ATTRIBUTION = "© OpenStreetMap contributors"

_CLASS_OF_HIGHWAY = {
    "motorway": 0,
    "trunk": 0,
    "primary": 1,
    "secondary": 2,
    "tertiary": 3,
    "unclassified": 4,
    "residential": 4,
    "living_street": 4,
}
_LINKS = ("motorway", "trunk", "primary", "secondary", "tertiary")
CLASS_OF_HIGHWAY = _CLASS_OF_HIGHWAY | {f"{name}_link": _CLASS_OF_HIGHWAY[name] for name in _LINKS}
DIRECTIONS = {"yes": 1, "true": 1, "1": 1, "-1": -1, "reverse": -1, "no": 0, "false": 0, "0": 0}
ONE_WAY_JUNCTIONS = ("roundabout", "circular")
CLOSED = ("no", "private")
LIMIT_20 = ("20 mph", "20mph", "GB:zone20")


def is_extract(start: bytes) -> bool:
    """Return whether the first 64 bytes of a file are those of an extract."""
    return b"OSMHeader" in start


def direction_of(tags: Any) -> int:
    """Return the legal direction of a way: 1 along it, -1 against it, 0 both."""
    stated = DIRECTIONS.get(tags.get("oneway", ""))
    if stated is not None:
        return stated
    implied = tags.get("junction") in ONE_WAY_JUNCTIONS or tags["highway"].startswith("motorway")
    return int(implied)


def mark_of(tags: Any) -> str | None:
    """Return which of POINT_FIELDS a point is."""
    highway = tags.get("highway")
    if highway == "traffic_signals" or tags.get("crossing") == "traffic_signals":
        return "signals"
    if highway == "crossing":
        return "crossings"
    return "calming" if "traffic_calming" in tags else None


def read_osm(path: Path) -> RoadLines:
    """Read the drivable roads of an extract. Raises: BadFile if it is not one, is broken, or has no roads."""
    import osmium  # noqa: PLC0415 - only the import of a map needs it

    try:
        header = osmium.io.Reader(str(path), osmium.osm.NOTHING).header()
        made_at = header.get("osmosis_replication_timestamp")
        box = header.box()
        ways, marked = _read_ways(osmium, path)
    except (RuntimeError, OSError, ValueError) as error:
        raise BadFile(path, f"cannot be read as an OpenStreetMap extract ({error})", ADVICE) from error
    if not ways.classes:
        raise BadFile(path, "has no drivable roads (tag highway)", ADVICE)
    # a point of several ways was read with each of them
    ids, first = np.unique(np.frombuffer(ways.refs, np.int64), return_index=True)
    longitude = np.frombuffer(ways.longitudes, np.int32)[first] / 1e7
    latitude = np.frombuffer(ways.latitudes, np.int32)[first] / 1e7
    easting_m, northing_m = to_grid(latitude, longitude)
    marks = {name: np.isin(ids, marked[name]) for name in POINT_FIELDS if marked[name]}
    limits = np.frombuffer(ways.limits, np.int8).astype(bool)
    return RoadLines(
        easting_m=easting_m,
        northing_m=northing_m,
        starts=np.frombuffer(ways.starts, np.int64),
        points=np.searchsorted(ids, np.frombuffer(ways.refs, np.int64)),
        road_class=np.frombuffer(ways.classes, np.int8).astype(np.int64),
        direction=np.frombuffer(ways.directions, np.int8).astype(np.int64),
        is_motorway=np.frombuffer(ways.motorways, np.int8).astype(bool),
        is_20mph=limits if limits.any() else None,
        marks={name: flags for name, flags in marks.items() if flags.any()},
        box_degrees=_corners(box) if box.valid() else None,
        source="OpenStreetMap",
        licence=LICENCE,
        attribution=ATTRIBUTION,
        dated=date.fromisoformat(made_at[:10]) if made_at else None,
    )


ADVICE = "Fetch it again, or name an extract of Greater London (.osm.pbf)."


def _corners(box: Any) -> tuple[float, float, float, float]:
    return box.bottom_left.lon, box.bottom_left.lat, box.top_right.lon, box.top_right.lat


class _Ways:
    """Growing columns of the ways that were read."""

    def __init__(self) -> None:
        self.starts, self.refs = array("q", [0]), array("q")
        self.longitudes, self.latitudes = array("i"), array("i")
        self.classes, self.directions = array("b"), array("b")
        self.motorways, self.limits = array("b"), array("b")

    def add(self, way: Any) -> None:
        tags = way.tags
        road_class = CLASS_OF_HIGHWAY[tags["highway"]]
        nodes = [(node.ref, node.location) for node in way.nodes]
        # an extract may lack the points of a way beyond its border
        nodes = [(ref, location) for ref, location in nodes if location.valid()]
        if len(nodes) < 2 or tags.get("access") in CLOSED:
            return
        for ref, location in nodes:
            self.refs.append(ref)
            self.longitudes.append(location.x)
            self.latitudes.append(location.y)
        self.starts.append(len(self.refs))
        self.classes.append(road_class)
        self.directions.append(direction_of(tags))
        self.motorways.append(tags["highway"].startswith("motorway"))
        self.limits.append(tags.get("maxspeed") in LIMIT_20)


def _read_ways(osmium: Any, path: Path) -> tuple[_Ways, dict[str, list[int]]]:
    ways = _Ways()
    marked: dict[str, list[int]] = {name: [] for name in POINT_FIELDS}
    # the filter runs inside the library: most of an extract is neither road nor signal
    wanted = osmium.filter.TagFilter(
        *(("highway", name) for name in (*CLASS_OF_HIGHWAY, "traffic_signals", "crossing"))
    )
    traffic = osmium.FileProcessor(str(path)).with_locations().with_filter(wanted)
    for item in traffic:
        if item.is_way() and item.tags.get("highway") in CLASS_OF_HIGHWAY:
            ways.add(item)
        elif item.is_node() and (name := mark_of(item.tags)) is not None:
            marked[name].append(item.id)
    return ways, marked
