"""How often the rule says what, over many simulated months, each rate with its exact 95 % interval."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np
from scipy.stats import binomtest

from benchmarks.promotion.months import month
from benchmarks.promotion.scenarios import PLACE, PROMOTED, SLICE, Scenario, Wanted
from benchmarks.promotion.settled import what_is_true
from londonpump.evaluation.promotion.evidence import Contender, Evidence
from londonpump.evaluation.promotion.rule import decide
from londonpump.evaluation.promotion.settings import PromotionSettings
from londonpump.evaluation.promotion.verdict import Verdict

SEED = 2_017
RULE = PromotionSettings()
Rate = dict[str, float]


@dataclass(slots=True)
class Counted:
    """What the rule said in so many months."""

    months: int = 0
    slices: int = 0
    runs: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    rates: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: Verdict, place: str | None) -> None:
        """One more month. place: the slice that is worse, if one is."""
        found = verdict.evidence["slices"]
        self.months += 1
        self.slices += len(found["judged"])
        self.runs += verdict.evidence["rows"]
        self.rules[verdict.rule] += 1
        self.rates[PROMOTED] += verdict.is_promotion
        self.rates[SLICE] += bool(found["failing"])
        self.rates[PLACE] += place in found["failing"]


def counted(scenario: Scenario, repeats: int) -> Counted:
    """The rule on so many months of a scenario; the same months every time."""
    worse = scenario.truth.worse
    place = None if worse is None else f"{worse.slice}={worse.value}"
    so_far = Counted()
    for repeat in range(repeats):
        shown = month(scenario.those, scenario.truth, np.random.default_rng((SEED, repeat)))
        so_far.add(decide(_aged(shown) if scenario.is_aged else shown, RULE), place)
    return so_far


def measured(scenario: Scenario, repeats: int) -> dict[str, Any]:
    """The rates of a scenario, what is true in it, and whether each is what it must be."""
    found = counted(scenario, repeats)
    rates = {name: rate(found.rates[name], repeats) for name in (PROMOTED, SLICE)}
    if scenario.truth.worse is not None:
        rates[PLACE] = rate(found.rates[PLACE], repeats)
    return {
        "words": scenario.words,
        "days": scenario.truth.days,
        "months": repeats,
        "runs_a_month": found.runs / repeats,
        "slices_judged": found.slices / repeats,
        "true": what_is_true(scenario.those, scenario.truth, RULE.slices, RULE.least_slice_rows),
        "rates": rates,
        "rules": dict(found.rules.most_common()),
        "wanted": [_held(wanted, rates) for wanted in scenario.wanted],
    }


def rate(cases: int, n: int) -> Rate:
    """Share and its exact interval (Clopper and Pearson)."""
    ends = binomtest(cases, n).proportion_ci(method="exact")
    return {"share": cases / n, "low": float(ends.low), "high": float(ends.high)}


def _held(wanted: Wanted, rates: dict[str, Rate]) -> dict[str, Any]:
    found = rates[wanted.rate]
    value, far = found["share"], found["high"] if wanted.is_at_most else found["low"]
    sign = 1 if wanted.is_at_most else -1
    return {
        "rate": wanted.rate,
        "bound": wanted.bound,
        "is_at_most": wanted.is_at_most,
        "is_met": sign * value <= sign * wanted.bound,
        "is_sure": sign * far <= sign * wanted.bound,
    }


def _aged(shown: Evidence) -> Evidence:
    """The same month with a champion older than its limit: only the dates are others."""
    assert shown.champion is not None and RULE.champion_age_days is not None  # noqa: PT018, S101
    long_ago = shown.today - timedelta(days=RULE.champion_age_days + 1)
    champion = Contender(long_ago, shown.champion.trial, shown.champion.forecast)
    return replace(shown, champion=champion)
