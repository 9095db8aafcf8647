"""The values behind the plots."""

from dataclasses import replace

import numpy as np
import pytest

from londonpump.evaluation.curves import level_calibration, median_calibration, reliability
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast


@pytest.fixture(scope="module")
def runs():
    """6,000 runs of uniform noise around a known median, in a square of 10 km."""
    rng = np.random.default_rng(4)
    n = 6000
    median_s = rng.uniform(200, 500, n)
    rows = EvaluationRows(
        actual_s=median_s + rng.uniform(-100, 100, n),
        day=rng.integers(19_000, 19_060, n),
        incident=np.arange(n),
        slices={},
        station_code=np.full(n, "A21"),
        distance_m=rng.uniform(0, 5000, n),
        hour=rng.integers(0, 24, n),
        easting_m=rng.uniform(520_000, 530_000, n),
        northing_m=rng.uniform(170_000, 180_000, n),
    )
    levels = (0.1, 0.5, 0.9)
    quantiles_s = median_s[:, None] + 200 * (np.array(levels) - 0.5)
    p_late = np.clip((median_s + 100 - 360) / 200, 0, 1)
    return rows, Forecast(median_s, None, levels, quantiles_s, {360: p_late})


def test_a_true_median_lies_on_the_diagonal(runs):
    curve = median_calibration(*runs)
    assert np.abs(curve.value - curve.x).max() < 20
    assert (curve.low < curve.value).all()
    assert curve.n.sum() == 6000


def test_true_quantiles_hold_what_they_claim_and_shifted_ones_do_not(runs):
    rows, forecast = runs
    curve = level_calibration(rows, forecast)
    assert curve.value == pytest.approx(curve.x, abs=0.02)
    shifted = level_calibration(rows, replace(forecast, quantiles_s=forecast.quantiles_s + 50))
    assert (shifted.value[:2] > curve.x[:2] + 0.2).all()


def test_true_chances_are_reliable(runs):
    curve = reliability(*runs)
    inside = (curve.low <= curve.x + 0.02) & (curve.x - 0.02 <= curve.high)
    assert inside.all()
    assert curve.n.sum() == 6000


def test_a_model_without_a_distribution_has_no_such_curve(runs):
    rows, forecast = runs
    point = Forecast(forecast.median_s)
    assert level_calibration(rows, point) is None
    assert reliability(rows, point) is None
