"""Metrics of the predicted number of pumps: 1, 2, 3, 4, 5 or more."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from londonpump.domain.errors import BadValue
from londonpump.evaluation.evaluate import RESAMPLES
from londonpump.evaluation.evaluation_rows import Floats, Ints
from londonpump.evaluation.intervals import draw_days, ratio, stats_of
from londonpump.evaluation.metrics import MIN_CHANCE

N_CLASSES = 5


@dataclass(frozen=True, eq=False)
class EvaluationPumps:
    """Incidents with a known number of pumps: actual and chosen (n,) 1 to 5, probability (n, 5), day (n,)."""

    actual: Ints
    probability: Floats
    chosen: Ints
    day: Ints

    def __post_init__(self) -> None:
        n = len(self.actual)
        if self.probability.shape != (n, N_CLASSES):
            raise BadValue("probability", self.probability.shape, f"needs ({n}, {N_CLASSES})")
        # Products of chances add up to 1 only nearly.
        if n and not np.allclose(self.probability.sum(axis=1), 1, atol=1e-6):
            raise BadValue(
                "probability", float(self.probability.sum(axis=1).min()), "a row does not add up to 1"
            )
        for name, values in (("actual", self.actual), ("chosen", self.chosen)):
            if len(values) != n or (n and (values.min() < 1 or values.max() > N_CLASSES)):
                raise BadValue(
                    name, np.unique(values).tolist(), f"needs {n} whole numbers from 1 to {N_CLASSES}"
                )


def evaluate_pumps(
    actual: Ints, probability: Floats, chosen: Ints, day: Ints, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Return metrics of the number of pumps, with intervals from resampled days.

    Args: actual, chosen: (n,) 1 to 5 (5 or more). probability: (n, 5). day: (n,) days since 1970.
    Returns: `{n, accuracy, macro_f1, log_loss: {value, low, high}, confusion}`; confusion is 5 x 5, with one row per
    actual number and one column per chosen one. Macro F1 is the plain mean over the numbers that occur or are chosen.
    Raises: TooFewRows without rows, BadValue for a number or chance that cannot be.
    """
    evaluated = EvaluationPumps(actual, probability, chosen, day)
    draws = draw_days(day, resamples, seed)
    day_index = np.searchsorted(draws.days, day)
    # Sums by day first: macro F1 is no mean of rows, and every resample needs a confusion matrix of its own.
    confusion, log_loss = _per_day(evaluated, day_index, len(draws.days))
    cells = draws.counts @ confusion
    counts = cells.sum(axis=1)
    matrices = cells.reshape(-1, N_CLASSES, N_CLASSES)
    samples = {
        "accuracy": ratio(np.trace(matrices, axis1=1, axis2=2), counts),
        "macro_f1": _macro_f1(matrices),
        "log_loss": ratio(draws.counts @ log_loss, counts),
    }
    return {"n": len(actual), **stats_of(samples), "confusion": matrices[0].astype(int).tolist()}


def _per_day(evaluated: EvaluationPumps, day_index: Ints, n_days: int) -> tuple[Floats, Floats]:
    """Return confusion counts (days, 25) and summed log loss (days,)."""
    cell = (evaluated.actual - 1) * N_CLASSES + evaluated.chosen - 1
    n_cells = N_CLASSES**2
    confusion = np.bincount(day_index * n_cells + cell, minlength=n_days * n_cells).reshape(n_days, n_cells)
    chance = evaluated.probability[np.arange(len(cell)), evaluated.actual - 1]
    loss = -np.log(np.clip(chance, MIN_CHANCE, 1.0))
    summed = np.bincount(day_index, loss, minlength=n_days).astype(np.float64)
    return confusion.astype(np.float64), summed


def _macro_f1(matrices: Floats) -> Floats:
    hits = np.diagonal(matrices, axis1=1, axis2=2)
    involved = matrices.sum(axis=1) + matrices.sum(axis=2)
    # a number that neither occurs nor is chosen has no F1 and does not count in the mean
    f1 = ratio(2 * hits, involved)
    occurs = involved > 0
    return ratio(np.where(occurs, f1, 0).sum(axis=1), occurs.sum(axis=1).astype(np.float64))
