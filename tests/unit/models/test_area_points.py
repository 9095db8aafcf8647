"""Places that are only named: the points that stand for them, and the mixture over these."""

import json

import numpy as np
import pytest

from londonpump.domain.columns import CALL, CALLER_COLUMNS, CALLS, EXAMPLES
from londonpump.features.catalogue import FEATURES
from londonpump.models.area_points import (
    CELL_M,
    MIN_CALLS,
    POINTS,
    AreaPoints,
    central,
    fit_area_points,
    hilbert,
    representative,
)
from londonpump.models.distribution import LEVELS, P10, P50, P90, MixtureTimes, ResponseTimes
from londonpump.models.pump_boosters import FEATURES_OF_CALLS

LARGEST_BYTES = 300_000


def calls(locations_m, district="SE15", ground="E37"):
    """Columns of calls from places, all of one district and ground."""
    east_m, north_m = np.array(locations_m, np.float64).reshape(-1, 2).T
    n = len(east_m)
    return {
        "easting_m": east_m,
        "northing_m": north_m,
        "postcode_district": np.full(n, district, object),
        "recorded_ground_code": np.full(n, ground, object),
    }


@pytest.fixture
def scattered():
    """(400, 2) places of which three quarters lie in a small town in the west."""
    rng = np.random.default_rng(3)
    town, country = (
        rng.normal((530_000, 180_000), 100, (300, 2)),
        rng.normal((535_000, 180_000), 100, (100, 2)),
    )
    return np.rint(np.concatenate([town, country]))


@pytest.fixture
def mixture():
    """Two runs to four places each: unlike in time, in width, in shape and in their quickest."""
    rng = np.random.default_rng(5)
    shape = np.sort(np.stack([rng.normal(0, 1, len(LEVELS)), rng.exponential(1, len(LEVELS)) - 0.7]), axis=1)
    parts = ResponseTimes(
        centre_s=np.array([200.0, 260.0, 420.0, 900.0, 100.0, 100.0, 100.0, 1150.0]),
        scale_s=np.array([40.0, 60.0, 90.0, 200.0, 30.0, 30.0, 30.0, 300.0]),
        group=np.array([0, 1, 1, 0, 0, 1, 0, 1]),
        shape=shape,
        fastest_s=np.array([0.0, 0.0, 0.0, 300.0, 0.0, 0.0, 0.0, 0.0]),
    )
    return MixtureTimes(parts, points=4)


@pytest.fixture
def drawn(mixture):
    """(2, many) seconds drawn from each run: a point, then a time to it."""
    rng = np.random.default_rng(7)
    levels = (np.arange(20_000) + 0.5) / 20_000
    seconds = mixture.parts.quantiles(tuple(levels)).reshape(2, -1)
    return rng.choice(seconds, 400_000, axis=1)


def test_where_more_calls_came_from_more_points_lie(scattered) -> None:
    assert (representative(scattered)[:, 0] < 532_000).sum() == POINTS * 3 // 4


def test_the_order_of_the_calls_changes_no_point(scattered) -> None:
    mixed = np.random.default_rng(1).permutation(scattered)
    assert np.array_equal(representative(mixed), representative(scattered))


def test_every_point_is_a_place_of_a_past_call(scattered) -> None:
    assert {tuple(point) for point in representative(scattered)} <= {
        tuple(location) for location in scattered
    }


def test_fewer_calls_than_points_all_stand_for_themselves() -> None:
    locations = np.array([[530_000.0 + 50 * i, 180_000.0] for i in range(MIN_CALLS)])
    assert sorted(map(tuple, representative(locations))) == sorted(map(tuple, locations))


def test_neighbours_on_the_curve_are_neighbours_on_the_ground() -> None:
    square = np.array([[x, y] for x in range(16) for y in range(16)], np.float64) * CELL_M + 1
    along = square[np.argsort(hilbert(square))]
    assert (np.abs(np.diff(along, axis=0)).sum(axis=1) == CELL_M).all()


def test_a_name_with_too_few_calls_stays_unknown() -> None:
    assert fit_area_points(calls([(530_000, 180_000)] * (MIN_CALLS - 1))).district("SE15") is None


def test_a_call_without_a_name_counts_for_none() -> None:
    fitted = fit_area_points(calls([(530_000, 180_000)] * MIN_CALLS, district=None))
    assert (fitted.districts, set(fitted.grounds)) == ({}, {"E37"})


def test_a_district_is_found_however_it_is_typed() -> None:
    fitted = fit_area_points(calls([(530_000, 180_000)] * MIN_CALLS))
    assert np.array_equal(fitted.district(" se15 "), np.full((MIN_CALLS, 2), (530_000, 180_000)))


def test_the_central_point_is_the_one_nearest_to_the_middle() -> None:
    assert central(np.array([[0.0, 0.0], [600.0, 0.0], [1000.0, 0.0]])) == 1


def test_points_come_back_from_json_as_they_went(scattered) -> None:
    fitted = fit_area_points(calls(scattered))
    back = AreaPoints.from_json(json.loads(json.dumps(fitted.to_json())))
    assert np.array_equal(back.ground("E37"), fitted.ground("E37"))


def test_a_full_london_stays_below_300_kb() -> None:
    points = {f"SE{i}": np.full((POINTS, 2), 555_555.0) for i in range(331)}
    grounds = {f"A{i}": np.full((POINTS, 2), 555_555.0) for i in range(113)}
    assert len(json.dumps(AreaPoints(points, grounds).to_json())) < LARGEST_BYTES


@pytest.mark.parametrize("level", [0.01, 0.05, P10, 0.25, P50, 0.75, P90, 0.95, 0.99])
def test_a_quantile_of_the_mixture_is_that_of_many_draws(level, mixture, drawn) -> None:
    assert mixture.quantile(level) == pytest.approx(np.quantile(drawn, level, axis=1), abs=6.0)


@pytest.mark.parametrize("threshold_s", [150.0, 360.0, 480.0, 600.0, 1100.0])
def test_a_chance_of_the_mixture_is_the_share_of_many_draws(threshold_s, mixture, drawn) -> None:
    assert mixture.p_over(threshold_s) == pytest.approx((drawn > threshold_s).mean(axis=1), abs=0.005)


def test_the_mean_of_the_mixture_is_that_of_many_draws(mixture, drawn) -> None:
    assert mixture.mean_s == pytest.approx(drawn.mean(axis=1), abs=2.0)


def test_a_quantile_of_the_mixture_is_not_the_mean_of_the_quantiles(mixture) -> None:
    of_points = mixture.parts.quantile(P90).reshape(2, 4).mean(axis=1)
    assert (np.abs(mixture.quantile(P90) - of_points) > 20).all()


def test_quantiles_of_the_mixture_never_decrease(mixture) -> None:
    seconds = mixture.quantiles(tuple(np.arange(1, 100) / 100))
    assert (np.diff(seconds, axis=1) >= 0).all()


def test_half_of_the_runs_take_longer_than_the_median_of_each(mixture) -> None:
    assert mixture.p_over(mixture.quantile(P50)) == pytest.approx([0.5, 0.5], abs=0.001)


def test_the_chances_of_all_points_sum_to_one(mixture) -> None:
    assert mixture.p_over(-1.0).tolist() == [1.0, 1.0]
    assert mixture.p_over(1200.0).tolist() == [0.0, 0.0]


def test_a_mixture_of_one_place_is_that_place(mixture) -> None:
    alone = MixtureTimes(mixture.parts, points=1)
    assert alone.quantiles((P10, P90)) == pytest.approx(mixture.parts.quantiles((P10, P90)), abs=0.03)


def test_a_postcode_district_is_known_at_the_call() -> None:
    assert [column.known for column in CALLS if column.name == "postcode_district"] == [CALL]


def test_a_postcode_district_is_never_a_feature() -> None:
    assert "postcode_district" not in {column.name for column in (*EXAMPLES, *CALLER_COLUMNS)}
    assert not [f.name for f in (*FEATURES, *FEATURES_OF_CALLS) if "postcode_district" in f.reads]


def test_the_points_of_a_bundle_are_places_of_its_training_calls(small_bundle, small_examples) -> None:
    locations = set(zip(small_examples.calls["easting_m"], small_examples.calls["northing_m"], strict=True))
    points = np.concatenate(list(small_bundle.area_points.districts.values()))
    assert len(points) > 1000
    assert {tuple(point) for point in points} <= locations


def test_no_point_is_learnt_from_a_call_after_the_training(small_bundle, small_examples) -> None:
    until = np.datetime64(small_bundle.card.data.trained_until).astype("datetime64[us]").astype(np.int64)
    calls = small_examples.calls
    points = {tuple(p) for own in small_bundle.area_points.districts.values() for p in own}
    before, after = (
        set(zip(calls["easting_m"][rows], calls["northing_m"][rows], strict=True))
        for rows in (calls["call_us"] < until, calls["call_us"] >= until)
    )
    assert not points & (after - before)
