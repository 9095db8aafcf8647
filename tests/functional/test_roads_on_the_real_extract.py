"""The import of the shared extract of west London: known distances, speed and size. Skips where it is absent."""

import time
from pathlib import Path

import numpy as np
import pytest
from support.road_maps import SHARED

from londonpump.domain.national_grid import to_grid
from londonpump.domain.stations import by_code, known_stations
from londonpump.roads.make import make_table
from londonpump.roads.route import find_route
from londonpump.roads.table import RoadTable, open_table

pytestmark = pytest.mark.slow
IMPORT_CPU_S = 60
"""Budget of the import on the machine that is judged; a shared machine is slower, so the test allows twice as much."""


@pytest.fixture(scope="module")
def imported(tmp_path_factory) -> tuple[RoadTable, float]:
    if not SHARED.exists():
        pytest.skip(f"the shared extract is not here: {SHARED.name}")
    start_s = time.process_time()
    made = make_table(SHARED, known_stations(), tmp_path_factory.mktemp("roads"), {}, is_partial=True)
    return open_table(made.folder), time.process_time() - start_s


def test_known_ways_have_their_length(imported):
    table, _ = imported
    # (from, to: latitude and longitude, fastest metres). The shortest ways were measured before as 670, 2,230 and 5,970 m.
    for code, latitude, longitude, shortest_m in (
        ("A23", 51.5308, -0.1238, 600),
        ("H22", 51.4946, -0.1004, 2150),
        ("G34", 51.4946, -0.1004, 5850),
    ):
        easting_m, northing_m = to_grid(latitude, longitude)
        metres = table.look_up([code], [float(easting_m)], [float(northing_m)])["road_m"][0]
        assert shortest_m <= metres <= shortest_m * 1.15, code


def test_ways_are_longer_than_straight_lines_by_the_known_ratio(imported):
    table, _ = imported
    known = by_code(known_stations())
    places = np.array([(known[code].easting_m, known[code].northing_m) for code in table.stations])
    rng = np.random.default_rng(1)
    number = rng.integers(0, len(places), 20_000)
    to = places[number] + rng.normal(0, 2000, (20_000, 2))
    values = table.look_up(number, to[:, 0], to[:, 1])
    straight_m = np.hypot(*(to - places[number]).T)
    used = np.isfinite(values["road_m"]) & (straight_m > 500)
    ratio = values["road_m"][used] / straight_m[used]
    assert 1.30 < np.median(ratio) < 1.42
    classes = sum(values[f"road_m_{name}"] for name in ("trunk", "primary", "secondary", "tertiary", "minor"))
    np.testing.assert_allclose(classes[used], values["road_m"][used], rtol=0.01, atol=1)


def test_two_stations_lie_a_way_apart_that_obeys_the_triangle(imported):
    table, _ = imported
    known = by_code(known_stations())
    places = np.array([(known[code].easting_m, known[code].northing_m) for code in table.stations])
    n = len(places)
    from_station, to_station = (each.ravel() for each in np.indices((n, n)))
    seconds = table.look_up(from_station, places[to_station, 0], places[to_station, 1])["road_s"].reshape(
        n, n
    )
    assert np.isfinite(seconds).mean() > 0.95
    by_third = (seconds[:, :, None] + seconds[None, :, :]).min(1)
    # a station does not lie exactly where the middle of its cell joins the road
    excess_s = (seconds - by_third)[np.isfinite(seconds) & np.isfinite(by_third)]
    assert np.percentile(excess_s, 99) < 30


def test_routes_take_as_long_as_the_table_says(imported):
    table, _ = imported
    known = by_code(known_stations())
    rng = np.random.default_rng(2)
    taken_s = []
    for number in rng.integers(0, len(table.stations), 100):
        code = str(table.stations[number])
        east_m, north_m = (
            known[code].easting_m + rng.normal(0, 4000),
            known[code].northing_m + rng.normal(0, 4000),
        )
        start_s = time.thread_time()
        route = find_route(table, code, east_m, north_m)
        taken_s.append(time.thread_time() - start_s)
        values = table.look_up([code], [east_m], [north_m])
        if route is None:
            assert np.isnan(values["road_s"][0])
        else:
            assert route.seconds == pytest.approx(float(values["road_s"][0]), abs=0.2)
            longitude, latitude = np.array(route.line).T
            line_m = np.hypot(*(np.diff(axis) for axis in to_grid(latitude, longitude))).sum()
            # points are stored in whole metres
            assert line_m == pytest.approx(route.metres, rel=0.02, abs=15)
    assert np.median(taken_s) < 0.05


def test_the_import_and_the_table_keep_their_budgets(imported):
    table, cpu_s = imported
    assert cpu_s < 2 * IMPORT_CPU_S
    size = sum(file.stat().st_size for file in Path(table.folder).iterdir())
    assert size < 100e6
    known = by_code(known_stations())
    numbers = np.arange(len(table.stations)).repeat(2)[:142]
    near = [known[str(table.stations[number])] for number in numbers]
    east_m, north_m = (
        np.array([getattr(each, f"{axis}_m") for each in near]) for axis in ("easting", "northing")
    )
    start_s = time.thread_time()
    for _ in range(50):
        table.look_up(numbers, east_m, north_m)
    assert (time.thread_time() - start_s) / 50 / 142 < 10e-6
