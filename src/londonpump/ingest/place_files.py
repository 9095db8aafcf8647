"""Reader of gazetteers: OS Open Names, Code-Point Open, OpenStreetMap extracts, and csv files of the user.

Entries outside London are skipped.
"""

import codecs
import csv
import io
import math
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from londonpump.domain.canonical_spelling import strip_blanks
from londonpump.domain.errors import BadFile
from londonpump.ingest.csv_dialect import find_layout
from londonpump.ingest.file_type import CSV, UTF16, chunks, detect_file
from londonpump.ingest.place_map import read_place_map
from londonpump.places import index
from londonpump.places.index import Place, Source
from londonpump.places.text import find_postcode
from londonpump.roads.lines import LONDON_BOX
from londonpump.roads.osm import is_extract

CONTAINS_OS = "Contains OS data © Crown copyright and database right"
OGL = "Open Government Licence v3.0 (OGL)"
OPEN_NAMES = Source("OS Open Names", OGL, CONTAINS_OS)
CODE_POINT = Source(
    "Code-Point Open",
    OGL,
    f"{CONTAINS_OS}. Contains Royal Mail data © Royal Mail copyright and database right. Source: Office for National Statistics",
)
NAMES_COLUMNS = tuple(
    "ID,NAMES_URI,NAME1,NAME1_LANG,NAME2,NAME2_LANG,TYPE,LOCAL_TYPE,GEOMETRY_X,GEOMETRY_Y,MOST_DETAIL_VIEW_RES,"
    "LEAST_DETAIL_VIEW_RES,MBR_XMIN,MBR_YMIN,MBR_XMAX,MBR_YMAX,POSTCODE_DISTRICT,POSTCODE_DISTRICT_URI,POPULATED_PLACE,"
    "POPULATED_PLACE_URI,POPULATED_PLACE_TYPE,DISTRICT_BOROUGH,DISTRICT_BOROUGH_URI,DISTRICT_BOROUGH_TYPE,COUNTY_UNITARY,"
    "COUNTY_UNITARY_URI,COUNTY_UNITARY_TYPE,REGION,REGION_URI,COUNTRY,COUNTRY_URI,RELATED_SPATIAL_OBJECT,SAME_AS_DBPEDIA,"
    "SAME_AS_GEONAMES".lower().split(",")
)
"""Columns of OS Open Names, whose files have no header."""
CODE_POINT_COLUMNS = ("pc", "pq", "ea", "no", "cy", "rh", "lh", "cc", "dc", "wc")
"""Columns of Code-Point Open, whose files have no header."""
ALIASES = {
    "postcode": "pc", "pcds": "pc", "positional_quality_indicator": "pq", "eastings": "ea", "e": "ea", "northings": "no", "n": "no",
    "admin_district_code": "dc", "lad": "dc", "easting_m": "easting", "northing_m": "northing", "district": "postcode_district",
}  # fmt: skip
"""Other names of columns, in headers that publishers and users write."""
QUALITY_M = {"10": 60.0, "20": 60.0, "30": 100.0, "40": 150.0, "50": 200.0, "60": 1_000.0}
"""Distance within which a postcode lies, by its positional quality; 90 has no position."""
CLASS_OF_LOCAL_TYPE = {
    "railway station": "railway", "london underground station": "subway", "light rapid transit station": "tram_stop",
    "hospital": "hospital", "medical care accommodation": "clinic", "airport": "airport", "primary education": "school",
    "secondary education": "school", "non state primary education": "school", "non state secondary education": "school",
    "further education": "college", "higher or university education": "university", "numbered road": "primary",
}  # fmt: skip
KIND_OF_CLASS = {
    **dict.fromkeys(("city", "town", "suburb", "village", "hamlet", "neighbourhood", "island", "locality"), index.LOCALITY),
    **dict.fromkeys(("motorway", "trunk", "primary", "secondary", "tertiary", "minor", "service", "track", "street"), index.STREET),
    "ward": index.WARD, "junction": index.JUNCTION, "raceway": index.STREET,
}  # fmt: skip
MAX_MEMBERS, MAX_MEMBER_BYTES, MAX_ARCHIVE_BYTES = 5_000, 200_000_000, 4_000_000_000
"""OS Open Names of Great Britain has 819 files and 1 GB; an archive beyond these limits is damaged or made to do harm."""
MAX_NAME_LENGTH, MIN_EXTENT_M = 200, 100.0
_ZIP = b"PK\x03\x04"
_MULTIBYTE = re.compile(rb"[\xc3-\xc5\xe2][\x80-\xbf]")
_FORMS = (
    "OS Open Names or Code-Point Open (the zip or a csv of it), an OpenStreetMap extract (.osm.pbf), or a csv with the columns name, "
    "easting and northing"
)
Row = Mapping[str, str]


@dataclass(slots=True)
class PlaceFiles:
    """Entries and sources that were read from the files of one import."""

    places: list[Place] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    n_outside: int = 0
    """Entries outside London, which were skipped."""
    n_without_position: int = 0

    def add(self, place: Place, source: Source) -> None:
        """Add an entry unless it lies outside London."""
        west, south, east, north = LONDON_BOX
        if not (west <= place.easting_m <= east and south <= place.northing_m <= north):
            self.n_outside += 1
            return
        if source not in self.sources:
            self.sources.append(source)
        self.places.append(replace(place, source=self.sources.index(source)))


def read_place_files(paths: Sequence[Path], own: Source | None = None) -> PlaceFiles:
    """Read gazetteers. Raises: BadFile for the first that is none, or has no entry in London.

    Args: own: licence and attribution of csv files of one's own; their name is that of the file.
    """
    found = PlaceFiles(sources=[index.BUILT_IN])
    for path in paths:
        # per file, so that the message names the one that is of no use
        n_before = len(found.places)
        start = _start(path)
        if is_extract(start):
            places, source = read_place_map(path)
            for place in places:
                found.add(place, source)
        elif start.startswith(_ZIP):
            _read_archive(path, found)
        else:
            _read_table(path, _decoded(path), found, own)
        if len(found.places) == n_before:
            outside = f" ({found.n_outside:,} outside)" if found.n_outside else ""
            problem = f"has no place with a name in London{outside}"
            raise BadFile(path, problem, "Name the file or the tiles that hold London (TQ, TL).")
    return found


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError as error:
        raise BadFile(path, f"cannot be read ({error.strerror})", f"Name {_FORMS}.") from error


def _decoded(path: Path) -> Iterator[str]:
    detected = detect_file(path)
    if detected.container != CSV:
        raise BadFile(path, "is a workbook", "Save its sheet as csv.")
    pieces = chunks(path, is_gzip=detected.is_gzip)
    if detected.encoding not in ("utf-8", UTF16):
        pieces = _require_one_encoding(path, pieces)
    return codecs.iterdecode(pieces, "utf-8-sig" if detected.encoding == "utf-8" else detected.encoding)


def _require_one_encoding(path: object, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield text in Windows-1252. Raises: BadFile if parts of it are UTF-8, as names would be spoilt in silence."""
    number = 1
    for piece in pieces:
        if found := _MULTIBYTE.search(piece):
            line = number + piece.count(b"\n", 0, found.start())
            problem = f"mixes UTF-8 with another encoding (line {line})"
            raise BadFile(path, problem, "Save each part of it again as UTF-8, or fetch the file again.")
        number += piece.count(b"\n")
        yield piece


def _read_archive(path: Path, found: PlaceFiles) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [each for each in archive.infolist() if each.filename.lower().endswith(".csv")]
            _validate_archive(path, members)
            # the data files have no header: it lies in a file of its own, under a name that differs by edition
            header = None
            for each in members:
                if "header" in each.filename.lower():
                    header = _header(_member(path, archive, each))
            data = [
                each
                for each in members
                if "header" not in each.filename.lower() and "/doc/" not in f"/{each.filename.lower()}"
            ]
            if not data:
                raise BadFile(path, "holds no csv file with places", f"Name {_FORMS}.")
            for each in data:
                text = iter((_member(path, archive, each),))
                _read_table(path, text, found, None, f"{path}, {each.filename}", header)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadFile(path, f"the archive is damaged or encrypted ({error})", "Fetch it again.") from error


def _validate_archive(path: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    total = sum(each.file_size for each in members)
    largest = max((each.file_size for each in members), default=0)
    if len(members) > MAX_MEMBERS or total > MAX_ARCHIVE_BYTES or largest > MAX_MEMBER_BYTES:
        problem = f"unpacks to {len(members):,} files and {total / 1e9:,.1f} GB, more than any gazetteer of Great Britain"
        raise BadFile(path, problem, "Fetch it again from the publisher.")


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    # the size that the archive states may be wrong: no more than the limit is ever unpacked
    with archive.open(member) as file:
        content = file.read(MAX_MEMBER_BYTES + 1)
    if len(content) > MAX_MEMBER_BYTES:
        raise BadFile(
            path, f"{member.filename} is larger than the archive says", "Fetch it again from the publisher."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(
            path,
            f"{member.filename} is not UTF-8 ({error.reason} at byte {error.start:,})",
            "Fetch it again.",
        ) from error


def _header(text: str) -> tuple[str, ...]:
    # the header file of Code-Point Open has two lines: short names and long ones
    return _names(next(csv.reader(io.StringIO(text)), ()))


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    lower = (strip_blanks(cell).casefold().replace(" ", "_") for cell in cells)
    return tuple(ALIASES.get(name, name) for name in lower)


def _read_table(
    path: Path,
    pieces: Iterator[str],
    found: PlaceFiles,
    own: Source | None,
    where: str = "",
    header: tuple[str, ...] | None = None,
) -> None:
    where = where or str(path)
    start = next(pieces, "")
    if start.lstrip().startswith(("{", "[")):
        advice = "Save its table as csv with the columns name, easting and northing (British National Grid)."
        raise BadFile(where, "is JSON (such as GeoJSON), not a table", advice)
    # the header is enough, and a whole file of Great Britain would take seconds
    separator = find_layout(path, start[: 1 << 16])[0].separator
    rows = csv.reader(_lines(start, pieces), delimiter=separator, strict=True)
    try:
        first = next(rows, [])
        columns, is_header = _columns(where, first, header)
        reader = _reader(columns, path, own)
        if not is_header:
            _read_row(where, 1, columns, first, reader, found)
        for number, row in enumerate(rows, 2):
            if row:
                _read_row(where, number, columns, row, reader, found)
    except csv.Error as error:
        raise BadFile(where, f"line {rows.line_num} is not csv ({error})", "Correct its quotes.") from error


def _lines(start: str, pieces: Iterator[str]) -> Iterator[str]:
    """Yield the lines of a text that comes in pieces."""
    rest = start
    for piece in pieces:
        *lines, rest = (rest + piece).splitlines(keepends=True) or [""]
        yield from lines
    yield from rest.splitlines(keepends=True)


def _columns(
    where: str, first: Sequence[str], header: tuple[str, ...] | None
) -> tuple[tuple[str, ...], bool]:
    """Return the names of the columns, and whether the first row holds them."""
    names = _names(first)
    if (
        {"name1", "geometry_x"} <= set(names)
        or {"pc", "ea", "no"} <= set(names)
        or {"name", "easting", "northing"} <= set(names)
    ):
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise BadFile(where, f"has several columns called {', '.join(twice)}", "Keep one of each.")
        return names, True
    # without a header only the number of columns and the first cell show what the file is
    by_content = NAMES_COLUMNS if len(first) == len(NAMES_COLUMNS) else CODE_POINT_COLUMNS
    is_data = len(first) == len(by_content) and (
        by_content is NAMES_COLUMNS or find_postcode(first[0]) is not None
    )
    if not is_data:
        shown = ", ".join(first)[:120]
        raise BadFile(
            where, f"has the header {shown!r}, which is of no gazetteer known here", f"Name {_FORMS}."
        )
    if header is not None and len(header) != len(first):
        raise BadFile(
            where, f"has {len(first)} columns and its header file {len(header)}", "Fetch the archive again."
        )
    return header or by_content, False


Reader = Callable[[Row], tuple[Place, Source] | None]


def _reader(columns: tuple[str, ...], path: Path, own: Source | None) -> Reader:
    if "name1" in columns:
        return _open_name
    if "pc" in columns:
        return _code_point
    stated = own or Source("", "not stated", "")
    source = replace(stated, name=path.name, attribution=stated.attribution or path.name)
    return lambda row: (_own_place(row), source)


def _read_row(
    where: str, number: int, columns: tuple[str, ...], row: Sequence[str], reader: Reader, found: PlaceFiles
) -> None:
    if len(row) != len(columns):
        raise BadFile(
            where,
            f"row {number} has {len(row)} fields and the header {len(columns)}",
            "Correct that row, or fetch the file again.",
        )
    try:
        read = reader(dict(zip(columns, row, strict=True)))
    except ValueError as error:
        raise BadFile(
            where, f"row {number}: {error}", "Correct that row, or fetch the file again."
        ) from error
    if read is None:
        found.n_without_position += 1
    else:
        found.add(*read)


def _number(row: Row, name: str) -> float:
    text = row[name].strip()
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"column {name} is {text[:40]!r}, which is not a number of metres") from None
    # false for NaN too, which float() reads
    if not -1e7 < value < 1e7:
        raise ValueError(f"column {name} is {text[:40]!r}, which is not a number of metres")
    return value


def _name(text: str) -> str:
    # marks of the writing direction and the like come with names that were copied from web pages
    name = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    if not name or len(name) > MAX_NAME_LENGTH:
        raise ValueError(f"the name {name[:40]!r} is empty or longer than {MAX_NAME_LENGTH} characters")
    return name


def _code_point(row: Row) -> tuple[Place, Source] | None:
    code = find_postcode(row["pc"])
    if code is None:
        raise ValueError(f"{row['pc'][:40]!r} is not a postcode")
    easting_m, northing_m = _number(row, "ea"), _number(row, "no")
    radius_m = QUALITY_M.get(row.get("pq", "10").strip())
    if radius_m is None or not easting_m:
        return None
    borough = index.borough_of_code(row.get("dc", "").strip())
    return Place(index.POSTCODE, code, easting_m, northing_m, borough, code.split()[0], radius_m), CODE_POINT


def _open_name(row: Row) -> tuple[Place, Source] | None:
    kind_of, local = row["type"].casefold(), row["local_type"].casefold()
    easting_m, northing_m = _number(row, "geometry_x"), _number(row, "geometry_y")
    # as the records and the list of stations write it: Westminster, but City of London
    borough = row["district_borough"].removeprefix("City of ")
    borough = borough if borough in index.boroughs() else row["district_borough"]
    name, district = _name(row["name1"]), row["postcode_district"].strip()
    if local == "postcode":
        return Place(
            index.POSTCODE, find_postcode(name) or name, easting_m, northing_m, borough, district
        ), OPEN_NAMES
    # named and numbered roads, and sections of them
    if "road" in local:
        kind = index.STREET
    else:
        kind = index.LOCALITY if kind_of == "populatedplace" else index.INTEREST
    place_class = CLASS_OF_LOCAL_TYPE.get(local, "" if kind != index.INTEREST else local)
    also = f"{row['name2']} {row['populated_place']}" if kind == index.STREET else row["name2"]
    return Place(
        kind, name, easting_m, northing_m, borough, district, _extent(row), place_class, also
    ), OPEN_NAMES


def _extent(row: Row) -> float:
    """Return half the diagonal of the box around an entry; 0 without a box."""
    if not row["mbr_xmin"].strip():
        return 0.0
    width_m = _number(row, "mbr_xmax") - _number(row, "mbr_xmin")
    height_m = _number(row, "mbr_ymax") - _number(row, "mbr_ymin")
    return float(round(math.hypot(width_m, height_m) / 2))


def _own_place(row: Row) -> Place:
    # the finer of two classes where it is known here: `townhall` of `town_hall`, but not `pitch` of `stadium`
    place_class = (row.get("subclass") or row.get("class") or "").strip().casefold()
    if place_class not in index.ABOUT and place_class not in index.IMPORTANCE:
        place_class = row.get("class", "").strip().casefold() or place_class
    kind = row.get("kind", "").strip().casefold() or KIND_OF_CLASS.get(place_class, index.INTEREST)
    if kind not in index.DEFAULT_RADIUS_M:
        raise ValueError(
            f"column kind is {kind[:40]!r}, which is none of {', '.join(sorted(index.DEFAULT_RADIUS_M))}"
        )
    extent = row.get("extent_m", "").strip()
    name = _name(row["name"])
    if kind == index.POSTCODE:
        # the search looks postcodes up as they are printed, so another spelling would never be found
        spelt = find_postcode(name)
        if spelt is None:
            raise ValueError(f"column name is {name[:40]!r}, which is no postcode")
        name = spelt
    return Place(
        kind,
        name,
        _number(row, "easting"),
        _number(row, "northing"),
        row.get("borough", "").strip(),
        row.get("postcode_district", "").strip().upper(),
        # the name of a street is often drawn along a part of it
        max(_number(row, "extent_m") / 2, MIN_EXTENT_M) if extent not in ("", "0") else 0.0,
        place_class,
        row.get("ref", "").replace(";", " "),
    )
