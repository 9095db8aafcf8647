"""Stations count as near on the days they were open, and on no other."""

import json
from datetime import UTC, date, datetime

import numpy as np
import pytest

from londonpump.domain.json_values import from_json, to_json
from londonpump.domain.stations import Station, by_code, known_stations, land_stations, open_stations
from londonpump.features.catalogue import FEATURES, build
from londonpump.features.dispatches import Dispatches
from londonpump.features.ground_lookup import GroundLookup, fit_ground

BOW = by_code(known_stations())["F27"]
NEAR = tuple(feature for feature in FEATURES if feature.name in ("nearest_m", "stations_nearer"))
BEFORE, AFTER = datetime(2013, 6, 1, 12, tzinfo=UTC), datetime(2017, 6, 1, 12, tzinfo=UTC)
LAST_MINUTE, FIRST_MINUTE = datetime(2014, 1, 8, 23, 59, tzinfo=UTC), datetime(2014, 1, 9, 0, 0, tzinfo=UTC)
NOWHERE = np.empty(0)


def lookup(stations: tuple[Station, ...]) -> GroundLookup:
    return fit_ground(NOWHERE, NOWHERE, np.empty(0, object), stations)


def runs_to(station: Station, timestamps: list[datetime], ground: GroundLookup) -> Dispatches:
    n = len(timestamps)
    return Dispatches(
        {
            "mobilised_us": np.array([int(at.timestamp()) * 1_000_000 for at in timestamps], np.int64),
            "station_code": np.full(n, "A24", object),
            "station_easting_m": np.full(n, 529_861.0),
            "station_northing_m": np.full(n, 180_939.0),
            "easting_m": np.full(n, station.easting_m),
            "northing_m": np.full(n, station.northing_m),
        },
        ground,
    )


@pytest.fixture(scope="module")
def london() -> GroundLookup:
    return lookup(land_stations(known_stations()))


@pytest.mark.parametrize(
    ("timestamps", "expected"),
    [([BEFORE], [0.0]), ([AFTER, BEFORE], [None, 0.0]), ([LAST_MINUTE, FIRST_MINUTE], [0.0, None])],
)
def test_the_nearest_station_is_one_that_was_open_that_day(london, timestamps, expected) -> None:
    others = lookup(tuple(s for s in open_stations()))
    without = build(runs_to(BOW, [AFTER], others), NEAR)[0, 0]
    nearest_m = build(runs_to(BOW, timestamps, london), NEAR)[:, 0]
    assert nearest_m.tolist() == [without if value is None else value for value in expected]


@pytest.mark.parametrize("code", ["A42", "F27", "A27", "E32", "F31", "A26", "F46", "E33", "A25", "E24"])
def test_each_of_the_ten_is_nearest_to_itself_in_2013_and_not_in_2017(london, code) -> None:
    station = by_code(known_stations())[code]
    nearest_m = build(runs_to(station, [BEFORE, AFTER], london), NEAR)[:, 0]
    assert nearest_m[0] == 0.0
    assert nearest_m[1] > 500.0


def test_a_closed_station_is_not_counted_among_those_nearer(london) -> None:
    nearer = build(runs_to(BOW, [BEFORE, AFTER], london), NEAR)[:, 1]
    assert nearer[0] > nearer[1]


def test_runs_of_one_day_have_the_same_features_alone_as_among_other_days(london) -> None:
    alone = build(runs_to(BOW, [BEFORE], london), NEAR)[0]
    together = build(runs_to(BOW, [AFTER, BEFORE, LAST_MINUTE], london), NEAR)[1]
    assert alone.tolist() == together.tolist()


def test_after_the_closures_distances_are_those_of_the_open_stations_to_the_last_bit(london) -> None:
    rng = np.random.default_rng(4)
    n = 500
    columns = {
        **runs_to(BOW, [AFTER] * n, london).columns,
        "easting_m": rng.uniform(510_000, 555_000, n),
        "northing_m": rng.uniform(160_000, 200_000, n),
    }
    now, open_alone = Dispatches(columns, london), Dispatches(columns, lookup(open_stations()))
    assert np.array_equal(now.two_nearest_m, open_alone.two_nearest_m)
    assert np.array_equal(now.n_stations_nearer, open_alone.n_stations_nearer)


def test_the_ground_of_an_unknown_place_is_the_nearest_station_open_that_day(london) -> None:
    codes = [london.codes[i] for i in runs_to(BOW, [BEFORE, AFTER], london).ground]
    assert codes[0] == "F27"
    assert codes[1] != "F27"


def test_without_a_day_the_ground_is_of_a_station_that_has_not_closed(london) -> None:
    location = np.array([BOW.easting_m]), np.array([BOW.northing_m])
    assert london.codes[london(*location)[0]] == london.codes[runs_to(BOW, [AFTER], london).ground[0]]


def test_a_station_is_near_from_the_day_it_opens() -> None:
    new = Station("X1", "New", "open", BOW.easting_m, BOW.northing_m, opened_date=date(2020, 1, 2))
    timestamps = [datetime(2020, 1, 1, 12, tzinfo=UTC), datetime(2020, 1, 2, 12, tzinfo=UTC)]
    nearest_m = build(runs_to(BOW, timestamps, lookup((*open_stations(), new))), NEAR)[:, 0]
    assert nearest_m[0] > 500.0
    assert nearest_m[1] == 0.0


def test_the_day_is_londons(london) -> None:
    # 23:30 UTC on 31 May is 00:30 on 1 June in London
    closing = Station("X1", "Last", "closed", BOW.easting_m, BOW.northing_m, closed_date=date(2019, 6, 1))
    timestamps = [datetime(2019, 5, 31, 22, 30, tzinfo=UTC), datetime(2019, 5, 31, 23, 30, tzinfo=UTC)]
    nearest_m = build(runs_to(BOW, timestamps, lookup((*open_stations(), closing))), NEAR)[:, 0]
    assert nearest_m[0] == 0.0
    assert nearest_m[1] > 500.0


def test_a_look_up_keeps_its_dates_in_json(london) -> None:
    again = from_json(GroundLookup, json.loads(json.dumps(to_json(london))))
    timestamps = [BEFORE, AFTER]
    assert (
        runs_to(BOW, timestamps, again).two_nearest_m.tolist()
        == runs_to(BOW, timestamps, london).two_nearest_m.tolist()
    )


def test_a_look_up_of_before_there_were_dates_is_still_read() -> None:
    stored_lookup = to_json(lookup(open_stations()))
    del stored_lookup["open_days"]
    assert from_json(GroundLookup, stored_lookup).open_days is None


def test_where_no_station_is_open_the_nearest_is_infinitely_far() -> None:
    later = tuple(
        Station(code, code, "open", 530_000.0, 180_000.0, opened_date=date(2030, 1, 1))
        for code in ("X1", "X2")
    )
    assert np.isinf(build(runs_to(BOW, [AFTER], lookup(later)), NEAR)[0, 0])
