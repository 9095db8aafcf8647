"""One distribution a run: its answers never contradict each other, and its shape covers what it claims."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mapie.regression import SplitConformalRegressor
from sklearn.dummy import DummyRegressor
from support.run_size import examples

from londonpump.domain.attendance_targets import MAX_PUBLISHED_S
from londonpump.models.distribution import LEVELS, P50, ResponseTimes, shape_of

errors = st.lists(st.floats(-6, 12, allow_nan=False), min_size=1, max_size=300)
centres = st.lists(st.floats(-500, 3000, allow_nan=False), min_size=1, max_size=8)
EXACT_LEVELS = [Fraction(round(level * 10_000), 10_000) for level in LEVELS]


def times_of(z, centre_s, scale_s):
    n = len(centre_s)
    shape = np.stack([shape_of(np.array(z)), shape_of(np.array(z) * 0.5)])
    return ResponseTimes(np.array(centre_s), np.full(n, scale_s), np.arange(n) % 2, shape)


@given(errors, centres, st.floats(0.01, 2000))
@settings(max_examples=examples(150), deadline=None)
def test_quantiles_never_cross_and_stay_on_the_clock(z, centre_s, scale_s):
    seconds = times_of(z, centre_s, scale_s).quantiles(tuple(np.linspace(0.001, 0.999, 200)))
    assert (np.diff(seconds, axis=1) >= 0).all()
    assert seconds.min() >= 0
    assert seconds.max() <= MAX_PUBLISHED_S


@given(errors, centres, st.floats(0.01, 2000))
@settings(max_examples=examples(150), deadline=None)
def test_the_mean_lies_inside(z, centre_s, scale_s):
    times = times_of(z, centre_s, scale_s)
    ends = times.quantiles((LEVELS[0], LEVELS[-1]))
    assert (ends[:, 0] - 1e-6 <= times.mean_s).all()
    assert (times.mean_s <= ends[:, 1] + 1e-6).all()


@given(errors, centres, st.floats(0.01, 2000))
@settings(max_examples=examples(150), deadline=None)
def test_later_thresholds_are_passed_less_often(z, centre_s, scale_s):
    times = times_of(z, centre_s, scale_s)
    over = np.stack([times.p_over(t) for t in (0, 60, 360, 480, 600, 720, 1199, 1200, 3600)])
    assert (np.diff(over, axis=0) <= 0).all()
    assert ((over >= 0) & (over <= 1)).all()
    assert (over[-2:] == 0).all()


@given(st.integers(400, 1500), st.floats(150, 900), st.floats(5, 60), st.sampled_from(LEVELS[1:-1].tolist()))
@settings(max_examples=examples(150), deadline=None)
def test_the_chance_of_passing_a_quantile_is_what_is_left(n, centre_s, scale_s, level):
    """From 400 errors on no two levels share a rank."""
    times = times_of(np.linspace(-2, 4, n), [centre_s], scale_s)
    assert times.p_over(times.quantile(level))[0] == pytest.approx(1 - level, abs=1e-6)


def exact_rank(level, n):
    """The (n + 1) rank of split conformal prediction in whole numbers, each tail outwards."""
    rank = level * (n + 1)
    rounded = -(-rank // 1) if level > Fraction(1, 2) else rank // 1
    return min(max(int(rounded), 1), n)


@given(st.integers(1, 2000))
@example(9)
@example(99)
@example(399)
@example(1999)
@settings(max_examples=examples(100), deadline=None)
def test_the_shape_takes_the_exact_conformal_rank_at_every_level(n):
    shape = shape_of(np.arange(1, n + 1, dtype=float))
    for level, found in zip(EXACT_LEVELS, shape, strict=True):
        if level != Fraction(1, 2):
            assert found == exact_rank(level, n)
    assert shape[list(LEVELS).index(P50)] == pytest.approx((n + 1) / 2)


@pytest.mark.parametrize("share", [0.8, 0.9])
@pytest.mark.parametrize("n", [99, 400, 1000])
def test_intervals_cover_what_they_claim_on_fresh_errors(share, n):
    rng = np.random.default_rng(n)
    low, high = (1 - share) / 2, (1 + share) / 2
    covered = []
    for _ in range(400):
        shape = shape_of(rng.gamma(2.0, 1.0, n) - 1.5)
        fresh = rng.gamma(2.0, 1.0, 200) - 1.5
        below, above = (np.interp(p, LEVELS, shape) for p in (low, high))
        covered.append(((fresh >= below) & (fresh <= above)).mean())
    assert share - 0.005 < np.mean(covered) < share + 2 / n + 0.01


def test_a_single_error_is_a_shape_of_its_own():
    assert (shape_of(np.array([3.0])) == 3.0).all()


def test_a_threshold_for_each_run_is_as_one_at_a_time():
    times = times_of(np.linspace(-2, 2, 50), [200.0, 400.0, 600.0], 40.0)
    each = times.p_over(np.array([250.0, 390.0, 610.0]))
    assert each.tolist() == [times.p_over(t)[i] for i, t in enumerate((250.0, 390.0, 610.0))]


@pytest.mark.parametrize("n", [40, 150, 1000])
def test_split_conformal_intervals_are_those_of_mapie(n):
    # the half width of a split conformal interval is the conformal quantile of the absolute errors
    actual_s = np.random.default_rng(n).gamma(4.6, 69, n)
    announced_s = float(np.median(actual_s))
    rows = np.zeros((n, 1))
    model = DummyRegressor(strategy="constant", constant=announced_s).fit(rows, actual_s)
    # where the rank is whole, MAPIE takes the next one if the product is rounded up (0.55 x 200), and we do not
    is_between = np.abs(LEVELS * (n + 1) - np.round(LEVELS * (n + 1))) > 1e-6
    levels = LEVELS[(LEVELS > P50) & ((1 - LEVELS) * n > 1) & is_between]
    assert len(levels) > 15
    mapie = SplitConformalRegressor(model, confidence_level=levels.tolist(), prefit=True)
    _, intervals = mapie.conformalize(rows, actual_s).predict_interval(rows[:1])
    ours = shape_of(np.abs(actual_s - announced_s))[np.isin(LEVELS, levels)]
    assert intervals[0, 1] - announced_s == pytest.approx(ours)
    assert announced_s - intervals[0, 0] == pytest.approx(ours)
