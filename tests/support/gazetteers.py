"""Small gazetteers in the forms in which they are published, with places whose answers are known."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from support.road_maps import Way, write_osm

from londonpump.ingest.place_files import NAMES_COLUMNS
from londonpump.places.index import (
    BUILT_IN,
    INTEREST,
    LOCALITY,
    POSTCODE,
    STREET,
    Place,
    build,
    complete,
    own_places,
)
from londonpump.places.search import PlaceSearch

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "gazetteer"
"""The gazetteers of London, where the shared data lie beside the project."""
CODE_POINT_HEADER = (
    "PC,PQ,EA,NO,CY,RH,LH,CC,DC,WC\n"
    "Postcode,Positional_quality_indicator,Eastings,Northings,Country_code,NHS_regional_HA_code,NHS_HA_code,"
    "Admin_county_code,Admin_district_code,Admin_ward_code\n"
)
CODE_POINT_ROWS = (
    '"SW1A1AA",10,529090,179645,"E92000001","E19000003","E18000007","","E09000033","E05013806"\n'
    '"SW1A2AA",10,530047,179951,"E92000001","E19000003","E18000007","","E09000033","E05013806"\n'
    '"E1  1BB",50,534829,181798,"E92000001","E19000003","E18000007","","E09000030","E05009317"\n'
    '"SW1A9ZZ",90,0,0,"E92000001","E19000003","E18000007","","E09000033","E05013806"\n'
)
OPEN_NAMES = (
    ("Acton", "populatedPlace", "Suburban Area", 519933, 180214, "W3", "Ealing", 900),
    ("Church Road", "transportNetwork", "Named Road", 520176, 179903, "W3", "Ealing", 300),
    ("Whitehall", "transportNetwork", "Named Road", 530065, 180297, "SW1A", "City of Westminster", 600),
    ("Acton Central", "transportNetwork", "Railway Station", 520650, 180380, "W3", "Ealing", 0),
    ("SE1 7PB", "other", "Postcode", 530625, 179850, "SE1", "Lambeth", 0),
    ("Arthur's Seat", "landform", "Hill Or Mountain", 327500, 672900, "EH16", "City of Edinburgh", 0),
)
PLACES = (
    Place(LOCALITY, "Acton", 519_933, 180_214, "Ealing", "W3"),
    Place(LOCALITY, "Mitcham", 527_900, 168_700, "Merton", "CR4"),
    Place(STREET, "Church Road", 520_176, 179_903, "Ealing", "W3", place_class="minor"),
    Place(STREET, "Church Road", 527_152, 168_642, "Merton", "CR4", 270, place_class="tertiary"),
    Place(STREET, "Trafalgar Sq.", 530_059, 180_412, "Westminster", "WC2N", 58, "primary", "A4"),
    Place(STREET, "Edgware Road", 527_380, 181_367, "Westminster", "W2", 610, "trunk", "A5"),
    Place(STREET, "Harrow Road", 526_900, 181_700, "Westminster", "W2", 800, "primary", "A404"),
    Place(STREET, "Blackfriars Rd.", 531_654, 179_920, "Southwark", "SE1", 475, "primary"),
    Place(STREET, "St John's Hill", 527_064, 175_286, "Wandsworth", "SW11", 300, "primary"),
    Place(STREET, "Electric Avenue", 531_100, 175_400, "Lambeth", "SW9", 90, "minor"),
    Place(STREET, "Electric Avenue", 533_877, 184_846, "Hackney", "E8", 90, "minor"),
    Place(INTEREST, "Heathrow Terminal 5", 505_131, 175_923, "Hillingdon", "TW6", place_class="subway"),
    Place(INTEREST, "King's Cross St. Pancras", 530_223, 182_928, "Camden", "N1", place_class="subway"),
    Place(INTEREST, "University College Hospital", 529_375, 182_305, "Camden", "NW1", place_class="hospital"),
    Place(INTEREST, "Canary Wharf", 537_452, 180_317, "Tower Hamlets", "E14", place_class="railway"),
    Place(INTEREST, "St John's Café", 531_900, 183_900, "Islington", "N1"),
    Place(POSTCODE, "SW1A 2AA", 530_047, 179_951, "Westminster", "SW1A", 60),
    Place(POSTCODE, "SW1A 2AB", 530_057, 179_951, "Westminster", "SW1A", 60),
    Place(POSTCODE, "IG1 1NN", 544_144, 186_655, "Redbridge", "IG1", 60),
)


def search_in(places: Sequence[Place] = PLACES, *, stations: Sequence = ()) -> PlaceSearch:
    """Return the search in places, without the stations of London."""
    return PlaceSearch(build(None, complete([*own_places(stations), *places]), (BUILT_IN,)))


def open_names_text(entries: Sequence[tuple] = OPEN_NAMES) -> str:
    """Return a file of OS Open Names: 34 columns, no header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for number, (name, kind, local, east, north, district, borough, size) in enumerate(entries):
        row = dict.fromkeys(NAMES_COLUMNS, "")
        row |= {"id": f"osgb{number:016}", "name1": name, "type": kind, "local_type": local}
        row |= {
            "geometry_x": east,
            "geometry_y": north,
            "postcode_district": district,
            "district_borough": borough,
        }
        if size:
            row |= {
                "mbr_xmin": east - size / 2,
                "mbr_xmax": east + size / 2,
                "mbr_ymin": north,
                "mbr_ymax": north,
            }
        writer.writerow(row.values())
    return text.getvalue()


def write_zip(path: Path, members: Mapping[str, str | bytes]) -> Path:
    """Write an archive with these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_open_names(path: Path) -> Path:
    """Write the zip of OS Open Names: data by squares, and the header in a file of its own."""
    header = ",".join(NAMES_COLUMNS).upper()
    members = {"Doc/OS_Open_Names_Header.csv": f"\ufeff{header}\r\n", "Doc/licence.txt": "OGL"}
    return write_zip(path, {**members, "Data/TQ28.csv": f"\ufeff{open_names_text()}"})


def write_code_point(path: Path) -> Path:
    """Write the zip of Code-Point Open: data by areas, and the header in a file of its own."""
    members = {
        "Doc/Code-Point_Open_Column_Headers.csv": CODE_POINT_HEADER,
        "Data/CSV/sw.csv": CODE_POINT_ROWS,
    }
    return write_zip(path, members)


def write_named_map(path: Path) -> Path:
    """Write an extract: "A Road" in two parts crosses "B Street" near the middle; a hospital and a suburb lie beside them."""
    points = {
        1: (-300, 0),
        2: (0, 0),
        3: (300, 0),
        4: (0, 300),
        5: (0, -300),
        6: (500, 500),
        7: (-500, 500),
        8: (0, 900),
    }
    ways = [
        Way([1, 2], "primary", {"name": "A Road", "ref": "A1"}),
        Way([2, 3], "primary", {"name": "A Road", "ref": "A1"}),
        Way([4, 2, 5], "residential", {"name": "B Street"}),
        Way([6, 8], "service", {"name": "No Road For Cars"}),
    ]
    marks = {6: {"amenity": "hospital", "name": "Great Hospital"}, 7: {"place": "suburb", "name": "Oldtown"}}
    return write_osm(path, points, ways, marks, dated="2026-11-01T00:00:00Z")
