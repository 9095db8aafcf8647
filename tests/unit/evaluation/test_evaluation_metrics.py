"""Metrics against scikit-learn and against truths known beforehand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm
from sklearn import metrics as oracle

from londonpump.domain.errors import BadValue, TooFewRows
from londonpump.domain.json_values import to_json
from londonpump.evaluation.evaluate import evaluate_models
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast
from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.metrics import CRPS_LEVELS, most_likely

LEVELS = tuple(sorted({0.1, 0.25, 0.75, 0.9, *CRPS_LEVELS}))
NOISE_S = 90.0


def rows_of(actual_s, day=None, slices=None):
    n = len(actual_s)
    zeros = np.zeros(n)
    return EvaluationRows(
        actual_s=np.asarray(actual_s, float),
        day=np.arange(n) % 30 + 19_000 if day is None else np.asarray(day),
        incident=np.arange(n),
        slices=slices or {},
        station_code=np.full(n, "A21"),
        distance_m=zeros + 1000,
        hour=np.zeros(n, int),
        easting_m=zeros + 530_000,
        northing_m=zeros + 180_000,
    )


@pytest.fixture(scope="module")
def truth():
    """20,000 runs around a known median with known noise, and the forecast that knows both."""
    rng = np.random.default_rng(7)
    median_s = rng.uniform(150, 700, 20_000)
    rows = rows_of(median_s + rng.normal(0, NOISE_S, len(median_s)))
    forecast = Forecast(
        median_s=median_s,
        levels=LEVELS,
        quantiles_s=median_s[:, None] + NOISE_S * norm.ppf(LEVELS),
        p_over={t: norm.sf((t - median_s) / NOISE_S) for t in (360, 480, 600, 720)},
        p_underestimate=np.full(len(median_s), norm.sf(120 / NOISE_S)),
    )
    return rows, forecast


@pytest.fixture(scope="module")
def evaluated(truth):
    rows, forecast = truth
    return evaluate_models(rows, {"ours": forecast}, resamples=200).whole("ours")


def test_point_metrics_agree_with_scikit_learn(truth, evaluated):
    rows, forecast = truth
    y, predicted_s = rows.actual_s, forecast.median_s
    assert evaluated["mae_s"].value == pytest.approx(oracle.mean_absolute_error(y, predicted_s))
    assert evaluated["rmse_s"].value == pytest.approx(oracle.root_mean_squared_error(y, predicted_s))
    assert evaluated["median_ae_s"].value == pytest.approx(oracle.median_absolute_error(y, predicted_s))
    assert evaluated["r2"].value == pytest.approx(oracle.r2_score(y, predicted_s))


def test_chances_agree_with_scikit_learn(truth, evaluated):
    rows, forecast = truth
    for t in (360, 480, 600, 720):
        late, p = rows.actual_s > t, forecast.p_over[t]
        assert evaluated[f"over_{t}_brier"].value == pytest.approx(oracle.brier_score_loss(late, p))
        clipped = np.clip(p, 1e-6, 1 - 1e-6)
        assert evaluated[f"over_{t}_log_loss"].value == pytest.approx(oracle.log_loss(late, clipped))
    expected = oracle.roc_auc_score(rows.actual_s > 360, forecast.p_over[360])
    assert evaluated["over_360_auc"].value == pytest.approx(expected)


def test_a_forecast_that_knows_the_truth_covers_what_it_claims(evaluated):
    assert evaluated["cover_80_share"].low < 0.8 < evaluated["cover_80_share"].high
    assert evaluated["cover_90_share"].low < 0.9 < evaluated["cover_90_share"].high
    assert evaluated["width_80_s"].value == pytest.approx(2 * norm.ppf(0.9) * NOISE_S)
    assert evaluated["over_360_ece"].value < 0.01


def test_the_two_tails_and_the_cover_add_up_to_one(evaluated):
    for share in (80, 90):
        parts = [evaluated[f"{part}_{share}_share"].value for part in ("below", "cover", "above")]
        assert sum(parts) == pytest.approx(1)


def test_a_forecast_half_as_wide_is_caught(truth):
    rows, forecast = truth
    narrow = replace(forecast, quantiles_s=(forecast.quantiles_s + forecast.median_s[:, None]) / 2)
    cover = evaluate_models(rows, {"narrow": narrow}, resamples=100).whole("narrow")["cover_80_share"]
    assert cover.high < 0.55


def test_the_crps_is_the_one_of_a_normal_distribution_at_eleven_levels(evaluated):
    levels = np.asarray(CRPS_LEVELS)
    expected = 2 * NOISE_S * norm.pdf(norm.ppf(levels)).mean()
    assert evaluated["crps_s"].value == pytest.approx(expected, rel=0.02)


def test_the_crps_prefers_the_true_width(truth):
    rows, forecast = truth
    centre = forecast.median_s[:, None]
    scaled = {
        str(k): replace(forecast, quantiles_s=centre + k * (forecast.quantiles_s - centre))
        for k in (0.7, 1.0, 1.4)
    }
    models = evaluate_models(rows, scaled, resamples=1)
    found = {k: models.whole(k)["crps_s"].value for k in scaled}
    assert min(found, key=found.get) == "1.0"


def test_rmse_and_r2_are_judged_on_the_mean_and_the_rest_on_the_median():
    rows = rows_of([100, 200, 300, 400])
    forecast = Forecast(median_s=rows.actual_s, mean_s=rows.actual_s + 10)
    found = evaluate_models(rows, {"ours": forecast}, resamples=1).whole("ours")
    assert found["mae_s"].value == 0
    assert found["bias_s"].value == 0
    assert found["bias_of_mean_s"].value == pytest.approx(10)
    assert found["rmse_s"].value == pytest.approx(10)


def test_within_60_counts_exactly_60_and_not_more():
    rows = rows_of([300, 300, 300, 300])
    forecast = Forecast(median_s=np.array([300.0, 240.0, 360.0, 361.0]))
    found = evaluate_models(rows, {"ours": forecast}, resamples=1).whole("ours")
    assert found["within_60_share"].value == 0.75


def test_six_minutes_sharp_is_in_time():
    rows = rows_of([360, 361])
    forecast = Forecast(median_s=rows.actual_s, p_over={360: np.array([0.0, 1.0])})
    found = evaluate_models(rows, {"ours": forecast}, resamples=1).whole("ours")
    assert found["over_360_brier"].value == 0
    assert found["over_360_rate"].value == 0.5


def test_a_warning_flags_the_share_asked_and_finds_what_is_likely():
    rows = rows_of([700.0] * 40 + [300.0] * 960)
    p_late = np.concatenate([np.full(20, 0.9), np.full(20, 0.1), np.full(57, 0.5), np.full(903, 0.2)])
    forecast = Forecast(rows.actual_s, p_over={600: p_late})
    found = evaluate_models(rows, {"ours": forecast}, resamples=1).whole("ours")
    assert found["warning_600_flagged_share"].value == pytest.approx(0.077)
    assert found["warning_600_precision"].value == pytest.approx(20 / 77)
    assert found["warning_600_recall"].value == pytest.approx(0.5)


def test_a_station_list_is_judged_as_it_stands():
    rows = rows_of([700.0, 700.0, 300.0, 300.0])
    forecast = Forecast(np.full(4, 300.0), is_listed=np.array([True, False, True, False]))
    found = evaluate_models(rows, {"seed": forecast}, resamples=1).whole("seed")
    assert found["station_list_600_precision"].value == 0.5
    assert found["station_list_underestimate_recall"].value == 0.5


def test_a_warning_never_flags_a_chance_of_zero():
    assert not most_likely(np.zeros(100), 0.077).any()
    assert most_likely(np.array([0.0] * 98 + [1.0, 1.0]), 0.077).sum() == 2


def test_ties_are_flagged_together_or_not_at_all():
    assert most_likely(np.array([0.9, 0.5, 0.5, 0.5, 0.1]), 0.4).sum() == 1
    assert most_likely(np.array([0.9, 0.5, 0.5, 0.5, 0.1]), 0.6).sum() == 4


def test_one_outcome_alone_has_no_auc_but_a_brier_score():
    rows = rows_of([100.0] * 50)
    forecast = Forecast(rows.actual_s, p_over={360: np.full(50, 0.2), 600: np.full(50, 0.01)})
    found = evaluate_models(rows, {"ours": forecast}, resamples=50).whole("ours")
    assert found["over_360_auc"] == Stat(None)
    assert found["over_360_brier"].value == pytest.approx(0.04)
    assert found["warning_600_recall"].value is None
    assert found["r2"].value is None


def test_a_slice_of_one_row_has_a_value_and_no_interval():
    rows = rows_of([300.0] * 60, slices={"station": np.array(["A21"] * 59 + ["G30"])})
    found = evaluate_models(rows, {"ours": Forecast(np.full(60, 310.0))}, resamples=50)
    single = found.models["ours"]["station"]["G30"]
    assert single.n == 1
    assert single.metrics["mae_s"] == Stat(10.0)


def test_what_is_judged_is_plain_json_without_nan():
    rows = rows_of([300.0] * 3, slices={"pump": np.array(["first", "first", "second"])})
    p = np.array([0.0, 1.0, 0.5])
    forecast = Forecast(np.full(3, 310.0), p_over={360: p, 600: p}, p_underestimate=p)
    text = json.dumps(to_json(evaluate_models(rows, {"ours": forecast}, resamples=20)), allow_nan=False)
    assert json.loads(text)["models"]["ours"]["pump"]["first"]["n"] == 2


def test_no_rows_at_all_are_refused_with_a_reason():
    with pytest.raises(TooFewRows, match="no rows to evaluate"):
        evaluate_models(rows_of([]), {"ours": Forecast(np.array([]))})


def test_a_missing_prediction_is_refused_and_not_left_out():
    with pytest.raises(BadValue, match="row 1 is no number"):
        Forecast(np.array([300.0, np.nan]))


def test_a_forecast_of_other_rows_is_refused():
    with pytest.raises(BadValue, match="another number of dispatches"):
        evaluate_models(rows_of([300.0, 310.0]), {"ours": Forecast(np.array([300.0]))})


@pytest.mark.parametrize(
    "wrong",
    [
        {"levels": (0.1, 0.9)},
        {"levels": (0.9, 0.1), "quantiles_s": np.ones((2, 2))},
        {"levels": (0.1, 0.9), "quantiles_s": np.ones((2, 3))},
        {"p_over": {360: np.array([0.2, 1.2])}},
        {"p_underestimate": np.array([-0.1, 0.2])},
    ],
)
def test_a_forecast_that_cannot_be_is_refused(wrong):
    with pytest.raises(BadValue):
        Forecast(np.array([300.0, 310.0]), **wrong)


def test_a_quantile_between_two_levels_lies_on_the_line():
    forecast = Forecast(
        np.array([300.0]), levels=(0.1, 0.5, 0.9), quantiles_s=np.array([[200.0, 300.0, 500.0]])
    )
    assert forecast.quantile_at(0.3)[0] == pytest.approx(250)
    assert forecast.quantile_at(0.9)[0] == 500
    assert forecast.quantile_at(0.95) is None
