"""How often a 95 % interval holds the truth with few days: in standard errors of its own, and by percentiles."""

from typing import Any

import numpy as np

from benchmarks.promotion.rates import rate
from londonpump.evaluation.intervals import draw_days
from londonpump.evaluation.promotion.differences import group_differences
from londonpump.evaluation.rows import Floats, Ints

DAYS = (7, 14, 28)
REPEATS, RESAMPLES = 3_000, 400
LEAST_RUNS, MOST_RUNS = 15, 60
DAY_SD_S, RUN_SD_S = 1.0, 4.0


def intervals_held(repeats: int = REPEATS) -> dict[str, Any]:
    """By number of days: the share of repeats in which each kind of interval holds the truth, 0."""
    told = {}
    for days in DAYS:
        held = np.zeros(2, np.int64)
        for repeat in range(repeats):
            rng = np.random.default_rng(repeat)
            day = np.repeat(np.arange(days), rng.integers(LEAST_RUNS, MOST_RUNS, days))
            lost_s = rng.normal(0, DAY_SD_S, days)[day] + rng.normal(0, RUN_SD_S, len(day))
            held += _held(lost_s, day, repeat)
        told[str(days)] = {
            "studentised": rate(int(held[0]), repeats),
            "percentile": rate(int(held[1]), repeats),
        }
    return told


def _held(lost_s: Floats, day: Ints, seed: int) -> tuple[bool, bool]:
    draws = draw_days(day, RESAMPLES, seed)
    low, high = group_differences(lost_s, np.zeros(len(day), np.int64), day, draws).interval(0.95)
    means = (draws.counts @ np.bincount(day, lost_s)) / (draws.counts @ np.bincount(day))
    ends = np.quantile(means[1:], (0.025, 0.975))
    return bool(low[0] <= 0 <= high[0]), bool(ends[0] <= 0 <= ends[1])
