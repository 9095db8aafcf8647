"""The search in an index of places: what was typed to at most ten ranked matches.

The order: grid reference and coordinates, postcode, district, all words, words corrected against known words, joined words
split, "church rd acton" as within 3 km of Acton, and at last one word left out. Literal and corrected matches are ranked
together.
"""

import math
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product
from threading import Lock
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import OSA

from londonpump.domain.national_grid import to_degrees
from londonpump.places import text as texts
from londonpump.places.index import (
    BOROUGH,
    DISTRICT,
    JUNCTION,
    LOCALITY,
    POINT,
    POSTCODE,
    STREET,
    WARD,
    Source,
)

MAX_MATCHES = 10
NEAR_M = 3_000.0
"""Distance from a locality within which a street "in" it lies."""
SAME_M = 300.0
"""Matches of one name within this distance mean the same place to whoever sends a pump."""
MAX_ROWS = 60
"""Rows that one full-text query returns: the most important ones, as rows are numbered by importance."""
MAX_CORRECTIONS = 8
COMMON = 100
"""Rows with a word from which on it is taken as typed rightly."""
UNCOVERED, LEFT_OUT, CORRECTED, NEAR, RANK = 0.1, 0.5, 0.2, 0.15, 0.02
"""Costs: a word of the name not typed, a typed word left out, one corrected letter, 3 km, one step of importance."""
MAX_UNCOVERED = 3
MAX_SPELLINGS = 64
MIN_JUNCTION_M = 200.0
_ID = re.compile(r"[0-9a-f]{15}(\+[0-9a-f]{15})?")
_ROAD_NUMBER = re.compile(r"[abm][0-9]{1,4}")


@dataclass(frozen=True, slots=True)
class Match:
    """A place that may be meant."""

    id: str
    kind: str
    name: str
    borough: str
    district: str
    easting_m: float
    northing_m: float
    radius_m: float
    source: int | None
    """Position in the sources of the index; None for numbers that were only parsed."""
    score: float = 1.0
    is_certain: bool = True
    """Whether every typed word was found as it is, and the whole name was typed."""
    left_out: str = ""
    """The typed word that was left out."""

    @property
    def label(self) -> str:
        """The name with what distinguishes it from others of that name."""
        parts = [
            self.name,
            self.borough if self.borough != self.name else "",
            self.district if self.district != self.name else "",
        ]
        return ", ".join(part for part in parts if part)

    @property
    def exactness(self) -> str:
        """Exactness of the point: `exact`, or the kind of match with the distance within which it lies."""
        if self.kind in AREAS:
            return f"{self.kind}, {self.radius_m / 1000:.1f} km"
        return "exact" if self.radius_m <= EXACT_M else f"{self.kind}, {self.radius_m:.0f} m"

    def latitude_longitude(self) -> tuple[float, float]:
        """Return the point in WGS84 degrees."""
        latitude, longitude = to_degrees(self.easting_m, self.northing_m)
        return round(float(latitude), 6), round(float(longitude), 6)


EXACT_M = 50.0
ALL = -2
AREAS = (BOROUGH, DISTRICT, WARD)
Alternatives = tuple[str, ...]
Row = tuple[Any, ...]
Points = dict[str, list[tuple[float, float]]]
_KINDS_OF_STREET = frozenset(texts.STREETS.values())
_COLUMNS = "number, id, kind, name, borough, district, easting_m, northing_m, radius_m, source, importance, places.words, places.about"
_BY_TEXT = (
    f"SELECT {_COLUMNS} FROM texts JOIN places ON number = texts.rowid "  # noqa: S608
    "WHERE texts MATCH ? AND texts.rowid >= ? AND texts.rowid < ?"
)
_BY_NAME = f"SELECT {_COLUMNS} FROM places WHERE places.words IN"  # noqa: S608


@dataclass(slots=True)
class Hit:
    """A row with its score."""

    row: Row
    score: float
    is_certain: bool
    is_literal: bool = True
    """Whether every typed word was found as it is, or as the beginning of a word."""
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """Words to find in one row."""

    words: tuple[Alternatives, ...]
    near: tuple[float, float] | None = None
    cost: float = 0.0
    is_literal: bool = True
    left_out: str = ""
    corrected: dict[str, float] = field(default_factory=dict)
    """Cost of each word that is a correction."""


class PlaceSearch:
    """Search in one open index. Threads may share it: a query takes some milliseconds, so they wait for each other."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database, self._lock = database, Lock()
        self.sources = tuple(
            Source(*row)
            for row in database.execute(
                "SELECT name, licence, attribution, date FROM sources ORDER BY number"
            )
        )
        self._localities = self._points(f"kind IN ('{LOCALITY}', '{BOROUGH}', '{WARD}') OR importance = 1")
        self._landmarks = self._points("importance = 2")
        """Main roads and large buildings: near them is a second try, as "church road" would else be near every other road."""
        first = database.execute("SELECT min(number) FROM places WHERE kind = ?", (JUNCTION,)).fetchone()[0]
        self._first_junction: int = first or 1 << 62
        self._counts: dict[str, int] = dict(
            database.execute("SELECT term, doc FROM known WHERE length(term) > 2")
        )
        self._known: dict[tuple[int, int, str], list[str]] = defaultdict(list)
        """Known words by the length of a typed word, the letters in which they may differ, and their first letter or none."""
        for term in self._counts:
            for most, difference in ((1, -1), (1, 0), (1, 1), (2, -2), (2, -1), (2, 0), (2, 1), (2, 2)):
                self._known[len(term) + difference, most, term[0]].append(term)
                self._known[len(term) + difference, most, ""].append(term)

    def _points(self, condition: str) -> Points:
        points: Points = defaultdict(list)
        statement = f"SELECT words, easting_m, northing_m FROM places WHERE {condition}"  # noqa: S608 - our own texts
        for words, east, north in self._database.execute(statement):
            points[words].append((east, north))
        return dict(points)

    def find(self, typed: str, limit: int = MAX_MATCHES) -> list[Match]:
        """Return the matches of a text, the most likely first. A text of no place gives none."""
        typed = typed[: texts.MAX_LENGTH]
        if point := texts.parse_point(typed):
            located = (point.easting_m, point.northing_m, point.radius_m)
            return [Match(point.text, POINT, point.text, "", "", *located, None)]
        with self._lock:
            if found := self._postcodes(typed, limit):
                return found
            return self._junctions(typed, limit) or _matches(self._named(texts.query_words(typed)), limit)

    def by_id(self, place_id: str) -> Match | None:
        """Return the place of an id; None if there is none."""
        if not _ID.fullmatch(place_id):
            return None
        statement = f"SELECT {_COLUMNS} FROM places WHERE id = ?"  # noqa: S608 - our own names
        with self._lock:
            rows = [
                self._database.execute(statement, (int(part, 16),)).fetchone() for part in place_id.split("+")
            ]
        if None in rows:
            return None
        return _match(Hit(rows[0], 1.0, is_certain=True)) if len(rows) == 1 else _between(*rows)

    def _postcodes(self, typed: str, limit: int) -> list[Match]:
        code = texts.find_postcode(typed)
        # the blank at the end of a part keeps `SW9 8` from matching SW9 80
        low = code or texts.find_partial_postcode(typed)
        if low is None:
            return []
        # "KT1 1EU kingston" agrees with the borough; any other word makes the code doubtful
        rest = set(texts.normalise(texts.without_postcode(typed)))
        rows = self._database.execute(
            "SELECT code, borough, easting_m, northing_m, radius_m, source FROM postcodes WHERE code BETWEEN ? AND ? LIMIT ?",
            (low, low + "~", limit),
        )
        return [
            Match(
                *(c, POSTCODE, c, borough, c.split()[0], e, n, radius_m, source),
                is_certain=code is not None and rest <= set(texts.normalise(borough)),
            )
            for c, borough, e, n, radius_m, source in rows
        ]

    def _junctions(self, typed: str, limit: int) -> list[Match]:
        """Return where two named streets meet, or lie nearest to each other."""
        sides = [side for side in typed.replace("\\", "/").split("/") if side.strip()]
        if len(sides) != 2:
            return []
        both = [texts.query_words(side) for side in sides]
        query = Query((*both[0], *both[1]))
        known = self._rows(query, after=self._first_junction) if query.words else []
        if known:
            hits = [self._score(row, query) for row in known]
            return _matches(sorted(hits, key=lambda hit: (-hit.score, hit.row[0])), limit)
        left, right = (
            [hit for hit in self._named(words) if hit.row[2] == STREET][:MAX_ROWS] for words in both
        )
        pairs = sorted(
            (
                (math.dist(a.row[6:8], b.row[6:8]), i, j)
                for i, a in enumerate(left)
                for j, b in enumerate(right)
                if a.row[0] != b.row[0]
            )
        )
        near = [(left[i].row, right[j].row) for distance_m, i, j in pairs[:limit] if distance_m <= NEAR_M]
        return [_between(one, other) for one, other in near]

    def _named(self, words: Sequence[Alternatives]) -> list[Hit]:
        if not words:
            return []
        hits: dict[int, Hit] = {}
        self._add(hits, self._queries(tuple(words)))
        if not any(hit.is_literal for hit in hits.values()):
            for query in self._corrected(words):
                self._add(hits, self._queries(query.words, query))
        if not hits:
            for query in self._split(words):
                self._add(hits, self._queries(query.words, query))
        if not hits:
            self._add(hits, self._near(tuple(words), Query(tuple(words), is_literal=False), self._landmarks))
        if not hits and len(words) > 1:
            for i, word in enumerate(words):
                rest = (*words[:i], *words[i + 1 :])
                left_out = Query(rest, cost=LEFT_OUT, is_literal=False, left_out=word[-1])
                self._add(hits, self._queries(rest, left_out))
        return sorted(hits.values(), key=lambda hit: (-hit.score, hit.row[0]))

    def _queries(self, words: tuple[Alternatives, ...], like: Query | None = None) -> Iterator[Query]:
        """Yield the words as one query, and as queries near each locality that they begin or end with."""
        like = like or Query(words)
        yield replace(like, words=words)
        yield from self._near(words, like, self._localities)

    def _near(self, words: tuple[Alternatives, ...], like: Query, points: Points) -> Iterator[Query]:
        for k in range(1, len(words)):
            for head, tail in ((words[:k], words[k:]), (words[k:], words[:k])):
                # a locality has streets of every kind: the kind alone names none
                if all(set(word) & _KINDS_OF_STREET for word in head):
                    continue
                for spelling in islice(product(*tail), MAX_SPELLINGS):
                    cost = like.cost + sum(like.corrected.get(word, 0.0) for word in spelling)
                    for point in points.get(" ".join(spelling), ()):
                        yield replace(like, words=head, near=point, cost=cost)

    def _add(self, hits: dict[int, Hit], queries: Iterable[Query]) -> None:
        for query in queries:
            for row in self._rows(query):
                # "n7" is not a place near Holloway Road
                if query.near and row[2] in AREAS:
                    continue
                hit = self._score(row, query)
                if row[0] not in hits or hits[row[0]].score < hit.score:
                    hits[row[0]] = hit

    def _rows(self, query: Query, after: int = 0) -> list[Row]:
        before = 1 << 62 if after else self._first_junction
        # every part is quoted, so that no typed word is an operator of the full-text search
        expression = "(" + " AND ".join(_expression(word) for word in query.words) + ")"
        box = ""
        values: list[object] = [expression, after, before]
        if query.near:
            east, north = query.near
            box = "AND easting_m BETWEEN ? AND ? AND northing_m BETWEEN ? AND ?"
            values += [east - NEAR_M, east + NEAR_M, north - NEAR_M, north + NEAR_M]
        # what was typed is a parameter; the names in the statements are our own
        statement = f"{_BY_TEXT} {box} LIMIT {MAX_ROWS}"
        rows = self._database.execute(statement, values).fetchall()
        if not query.near:
            # a whole name may stand behind more important rows that only contain it
            names = [" ".join(spelling) for spelling in islice(product(*query.words), MAX_SPELLINGS)]
            marks = ", ".join("?" * len(names))
            statement = f"{_BY_NAME} ({marks}) AND number >= ? AND number < ? LIMIT {MAX_ROWS}"
            rows += self._database.execute(statement, (*names, after, before)).fetchall()
        return rows

    def _score(self, row: Row, query: Query) -> Hit:
        names, about = row[11].split(), row[12].split()
        total, lowest, order = 0.0, 1.0, list[int]()
        for alternatives in query.words:
            best, at = 0.0, -1
            for alternative in alternatives:
                cost = query.corrected.get(alternative, 0.0)
                for i, name in enumerate(names):
                    value = _quality(alternative, name) - cost
                    if value > best:
                        best, at = value, i
                if best < 0.9:
                    for word in about:
                        value = 0.95 * _quality(alternative, word) - cost
                        if value > best:
                            # a road is known by its number as well as by its name
                            best, at = value, ALL if _ROAD_NUMBER.fullmatch(word) else -1
            total, lowest = total + best, min(lowest, best)
            order += range(len(names)) if at == ALL else [at] * (at >= 0)
        left = [name for i, name in enumerate(names) if i not in order and name not in texts.FILLERS]
        # the word for the kind of place is often left out, as in "kings college" for the hospital
        uncovered = sum(0.5 if name in about else 1.0 for name in left)
        score = (
            total / len(query.words)
            - UNCOVERED * min(uncovered, MAX_UNCOVERED)
            - query.cost
            - RANK * min(row[10], 5)
        )
        if query.near:
            score -= NEAR * min(math.dist(row[6:8], query.near) / NEAR_M, 1.5)
        is_literal = query.is_literal and not query.corrected and lowest > 0.5 and uncovered <= MAX_UNCOVERED
        # "green lanes harringay" is not certainly the station Harringay Green Lanes
        is_in_order = row[2] == JUNCTION or order == sorted(set(order))
        is_whole = bool(order) and not left and is_in_order
        is_certain = is_literal and lowest >= 0.95 and is_whole and query.near is None
        return Hit(row, score, is_certain, is_literal, query.left_out)

    def _corrected(self, asked: Sequence[Alternatives]) -> list[Query]:
        """Return queries in which each word may also be a known word that is spelled nearly like it."""
        costs: dict[str, float] = {}
        spelled: list[Alternatives] = []
        for alternatives in asked:
            typed = alternatives[-1]
            is_common = self._counts.get(typed, 0) >= COMMON
            close = self._close(typed) if len(alternatives) == 1 and not is_common else []
            costs |= {word: CORRECTED * distance for word, distance in close}
            spelled.append((*alternatives, *(word for word, _ in close)))
        queries = [Query(tuple(spelled), is_literal=False, corrected=costs)]
        for i, alternatives in enumerate(asked):
            if i + 1 < len(asked) and (joined := alternatives[-1] + asked[i + 1][-1]) in self._counts:
                queries.append(
                    Query((*asked[:i], (joined,), *asked[i + 2 :]), cost=CORRECTED / 2, is_literal=False)
                )
        return queries

    def _split(self, asked: Sequence[Alternatives]) -> Iterator[Query]:
        """Yield queries in which one word is two known words that were typed without their blank."""
        for i, alternatives in enumerate(asked):
            typed = alternatives[-1]
            for k in range(3, len(typed) - 2):
                if typed[:k] in self._counts and typed[k:] in self._counts:
                    split = (*asked[:i], (typed[:k],), (typed[k:],), *asked[i + 1 :])
                    yield Query(split, cost=CORRECTED / 2, is_literal=False)

    def _close(self, word: str) -> list[tuple[str, int]]:
        if len(word) < 4 or word.isdigit():
            return []
        most = 1 if len(word) < 6 else 2
        # the first letter is rarely wrong: all words are compared only if none that begins so is close
        for letter in (word[0], ""):
            choices = self._known.get((len(word), most, letter), ())
            limit = 3 * MAX_CORRECTIONS
            found = process.extract(word, choices, scorer=OSA.distance, score_cutoff=most, limit=limit)
            if any(distance for _, distance, _ in found):
                break
        ordered = sorted(found, key=lambda each: (each[1], -self._counts[each[0]]))
        return [(known, int(distance)) for known, distance, _ in ordered[:MAX_CORRECTIONS] if distance]


def _expression(alternatives: Alternatives) -> str:
    """Return the full-text expression of a word: what it may stand for, or words that begin with it."""
    parts = [f'"{each}"' for each in alternatives]
    typed = alternatives[-1]
    if len(typed) > 1 or len(alternatives) == 1:
        parts[-1] += " *"
    if typed.endswith("s") and len(typed) > 3:
        parts.append(f'"{typed[:-1]}"')
    return f"({' OR '.join(parts)})"


def _quality(typed: str, word: str) -> float:
    """Return how well a typed word fits a word: 1 for the same, less for its beginning."""
    if typed == word:
        return 1.0
    if typed == word + "s" or word == typed + "s":
        return 0.96
    if word.startswith(typed):
        return 0.6 + 0.3 * len(typed) / len(word)
    return 0.0


def _between(one: Row, other: Row) -> Match:
    """Return the junction of two streets of which only a point each is known: it may lie as far off as they are apart."""
    distance_m = math.dist(one[6:8], other[6:8])
    return Match(
        *(f"{one[1]:015x}+{other[1]:015x}", JUNCTION, f"{one[3]} / {other[3]}", one[4], one[5]),
        *((one[6] + other[6]) / 2, (one[7] + other[7]) / 2, max(distance_m, MIN_JUNCTION_M), one[9]),
        score=round(1 - distance_m / NEAR_M, 3),
        is_certain=False,
    )


def _matches(hits: Sequence[Hit], limit: int) -> list[Match]:
    chosen: list[Match] = []
    for hit in hits:
        match = _match(hit)
        is_same = any(
            other.name == match.name
            and math.dist((other.easting_m, other.northing_m), (match.easting_m, match.northing_m)) < SAME_M
            for other in chosen
        )
        if not is_same:
            chosen.append(match)
        if len(chosen) == limit:
            break
    return chosen


def _match(hit: Hit) -> Match:
    _, number, kind, name, borough, district, east, north, radius_m, source, *_ = hit.row
    return Match(
        f"{number:015x}",
        kind,
        name,
        borough,
        district,
        east,
        north,
        radius_m,
        source,
        round(hit.score, 3),
        hit.is_certain,
        hit.left_out,
    )
