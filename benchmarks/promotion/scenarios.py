"""The simulated scenarios, each with the rate that matters and its target."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.promotion.local_losses import WAYS
from benchmarks.promotion.scenario_truth import improved_by, worse_in_slice
from benchmarks.promotion.simulated_months import Population, Truth

MONTH_DAYS, QUARTER_DAYS, WEEK_DAYS = 28, 84, 7
BOROUGH = ("borough", "WESTMINSTER")
"""The only borough of February 2017 with 500 dispatches or more, so that months with exactly 500 of them can be drawn."""
BOROUGH_ROWS = 500
GAIN_SHARE, LOSS_SHARE = 0.01, 0.10
PROMOTED, SLICE, BOROUGH_REJECTED = "promoted", "refused_for_a_slice", "refused_for_the_borough"
MAX_WRONG_SHARE, MIN_RIGHT_SHARE = 0.05, 0.80


@dataclass(frozen=True, slots=True)
class Requirement:
    """A rate and its bound: at most or at least."""

    rate: str
    bound: float
    is_at_most: bool


RARELY_PROMOTED = Requirement(PROMOTED, MAX_WRONG_SHARE, is_at_most=True)
MOSTLY_PROMOTED = Requirement(PROMOTED, MIN_RIGHT_SHARE, is_at_most=False)
FEW_SLICES = Requirement(SLICE, MAX_WRONG_SHARE, is_at_most=True)
BOROUGH_SEEN = Requirement(BOROUGH_REJECTED, MIN_RIGHT_SHARE, is_at_most=False)


@dataclass(frozen=True, eq=False)
class Scenario:
    """A scenario. those: the population of its months. is_aged: the champion is older than its limit, the challenger newer."""

    name: str
    summary: str
    those: Population
    truth: Truth
    requirements: tuple[Requirement, ...]
    is_aged: bool = False


def scenarios(halves: Population, seeds: Population) -> Iterator[Scenario]:
    """Return all scenarios. halves: two models from half of the incidents each. seeds: two that differ by chance alone."""
    equal, better = improved_by(halves, 0.0), improved_by(halves, GAIN_SHARE)
    yield Scenario("equal", "equally good, two halves", halves, equal, (RARELY_PROMOTED,))
    yield Scenario(
        "equal_seeds", "equally good, two seeds", seeds, improved_by(seeds, 0.0), (RARELY_PROMOTED,)
    )
    week = replace(equal, days=WEEK_DAYS)
    yield Scenario("equal_week", "equally good, two halves", halves, week, (RARELY_PROMOTED,))
    yield Scenario("better", "1 % better", halves, better, (MOSTLY_PROMOTED, FEW_SLICES))
    quarter = replace(better, days=QUARTER_DAYS)
    yield Scenario("better_quarter", "1 % better", halves, quarter, (MOSTLY_PROMOTED, FEW_SLICES))
    yield Scenario("better_week", "1 % better", halves, replace(better, days=WEEK_DAYS), ())
    yield from _worse(halves, better)
    yield Scenario("aged_equal", "old champion, equally good", halves, equal, (), is_aged=True)
    worse = improved_by(halves, -GAIN_SHARE)
    summary = "old champion, challenger 1 % worse"
    yield Scenario("aged_worse", summary, halves, worse, (RARELY_PROMOTED,), is_aged=True)


def _worse(halves: Population, better: Truth) -> Iterator[Scenario]:
    for way in WAYS:
        truth = replace(worse_in_slice(halves, better, BOROUGH, way, LOSS_SHARE), exactly=BOROUGH_ROWS)
        summary = f"10 % worse in one borough of 500 runs ({way.replace('_', ' ')}), 1 % better elsewhere"
        yield Scenario(f"worse_{way}", summary, halves, truth, (BOROUGH_SEEN,))
        quarter = replace(truth, days=QUARTER_DAYS)
        yield Scenario(f"worse_{way}_quarter", summary, halves, quarter, (BOROUGH_SEEN,))
