"""Intervals, comparisons and splits."""

from dataclasses import astuple

import numpy as np
import pytest

from londonpump.domain.errors import BadValue, TooFewRows
from londonpump.evaluation.evaluate import auc_of, evaluate_models, paired_difference, sliced_differences
from londonpump.evaluation.evaluation_rows import (
    EvaluationRows,
    Forecast,
    distance_band,
    distance_decile,
    first_us_of,
    folds,
    hour_band,
)
from londonpump.evaluation.intervals import Stat, draw_days


def rows_on(day, actual_s, slices=None):
    n = len(actual_s)
    here = np.zeros(n)
    code = np.full(n, "A21")
    return EvaluationRows(actual_s, day, np.arange(n), slices or {}, code, here, np.zeros(n, int), here, here)


@pytest.fixture(scope="module")
def noisy():
    rng = np.random.default_rng(3)
    day = np.repeat(np.arange(100), 80)
    actual_s = 300 + rng.normal(0, 100, len(day)) + np.repeat(rng.normal(0, 20, 100), 80)
    slices = {"half": np.where(rng.random(len(day)) < 0.5, "a", "b")}
    return rows_on(day, actual_s, slices)


def whole(rows, forecast, resamples=2000):
    return evaluate_models(rows, {"m": forecast}, resamples=resamples).whole("m")


def test_the_interval_of_a_mean_is_the_analytic_one_of_days(noisy):
    bias = whole(noisy, Forecast(np.full(len(noisy), 300.0)))["bias_s"]
    daily = (300 - noisy.actual_s).reshape(100, 80).mean(axis=1)
    half = 1.96 * daily.std() / 10
    assert bias.low == pytest.approx(daily.mean() - half, abs=0.4)
    assert bias.high == pytest.approx(daily.mean() + half, abs=0.4)


def test_days_that_swing_together_widen_the_interval(noisy):
    shuffled = rows_on(np.random.default_rng(0).permutation(noisy.day), noisy.actual_s)
    forecast = Forecast(np.full(len(noisy), 300.0))
    together, apart = (whole(rows, forecast)["bias_s"] for rows in (noisy, shuffled))
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


def resampled_by_hand(rows, statistic, resamples=400, seed=0):
    draws = draw_days(rows.day, resamples, seed)
    by_day = [np.flatnonzero(rows.day == day) for day in draws.days]
    found = [
        statistic(
            np.concatenate(
                [np.repeat(index, int(times)) for index, times in zip(by_day, counts, strict=True)]
            )
        )
        for counts in draws.counts[1:]
    ]
    return np.quantile(found, (0.025, 0.975))


def test_the_median_error_in_bins_is_the_one_of_resampling_rows_by_hand(noisy):
    forecast = Forecast(np.full(len(noisy), 300.0))
    error = np.abs(noisy.actual_s - 300)
    low, high = resampled_by_hand(noisy, lambda index: np.median(error[index]))
    found = whole(noisy, forecast, resamples=400)["median_ae_s"]
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.15)


def test_the_auc_in_bins_is_the_one_of_resampling_rows_by_hand(noisy):
    p_late = np.clip(noisy.actual_s / 600 + np.random.default_rng(1).normal(0, 0.15, len(noisy)), 0, 1)
    forecast = Forecast(np.full(len(noisy), 300.0), p_over={360: p_late})
    late = noisy.actual_s > 360
    low, high = resampled_by_hand(noisy, lambda index: auc_of(p_late[index], late[index]))
    found = whole(noisy, forecast, resamples=400)["over_360_auc"]
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.001)


def test_every_value_lies_in_its_interval(noisy):
    rng = np.random.default_rng(2)
    p_late = rng.random(len(noisy))
    levels = (0.05, 0.1, 0.5, 0.9, 0.95)
    quantiles_s = 300 + np.sort(rng.normal(0, 100, (len(noisy), 5)), axis=1)
    p_over = dict.fromkeys((360, 480, 600, 720), p_late)
    forecast = Forecast(quantiles_s[:, 2], quantiles_s[:, 2] + 5, levels, quantiles_s, p_over, p_late)
    for name, found in whole(noisy, forecast).items():
        assert found.low <= found.value <= found.high, name


def test_the_same_seed_gives_the_same_intervals_and_the_order_of_rows_does_not_matter(noisy):
    forecast = Forecast(noisy.actual_s * 0.9)
    order = np.random.default_rng(5).permutation(len(noisy))
    straight = whole(noisy, forecast, 100)["mae_s"]
    mixed = whole(noisy.take(order), forecast.take(order), 100)["mae_s"]
    assert astuple(mixed) == pytest.approx(astuple(straight))


def test_a_pair_is_told_apart_where_each_alone_is_not(noisy):
    better, worse = Forecast(np.full(len(noisy), 300.0)), Forecast(np.full(len(noisy), 308.0))
    found = paired_difference(noisy, better, worse, "rmse_s")
    alone = [whole(noisy, forecast)["rmse_s"] for forecast in (better, worse)]
    assert alone[0].high > alone[1].low
    width = found.high - found.low
    assert width < alone[0].high - alone[0].low
    assert found.value == pytest.approx(alone[0].value - alone[1].value)


def test_a_model_against_itself_differs_by_nothing(noisy):
    forecast = Forecast(np.full(len(noisy), 310.0))
    same = Stat(0.0, 0.0, 0.0)
    found = sliced_differences(noisy, (forecast, forecast), ("mae_s", "median_ae_s"), resamples=50)
    assert found["half"]["a"].metrics["mae_s"] == same
    assert found["all"]["all"].metrics["median_ae_s"] == same


def test_a_metric_that_one_of_the_two_lacks_is_refused(noisy):
    forecast = Forecast(np.full(len(noisy), 310.0))
    with pytest.raises(BadValue, match=r"crps_s.*not known of both"):
        paired_difference(noisy, forecast, forecast, "crps_s", resamples=2)


def test_one_day_alone_gives_no_interval():
    rows = rows_on(np.zeros(50, int), np.linspace(200, 400, 50))
    assert whole(rows, Forecast(np.full(50, 300.0)), 20)["mae_s"].low is None


def test_an_incident_lies_on_the_side_of_its_first_mobilisation():
    at = np.array(
        ["2023-10-01T00:05", "2023-09-30T23:58", "2023-10-01T00:00", "2023-09-30T10:00"], "datetime64[us]"
    )
    first_us = first_us_of(np.array([7, 7, 8, 9]), at.astype(np.int64))
    later = first_us >= np.datetime64("2023-10-01", "us").astype(np.int64)
    assert later.tolist() == [False, False, True, False]


def test_folds_keep_incidents_whole_and_are_about_equal():
    incident = np.repeat(np.arange(10_000), 2)
    fold = folds(incident, 5)
    assert (fold[::2] == fold[1::2]).all()
    assert np.bincount(fold).min() > 0.18 * len(fold)


def test_the_fold_of_an_incident_does_not_depend_on_the_other_rows():
    assert folds(np.arange(500, 1000), 5).tolist() == folds(np.arange(1000), 5)[500:].tolist()


def test_another_seed_gives_other_folds():
    assert (folds(np.arange(1000), 5, seed=0) != folds(np.arange(1000), 5, seed=1)).mean() > 0.6


def test_folds_that_cannot_be_are_refused():
    with pytest.raises(TooFewRows, match="2 incidents for 5 folds"):
        folds(np.array([1, 1, 2]), 5)
    with pytest.raises(BadValue, match="two or more"):
        folds(np.arange(10), 1)


def test_slices_have_names_that_sort_as_they_should():
    distance_m = np.array([0.0, 499.9, 500.0, 5000.0, 14_000.0])
    expected = ["0.0-0.5 km", "0.0-0.5 km", "0.5-1.0 km", "5.0+ km", "5.0+ km"]
    assert distance_band(distance_m).tolist() == expected
    assert hour_band(np.array([0, 5, 6, 9, 16, 20, 23])).tolist() == [
        "00-05",
        "00-05",
        "06-09",
        "06-09",
        "10-16",
        "17-20",
        "21-23",
    ]
    tenths = np.unique(distance_decile(np.arange(1000.0)), return_counts=True)
    assert tenths[0].tolist() == [f"{k:02d}" for k in range(1, 11)]
    assert tenths[1].tolist() == [100] * 10
