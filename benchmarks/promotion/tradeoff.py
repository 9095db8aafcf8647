"""What a stricter or looser look at slices would cost: refused for nothing against seen where it is worse."""

from typing import Any

import numpy as np

from benchmarks.promotion.months import month
from benchmarks.promotion.rates import RULE, SEED, rate
from benchmarks.promotion.scenarios import Scenario
from londonpump.evaluation.promotion.evidence import Contender
from londonpump.evaluation.promotion.slices import slice_differences
from londonpump.evaluation.rows import Floats, JudgedRows

ERROR_SHARES = (0.01, 0.02, 0.05, 0.10, 0.20)
ALONE = "each_alone"


def tradeoff(scenario: Scenario, repeats: int) -> dict[str, Any]:
    """Share of months in which any slice fails, and in which the worse one does, for each error share.

    `each_alone`: every slice by its own 95 % interval, as if nobody looked at the others.
    """
    any_fails = dict.fromkeys([*map(str, ERROR_SHARES), ALONE], 0)
    worse_fails = dict(any_fails)
    worse = scenario.truth.worse
    for repeat in range(repeats):
        shown = month(scenario.those, scenario.truth, np.random.default_rng((SEED, repeat)))
        assert shown.champion is not None  # noqa: S101
        lost_s = _abs_error(shown.challenger, shown.rows) - _abs_error(shown.champion, shown.rows)
        seen = slice_differences(shown.rows, lost_s, RULE)
        is_place = np.array(
            [
                worse is not None and (one.slice, one.value) == (worse.slice, worse.value)
                for one in seen.groups
            ]
        )
        lows = {str(share): seen.found.low_together(share) for share in ERROR_SHARES}
        lows[ALONE] = seen.found.interval(RULE.confidence)[0]
        for name, low_s in lows.items():
            any_fails[name] += bool((low_s > 0).any())
            worse_fails[name] += bool(((low_s > 0) & is_place).any())
    told = {name: {"any": rate(any_fails[name], repeats)} for name in any_fails}
    if worse is not None:
        for name, found in told.items():
            found["worse"] = rate(worse_fails[name], repeats)
    return told


def _abs_error(one: Contender, rows: JudgedRows) -> Floats:
    assert one.forecast is not None  # noqa: S101
    return np.asarray(np.abs(one.forecast.median_s - rows.actual_s))
