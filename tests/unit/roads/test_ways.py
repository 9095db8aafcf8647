"""Ways on hand-made maps whose answers are worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from support.road_maps import EAST_M, NORTH_M, Way, station, write_osm

from londonpump.roads.lines import JUNCTION_S
from londonpump.roads.make import make_table
from londonpump.roads.table import RoadTable, open_table

pytestmark = pytest.mark.long
TOLERANCE_S, TOLERANCE_M = 0.11, 1.0


def made(folder: Path, points, ways, stations, **options) -> RoadTable:
    path = write_osm(folder / "map.osm.pbf", points, ways, **options)
    return open_table(make_table(path, stations, folder / "roads", {}, is_partial=False).folder)


def way(table: RoadTable, code: str, east_m: float, north_m: float) -> dict[str, float]:
    values = table.look_up([code], [EAST_M + east_m], [NORTH_M + north_m])
    return {name: float(value[0]) for name, value in values.items()}


def kmh(speed: float, length_m: float) -> float:
    return length_m / speed * 3.6


def test_a_straight_primary_road_takes_its_length_at_its_speed(tmp_path):
    table = made(
        tmp_path, {1: (0, 0), 2: (0, 400), 3: (0, 1000)}, [Way([1, 2, 3], "primary")], [station("A1", 0, 0)]
    )
    found = way(table, "A1", 0, 1000)
    assert found["road_s"] == pytest.approx(kmh(55, 1000), abs=TOLERANCE_S)
    assert found["road_m"] == found["road_m_primary"] == pytest.approx(1000, abs=TOLERANCE_M)
    assert found["road_m_minor"] == found["road_junctions"] == found["road_turns"] == 0


def test_the_faster_class_wins_over_the_shorter_way(tmp_path):
    points = {1: (0, 0), 2: (0, 1000), 3: (300, 0), 4: (300, 1000)}
    ways = [Way([1, 2]), Way([1, 3, 4, 2], "trunk")]
    table = made(tmp_path, points, ways, [station("A1", 0, 0)])
    # 1,600 m of a trunk road take 97.6 s, 1,000 m of a minor one 85.7 s
    assert way(table, "A1", 0, 1000)["road_m_minor"] == pytest.approx(1000, abs=TOLERANCE_M)
    points |= {3: (100, 0), 4: (100, 1000)}
    (tmp_path / "b").mkdir()
    table = made(tmp_path / "b", points, ways, [station("A1", 0, 0)])
    # 1,200 m take 73.2 s
    found = way(table, "A1", 0, 1000)
    assert found["road_m_trunk"] == found["road_m"] == pytest.approx(1200, abs=TOLERANCE_M)
    assert found["road_s"] == pytest.approx(kmh(59, 1200), abs=TOLERANCE_S)


def test_a_one_way_street_is_driven_in_its_direction_only(tmp_path):
    points = {1: (0, 0), 2: (0, 300), 3: (500, 300), 4: (500, 0)}
    ways = [Way([1, 2], tags={"oneway": "yes"}), Way([2, 3, 4, 1])]
    table = made(tmp_path, points, ways, [station("A1", 0, 100), station("B1", 0, 200)])
    assert way(table, "A1", 0, 200)["road_m"] == pytest.approx(100, abs=TOLERANCE_M)
    # from B to A: on to the corner and round the block
    assert way(table, "B1", 0, 100)["road_m"] == pytest.approx(100 + 500 + 300 + 500 + 100, abs=TOLERANCE_M)


def test_a_street_may_be_one_way_against_the_order_of_its_points(tmp_path):
    points = {1: (0, 0), 2: (0, 300), 3: (500, 300), 4: (500, 0)}
    ways = [Way([1, 2], tags={"oneway": "-1"}), Way([2, 3, 4, 1])]
    table = made(tmp_path, points, ways, [station("A1", 0, 100), station("B1", 0, 200)])
    assert way(table, "B1", 0, 100)["road_m"] == pytest.approx(100, abs=TOLERANCE_M)
    assert way(table, "A1", 0, 200)["road_m"] == pytest.approx(1500, abs=TOLERANCE_M)


CROSS = {0: (500, 500), 1: (0, 500), 2: (1000, 500), 3: (500, 0), 4: (500, 1000)}
CROSSING_WAYS = [Way([1, 0, 2]), Way([3, 0, 4])]


def test_turns_and_junctions_are_counted_at_junctions_only(tmp_path):
    table = made(tmp_path, CROSS, CROSSING_WAYS, [station("A1", 0, 500)])
    ahead, left = way(table, "A1", 1000, 500), way(table, "A1", 500, 1000)
    assert (ahead["road_junctions"], ahead["road_turns"]) == (1, 0)
    assert (left["road_junctions"], left["road_turns"]) == (1, 1)
    assert ahead["road_s"] == pytest.approx(kmh(42, 1000) + JUNCTION_S, abs=TOLERANCE_S)
    before_it = way(table, "A1", 400, 500)
    assert (before_it["road_junctions"], before_it["road_turns"]) == (0, 0)


def test_a_bend_of_a_road_is_no_turn(tmp_path):
    points = {1: (0, 0), 2: (0, 500), 3: (500, 500)}
    table = made(tmp_path, points, [Way([1, 2, 3])], [station("A1", 0, 0)])
    found = way(table, "A1", 500, 500)
    assert found["road_m"] == pytest.approx(1000, abs=TOLERANCE_M)
    assert found["road_turns"] == 0


def test_what_the_tags_say_is_counted_and_absent_without_tags(tmp_path):
    points = {1: (0, 0), 2: (0, 200), 3: (0, 400), 4: (0, 600), 5: (0, 1000)}
    ways = [Way([1, 2, 3], tags={"maxspeed": "20 mph"}), Way([3, 4, 5])]
    marks = {2: {"highway": "traffic_signals"}, 4: {"highway": "crossing"}}
    table = made(tmp_path, points, ways, [station("A1", 0, 0)], marks=marks)
    found = way(table, "A1", 0, 1000)
    assert (found["road_signals"], found["road_crossings"]) == (1, 1)
    assert found["road_m_20mph"] == pytest.approx(400, abs=3)
    assert found["road_m_minor"] == pytest.approx(1000, abs=TOLERANCE_M)
    assert "road_calming" not in table.fields
    # the cell before the crossing
    assert way(table, "A1", 0, 500)["road_crossings"] == 0
    (tmp_path / "b").mkdir()
    plain = made(tmp_path / "b", points, [Way([1, 2, 3, 4, 5])], [station("A1", 0, 0)])
    assert {"road_signals", "road_crossings", "road_m_20mph"}.isdisjoint(plain.fields)


def test_a_road_that_is_not_joined_is_left_out(tmp_path):
    points = CROSS | {5: (600, 600), 6: (600, 640)}
    table = made(tmp_path, points, [*CROSSING_WAYS, Way([5, 6])], [station("A1", 0, 500)])
    # the cell of the lost piece is reached by the nearest road that is joined
    assert way(table, "A1", 600, 600)["road_m"] == pytest.approx(600, abs=101)
    assert table.card["kept_share"] == pytest.approx(2000 / 2040, abs=1e-4)


def test_closed_roads_and_footpaths_are_no_roads(tmp_path):
    points = {1: (0, 0), 2: (0, 1000), 3: (600, 0), 4: (600, 1000)}
    ways = [
        Way([1, 3, 4, 2]),
        Way([1, 2], tags={"access": "private"}),
        Way([1, 2], "footway"),
    ]
    table = made(tmp_path, points, ways, [station("A1", 0, 0)])
    assert way(table, "A1", 0, 1000)["road_m"] == pytest.approx(2200, abs=TOLERANCE_M)


def test_a_roundabout_is_one_way_without_a_tag(tmp_path):
    points = {1: (0, 0), 2: (100, 100), 3: (200, 0), 4: (100, -100), 5: (-500, 0), 6: (700, 0)}
    ways = [Way([1, 2, 3, 4, 1], tags={"junction": "roundabout"}), Way([5, 1]), Way([3, 6])]
    table = made(tmp_path, points, ways, [station("A1", -500, 0)])
    # over the north either way: 1-2-3; back would be 3-4-1
    northern = way(table, "A1", 100, 100)["road_m"]
    southern = way(table, "A1", 100, -100)["road_m"]
    assert northern == pytest.approx(500 + np.sqrt(2) * 100, abs=TOLERANCE_M)
    assert southern == pytest.approx(500 + 3 * np.sqrt(2) * 100, abs=TOLERANCE_M)


def test_values_are_nan_outside_the_map_far_from_roads_and_for_unknown_stations(tmp_path):
    table = made(tmp_path, CROSS, CROSSING_WAYS, [station("A1", 0, 500)])
    values = table.look_up(
        ["A1", "A1", "Z9", "A1"],
        [EAST_M + 500, EAST_M + 5000, EAST_M + 500, np.nan],
        [NORTH_M + 500, NORTH_M + 500, NORTH_M + 500, NORTH_M],
    )
    for field in table.fields:
        assert np.isfinite(values[field]).tolist() == [True, False, False, False], field


def test_beyond_twelve_km_only_seconds_are_known(tmp_path):
    points = {1: (0, 0), 2: (0, 5000), 3: (0, 14000)}
    stations = [station("A1", 0, 0), station("B1", 0, 14000)]
    table = made(tmp_path, points, [Way([1, 2, 3], "trunk")], stations)
    near, far = way(table, "A1", 0, 12000), way(table, "A1", 0, 12100)
    assert np.isfinite(list(near.values())).all()
    assert far["road_s"] == pytest.approx(kmh(59, 12100), abs=TOLERANCE_S)
    assert np.isnan([value for name, value in far.items() if name != "road_s"]).all()


def test_stations_may_be_given_by_number(tmp_path):
    stations = [station("B1", 1000, 500), station("A1", 0, 500)]
    table = made(tmp_path, CROSS, CROSSING_WAYS, stations)
    assert table.stations.tolist() == ["A1", "B1"]
    by_code = table.look_up(["B1", "A1"], [EAST_M] * 2, [NORTH_M + 500] * 2)
    by_number = table.look_up([1, 0], [EAST_M] * 2, [NORTH_M + 500] * 2)
    assert by_code["road_m"].tolist() == by_number["road_m"].tolist() == [1000.0, 0.0]
    assert table.look_up([-1], [EAST_M], [NORTH_M + 500])["road_m"].tolist() != [0.0]
