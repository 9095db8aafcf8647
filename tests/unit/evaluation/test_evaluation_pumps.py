"""Metrics of the number of pumps."""

import json
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as oracle

from londonpump.domain.errors import BadValue, TooFewRows
from londonpump.domain.json_values import to_json
from londonpump.evaluation.evaluate import evaluate_pumps


@pytest.fixture(scope="module")
def guesses():
    rng = np.random.default_rng(11)
    probability = rng.dirichlet([6, 3, 0.5, 0.3, 0.6], 3000)
    actual = np.array([rng.choice(5, p=p) for p in probability]) + 1
    return actual, probability, probability.argmax(axis=1) + 1, rng.integers(0, 60, 3000)


def test_the_metrics_agree_with_scikit_learn(guesses):
    actual, probability, chosen, day = guesses
    found = evaluate_pumps(actual, probability, chosen, day, resamples=200)
    assert found.accuracy.value == pytest.approx(oracle.accuracy_score(actual, chosen))
    assert found.macro_f1.value == pytest.approx(oracle.f1_score(actual, chosen, average="macro"))
    clipped = np.clip(probability, 1e-6, 1)
    expected = -np.log(clipped[np.arange(len(actual)), actual - 1]).mean()
    assert found.log_loss.value == pytest.approx(expected)
    assert found.confusion == oracle.confusion_matrix(actual, chosen, labels=[1, 2, 3, 4, 5]).tolist()


def test_values_lie_in_their_intervals(guesses: tuple[Any, Any, Any, Any]):
    found = evaluate_pumps(*guesses, resamples=500)
    for stat in (found.accuracy, found.macro_f1, found.log_loss):
        assert stat.low < stat.value < stat.high
    json.dumps(to_json(found), allow_nan=False)


def test_a_number_that_never_occurs_does_not_count_in_macro_f1():
    actual = np.array([1, 1, 2, 2])
    probability = np.tile([0.5, 0.5, 0, 0, 0], (4, 1))
    found = evaluate_pumps(actual, probability, actual, np.arange(4), resamples=10)
    assert found.macro_f1.value == 1


def test_numbers_and_chances_that_cannot_be_are_refused():
    sure = np.array([[1.0, 0, 0, 0, 0]])
    one = np.array([1])
    with pytest.raises(BadValue, match="1 to 5"):
        evaluate_pumps(np.array([6]), sure, one, one)
    with pytest.raises(BadValue, match="add up"):
        evaluate_pumps(one, sure / 2, one, one)
    with pytest.raises(BadValue, match="needs"):
        evaluate_pumps(one, sure[:, :4], one, one)
    with pytest.raises(TooFewRows):
        evaluate_pumps(one[:0], sure[:0], one[:0], one[:0])
