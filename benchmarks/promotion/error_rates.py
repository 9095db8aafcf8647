"""Rates of the verdicts over many simulated months, each with its exact 95 % interval."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np
from scipy.stats import binomtest

from benchmarks.promotion.scenario_truth import true_gains
from benchmarks.promotion.scenarios import BOROUGH_REJECTED, PROMOTED, SLICE, Requirement, Scenario
from benchmarks.promotion.simulated_months import month
from londonpump.evaluation.promotion.evidence import EvaluatedModel, Evidence, PromotionSettings, Verdict
from londonpump.evaluation.promotion.rule import decide

SEED = 2_017
RULE = PromotionSettings()
Rate = dict[str, float]


@dataclass(slots=True)
class Counted:
    """Counts of the verdicts over a number of months."""

    months: int = 0
    slices: int = 0
    runs: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    rates: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: Verdict, slice_value: str | None) -> None:
        """Add one month. place: the slice that is worse, if one is."""
        found = verdict.evidence.slices
        assert found is not None  # noqa: S101
        self.months += 1
        self.slices += len(found.judged)
        self.runs += verdict.evidence.rows
        self.rules[verdict.rule] += 1
        self.rates[PROMOTED] += verdict.is_promotion
        self.rates[SLICE] += bool(found.failing)
        self.rates[BOROUGH_REJECTED] += slice_value in found.failing


def counted(scenario: Scenario, repeats: int) -> Counted:
    """Apply the rule to some months of a scenario; the same months every time."""
    worse = scenario.truth.worse
    slice_value = None if worse is None else f"{worse.slice}={worse.value}"
    so_far = Counted()
    for repeat in range(repeats):
        month_evidence = month(scenario.those, scenario.truth, np.random.default_rng((SEED, repeat)))
        so_far.add(decide(_aged(month_evidence) if scenario.is_aged else month_evidence, RULE), slice_value)
    return so_far


def measured(scenario: Scenario, repeats: int) -> dict[str, Any]:
    """Return the rates of a scenario, the truth in it, and whether each rate is within its bound."""
    found = counted(scenario, repeats)
    rates = {name: rate(found.rates[name], repeats) for name in (PROMOTED, SLICE)}
    if scenario.truth.worse is not None:
        rates[BOROUGH_REJECTED] = rate(found.rates[BOROUGH_REJECTED], repeats)
    return {
        "words": scenario.summary,
        "days": scenario.truth.days,
        "months": repeats,
        "runs_a_month": found.runs / repeats,
        "slices_judged": found.slices / repeats,
        "true": true_gains(scenario.those, scenario.truth, RULE.slices, RULE.min_slice_rows),
        "rates": rates,
        "rules": dict(found.rules.most_common()),
        "wanted": [_meets(requirements, rates) for requirements in scenario.requirements],
    }


def rate(cases: int, n: int) -> Rate:
    """Return the share and its exact interval (Clopper and Pearson)."""
    ends = binomtest(cases, n).proportion_ci(method="exact")
    return {"share": cases / n, "low": float(ends.low), "high": float(ends.high)}


def _meets(requirements: Requirement, rates: dict[str, Rate]) -> dict[str, Any]:
    found = rates[requirements.rate]
    value, far = found["share"], found["high"] if requirements.is_at_most else found["low"]
    sign = 1 if requirements.is_at_most else -1
    return {
        "rate": requirements.rate,
        "bound": requirements.bound,
        "is_at_most": requirements.is_at_most,
        "is_met": sign * value <= sign * requirements.bound,
        "is_sure": sign * far <= sign * requirements.bound,
    }


def _aged(month_evidence: Evidence) -> Evidence:
    """Return the same month with a champion older than its limit: only the dates differ."""
    assert month_evidence.champion is not None and RULE.champion_age_days is not None  # noqa: PT018, S101
    long_ago = month_evidence.today - timedelta(days=RULE.champion_age_days + 1)
    champion = EvaluatedModel(long_ago, month_evidence.champion.smoke_test, month_evidence.champion.forecast)
    return replace(month_evidence, champion=champion)
