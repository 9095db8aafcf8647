"""Imports of maps: what is refused with which message, what is stored, and that a table is whole or not there."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.road_maps import EAST_M, NORTH_M, Way, station, write_open_roads, write_osm

from londonpump.domain.errors import BadFile
from londonpump.features.roads import ways
from londonpump.roads.make import make_table
from londonpump.roads.store import current_table
from londonpump.roads.table import CARD, FOLDERS, open_table

pytestmark = pytest.mark.long
CROSS = {0: (500, 500), 1: (0, 500), 2: (1000, 500), 3: (500, 0), 4: (500, 1000)}
WAYS = [Way([1, 0, 2]), Way([3, 0, 4])]
STATION = station("A1", 0, 500)


@pytest.fixture
def map_file(tmp_path: Path) -> Path:
    return write_osm(tmp_path / "map.osm.pbf", CROSS, WAYS, dated="2025-06-02T20:21:00Z")


def imported(path: Path, out: Path, stations=(STATION,), *, is_partial=False):
    return open_table(make_table(path, stations, out, {"software": "x"}, is_partial=is_partial).folder)


def refusal(path: Path, out: Path, stations=(STATION,), *, is_partial=False) -> str:
    before = sorted(out.rglob("*"))
    with pytest.raises(BadFile) as caught:
        make_table(path, stations, out, {}, is_partial=is_partial)
    assert sorted(out.rglob("*")) == before
    return str(caught.value)


def test_a_table_carries_source_date_licence_and_extent(map_file, tmp_path):
    table = imported(map_file, tmp_path / "roads")
    assert (table.source, table.date) == ("OpenStreetMap", "2025-06-02")
    assert "ODbL" in table.licence
    assert table.attribution == "© OpenStreetMap contributors"
    extent = table.extent
    assert extent["west"] < -0.12 < extent["east"]
    assert extent["south"] < 51.51 < extent["north"]
    assert table.name == table.folder.name
    assert (
        current_table(tmp_path / "roads").name
        == FOLDERS.named(tmp_path / "roads", table.name).name
        == table.name
    )


def test_the_same_map_gives_the_same_name_and_another_map_another(map_file, tmp_path):
    first = imported(map_file, tmp_path / "a")
    assert imported(map_file, tmp_path / "b").name == first.name
    other = write_osm(tmp_path / "other.osm.pbf", CROSS | {4: (500, 900)}, WAYS, dated="2025-06-02T20:21:00Z")
    assert imported(other, tmp_path / "a").name != first.name
    # the older table stays for the models that were trained with it
    assert (
        FOLDERS.named(tmp_path / "a", first.name).look_up(["A1"], [EAST_M], [NORTH_M + 500])["road_m"][0] == 0
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is not a map of roads"),
        (b"IncidentNumber,CalYear\n1,2023\n", "is not a map of roads"),
        (b"PK\x03\x04 and more", "Unpack it"),
        (
            b"\x00\x00\x00\x0d\x0a\x09OSMHeader and then nothing of the kind",
            "cannot be read as an OpenStreetMap",
        ),
        (b"SQLite format 3\x00 and then nothing of the kind", "cannot be read as OS Open Roads"),
    ],
)
def test_a_file_that_is_no_map_is_refused(content, problem, tmp_path):
    path = tmp_path / "map.osm.pbf"
    path.write_bytes(content)
    assert problem in refusal(path, tmp_path / "roads")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "cannot be read" in refusal(tmp_path / "none.osm.pbf", tmp_path / "roads")
    assert "cannot be read" in refusal(tmp_path, tmp_path / "roads")


def test_a_map_cut_short_is_refused(map_file, tmp_path):
    content = map_file.read_bytes()
    map_file.write_bytes(content[: len(content) * 2 // 3])
    message = refusal(map_file, tmp_path / "roads")
    assert str(map_file) in message
    assert "Fetch it again" in message


def test_a_map_without_roads_is_refused(tmp_path):
    footpaths = write_osm(tmp_path / "a.osm.pbf", CROSS, [Way([1, 0, 2], "footway")])
    assert "no drivable roads" in refusal(footpaths, tmp_path / "roads")
    elsewhere = {number: (east, north + 90_000) for number, (east, north) in CROSS.items()}
    assert "has no roads in London" in refusal(
        write_osm(tmp_path / "b.osm.pbf", elsewhere, WAYS), tmp_path / "roads"
    )


def test_a_network_in_pieces_is_refused(tmp_path):
    points = CROSS | {5: (800, 700), 6: (800, 800)}
    path = write_osm(tmp_path / "map.osm.pbf", points, [*WAYS, Way([5, 6])])
    message = refusal(path, tmp_path / "roads")
    assert "only 95.2% of the length" in message
    assert "at least 97%" in message


def test_an_open_station_far_from_any_road_is_refused_and_a_closed_one_has_no_ways(map_file, tmp_path):
    far = station("B1", 1000, 900)
    assert "Station B1 (B1) lies 400 m from its nearest road" in refusal(
        map_file, tmp_path / "roads", (STATION, far)
    )
    closed = station("B1", 1000, 900, "closed")
    assert imported(map_file, tmp_path / "roads", (STATION, closed)).stations.tolist() == ["A1"]
    near = station("B1", 1000, 700, "closed")
    assert imported(map_file, tmp_path / "roads", (STATION, near)).stations.tolist() == ["A1", "B1"]


def test_a_part_of_london_is_refused_without_the_option(map_file, tmp_path):
    outside = station("B1", 5000, 500)
    message = refusal(map_file, tmp_path / "roads", (STATION, outside))
    assert "1 open stations lie outside it, among them Station B1 (B1)" in message
    assert "--partial" in message
    table = imported(map_file, tmp_path / "roads", (STATION, outside), is_partial=True)
    assert table.is_partial
    assert table.stations.tolist() == ["A1"]
    assert "no open station" in refusal(map_file, tmp_path / "roads", (outside,), is_partial=True)


def test_a_river_station_has_no_ways(map_file, tmp_path):
    table = imported(map_file, tmp_path / "roads", (STATION, station("H1", 500, 500, "river")))
    assert table.stations.tolist() == ["A1"]


LINKS: list[dict[str, Any]] = [
    {"points": [1, 0], "road_classification": "A Road", "road_function": "A Road", "primary_route": True},
    {"points": [0, 2], "road_classification": "A Road", "road_function": "A Road"},
    {"points": [3, 0], "road_classification": "B Road", "road_function": "B Road"},
    {"points": [0, 4], "road_classification": "Classified Unnumbered", "road_function": "Minor Road"},
    {"points": [1, 4], "road_function": "Restricted Local Access Road"},
]


def test_os_open_roads_are_read_with_their_classes(tmp_path):
    table = imported(write_open_roads(tmp_path / "oproad_gb.gpkg", CROSS, LINKS), tmp_path / "roads")
    assert table.source == "OS Open Roads"
    assert "OGL" in table.licence
    assert table.attribution.startswith("Contains OS data © Crown copyright and database right")
    assert table.date is not None
    found = table.look_up(["A1"] * 3, EAST_M + np.array([900, 500, 500]), NORTH_M + np.array([500, 100, 900]))
    assert found["road_m_trunk"] == pytest.approx([500] * 3, abs=2)
    assert found["road_m_primary"] == pytest.approx([400, 0, 0], abs=2)
    assert found["road_m_secondary"] == pytest.approx([0, 400, 0], abs=2)
    # by the restricted road the last one would be 807 m
    assert found["road_m"] == pytest.approx([900] * 3, abs=1)
    assert found["road_m_tertiary"] == pytest.approx([0, 0, 400], abs=2)


def test_open_roads_that_only_cross_are_not_joined(tmp_path):
    points = {1: (0, 0), 2: (0, 1000), 3: (-500, 500), 4: (500, 500), 5: (500, 1000), 6: (0, 500)}
    # the bridge 3-4 passes over 1-2 at (0, 500), where neither has a node
    links = [{"points": [1, 6, 2]}, {"points": [2, 5]}, {"points": [5, 4]}, {"points": [4, 6, 3]}]
    table = imported(
        write_open_roads(tmp_path / "a.gpkg", points, links), tmp_path / "roads", (station("A1", 0, 0),)
    )
    assert table.look_up(["A1"], [EAST_M - 500], [NORTH_M + 500])["road_m"][0] == pytest.approx(3000, abs=1)


def test_another_geopackage_is_refused(tmp_path):
    path = write_open_roads(tmp_path / "a.gpkg", CROSS, LINKS, without=("road_function",))
    assert "lacks road_function in layer road_link" in refusal(path, tmp_path / "roads")
    path = write_open_roads(tmp_path / "b.gpkg", CROSS, LINKS, crs="EPSG:3857")
    assert "is not on the British National Grid" in refusal(path, tmp_path / "roads")


def test_a_damaged_table_is_never_used_and_made_again_by_an_import(map_file, tmp_path):
    out = tmp_path / "roads"
    table = imported(map_file, out)
    damaged = table.folder / "road_s.npy"
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(BadFile, match=r"road_s\.npy: is not what was stored"):
        open_table(table.folder)
    assert imported(map_file, out).name == table.name
    card = json.loads((table.folder / CARD).read_text())
    (table.folder / CARD).write_text(json.dumps(card | {"licence": "none"}))
    with pytest.raises(BadFile, match=r"roads\.json: is not what was stored"):
        open_table(table.folder)
    (table.folder / CARD).write_text(json.dumps(card | {"format": 99}))
    with pytest.raises(BadFile, match="another version"):
        open_table(table.folder)
    shutil.rmtree(table.folder)
    with pytest.raises(BadFile, match="is not a table of roads"):
        current_table(out)
    with pytest.raises(BadFile, match="holds no roads"):
        current_table(tmp_path / "empty")
    with pytest.raises(BadFile, match="is not the name"):
        FOLDERS.named(out, "../../etc")


def test_two_imports_at_once_leave_one_whole_table(map_file, tmp_path):
    out = tmp_path / "roads"
    out.mkdir()
    with ProcessPoolExecutor(2) as pool:
        names = [done.result() for done in [pool.submit(_import_name, map_file, out) for _ in range(2)]]
    assert names[0] == names[1] == current_table(out).name
    assert sorted(entry.name for entry in out.iterdir()) == sorted([names[0], "current.json"])


def _import_name(path: Path, out: Path) -> str:
    return imported(path, out).name


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from typing import Any
from support.road_maps import station
from londonpump.domain.errors import BadFile
from londonpump.roads.make import make_table
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    make_table(Path(sys.argv[1]), [station("A1", 0, 500)], Path(sys.argv[2]), {}, is_partial=False)
except BadFile as error:
    print(error)
"""


def test_a_full_disk_leaves_the_table_in_use(map_file, tmp_path):
    out = tmp_path / "roads"
    before = imported(map_file, out)
    other = write_osm(tmp_path / "other.osm.pbf", CROSS | {4: (500, 900)}, WAYS)
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(other), str(out)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert "cannot be written" in done.stdout
    assert "The roads in use stay" in done.stdout
    assert current_table(out).name == before.name
    assert sorted(entry.name for entry in out.iterdir()) == sorted([before.name, "current.json"])


def test_a_station_that_was_moved_after_the_import_has_no_known_way(tmp_path):
    table = imported(write_open_roads(tmp_path / "a.gpkg", CROSS, LINKS), tmp_path / "roads")
    code = np.array(["A1", "A1", "Z9"], object)
    begins_m = table._station_m[table.number_stations(["A1"])[0]]
    east_m = np.array([begins_m[0], begins_m[0] + 150, begins_m[0]])
    columns = {
        "mobilised_us": np.zeros(3, np.int64),
        "station_code": code,
        "station_easting_m": east_m,
        "station_northing_m": np.full(3, begins_m[1]),
        "easting_m": np.full(3, EAST_M + 900),
        "northing_m": np.full(3, NORTH_M + 500),
    }
    assert np.isfinite(ways(table, columns)[:, 0]).tolist() == [True, False, False]


def test_the_name_of_the_file_does_not_change_the_name_of_the_table(tmp_path):
    path = write_open_roads(tmp_path / "a.gpkg", CROSS, LINKS)
    first = imported(path, tmp_path / "one")
    assert imported(path.rename(tmp_path / "b.gpkg"), tmp_path / "two").name == first.name
