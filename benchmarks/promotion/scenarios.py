"""What is simulated: each scenario with the rate that counts and what it must be."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.promotion.months import Population, Truth
from benchmarks.promotion.settled import better_by, worse_there
from benchmarks.promotion.worse import WAYS

MONTH_DAYS, QUARTER_DAYS, WEEK_DAYS = 28, 84, 7
BOROUGH = ("borough", "WESTMINSTER")
"""The one borough of February 2017 with 500 runs or more: a month with exactly 500 of them can be made of it."""
BOROUGH_ROWS = 500
GAIN_SHARE, LOSS_SHARE = 0.01, 0.10
PROMOTED, SLICE, PLACE = "promoted", "refused_for_a_slice", "refused_for_the_borough"
MOST_WRONG, LEAST_RIGHT = 0.05, 0.80


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rate and its bound: at most or at least."""

    rate: str
    bound: float
    is_at_most: bool


FEW_PROMOTED = Wanted(PROMOTED, MOST_WRONG, is_at_most=True)
MOST_PROMOTED = Wanted(PROMOTED, LEAST_RIGHT, is_at_most=False)
FEW_SLICES = Wanted(SLICE, MOST_WRONG, is_at_most=True)
BOROUGH_SEEN = Wanted(PLACE, LEAST_RIGHT, is_at_most=False)


@dataclass(frozen=True, eq=False)
class Scenario:
    """those: what months are drawn from. is_aged: the champion is older than its limit, the challenger newer."""

    name: str
    words: str
    those: Population
    truth: Truth
    wanted: tuple[Wanted, ...]
    is_aged: bool = False


def scenarios(halves: Population, seeds: Population) -> Iterator[Scenario]:
    """All of them. halves: two models from half of the incidents each. seeds: two that differ by chance alone."""
    equal, better = better_by(halves, 0.0), better_by(halves, GAIN_SHARE)
    yield Scenario("equal", "equally good, two halves", halves, equal, (FEW_PROMOTED,))
    yield Scenario("equal_seeds", "equally good, two seeds", seeds, better_by(seeds, 0.0), (FEW_PROMOTED,))
    week = replace(equal, days=WEEK_DAYS)
    yield Scenario("equal_week", "equally good, two halves", halves, week, (FEW_PROMOTED,))
    yield Scenario("better", "1 % better", halves, better, (MOST_PROMOTED, FEW_SLICES))
    quarter = replace(better, days=QUARTER_DAYS)
    yield Scenario("better_quarter", "1 % better", halves, quarter, (MOST_PROMOTED, FEW_SLICES))
    yield Scenario("better_week", "1 % better", halves, replace(better, days=WEEK_DAYS), ())
    yield from _worse(halves, better)
    yield Scenario("aged_equal", "old champion, equally good", halves, equal, (), is_aged=True)
    worse = better_by(halves, -GAIN_SHARE)
    words = "old champion, challenger 1 % worse"
    yield Scenario("aged_worse", words, halves, worse, (FEW_PROMOTED,), is_aged=True)


def _worse(halves: Population, better: Truth) -> Iterator[Scenario]:
    for way in WAYS:
        truth = replace(worse_there(halves, better, BOROUGH, way, LOSS_SHARE), exactly=BOROUGH_ROWS)
        words = f"10 % worse in one borough of 500 runs ({way.replace('_', ' ')}), 1 % better elsewhere"
        yield Scenario(f"worse_{way}", words, halves, truth, (BOROUGH_SEEN,))
        quarter = replace(truth, days=QUARTER_DAYS)
        yield Scenario(f"worse_{way}_quarter", words, halves, quarter, (BOROUGH_SEEN,))
