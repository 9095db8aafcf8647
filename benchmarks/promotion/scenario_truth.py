"""The exact truth of each scenario: where it lies for a given gain, and the true differences."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import brentq

from benchmarks.promotion.local_losses import Worse
from benchmarks.promotion.simulated_months import Population, Truth, expected_errors

MAX_S = 200.0
CLOSE_SHARE, CLOSE_S = 1e-4, 0.05


def improved_by(those: Population, gain_share: float, days: int = 28) -> Truth:
    """Return the truth in which the MAE of b is lower than that of a by a share."""

    def missing(toward_b: float) -> float:
        a, b = expected_errors(those, Truth(toward_b))
        return float(1 - b.mean() / a.mean() - gain_share)

    return Truth(float(brentq(missing, -1.0, 2.0, xtol=CLOSE_SHARE)), days)


def worse_in_slice(
    those: Population, truth: Truth, losing_slice: tuple[str, str], way: str, loss_share: float
) -> Truth:
    """Return the truth as `truth` does, with the MAE of b in one slice a share above that of a."""

    def missing(size_s: float) -> float:
        worse = Worse(*losing_slice, way, size_s)
        a, b = (
            one[worse.is_there(those.rows)] for one in expected_errors(those, replace(truth, worse=worse))
        )
        return float(b.mean() / a.mean() - 1 - loss_share)

    size_s = float(brentq(missing, 0.0, MAX_S, xtol=CLOSE_S))
    return replace(truth, worse=Worse(*losing_slice, way, size_s))


def true_gains(those: Population, truth: Truth, slices: tuple[str, ...], min_rows: int) -> dict[str, Any]:
    """Return the MAE of a, the gain of b over it, and the smallest and largest gain in any slice of enough rows."""
    a, b = expected_errors(those, truth)
    gains = []
    for name in slices:
        values, code, rows = np.unique(those.rows.slices[name], return_inverse=True, return_counts=True)
        sums = [np.bincount(code, one, minlength=len(values)) for one in (a, b)]
        gains += list((1 - sums[1] / sums[0])[rows >= min_rows])
    return {
        "mae_a_s": float(a.mean()),
        "gain_share": float(1 - b.mean() / a.mean()),
        "least_slice_gain_share": float(min(gains)),
        "greatest_slice_gain_share": float(max(gains)),
    }
