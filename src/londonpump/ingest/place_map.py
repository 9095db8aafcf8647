"""Names in an OpenStreetMap extract: streets, junctions of named streets, localities and places of interest."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from londonpump.domain.errors import BadFile
from londonpump.domain.national_grid import to_grid
from londonpump.places.index import INTEREST, JUNCTION, LOCALITY, STREET, Place, Source
from londonpump.roads.lines import CLASSES
from londonpump.roads.osm import ADVICE, ATTRIBUTION, CLASS_OF_HIGHWAY, LICENCE

LOCALITIES = frozenset({"city", "town", "suburb", "village", "hamlet", "neighbourhood", "quarter", "island"})
INTERESTS = {
    "amenity": frozenset(
        {
            "hospital",
            "school",
            "college",
            "university",
            "police",
            "townhall",
            "prison",
            "library",
            "clinic",
            "courthouse",
        }
    ),
    "railway": frozenset({"station", "tram_stop"}),
    "leisure": frozenset({"park", "stadium", "sports_centre"}),
    "tourism": frozenset({"museum", "attraction", "gallery", "theme_park", "zoo"}),
    "shop": frozenset({"mall", "department_store"}),
    "aeroway": frozenset({"terminal", "aerodrome"}),
    "landuse": frozenset({"cemetery"}),
}
SAME_STREET_M = 150.0
"""Parts of one name within this distance are one street: the carriageways of a main road, a street cut by a square."""
MAX_NAMES_AT_JUNCTION = 4


def read_place_map(path: Path) -> tuple[list[Place], Source]:
    """Read the names of an extract. Raises: BadFile if it is not one, or is broken."""
    import osmium  # noqa: PLC0415 - only the import of a map needs it

    names = _Names()
    try:
        header = osmium.io.Reader(str(path), osmium.osm.NOTHING).header()
        made_at = header.get("osmosis_replication_timestamp")
        keys = osmium.filter.KeyFilter("name")
        for item in osmium.FileProcessor(str(path)).with_locations().with_filter(keys):
            names.add(item)
    except (RuntimeError, OSError, ValueError) as error:
        raise BadFile(path, f"cannot be read as an OpenStreetMap extract ({error})", ADVICE) from error
    source = Source("OpenStreetMap", LICENCE, ATTRIBUTION, made_at[:10] if made_at else None)
    return [*names.streets(), *names.junctions(), *names.others()], source


class _Names:
    """Names of the extract, with points in degrees."""

    def __init__(self) -> None:
        self._ways: dict[str, list[tuple[str, str, list[tuple[float, float]]]]] = defaultdict(list)
        self._at: dict[int, tuple[float, float, set[str]]] = {}
        self._others: list[tuple[str, str, str, str, list[tuple[float, float]]]] = []

    def add(self, item: Any) -> None:
        name = " ".join(item.tags["name"].split())[:200]
        if not name.isprintable():
            return
        points = _points_of(item)
        if not points:
            return
        highway = item.tags.get("highway")
        # only where pumps can drive: footpaths have names too, and would be found in their place
        if item.is_way() and highway in CLASS_OF_HIGHWAY:
            road_class = CLASSES[CLASS_OF_HIGHWAY[highway]]
            self._ways[name].append((road_class, item.tags.get("ref", ""), points))
            for node in item.nodes:
                if node.location.valid():
                    self._at.setdefault(node.ref, (node.location.lon, node.location.lat, set()))[2].add(name)
            return
        also = item.tags.get("alt_name", "")
        place = item.tags.get("place")
        if place in LOCALITIES:
            self._others.append((LOCALITY, name, place, also, points))
        for key, values in INTERESTS.items():
            if (value := item.tags.get(key)) in values:
                is_station = key == "railway" and value == "station"
                place_class = item.tags.get("station", "railway") if is_station else value
                self._others.append((INTEREST, name, place_class, also, points))
                return

    def streets(self) -> list[Place]:
        """Return one entry per street: parts of one name that lie together."""
        found = []
        for name, ways in sorted(self._ways.items()):
            owner = np.repeat(np.arange(len(ways)), [len(points) for _, _, points in ways])
            located = _grid([point for _, _, points in ways for point in points])
            pairs = cKDTree(located).query_pairs(SAME_STREET_M, output_type="ndarray")
            left, right = owner[pairs[:, 0]], owner[pairs[:, 1]]
            links = coo_array((np.ones(len(left)), (left, right)), shape=(len(ways), len(ways)))
            n, labels = connected_components(links, directed=False)
            for label in range(n):
                members = np.flatnonzero(labels == label)
                # a street is as important as its most important part
                road_class = min((ways[i][0] for i in members), key=CLASSES.index)
                refs = " ".join(sorted({ways[i][1].replace(";", " ") for i in members} - {""}))
                found.append(_place(STREET, name, road_class, refs, located[labels[owner] == label]))
        return found

    def junctions(self) -> list[Place]:
        """Return the points at which named streets meet."""
        found: dict[tuple[str, float, float], Place] = {}
        for east, north, names in self._at.values():
            # one name is a bend of one street; many are a mistake of the map
            if 2 <= len(names) <= MAX_NAMES_AT_JUNCTION:
                place = _place(JUNCTION, " / ".join(sorted(names)), "", "", _grid([(east, north)]))
                # both carriageways of a main road cross a street: one of them is enough
                found.setdefault(
                    (place.name, place.easting_m // SAME_STREET_M, place.northing_m // SAME_STREET_M), place
                )
        return list(found.values())

    def others(self) -> list[Place]:
        """Return localities and places of interest."""
        return [
            _place(kind, name, place_class, also, _grid(points))
            for kind, name, place_class, also, points in self._others
        ]


def _points_of(item: Any) -> list[tuple[float, float]]:
    if item.is_node():
        return [(item.location.lon, item.location.lat)]
    # relations have no points of their own: their ways are read where they are named
    if not item.is_way():
        return []
    return [(node.location.lon, node.location.lat) for node in item.nodes if node.location.valid()]


def _grid(points: list[tuple[float, float]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    longitude, latitude = np.array(points, np.float64).T
    return np.column_stack(to_grid(latitude, longitude))


def _place(
    kind: str, name: str, place_class: str, also: str, located: np.ndarray[Any, np.dtype[np.float64]]
) -> Place:
    middle = (located.min(axis=0) + located.max(axis=0)) / 2
    distances = np.hypot(*(located - middle).T)
    # a point of the street itself, as the middle of the box around a crescent lies in its park
    point = located[distances.argmin()]
    radius_m = float(np.hypot(*(located - point).T).max())
    return Place(
        kind,
        name,
        round(float(point[0])),
        round(float(point[1])),
        radius_m=round(radius_m),
        place_class=place_class,
        also=also,
    )
