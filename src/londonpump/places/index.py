"""The index of places: one SQLite file with full-text search, built whole and opened read only.

Rows are numbered by importance, so that the first rows of any full-text query are the ones that people mean most often.
Postcodes are looked up by their text and stay outside the full-text index, which they would quadruple.
"""

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from londonpump.domain.stations import Station, known_stations
from londonpump.places.text import name_words, normalise

STATION, BOROUGH, DISTRICT, POSTCODE = "station", "borough", "district", "postcode"
WARD, LOCALITY, STREET, JUNCTION, INTEREST, POINT = (
    "ward",
    "locality",
    "street",
    "junction",
    "interest",
    "point",
)
CITY = "City of London"
FILL_M = 1_000.0
"""Distance up to which an entry without borough or district takes those of its nearest neighbour."""
DEFAULT_RADIUS_M = {
    STATION: 20,
    POSTCODE: 60,
    JUNCTION: 30,
    INTEREST: 100,
    STREET: 200,
    LOCALITY: 700,
    WARD: 700,
}
MIN_AREA_M, BOROUGH_M = 200.0, 4_000.0
"""Smallest radius of an area, and of a borough of which only the stations are known."""
MIN_MEMBERS = 20
"""Places from which on they show the extent of their borough or district."""
ABOUT = {
    STATION: "fire station", BOROUGH: "borough council", WARD: "ward", DISTRICT: "postcode district",
    JUNCTION: "junction corner", "railway": "railway train station", "subway": "underground tube station",
    "tram_stop": "tram stop station", "hospital": "hospital", "school": "school", "prison": "prison jail hmp",
    "police": "police station", "townhall": "town hall", "park": "park", "stadium": "stadium ground", "library": "library",
    "cemetery": "cemetery", "airport": "airport", "university": "university campus", "fire_station": "fire station",
}  # fmt: skip
"""Words by which people name a kind of place, beside its name."""
IMPORTANCE = {
    BOROUGH: 0, DISTRICT: 0, STATION: 1, LOCALITY: 1, WARD: 3, "airport": 1, "railway": 1, "subway": 1, "hospital": 2,
    "stadium": 2, "university": 2, "prison": 2, "townhall": 2, "college": 3, "park": 3, "tram_stop": 3, "motorway": 2,
    "trunk": 2, "primary": 2, "secondary": 3, "tertiary": 3, "minor": 4, "police": 3, "fire_station": 3, "cemetery": 4,
    "library": 4, "school": 5, "clinic": 5, "service": 5, JUNCTION: 9,
}  # fmt: skip
"""Rank by class or kind; smaller is meant more often."""
OTHER_IMPORTANCE = {STREET: 4}
UNIMPORTANT = 6


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of a gazetteer."""

    kind: str
    name: str
    easting_m: float
    northing_m: float
    borough: str = ""
    district: str = ""
    radius_m: float = 0.0
    """Distance from the point within which the place lies; 0 if the source does not say."""
    place_class: str = ""
    """Class within the kind, such as `hospital` or `primary`."""
    also: str = ""
    """Other names and road numbers by which it is found."""
    source: int = 0
    """Position of its source in the list of sources."""

    @property
    def importance(self) -> int:
        """Rank by which entries are numbered; smaller is meant more often."""
        known = IMPORTANCE.get(self.place_class, IMPORTANCE.get(self.kind))
        return OTHER_IMPORTANCE.get(self.kind, UNIMPORTANT) if known is None else known

    @property
    def id(self) -> int:
        """Number made from the content, so that it stays when the gazetteer is imported again."""
        text = f"{self.kind}|{self.name}|{self.borough}|{self.district}|{self.easting_m:.0f}|{self.northing_m:.0f}"
        # 60 bits: two of a million entries collide with a chance of one in two million
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 4


@dataclass(frozen=True, slots=True)
class Source:
    """Publisher of entries, and the text that must be shown with them."""

    name: str
    licence: str
    attribution: str
    date: str | None = None


BUILT_IN = Source(
    "London Fire Brigade property assets",
    "Open Government Licence v3.0 (OGL)",
    "Contains public sector information of the London Fire Brigade",
)


@cache
def boroughs() -> tuple[str, ...]:
    """Return the names of the boroughs in the order of their codes, E09000001 to E09000033."""
    names = {station.borough for station in known_stations() if station.borough}
    # the codes follow the alphabet after the City
    return (CITY, *sorted(names - {CITY}))


def borough_of_code(code: str) -> str:
    """Return the name of the borough of a code such as E09000033; empty if it is not in London."""
    number = int(code[3:]) if code.startswith("E09") and code[3:].isdigit() else 0
    return boroughs()[number - 1] if 1 <= number <= len(boroughs()) else ""


def own_places(
    stations: Iterable[Station], districts: Mapping[str, NDArray[np.float64]] | None = None
) -> list[Place]:
    """Return what is known without an import: stations, boroughs, and the given districts.

    Args: districts: (k, 2) points of each.
    """
    # a closed station is a building like any other
    stations = [each for each in stations if each.status != "closed"]
    by_borough = defaultdict(list)
    for each in stations:
        by_borough[each.borough].append((each.easting_m, each.northing_m))
    return [
        *(
            Place(
                STATION,
                f"{each.name} fire station",
                each.easting_m,
                each.northing_m,
                each.borough,
                also=each.code,
            )
            for each in stations
        ),
        # stations lie within their borough: it reaches about as far beyond them as they lie apart
        *(_area(BOROUGH, name, points, min_m=BOROUGH_M) for name, points in by_borough.items() if name),
        *(_area(DISTRICT, name, points) for name, points in (districts or {}).items()),
    ]


def complete(places: list[Place]) -> list[Place]:
    """Add the districts and boroughs that the entries lie in, and fill in missing ones from the nearest neighbour."""
    located = [each for each in places if each.borough and each.district]
    if located:
        tree = cKDTree(np.array([(each.easting_m, each.northing_m) for each in located]))
        gaps = [
            i
            for i, each in enumerate(places)
            if each.kind not in (BOROUGH, DISTRICT) and not (each.borough and each.district)
        ]
        # without gaps the tree would be asked about no point at all, which it refuses
        if gaps:
            distances, nearest = tree.query(
                np.array([(places[i].easting_m, places[i].northing_m) for i in gaps])
            )
            for i, distance_m, j in zip(gaps, distances, nearest, strict=True):
                if distance_m <= FILL_M:
                    each, near = places[i], located[j]
                    places[i] = replace(
                        each, borough=each.borough or near.borough, district=each.district or near.district
                    )
    for kind in (DISTRICT, BOROUGH):
        members = defaultdict(list)
        for each in places:
            if each.kind not in (BOROUGH, DISTRICT) and (name := getattr(each, kind)):
                members[name].append((each.easting_m, each.northing_m))
        # many places in the area show its extent better than the few stations in it
        found = [_area(kind, name, points) for name, points in members.items() if len(points) >= MIN_MEMBERS]
        names = {each.name for each in found}
        places = [each for each in places if each.kind != kind or each.name not in names] + found
    return places


def _area(kind: str, name: str, points: ArrayLike, min_m: float = MIN_AREA_M) -> Place:
    located = np.asarray(points, np.float64)
    middle = np.rint(np.median(located, axis=0))
    # nine of ten: an entry that a source puts into the wrong area must not stretch it
    radius_m = float(np.rint(np.quantile(np.hypot(*(located - middle).T), 0.9)))
    return Place(
        kind,
        name,
        float(middle[0]),
        float(middle[1]),
        name if kind == BOROUGH else "",
        name if kind == DISTRICT else "",
        max(radius_m, min_m),
    )


def build(path: Path | None, places: Iterable[Place], sources: Iterable[Source]) -> sqlite3.Connection:
    """Build the index in a file, or in memory, and return its connection. The same places give the same rows."""
    database = sqlite3.connect(
        ":memory:" if path is None else path, check_same_thread=False, isolation_level=None
    )
    database.executescript(
        """
        PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
        CREATE TABLE sources (number INTEGER PRIMARY KEY, name, licence, attribution, date);
        CREATE TABLE places (number INTEGER PRIMARY KEY, id INTEGER, kind, name, borough, district, easting_m, northing_m,
            radius_m, source, importance, words, about);
        CREATE TABLE postcodes (code TEXT PRIMARY KEY, borough, easting_m, northing_m, radius_m, source) WITHOUT ROWID;
        CREATE VIRTUAL TABLE texts USING fts5(words, about, content='', detail='column', prefix='2 3');
        CREATE VIRTUAL TABLE known USING fts5vocab(texts, row);
        """
    )
    # one transaction without a journal: a file that is not finished is thrown away
    database.execute("BEGIN")
    database.executemany(
        "INSERT INTO sources VALUES (?, ?, ?, ?, ?)",
        ((i, s.name, s.licence, s.attribution, s.date) for i, s in enumerate(sources)),
    )
    rows, postcodes = _rows(places)
    database.executemany("INSERT OR IGNORE INTO postcodes VALUES (?, ?, ?, ?, ?, ?)", sorted(postcodes))
    database.executemany("INSERT INTO places VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    database.execute("INSERT INTO texts (rowid, words, about) SELECT number, words, about FROM places")
    database.execute("INSERT INTO texts (texts) VALUES ('optimize')")
    database.execute("CREATE INDEX by_id ON places (id)")
    database.execute("CREATE INDEX by_words ON places (words)")
    database.execute("COMMIT")
    return database


def _rows(places: Iterable[Place]) -> tuple[Iterator[tuple[object, ...]], list[tuple[Any, ...]]]:
    postcodes: list[tuple[Any, ...]] = []
    named: dict[int, tuple[Any, ...]] = {}
    for each in places:
        if each.kind == POSTCODE:
            postcodes.append(
                (
                    each.name,
                    each.borough,
                    each.easting_m,
                    each.northing_m,
                    each.radius_m or DEFAULT_RADIUS_M[POSTCODE],
                    each.source,
                )
            )
        else:
            named[each.id] = (
                each.importance,
                " ".join(name_words(each.name)),
                each.borough,
                each.district,
                each.id,
                each,
            )
    # by importance first, then by all that differs: the same places give the same file
    ordered = sorted(named.values(), key=lambda entry: entry[:5])
    return (
        (number, entry[4], each.kind, each.name, each.borough, each.district, each.easting_m, each.northing_m,
         each.radius_m or DEFAULT_RADIUS_M[each.kind], each.source, each.importance, entry[1], _about(each, entry[1]))
        for number, entry in enumerate(ordered, 1) for each in entry[5:]
    ), postcodes  # fmt: skip


def _about(place: Place, words: str) -> str:
    """Return the words by which a place is found beside its name."""
    kinds = ABOUT.get(place.place_class, ABOUT.get(place.kind, place.place_class.replace("_", " ")))
    parts = words.split()
    # people know hospitals and universities by their initials
    initials = "".join(part[0] for part in parts) if place.kind == INTEREST and len(parts) > 2 else ""
    return " ".join(normalise(f"{place.borough} {place.district} {place.also} {kinds} {initials}"))


def open_index(path: Path) -> sqlite3.Connection:
    """Open a finished index read only. Raises: sqlite3.Error."""
    database = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
    )
    # SQLite opens any file: only a statement shows whether it is an index
    database.execute("SELECT number FROM places LIMIT 1").fetchone()
    return database
