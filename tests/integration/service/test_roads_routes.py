"""`/v1/roads` and `/v1/roads/route`: what they return, to whom, and what without roads."""

from itertools import count
from pathlib import Path

import numpy as np
import pytest
from support.console_client import signed_in
from support.road_maps import EAST_M, NORTH_M, Way, station, write_osm

from londonpump.domain.national_grid import to_degrees, to_grid
from londonpump.roads.make import make_table
from londonpump.roads.table import open_table

CROSS = {0: (500, 500), 1: (0, 500), 2: (1000, 500), 3: (500, 0), 4: (500, 1000)}
WAYS = [Way([1, 0, 2]), Way([3, 0, 4])]
STATION = station("A21", 0, 500)
NUMBERS = count()
TO = {"easting_m": EAST_M + 500, "northing_m": NORTH_M + 1000}


@pytest.fixture(scope="module")
def map_file(tmp_path_factory) -> Path:
    return write_osm(tmp_path_factory.mktemp("map") / "map.osm.pbf", CROSS, WAYS)


@pytest.fixture
def home_roads(live_service) -> Path:
    return live_service.client.app.state.service.settings.roads


@pytest.fixture
def table(map_file, home_roads):
    return open_table(make_table(map_file, [STATION], home_roads, {}, is_partial=False).folder)


def get(live_service, path, role="operator", **params):
    headers = live_service.bearer(f"{role}-{next(NUMBERS)}", role)
    return live_service.client.get(path, params=params, headers=headers)


def test_roads_are_shown_with_licence_attribution_and_extent(live_service, table):
    shown = get(live_service, "/v1/roads", role="analyst").json()
    assert shown["name"] == table.name
    assert (shown["source"], shown["attribution"]) == ("OpenStreetMap", "© OpenStreetMap contributors")
    assert "ODbL" in shown["licence"]
    assert shown["extent"]["west"] < shown["extent"]["east"]
    assert shown["stations"] == 1


def test_without_roads_both_say_how_to_import_them(live_service):
    answers = [get(live_service, "/v1/roads"), get(live_service, "/v1/roads/route", station="A21", **TO)]
    for answer in answers:
        assert answer.status_code == 404
        assert "londonpump roads import FILE" in answer.json()["detail"]


def test_a_route_is_a_line_along_the_roads(live_service, table):
    feature = get(live_service, "/v1/roads/route", station="a21", **TO).json()
    assert (feature["type"], feature["geometry"]["type"]) == ("Feature", "LineString")
    longitude, latitude = np.array(feature["geometry"]["coordinates"]).T
    line = np.stack(to_grid(latitude, longitude), axis=1) - [EAST_M, NORTH_M]
    assert line == pytest.approx(np.array([[0, 500], [500, 500], [500, 1000]]), abs=1.5)
    properties = feature["properties"]
    values = table.look_up(["A21"], [TO["easting_m"]], [TO["northing_m"]])
    assert properties["metres"] == pytest.approx(float(values["road_m"][0]), abs=1)
    assert properties["seconds"] == pytest.approx(float(values["road_s"][0]), abs=0.2)
    assert properties["attribution"] == "© OpenStreetMap contributors"


def test_degrees_and_grid_give_the_same_route(live_service, table):
    latitude, longitude = to_degrees(*TO.values())
    by_degrees = {"latitude": float(latitude), "longitude": float(longitude)}
    first = get(live_service, "/v1/roads/route", station="A21", **TO).json()
    again = get(live_service, "/v1/roads/route", role="service", station="A21", **by_degrees).json()
    assert first == again


@pytest.mark.parametrize(
    ("params", "status", "text"),
    [
        ({"station": "A21"}, 422, "give one of"),
        ({"station": "A21", "easting_m": 530_000}, 422, "give one of"),
        ({"station": "A21", "latitude": 51.5, **TO}, 422, "give one of"),
        ({"station": "A21", "easting_m": "x", "northing_m": 180_000}, 422, "easting_m"),
        ({"station": "??", **TO}, 422, "is not a station code"),
        ({"station": "A23", **TO}, 404, "No way by road is known from station A23"),
        ({"station": "A21", "easting_m": 510_000, "northing_m": 180_000}, 404, "No way by road is known"),
    ],
)
def test_a_wrong_question_is_answered_with_what_is_wrong(params, status, text, live_service, table):
    answer = get(live_service, "/v1/roads/route", **params)
    assert (answer.status_code, text in answer.json()["detail"]) == (status, True), answer.text


def test_analysts_see_no_routes(live_service, table):
    assert get(live_service, "/v1/roads/route", role="analyst", station="A21", **TO).status_code == 403


def test_an_import_takes_effect_without_a_restart(live_service, table, home_roads, tmp_path):
    before = get(live_service, "/v1/roads").json()["name"]
    other = write_osm(tmp_path / "map.osm.pbf", CROSS | {4: (500, 900)}, WAYS)
    made = make_table(other, [STATION], home_roads, {}, is_partial=False)
    assert get(live_service, "/v1/roads", role="admin").json()["name"] == made.folder.name != before


def test_a_damaged_table_is_a_503_without_its_path(live_service, table):
    (table.folder / "road_s.npy").write_bytes(b"")
    answer = get(live_service, "/v1/roads")
    assert answer.status_code == 503
    assert str(table.folder) not in answer.text


def test_the_map_of_the_console_gets_the_same_route_by_its_cookie(live_service, table):
    latitude, longitude = to_degrees(*TO.values())
    point = f"latitude={float(latitude)}&longitude={float(longitude)}"
    with signed_in(live_service, "amelia") as amelia:
        found = amelia.get(f"/console/route?station=A21&{point}")
        assert found.json() == get(live_service, "/v1/roads/route", station="A21", **TO).json()
        # no way from this station: nothing to draw, and nothing that a browser reports as an error
        assert amelia.get(f"/console/route?station=A23&{point}").status_code == 204
        assert amelia.get("/console/route?station=A21").status_code == 422
    with signed_in(live_service, "anna", "analyst") as anna:
        assert anna.get(f"/console/route?station=A21&{point}").status_code == 403


def test_without_roads_the_map_of_the_console_gets_nothing(live_service):
    with signed_in(live_service, "amelia") as amelia:
        answer = amelia.get("/console/route?station=A21&latitude=51.5&longitude=-0.1")
        assert (answer.status_code, answer.content) == (204, b"")
