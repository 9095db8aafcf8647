"""The later of two arrivals, and mixtures over the points of an area."""

import numpy as np
import pytest
from scipy.special import ndtr

from londonpump.models.distribution import (
    LEVELS,
    OTHER_START,
    SAME_START,
    MixtureTimes,
    QuantileMixture,
    ResponseTimes,
    chance_before,
    later_of_two_s,
)

N = 200_000
NORMAL = np.linspace(-2.5, 2.5, len(LEVELS))


def times(*centres_s: float) -> ResponseTimes:
    n = len(centres_s)
    return ResponseTimes(np.array(centres_s), np.full(n, 60.0), np.zeros(n, np.int64), NORMAL[None, :])


def drawn(response: ResponseTimes, correlation: float) -> np.ndarray:
    """Return (2, N) arrival times of two pumps at N calls."""
    rng = np.random.default_rng(7)
    shared, own = rng.standard_normal(N), rng.standard_normal((2, N))
    p_late = ndtr(correlation**0.5 * shared + (1 - correlation) ** 0.5 * own)
    curves = response.quantiles(tuple(LEVELS))
    return np.stack([np.interp(p_late[i], LEVELS, curves[i]) for i in range(2)])


@pytest.mark.parametrize("second_s", [300.0, 340.0, 700.0])
@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("correlation", [SAME_START, OTHER_START])
def test_the_later_of_two_is_that_of_many_draws(second_s, level, correlation) -> None:
    two = times(300.0, second_s)
    later = drawn(two, correlation).max(axis=0)
    later_s_of_two = later_of_two_s(two, np.array([0, 1]), [level], correlation)
    assert later_s_of_two[0] == pytest.approx(np.quantile(later, level), abs=2.0)


def test_the_later_of_two_is_later_than_the_second_alone() -> None:
    two = times(300.0, 310.0)
    later_s_of_two = later_of_two_s(two, np.array([0, 1]), [0.5], OTHER_START)
    assert later_s_of_two[0] > 310.0 + 10.0


def test_two_that_are_both_at_the_end_of_the_records_are_told_so() -> None:
    assert later_of_two_s(times(3_000.0, 4_000.0), np.array([0, 1]), [0.1, 0.9], OTHER_START) == [
        1_200.0,
        1_200.0,
    ]


@pytest.mark.parametrize("second_s", [250.0, 300.0, 340.0, 700.0])
def test_the_chance_of_arriving_before_another_is_that_of_many_draws(second_s) -> None:
    two = times(300.0, second_s)
    one, other = drawn(two, OTHER_START)
    expected = (one < other).mean() + (one == other).mean() / 2
    found = chance_before(two, np.array([[0, 1], [1, 0]]), np.full(2, OTHER_START))
    assert found == pytest.approx([expected, 1 - expected], abs=0.005)


def test_both_pumps_go_to_the_same_point_of_an_area() -> None:
    # two points; to each, the first pump is 60 s quicker than the second
    area = MixtureTimes(times(200.0, 500.0, 260.0, 560.0), 2)
    to_points = times(200.0, 260.0, 500.0, 560.0)
    pairs, correlation = np.array([[0, 1], [2, 3]]), np.full(2, OTHER_START)
    by_point = chance_before(to_points, pairs, correlation)
    assert chance_before(area, pairs[:1], correlation[:1]) == pytest.approx(by_point.mean(), abs=0.005)
    later = [drawn(to_points.take(pair), OTHER_START).max(axis=0) for pair in pairs]
    found = later_of_two_s(area, np.array([0, 1]), [0.1, 0.5, 0.9], OTHER_START)
    assert found == pytest.approx(np.quantile(np.concatenate(later), [0.1, 0.5, 0.9]), abs=6.0)


def test_of_two_that_are_both_at_the_end_of_the_records_none_is_first() -> None:
    assert chance_before(
        times(3_000.0, 4_000.0), np.array([[0, 1]]), np.array([OTHER_START])
    ) == pytest.approx([0.5], abs=0.01)


def test_rows_of_a_mixture_keep_their_points_together() -> None:
    every = MixtureTimes(times(100.0, 200.0, 300.0, 400.0, 500.0, 600.0), 2)
    some = every.take(np.array([2, 0]))
    assert some.mean_s.tolist() == every.mean_s[[2, 0]].tolist()


def test_a_mixture_of_two_places_lies_between_them() -> None:
    near, far = np.quantile(np.arange(200.0, 300.0), LEVELS), np.quantile(np.arange(500.0, 600.0), LEVELS)
    mixed = QuantileMixture.of(np.stack([near, far]))
    p20_s, p80_s = mixed.quantiles((0.2, 0.8))
    assert (p20_s, p80_s) == (pytest.approx(240, abs=3), pytest.approx(560, abs=3))
    assert mixed.p_over(400.0) == pytest.approx(0.5, abs=0.01)
