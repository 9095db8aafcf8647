"""The pure answer: what is asked once a call, reasons of some runs, and places that are only named."""

import numpy as np
import pytest

from londonpump.models.area_points import central
from londonpump.models.distribution import P10, P50, P90
from londonpump.models.predict import predict_area, predict_dispatches

NOON_US = 1_679_313_600_000_000


@pytest.fixture
def stations(small_bundle):
    """Every open station of the bundle."""
    return [station for station in small_bundle.stations if station.status == "open"]


@pytest.fixture
def columns(stations):
    """A call at noon, and a run from every station; without a location."""
    return {
        "mobilised_us": np.full(len(stations), NOON_US),
        "station_code": np.array([station.code for station in stations], object),
        "station_easting_m": np.array([station.easting_m for station in stations]),
        "station_northing_m": np.array([station.northing_m for station in stations]),
    }


def at(columns, place_m):
    """The same with a place."""
    n = len(columns["mobilised_us"])
    return {**columns, "easting_m": np.full(n, place_m[0]), "northing_m": np.full(n, place_m[1])}


def soho(bundle):
    """The points of a ground in the middle of London."""
    return bundle.area_points.ground("A24")


def test_reasons_of_one_run_are_those_it_has_among_all(columns, small_bundle) -> None:
    predictions = predict_dispatches(small_bundle, at(columns, (529_900.0, 181_000.0)))
    (alone,), among = (
        predictions.explanations(small_bundle, np.array([7])),
        predictions.explanations(small_bundle)[7],
    )
    assert [(one.group, one.description) for one in alone] == [(one.group, one.description) for one in among]
    # a product of one row and one of many rows may round differently
    assert [one.seconds for one in alone] == pytest.approx([one.seconds for one in among], abs=1e-9)


@pytest.mark.parametrize("minute", [0, 43, 59])
def test_the_reason_of_the_hour_tells_the_minute_of_londons_clock(minute, columns, small_bundle) -> None:
    call = at(columns, (529_900.0, 181_000.0))
    call["mobilised_us"] = call["mobilised_us"] + minute * 60_000_000
    contributions_shown = predict_dispatches(small_bundle, call).explanations(small_bundle)
    assert {each.description for run in contributions_shown for each in run if each.group == "hour"} == {
        f"12:{minute:02d} in London"
    }


def test_all_runs_of_a_call_have_its_number_of_pumps(columns, small_bundle) -> None:
    predictions = predict_dispatches(small_bundle, at(columns, (529_900.0, 181_000.0)))
    assert len(np.unique(predictions.pump_chances, axis=0)) == 1
    assert predictions.pump_chances.sum(axis=1) == pytest.approx(np.ones(len(predictions.pumps)))


def test_runs_of_two_calls_have_the_numbers_that_each_call_has_alone(columns, small_bundle) -> None:
    one, two = at(columns, (529_900.0, 181_000.0)), at(columns, (545_000.0, 170_000.0))
    both = {name: np.concatenate([one[name][:3], two[name][:3]]) for name in one}
    chances = predict_dispatches(small_bundle, both).pump_chances
    alone = [predict_dispatches(small_bundle, call).pump_chances[0] for call in (one, two)]
    assert chances[[0, 5]] == pytest.approx(np.stack(alone))
    assert not np.allclose(*alone)


def test_a_place_that_is_only_named_is_answered_wider_than_its_central_point(columns, small_bundle) -> None:
    points = soho(small_bundle)
    rows, named = predict_area(small_bundle, columns, points)
    exact = predict_dispatches(small_bundle, at(columns, points[central(points)]))
    first = int(np.argmin(named.median_s))
    wide, narrow = (
        times.quantile(P90)[row] - times.quantile(P10)[row]
        for times, row in ((named.times, first), (exact.times, int(rows[first])))
    )
    assert wide > 1.1 * narrow


def test_a_name_of_one_point_is_answered_as_that_place(columns, small_bundle) -> None:
    points = np.array([[529_900.0, 181_000.0]])
    rows, named = predict_area(small_bundle, columns, points)
    exact = predict_dispatches(small_bundle, at(columns, points[0]))
    assert named.median_s == pytest.approx(exact.median_s[rows], abs=0.03)
    assert named.p_over == pytest.approx(exact.p_over[rows])


def test_the_chance_of_a_named_place_is_the_mean_of_those_of_its_points(columns, small_bundle) -> None:
    points = soho(small_bundle)
    rows, named = predict_area(small_bundle, columns, points)
    apart = [predict_dispatches(small_bundle, at(columns, point)).p_over[rows] for point in points]
    assert named.p_over == pytest.approx(np.mean(apart, axis=0))


@pytest.mark.parametrize("ground", ["A24", "H22", "G30", "E34"])
def test_the_soonest_five_are_the_same_however_many_are_answered(ground, columns, small_bundle) -> None:
    points = small_bundle.area_points.ground(ground)
    first = []
    for max_dispatches in (24, len(columns["mobilised_us"])):
        rows, named = predict_area(small_bundle, columns, points, max_dispatches=max_dispatches)
        first.append(rows[np.argsort(named.median_s, kind="stable")[:5]].tolist())
    assert first[0] == first[1]


def test_a_ground_that_is_stated_holds_for_every_point(columns, small_bundle) -> None:
    stated = {**columns, "station_ground_code": np.full(len(columns["mobilised_us"]), "A24", object)}
    rows, named = predict_area(small_bundle, stated, soho(small_bundle))
    own = rows.tolist().index(columns["station_code"].tolist().index("A24"))
    assert named.dispatches.is_own_ground[own]
    assert not any(label.startswith("station_ground_code") for label in named.imputed[own])


def test_reasons_at_a_named_place_add_up_to_its_median(columns, small_bundle) -> None:
    _, named = predict_area(small_bundle, columns, soho(small_bundle))
    contributions_shown = named.explanations(small_bundle, np.array([0]))[0]
    assert sum(reason.seconds for reason in contributions_shown) == pytest.approx(
        named.times.quantile(P50)[0], abs=0.01
    )
