"""The constant and distance alone: exact where theory says what exact is, and strong on real rows."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from sklearn.isotonic import IsotonicRegression

from londonpump.domain.errors import BadValue, TooFewRows
from londonpump.domain.json_values import from_json, to_json
from londonpump.domain.stations import known_stations
from londonpump.models.baselines import (
    Constant,
    Distance,
    fit_constant,
    fit_distance,
    isotonic_mean,
    isotonic_median,
)

REAL = Path(__file__).resolve().parents[3] / "../shared/data/incidents_2017_jan_feb.csv"
ROWS = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 1200)), min_size=2, max_size=25)


def levels(rows):
    """Rows by level: seconds in order, and how many of them each level has."""
    ordered = sorted(rows)
    level = np.array([row[0] for row in ordered])
    return np.array([row[1] for row in ordered], float), np.unique(level, return_counts=True)[1]


def min_absolute_error(seconds, sizes):
    """The optimum by linear programming: ascending values, one a level, and an error for each row."""
    k, n = len(sizes), len(seconds)
    level = np.repeat(np.eye(k), sizes, axis=0)
    ascending = np.eye(k)[:-1] - np.eye(k)[1:]
    bounds = np.block([[level, -np.eye(n)], [-level, -np.eye(n)], [ascending, np.zeros((k - 1, n))]])
    right = np.concatenate([seconds, -seconds, np.zeros(k - 1)])
    return linprog(np.r_[np.zeros(k), np.ones(n)], A_ub=bounds, b_ub=right, bounds=(None, None)).fun


@settings(deadline=None)
@given(ROWS)
def test_the_median_curve_has_the_least_absolute_error_of_all_ascending_curves(rows):
    seconds, sizes = levels(rows)
    fitted = isotonic_median(seconds, sizes)
    assert (np.diff(fitted) >= 0).all()
    assert np.abs(seconds - np.repeat(fitted, sizes)).sum() == pytest.approx(
        min_absolute_error(seconds, sizes), abs=1e-6
    )


@settings(deadline=None)
@given(ROWS)
def test_the_mean_curve_is_that_of_scikit_learn(rows):
    seconds, sizes = levels(rows)
    level = np.repeat(np.arange(len(sizes)), sizes)
    means = np.bincount(level, weights=seconds) / sizes
    expected = IsotonicRegression().fit(level, seconds).predict(np.arange(len(sizes)))
    assert isotonic_mean(means, sizes) == pytest.approx(expected)


def test_one_distance_gives_the_middle_of_its_rows():
    assert isotonic_median(np.array([100.0, 200.0, 300.0, 900.0]), np.array([4])) == pytest.approx([250.0])


def test_each_step_is_one_knot_at_the_mean_distance_of_its_rows():
    fitted = fit_distance(
        np.array([1.0, 2.0, 10.0, 10.0, 13.0]), np.array([100.0, 100.0, 200.0, 200.0, 200.0])
    )
    for curve in (fitted.median, fitted.mean):
        assert curve.distance_km.tolist() == [1.5, 11.0]
        assert curve.attendance_s.tolist() == [100.0, 200.0]
    assert fitted.predict(np.array([6.25])).tolist() == [150.0]


@pytest.fixture(scope="module")
def made_rows():
    rng = np.random.default_rng(5)
    distance_km = rng.gamma(2.0, 1.0, 5000)
    return distance_km, 150 + 200 * np.sqrt(distance_km) + rng.gamma(2.0, 40.0, 5000)


def test_farther_never_means_sooner(made_rows):
    fitted = fit_distance(*made_rows)
    along = np.linspace(0, 20, 2001)
    assert (np.diff(fitted.predict(along)) >= 0).all()
    assert (np.diff(fitted.predict_mean(along)) >= 0).all()


def test_the_median_wins_on_absolute_error_and_the_mean_on_squared_error(made_rows):
    distance_km, seconds = made_rows
    fitted = fit_distance(distance_km, seconds)
    median_error, mean_error = (
        seconds - fitted.predict(distance_km),
        seconds - fitted.predict_mean(distance_km),
    )
    assert np.abs(median_error).mean() < np.abs(mean_error).mean()
    assert np.square(mean_error).mean() < np.square(median_error).mean()


def test_beyond_the_farthest_training_row_the_answer_stays_level(made_rows):
    fitted = fit_distance(*made_rows)
    assert fitted.predict(np.array([40.0, 4000.0])) == pytest.approx([fitted.median.attendance_s[-1]] * 2)


def test_an_unknown_distance_gets_the_constant(made_rows):
    distance_km, seconds = made_rows
    fitted = fit_distance(np.append(distance_km, np.nan), np.append(seconds, 300.0))
    constant = fit_constant(np.append(seconds, 300.0))
    assert fitted.predict(np.array([np.nan]))[0] == constant.median_s
    assert fitted.predict_mean(np.array([np.nan]))[0] == constant.mean_s


def test_the_order_of_the_rows_does_not_matter(made_rows):
    distance_km, seconds = np.round(made_rows[0], 1), made_rows[1]
    shuffled = np.random.default_rng(1).permutation(len(seconds))
    one, other = fit_distance(distance_km, seconds), fit_distance(distance_km[shuffled], seconds[shuffled])
    assert other.predict(distance_km) == pytest.approx(one.predict(distance_km))
    assert other.predict_mean(distance_km) == pytest.approx(one.predict_mean(distance_km))


def test_both_come_back_from_json_with_the_same_answers(made_rows):
    distance_km, seconds = made_rows
    fitted, constant = fit_distance(distance_km, seconds), fit_constant(seconds)
    again = from_json(Distance, json.loads(json.dumps(to_json(fitted))))
    assert np.array_equal(again.predict(distance_km), fitted.predict(distance_km))
    assert np.array_equal(again.predict_mean(distance_km), fitted.predict_mean(distance_km))
    assert from_json(Constant, json.loads(json.dumps(to_json(constant)))) == constant


def test_the_constant_is_the_training_median_and_mean():
    constant = fit_constant(np.array([100.0, 200.0, 600.0]))
    assert constant.predict(2).tolist() == [200.0, 200.0]
    assert constant.predict_mean(2).tolist() == [300.0, 300.0]


def test_no_rows_are_refused():
    with pytest.raises(TooFewRows, match="constant"):
        fit_constant(np.array([]))


@pytest.mark.parametrize("distance_km", [[1.0, 1.0], [np.nan, 2.0], [1.0, np.inf]])
def test_distances_that_do_not_differ_are_refused(distance_km):
    with pytest.raises(TooFewRows, match="two different"):
        fit_distance(np.array(distance_km), np.array([300.0, 400.0]))


def test_a_time_that_is_missing_is_refused():
    with pytest.raises(BadValue, match="attendance_s 1"):
        fit_distance(np.array([1.0, 2.0]), np.array([300.0, np.nan]))


def test_two_lengths_are_refused():
    with pytest.raises(BadValue, match="2 times were given"):
        fit_distance(np.array([1.0]), np.array([300.0, 400.0]))


def letters(name):
    return "".join(letter for letter in name.lower() if letter.isalnum())


@pytest.fixture(scope="module")
def real_runs():
    """(month, km, seconds) of first and second pumps of January and February 2017."""
    if not REAL.exists():
        pytest.skip("the real records are not beside the checkout")
    location = {
        letters(s.name): (s.easting_m, s.northing_m) for s in known_stations() if s.status != "former_site"
    }
    runs = [
        (
            row["date_of_call"][5:7],
            row["easting_rounded"],
            row["northing_rounded"],
            *location[letters(station)],
            seconds,
        )
        for row in csv.DictReader(REAL.read_text("utf-8-sig").splitlines())
        for order in ("first", "second")
        if (station := row[f"{order}_pump_arriving_deployed_from_station"])
        and (seconds := row[f"{order}_pump_arriving_attendance_time"])
    ]
    month, to_x, to_y, from_x, from_y, seconds = np.array(runs, float).T
    return month, np.hypot(to_x - from_x, to_y - from_y) / 1000, seconds


def test_on_real_rows_the_baseline_is_no_weaker_than_the_isotonic_regression_in_use(real_runs):
    month, distance_km, seconds = real_runs
    january, february = month == 1, month == 2
    fitted = fit_distance(distance_km[january], seconds[january])
    usual = IsotonicRegression(out_of_bounds="clip").fit(distance_km[january], seconds[january])
    ours_s = np.abs(fitted.predict(distance_km[february]) - seconds[february]).mean()
    usual_s = np.abs(usual.predict(distance_km[february]) - seconds[february]).mean()
    assert ours_s == pytest.approx(75.05, abs=0.05)
    assert usual_s == pytest.approx(76.90, abs=0.05)
