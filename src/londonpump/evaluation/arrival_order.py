"""Evaluate whether the pumps of one call arrive in the predicted order, against two rules that need no model.

A pair is two pumps that were mobilised to one incident from different stations. A rule is right if the pump that it puts first
arrived first; where it puts none first, or both arrived in the same second, it is half right. Its regret is the time lost by sending
only the pump that it puts first. The two rules are the nearest station first, and the pump of the incident's own ground first, then
the nearest.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from londonpump.evaluation.evaluation_rows import OWN_GROUND, EvaluationRows, Floats, Ints
from londonpump.evaluation.intervals import MIN_DAYS, Stat, draw_days, ratio, stats_of

OURS, NEAREST, OWN_THEN_NEAREST = "ours", "nearest", "own_ground_then_nearest"
MIN_PAIRS = 20
"""Fewer pairs do not support a statement."""


@dataclass(frozen=True, slots=True)
class OrderMetrics:
    """The order of n pairs, by rule; differences are ours minus the rule."""

    pairs: int
    right_share: Mapping[str, Stat]
    regret_s: Mapping[str, Stat]
    right_share_difference: Mapping[str, Stat]
    regret_difference_s: Mapping[str, Stat]


def pairs_of(rows: EvaluationRows) -> tuple[Ints, Ints]:
    """Return the (m,) rows of the first and the second pump of every pair, in an order that does not depend on the answer."""
    order = np.lexsort((rows.station_code, rows.incident))
    firsts, seconds = [], []
    # Sorted by incident, its k pumps are neighbours: their pairs are 1 to k - 1 rows apart.
    for apart in range(1, len(order)):
        is_same = rows.incident[order[apart:]] == rows.incident[order[:-apart]]
        if not is_same.any():
            break
        firsts.append(order[:-apart][is_same])
        seconds.append(order[apart:][is_same])
    first, second = (np.concatenate([np.empty(0, np.int64), *each]) for each in (firsts, seconds))
    differ = rows.station_code[first] != rows.station_code[second]
    return first[differ], second[differ]


def evaluate_order(
    rows: EvaluationRows, median_s: Floats, resamples: int, seed: int = 0
) -> OrderMetrics | None:
    """Return how often and by how much each rule is right, with intervals from resampled days; None for too few pairs.

    Args: median_s: (n,) announced times.
    """
    first, second = pairs_of(rows)
    if len(first) < MIN_PAIRS or len(np.unique(rows.day[first])) < MIN_DAYS:
        return None
    # Everything below is 1, -1 or 0 per pair, so that a tie counts half without a case of its own.
    actual = _leads(rows.actual_s, first, second)
    gap_s = np.abs(rows.actual_s[first] - rows.actual_s[second])
    is_other_ground = (rows.slices["own_ground"] != OWN_GROUND).astype(np.float64)
    nearest, own = _leads(rows.distance_m, first, second), _leads(is_other_ground, first, second)
    rules = {
        OURS: _leads(median_s, first, second),
        NEAREST: nearest,
        OWN_THEN_NEAREST: np.where(own == 0, nearest, own),
    }
    draws = draw_days(rows.day[first], resamples, seed)
    starts = np.searchsorted(draws.days, rows.day[first])

    def drawn(values: Floats) -> Floats:
        return np.asarray(draws.counts @ np.bincount(starts, values, minlength=len(draws.days)))

    n = drawn(np.ones(len(first)))
    right = {name: (1 + rule * actual) / 2 for name, rule in rules.items()}
    share = {name: ratio(drawn(each), n) for name, each in right.items()}
    regret = {name: ratio(drawn((1 - each) * gap_s), n) for name, each in right.items()}
    return OrderMetrics(
        len(first), stats_of(share), stats_of(regret), _against_ours(share), _against_ours(regret)
    )


def _leads(values: Floats, first: Ints, second: Ints) -> Floats:
    """Return (m,) 1 where the first of the pair has the smaller value, -1 where the second has, 0 where they are equal."""
    return np.asarray(np.sign(values[second] - values[first]))


def _against_ours(samples: Mapping[str, Floats]) -> dict[str, Stat]:
    return stats_of({name: samples[OURS] - each for name, each in samples.items() if name != OURS})
