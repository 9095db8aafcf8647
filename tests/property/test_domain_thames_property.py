"""Banks and ways over the river, against an outline of the south bank drawn another way."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline
from support.run_size import examples

from londonpump.domain import thames

BENDS = np.array([(point.easting_m, point.northing_m) for point in thames.river_line()])
SOUTH_BANK = Outline(np.vstack([BENDS, [(BENDS[-1, 0], 100_000), (BENDS[0, 0], 100_000)]]), closed=False)

EASTINGS = st.floats(497_000, 567_000)
NORTHINGS = st.floats(150_000, 205_000)
NEAR_THE_RIVER = st.tuples(st.integers(1, len(BENDS) - 2), st.floats(-800, 800), st.floats(-800, 800)).map(
    lambda spot: (BENDS[spot[0], 0] + spot[1], BENDS[spot[0], 1] + spot[2])
)
LOCATIONS = st.one_of(st.tuples(EASTINGS, NORTHINGS), NEAR_THE_RIVER)


def from_the_line_m(location: tuple[float, float]) -> float:
    """Metres from a place to the line of the river."""
    step = np.diff(BENDS, axis=0)
    along = ((location - BENDS[:-1]) * step).sum(axis=1) / (step**2).sum(axis=1)
    nearest = BENDS[:-1] + np.clip(along, 0, 1)[:, None] * step
    return float(np.hypot(*(location - nearest).T).min())


@settings(deadline=None, max_examples=examples(500))
@given(LOCATIONS)
def test_a_place_inside_the_outline_of_the_south_bank_is_south(location):
    assume(from_the_line_m(location) > thames.COLUMN_M)
    assert bool(thames.is_south_of_thames(*location)) == SOUTH_BANK.contains_point(location)


@settings(deadline=None)
@given(LOCATIONS, LOCATIONS)
def test_the_way_by_bridge_is_never_shorter_than_the_straight_one(station, location):
    straight_m = float(np.hypot(station[0] - location[0], station[1] - location[1]))
    assert float(thames.distance_by_bridge_m(*station, *location)) >= straight_m - 1e-6


@settings(deadline=None)
@given(LOCATIONS, LOCATIONS)
def test_there_and_back_are_as_long_and_cross_alike(station, location):
    there, back = (*station, *location), (*location, *station)
    assert np.isclose(thames.distance_by_bridge_m(*there), thames.distance_by_bridge_m(*back))
    assert thames.crosses_thames(*there) == thames.crosses_thames(*back)


@settings(deadline=None)
@given(LOCATIONS, LOCATIONS, st.sampled_from(thames.road_crossings()))
def test_across_the_river_no_bridge_gives_a_shorter_way(station, location, bridge):
    assume(thames.crosses_thames(*station, *location))
    way_m = np.hypot(station[0] - bridge.easting_m, station[1] - bridge.northing_m)
    way_m += np.hypot(location[0] - bridge.easting_m, location[1] - bridge.northing_m)
    assert float(thames.distance_by_bridge_m(*station, *location)) <= way_m + 1e-6


@settings(deadline=None)
@given(st.lists(st.tuples(LOCATIONS, LOCATIONS), min_size=1, max_size=30))
def test_many_rows_are_measured_as_each_alone(pairs):
    rows = np.array([(*station, *location) for station, location in pairs])
    alone = [float(thames.distance_by_bridge_m(*row)) for row in rows]
    assert np.allclose(thames.distance_by_bridge_m(*rows.T), alone)
    assert thames.crosses_thames(*rows.T).tolist() == [bool(thames.crosses_thames(*row)) for row in rows]
