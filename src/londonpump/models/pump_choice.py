"""One number of pumps out of five chances.

The most likely number is nearly always 1 or 2: 3, 4 and 5 would never be named. So each number has a weight,
found on out-of-fold chances: the best macro F1 whose accuracy stays within a point of the best accuracy.
"""

import numpy as np
from numpy.typing import NDArray

from londonpump.models.pump_frequencies import N_CLASSES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ACCURACY_SLACK = 0.01
ROUNDS = 4
WEIGHTS: Floats = np.exp(np.linspace(-0.7, 3.0, 38))
"""Tried for each number; that of one pump is 1."""


def choose(probability: Floats, weights: Floats) -> Ints:
    """(n,) 1 to 5: the number whose weighted chance is largest. weights: (5,) or (n, 5)."""
    return np.asarray((probability * weights).argmax(axis=1) + 1)


def fit_weights(probability: Floats, pumps: Ints) -> Floats:
    """(5,) weights, by coordinate ascent from equal ones.

    Args: probability: (n, 5) of calls the model did not learn from. pumps: (n,) 1 to 5.
    """
    weights = np.ones(N_CLASSES)
    if not len(pumps):
        return weights
    accuracy, best = _score(probability, pumps, weights)
    min_accuracy = accuracy - ACCURACY_SLACK
    for _ in range(ROUNDS):
        before = weights.copy()
        for number in range(1, N_CLASSES):
            for weight in WEIGHTS:
                candidate = weights.copy()
                candidate[number] = weight
                accuracy, macro_f1 = _score(probability, pumps, candidate)
                if accuracy >= min_accuracy and macro_f1 > best:
                    weights, best = candidate, macro_f1
        if np.array_equal(weights, before):
            break
    return weights


def _score(probability: Floats, pumps: Ints, weights: Floats) -> tuple[float, float]:
    """(accuracy, macro F1 over the numbers that occur or are chosen)."""
    chosen = (probability * weights).argmax(axis=1)
    cells = np.bincount((pumps - 1) * N_CLASSES + chosen, minlength=N_CLASSES**2)
    matrix = cells.reshape(N_CLASSES, N_CLASSES)
    involved = matrix.sum(axis=0) + matrix.sum(axis=1)
    occurs = involved > 0
    return float(np.trace(matrix) / len(pumps)), float(
        (2 * np.diag(matrix)[occurs] / involved[occurs]).mean()
    )
