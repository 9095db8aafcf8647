"""The grid holds for any place a pump of London may go."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from londonpump.domain import national_grid

EASTINGS = st.floats(480_000, 580_000)
NORTHINGS = st.floats(140_000, 210_000)


@settings(deadline=None)
@given(EASTINGS, NORTHINGS)
def test_to_degrees_and_back_is_the_same_place_within_a_decimetre(easting_m, northing_m):
    back_easting_m, back_northing_m = national_grid.to_grid(*national_grid.to_degrees(easting_m, northing_m))
    assert np.hypot(back_easting_m - easting_m, back_northing_m - northing_m) < 0.1


@settings(deadline=None)
@given(EASTINGS, NORTHINGS)
def test_further_north_is_a_greater_latitude_and_further_east_a_greater_longitude(easting_m, northing_m):
    latitude, longitude = national_grid.to_degrees(easting_m, northing_m)
    assert national_grid.to_degrees(easting_m, northing_m + 10)[0] > latitude
    assert national_grid.to_degrees(easting_m + 10, northing_m)[1] > longitude


@settings(deadline=None)
@given(EASTINGS, NORTHINGS, EASTINGS, NORTHINGS)
def test_the_sphere_measures_what_the_grid_does_within_half_a_percent(east_a, north_a, east_b, north_b):
    on_grid_km = float(np.hypot(east_a - east_b, north_a - north_b)) / 1000
    on_sphere_km = float(
        national_grid.great_circle_km(
            *national_grid.to_degrees(east_a, north_a), *national_grid.to_degrees(east_b, north_b)
        )
    )
    assert abs(on_sphere_km - on_grid_km) <= 0.005 * on_grid_km + 1e-4


@settings(deadline=None)
@given(EASTINGS, NORTHINGS, EASTINGS, NORTHINGS)
def test_the_way_there_is_as_long_as_the_way_back(east_a, north_a, east_b, north_b):
    here, there = national_grid.to_degrees(east_a, north_a), national_grid.to_degrees(east_b, north_b)
    assert np.isclose(
        national_grid.great_circle_km(*here, *there), national_grid.great_circle_km(*there, *here)
    )
