"""The rule, case by case: what promotes, what keeps, and that the reason says which."""

import json
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from support.promotion_evidence import TRAINED_UNTIL, Month, aged, contender, farther_off

from londonpump.domain.errors import BadValue
from londonpump.domain.json_values import to_json
from londonpump.evaluation.evaluation_rows import Forecast
from londonpump.evaluation.promotion.evidence import PromotionSettings, SmokeTest
from londonpump.evaluation.promotion.rule import decide

RULE = PromotionSettings(resamples=300)


@pytest.fixture(scope="module")
def month():
    return Month()


@pytest.fixture(scope="module")
def good(month):
    return month.forecast()


@pytest.fixture(scope="module")
def equal(month, good):
    return month.forecast()


@pytest.fixture(scope="module")
def poor(month):
    return month.forecast(own_error_s=50.0)


def test_a_better_challenger_is_promoted(month, poor, good):
    verdict = decide(month.evidence(poor, good), RULE)
    assert (verdict.action, verdict.rule) == ("promote", "better")


def test_a_worse_challenger_is_refused_as_worse(month, poor, good):
    verdict = decide(month.evidence(good, poor), RULE)
    assert (verdict.action, verdict.rule) == ("keep", "worse")


def test_two_that_cannot_be_told_apart_keep_the_champion(month, good, equal):
    both_ways = [decide(month.evidence(*pair), RULE) for pair in ((good, equal), (equal, good))]
    assert [(one.action, one.rule) for one in both_ways] == [("keep", "tie")] * 2


def test_identical_answers_are_called_so(month, good):
    assert "equally far off on every mobilisation" in decide(month.evidence(good, good), RULE).reason


def test_the_difference_is_that_of_the_two_scores(month, poor, good):
    evidence = decide(month.evidence(poor, good), RULE).evidence
    scores = [model.scores["mae_s"].value for model in (evidence.challenger, evidence.champion)]
    assert evidence.difference_s.value == pytest.approx(scores[0] - scores[1], abs=1e-5)


def test_a_better_challenger_that_is_worse_in_a_borough_is_refused_for_it(month, poor, good):
    there = month.rows.slices["borough"] == "CAMDEN"
    uneven = farther_off(good, month.rows, 30.0, there)
    verdict = decide(month.evidence(poor, uneven), RULE)
    assert (verdict.rule, verdict.evidence.slices.failing) == ("slice_worse", ("borough=CAMDEN",))


def test_a_slice_of_few_rows_is_told_as_not_judged(month, good, equal):
    slice_evidence = decide(month.evidence(good, equal), RULE).evidence.slices
    assert slice_evidence.not_judged["station"]["A10"] == 100


def test_a_slice_is_judged_from_its_least_rows_on(month, good, equal):
    rules = [replace(RULE, min_slice_rows=n_rows) for n_rows in (600, 601)]
    slice_evidence = [decide(month.evidence(good, equal), rule).evidence.slices.not_judged for rule in rules]
    assert ["CAMDEN" in one.get("borough", {}) for one in slice_evidence] == [False, True]


def test_slices_look_at_the_last_three_months_alone(good):
    year = Month(n=9_000, days=300)
    slice_evidence = decide(year.evidence(year.forecast(), year.forecast()), RULE).evidence.slices
    judged = {one.value: one.rows for one in slice_evidence.judged}
    assert judged["Fire"] + judged["Domestic Incidents"] == 92 * 30


def test_a_slice_on_few_days_is_not_judged(month, good, equal):
    days = month.rows.day - month.rows.day.min()
    kind = np.where(days < 4, "Major Environmental Disasters", "Fire")
    rows = replace(month.rows, slices={**month.rows.slices, "incident_type": kind})
    slice_evidence = decide(replace(month.evidence(good, equal), rows=rows), RULE).evidence.slices
    assert "Major Environmental Disasters" in slice_evidence.not_judged["incident_type"]


@pytest.mark.parametrize(("n", "days"), [(900, 28), (6_000, 6)])
def test_few_rows_or_days_keep_the_champion(n, days):
    small = Month(n, days)
    verdict = decide(small.evidence(small.forecast(80.0), small.forecast()), RULE)
    assert (verdict.action, verdict.rule) == ("keep", "few_rows")


def test_no_rows_at_all_keep_the_champion(month, poor, good):
    nothing = np.zeros(len(month.rows), bool)
    empty = replace(
        month.evidence(poor, good),
        rows=month.rows.take(nothing),
        champion=contender(poor.take(nothing)),
        challenger=contender(good.take(nothing)),
    )
    assert decide(empty, RULE).rule == "few_rows"


def test_a_challenger_that_does_not_load_is_refused(month, good):
    evidence = replace(
        month.evidence(good, good), challenger=contender(None, smoke_test=SmokeTest("its hash is wrong"))
    )
    assert "its hash is wrong" in decide(evidence, RULE).reason


def test_a_challenger_that_answers_nothing_is_refused(month, good):
    evidence = replace(month.evidence(good, good), challenger=contender(None))
    assert decide(evidence, RULE).rule == "challenger_unusable"


def test_a_champion_that_does_not_load_stays_and_the_reason_says_what_to_do(month, good):
    evidence = replace(
        month.evidence(good, good), champion=contender(None, smoke_test=SmokeTest("no such folder"))
    )
    verdict = decide(evidence, RULE)
    assert verdict.rule == "champion_unusable"
    assert "models roll-back" in verdict.reason


def test_a_slow_challenger_is_refused(month, poor, good):
    evidence = replace(
        month.evidence(poor, good), challenger=contender(good, smoke_test=SmokeTest(None, 51.0))
    )
    assert decide(evidence, RULE).rule == "latency"


def test_a_latency_nobody_measured_is_a_missing_metric(month, poor, good):
    evidence = replace(
        month.evidence(poor, good), challenger=contender(good, smoke_test=SmokeTest(None, None))
    )
    assert decide(evidence, RULE).rule == "metric_missing"


@pytest.mark.parametrize("without", [{"levels": None, "quantiles_s": None}, {"p_over": None}])
def test_a_challenger_without_chances_lacks_a_metric(month, poor, good, without):
    assert decide(month.evidence(poor, replace(good, **without)), RULE).rule == "metric_missing"


def test_a_champion_of_single_times_can_be_beaten(month, poor, good):
    assert decide(month.evidence(Forecast(poor.median_s), good), RULE).rule == "better"


def test_an_interval_that_is_too_narrow_is_refused(month, poor, good):
    middle = good.median_s[:, None]
    narrow = replace(good, quantiles_s=middle + 0.7 * (good.quantiles_s - middle))
    assert decide(month.evidence(poor, narrow), RULE).rule == "coverage"


def test_an_interval_that_is_too_wide_is_refused(month, poor, good):
    middle = good.median_s[:, None]
    wide = replace(good, quantiles_s=middle + 1.4 * (good.quantiles_s - middle))
    assert decide(month.evidence(poor, wide), RULE).rule == "coverage"


def test_chances_that_are_off_are_refused(month, poor, good):
    surer = replace(good, p_over={t: np.clip(p + 0.15, 0, 1) for t, p in good.p_over.items()})
    assert decide(month.evidence(poor, surer), RULE).rule == "calibration"


def test_every_obstacle_stands_in_the_reason(month, good, equal):
    evidence = replace(
        month.evidence(good, equal), challenger=contender(equal, smoke_test=SmokeTest(None, 80.0))
    )
    reason = decide(evidence, RULE).reason
    assert "80.0 ms" in reason
    assert "cannot be distinguished" in reason


def test_the_first_model_is_promoted_on_its_own_checks(month, good):
    verdict = decide(month.evidence(None, good), RULE)
    assert (verdict.action, verdict.rule) == ("promote", "first")


def test_a_first_model_that_fails_its_own_checks_is_not(month, good):
    surer = replace(good, p_over={t: np.clip(p + 0.15, 0, 1) for t, p in good.p_over.items()})
    assert decide(month.evidence(None, surer), RULE).action == "keep"


def test_an_old_champion_gives_way_to_a_newer_model_that_is_not_worse(month, good, equal):
    verdict = decide(aged(month.evidence(good, equal)), replace(RULE, not_worse_s=2.0))
    assert (verdict.action, verdict.rule) == ("promote", "not_worse_and_newer")


def test_an_old_champion_stays_if_the_newer_model_may_be_worse(month, good, equal):
    off = farther_off(equal, month.rows, 2.0)
    assert decide(aged(month.evidence(good, off)), replace(RULE, not_worse_s=2.0)).action == "keep"


def test_an_old_champion_stays_if_the_clause_is_off(month, good, equal):
    rule = replace(RULE, not_worse_s=2.0, champion_age_days=None)
    assert decide(aged(month.evidence(good, equal)), rule).action == "keep"


def test_a_champion_is_old_only_after_its_limit(month, good, equal):
    evidence = month.evidence(good, equal)
    at_limit = evidence.today - timedelta(days=180)
    assert decide(aged(evidence, at_limit), replace(RULE, not_worse_s=2.0)).action == "keep"


def test_an_old_champion_stays_beside_a_model_as_old(month, good, equal):
    old = date(2016, 1, 1)
    evidence = replace(aged(month.evidence(good, equal), old), challenger=contender(equal, old))
    assert decide(evidence, replace(RULE, not_worse_s=2.0)).action == "keep"


def test_rows_that_a_model_may_have_learnt_from_are_refused(month, good):
    late = contender(good, TRAINED_UNTIL + timedelta(days=1))
    with pytest.raises(BadValue, match="the challenger was trained until"):
        replace(month.evidence(good, good), challenger=late)


def test_a_forecast_of_other_runs_is_refused(month, good):
    with pytest.raises(BadValue, match="has other dispatches"):
        month.evidence(good, good.take(np.arange(10)))


def test_rows_without_a_slice_of_the_rule_are_refused(month, good, equal):
    bare = replace(month.evidence(good, equal), rows=month.rows.without_slices())
    with pytest.raises(BadValue, match="borough"):
        decide(bare, RULE)


def test_what_is_no_number_is_null_in_the_evidence(month, good, equal):
    endless = contender(equal, smoke_test=SmokeTest(None, float("inf")))
    evidence = decide(replace(month.evidence(good, equal), challenger=endless), RULE).evidence
    assert json.loads(json.dumps(to_json(evidence), allow_nan=False))["challenger"]["latency_ms"] is None
