"""Differences by day: value and standard error by hand, and intervals that hold as often as they say."""

import numpy as np
import pytest

from londonpump.evaluation.intervals import draw_days
from londonpump.evaluation.promotion.comparison import group_differences

RUNS, REPEATS = 30, 400


def differences(extra_error_s, day, group=None, seed=0):
    group = np.zeros(len(day), int) if group is None else group
    return group_differences(extra_error_s, group, day, draw_days(day, 400, seed))


def test_the_value_is_the_mean_over_rows():
    found = differences(np.array([1.0, 3.0, 8.0]), np.array([5, 5, 6]))
    assert found.value_s[0] == pytest.approx(4.0)


def test_the_standard_error_is_that_of_a_ratio_by_days():
    extra_error_s, day = np.array([1.0, 3.0, 8.0, 2.0]), np.array([5, 5, 6, 7])
    found = differences(extra_error_s, day)
    off = np.array([(1 + 3) - 2 * 3.5, 8 - 3.5, 2 - 3.5])
    assert found.error_s[0] == pytest.approx(np.sqrt((off**2).sum() * 3 / 2) / 4)


def test_the_same_difference_every_day_has_no_width():
    day = np.repeat(np.arange(10), 20)
    low, high = differences(np.full(200, 0.1), day).interval(0.95)
    assert (low[0], high[0]) == pytest.approx((0.1, 0.1), abs=1e-9)


def test_no_difference_at_all_is_not_above_zero():
    day = np.repeat(np.arange(10), 20)
    assert differences(np.zeros(200), day).low_together(0.05)[0] <= 0


def test_a_group_is_judged_by_its_own_rows():
    day, group = np.tile(np.arange(10), 4), np.repeat([0, 1], 20)
    found = differences(np.where(group == 0, 1.0, 5.0), day, group)
    assert found.value_s.tolist() == [1.0, 5.0]


def share_inside(days):
    """How often the 95 % interval holds the truth, 0, where runs of a day go together and days differ in size."""
    n_inside = 0
    for repeat in range(REPEATS):
        rng = np.random.default_rng(repeat)
        day = np.repeat(np.arange(days), rng.integers(RUNS // 2, 2 * RUNS, days))
        extra_error_s = rng.normal(0, 1, days)[day] + rng.normal(0, 4, len(day))
        low, high = differences(extra_error_s, day, seed=repeat).interval(0.95)
        n_inside += bool(low[0] <= 0 <= high[0])
    return n_inside / REPEATS


@pytest.mark.parametrize(("days", "min_share"), [(7, 0.90), (28, 0.92)])
def test_the_interval_holds_with_few_days_too(days, min_share):
    """A percentile interval held 0.86 on seven days."""
    assert min_share <= share_inside(days) <= 0.98


def test_groups_looked_at_together_are_refused_for_nothing_as_rarely_as_asked():
    wrong = 0
    for repeat in range(REPEATS):
        rng = np.random.default_rng(repeat)
        day, group = np.tile(np.repeat(np.arange(28), 20), 20), np.repeat(np.arange(20), 560)
        extra_error_s = rng.normal(0, 1, 28)[day] + rng.normal(0, 10, len(day))
        wrong += bool((differences(extra_error_s, day, group, repeat).low_together(0.05) > 0).any())
    assert wrong / REPEATS <= 0.08
