"""The ground of a place: the majority of its cell, else of the cell around, else the nearest station."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.run_size import examples

from londonpump.domain.json_values import from_json, to_json
from londonpump.domain.stations import open_stations
from londonpump.features.ground_lookup import CELL_SIZES_M, MIN_RECORDS, GroundLookup, fit_ground

STATIONS = open_stations()
WEST_M, SOUTH_M = 529_000.0, 180_000.0
locations = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(
    lambda cell: (WEST_M + cell[0] * 90.0, SOUTH_M + cell[1] * 90.0)
)
records = st.lists(
    st.tuples(locations, st.sampled_from(["A24", "A21", "A23", "H22", "gone", None])), max_size=60
)


def fitted(made):
    easting_m = np.array([location[0] for location, _ in made])
    northing_m = np.array([location[1] for location, _ in made])
    codes = np.empty(len(made), object)
    codes[:] = [code for _, code in made]
    return fit_ground(easting_m, northing_m, codes, STATIONS)


def by_hand(made, location):
    for size_m in CELL_SIZES_M:
        cell = (location[0] // size_m, location[1] // size_m)
        votes = Counter(
            code
            for other, code in made
            if code is not None and (other[0] // size_m, other[1] // size_m) == cell
        )
        if votes.total() >= MIN_RECORDS:
            n_votes = max(votes.values())
            return min(code for code, n in votes.items() if n == n_votes)
    return min(STATIONS, key=lambda s: np.hypot(location[0] - s.easting_m, location[1] - s.northing_m)).code


@given(records, st.lists(locations, min_size=1, max_size=10))
@settings(max_examples=examples(150), deadline=None)
def test_the_ground_is_what_a_show_of_hands_gives(made, points):
    lookup = fitted(made)
    found = lookup(np.array([p[0] for p in points]), np.array([p[1] for p in points]))
    assert [lookup.codes[i] for i in found] == [by_hand(made, location) for location in points]


@given(records, st.lists(locations, min_size=1, max_size=10))
@settings(max_examples=examples(50), deadline=None)
def test_a_stored_look_up_answers_as_the_learnt_one(made, points):
    lookup = fitted(made)
    again = from_json(GroundLookup, to_json(lookup))
    easting_m, northing_m = np.array([p[0] for p in points]), np.array([p[1] for p in points])
    assert again(easting_m, northing_m).tolist() == lookup(easting_m, northing_m).tolist()


def test_two_records_in_a_cell_are_too_few():
    location = (WEST_M, SOUTH_M)
    lookup = fitted([(location, "gone")] * (MIN_RECORDS - 1))
    assert lookup.codes[lookup(np.array([location[0]]), np.array([location[1]]))[0]] != "gone"


def test_a_station_that_is_no_grounds_has_no_index():
    lookup = fitted([])
    assert lookup.index(np.array(["A24", "Z99", None], object)).tolist() == [
        lookup.codes.index("A24"),
        -1,
        -1,
    ]


def test_a_place_anywhere_on_the_grid_has_a_ground():
    lookup = fitted([])
    far_m = np.array([0.0, 700_000.0, 330_000.0])
    assert (lookup(far_m, np.array([0.0, 1_300_000.0, 430_000.0])) >= 0).all()
