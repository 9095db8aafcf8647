"""Coverage of 95 % intervals with few days: in their own standard errors, and by percentiles."""

from typing import Any

import numpy as np

from benchmarks.promotion.error_rates import rate
from londonpump.evaluation.evaluation_rows import Floats, Ints
from londonpump.evaluation.intervals import draw_days
from londonpump.evaluation.promotion.comparison import group_differences

DAYS = (7, 14, 28)
REPEATS, RESAMPLES = 3_000, 400
MIN_DISPATCHES, MAX_DISPATCHES = 15, 60
DAY_SD_S, DISPATCH_SD_S = 1.0, 4.0


def interval_coverage(repeats: int = REPEATS) -> dict[str, Any]:
    """Return by number of days the share of repeats in which each type of interval contains the truth, 0."""
    by_bundle = {}
    for days in DAYS:
        n_inside = np.zeros(2, np.int64)
        for repeat in range(repeats):
            rng = np.random.default_rng(repeat)
            day = np.repeat(np.arange(days), rng.integers(MIN_DISPATCHES, MAX_DISPATCHES, days))
            extra_error_s = rng.normal(0, DAY_SD_S, days)[day] + rng.normal(0, DISPATCH_SD_S, len(day))
            n_inside += _is_inside(extra_error_s, day, repeat)
        by_bundle[str(days)] = {
            "studentised": rate(int(n_inside[0]), repeats),
            "percentile": rate(int(n_inside[1]), repeats),
        }
    return by_bundle


def _is_inside(extra_error_s: Floats, day: Ints, seed: int) -> tuple[bool, bool]:
    draws = draw_days(day, RESAMPLES, seed)
    low, high = group_differences(extra_error_s, np.zeros(len(day), np.int64), day, draws).interval(0.95)
    means = (draws.counts @ np.bincount(day, extra_error_s)) / (draws.counts @ np.bincount(day))
    ends = np.quantile(means[1:], (0.025, 0.975))
    return bool(low[0] <= 0 <= high[0]), bool(ends[0] <= 0 <= ends[1])
