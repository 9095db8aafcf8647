"""What must hold of the promotion rule whatever the two models say."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.promotion_evidence import Month, farther_off
from support.run_size import examples

from londonpump.domain.json_values import from_json, to_json
from londonpump.evaluation.promotion.evidence import DecisionFacts, PromotionSettings
from londonpump.evaluation.promotion.rule import decide

RULE = PromotionSettings(resamples=100, min_rows=100, min_slice_rows=80)
typical_error_s = st.floats(0, 60)
seeds = st.integers(0, 10_000)
ages = st.sampled_from([None, 0])
MANY = settings(max_examples=examples(40), deadline=None)


def pair(seed, errors_s, days=9):
    month = Month(n=900, days=days, seed=seed)
    return month, *(month.forecast(error_s) for error_s in errors_s)


@given(seeds, st.tuples(typical_error_s, typical_error_s), ages)
@MANY
def test_two_models_never_both_take_the_others_place(seed, errors_s, age):
    month, a, b = pair(seed, errors_s)
    evidence_pair = month.evidence(a, b)
    swapped = replace(evidence_pair, champion=evidence_pair.challenger, challenger=evidence_pair.champion)
    rule = replace(RULE, champion_age_days=age)
    assert not (decide(evidence_pair, rule).is_promotion and decide(swapped, rule).is_promotion)


@given(seeds, st.tuples(typical_error_s, typical_error_s))
@MANY
def test_the_interval_of_swapped_models_is_the_mirror_of_the_other(seed, errors_s):
    month, a, b = pair(seed, errors_s)
    one, other = (decide(month.evidence(*both), RULE).evidence.difference_s for both in ((a, b), (b, a)))
    assert one.low == pytest.approx(-other.high, abs=1e-5)


@given(seeds, st.tuples(st.floats(20, 60), st.floats(0, 20)), st.floats(0.01, 30))
@MANY
def test_getting_worse_by_a_constant_never_earns_a_place(seed, errors_s, by_s):
    month, a, b = pair(seed, errors_s)
    worse = farther_off(b, month.rows, by_s)
    before = decide(month.evidence(a, b), RULE)
    assert before.is_promotion or not decide(month.evidence(a, worse), RULE).is_promotion


@given(seeds, typical_error_s, ages)
@MANY
def test_identical_answers_of_the_same_age_always_keep(seed, error_s, age):
    month, a = pair(seed, (error_s,))
    verdict = decide(month.evidence(a, a), replace(RULE, champion_age_days=age))
    assert (verdict.action, verdict.rule) == ("keep", "tie")


@given(seeds, st.tuples(typical_error_s, typical_error_s))
@MANY
def test_the_order_of_rows_does_not_matter(seed, errors_s):
    month, a, b = pair(seed, errors_s)
    order = np.random.default_rng(seed).permutation(len(month.rows))
    evidence_pair = month.evidence(a, b)
    shuffled = replace(
        evidence_pair,
        rows=month.rows.take(order),
        champion=replace(evidence_pair.champion, forecast=a.take(order)),
        challenger=replace(evidence_pair.challenger, forecast=b.take(order)),
    )
    one, other = decide(evidence_pair, RULE), decide(shuffled, RULE)
    assert (one.action, one.rule, one.reason) == (other.action, other.rule, other.reason)


@given(seeds, st.tuples(typical_error_s, typical_error_s), st.integers(1, 12), st.booleans())
@MANY
def test_the_evidence_is_json_without_nan(seed, errors_s, days, is_first):
    month, a, b = pair(seed, errors_s, days)
    verdict = decide(month.evidence(None if is_first else a, b), RULE)
    stored = json.loads(json.dumps(to_json(verdict.evidence), allow_nan=False))
    assert from_json(DecisionFacts, stored) == verdict.evidence
