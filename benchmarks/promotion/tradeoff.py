"""Trade-off of the slice check: false rejections against detected deteriorations."""

from typing import Any

import numpy as np

from benchmarks.promotion.error_rates import RULE, SEED, rate
from benchmarks.promotion.scenarios import Scenario
from benchmarks.promotion.simulated_months import month
from londonpump.evaluation.evaluation_rows import EvaluationRows, Floats
from londonpump.evaluation.promotion.comparison import slice_differences
from londonpump.evaluation.promotion.evidence import EvaluatedModel

ERROR_SHARES = (0.01, 0.02, 0.05, 0.10, 0.20)
ALONE = "each_alone"


def tradeoff(scenario: Scenario, repeats: int) -> dict[str, Any]:
    """Return the share of months in which any slice fails, and in which the worse one does, for each error share.

    `each_alone`: every slice by its own 95 % interval, as if nobody looked at the others.
    """
    any_fails = dict.fromkeys([*map(str, ERROR_SHARES), ALONE], 0)
    worse_fails = dict(any_fails)
    worse = scenario.truth.worse
    for repeat in range(repeats):
        month_evidence = month(scenario.those, scenario.truth, np.random.default_rng((SEED, repeat)))
        assert month_evidence.champion is not None  # noqa: S101
        extra_error_s = _abs_error(month_evidence.challenger, month_evidence.rows) - _abs_error(
            month_evidence.champion, month_evidence.rows
        )
        seen = slice_differences(month_evidence.rows, extra_error_s, RULE)
        is_location = np.array(
            [
                worse is not None and (one.slice, one.value) == (worse.slice, worse.value)
                for one in seen.groups
            ]
        )
        lows = {str(share): seen.found.low_together(share) for share in ERROR_SHARES}
        lows[ALONE] = seen.found.interval(RULE.confidence)[0]
        for name, low_s in lows.items():
            any_fails[name] += bool((low_s > 0).any())
            worse_fails[name] += bool(((low_s > 0) & is_location).any())
    rates_by_name = {name: {"any": rate(any_fails[name], repeats)} for name in any_fails}
    if worse is not None:
        for name, found in rates_by_name.items():
            found["worse"] = rate(worse_fails[name], repeats)
    return rates_by_name


def _abs_error(one: EvaluatedModel, rows: EvaluationRows) -> Floats:
    assert one.forecast is not None  # noqa: S101
    return np.asarray(np.abs(one.forecast.median_s - rows.actual_s))
