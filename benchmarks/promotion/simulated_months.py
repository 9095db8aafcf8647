"""Simulated months: days drawn from a real one, actual times drawn around a truth between two real models.

The runs, their places and slices, and both forecasts are real. An answer is the true time of the run, times how
far a real run with a similar forecast missed, times what its day did to all of its runs. The true time lies on the
line between the two forecasts: in its middle they are about equally good, nearer to one of them that one is
better, and how much is set by where it lies.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from benchmarks.promotion.local_losses import Worse
from londonpump.domain.attendance_targets import MAX_PUBLISHED_S
from londonpump.evaluation.evaluation_rows import EvaluationRows, Floats, Forecast, Ints
from londonpump.evaluation.promotion.evidence import EPOCH, EvaluatedModel, Evidence, SmokeTest

SIMILAR = 150
"""A miss is drawn from this many dispatches on either side in the order of announced times."""
MIN_S = 30.0
"""Dispatches shorter than this have no ratio of times, because the pump was there already."""
FIRST_DAY = 17_198
QUICK_MS = 1.0


@dataclass(frozen=True, eq=False)
class Population:
    """The rows from which months are drawn.

    rows: (n,) real runs. a, b: the two forecasts. ranked_miss: (n,) actual time over announced one, the day's part
    taken out, in the order of announced times. rank: (n,) of each run there. day_factor: (d,) what a day does to
    all of its runs. days: (d,) lists of rows.
    """

    rows: EvaluationRows
    a: Forecast
    b: Forecast
    ranked_miss: Floats
    rank: Ints
    day_factor: Floats
    days: tuple[Ints, ...]


def population(rows: EvaluationRows, best: Forecast, a: Forecast, b: Forecast) -> Population:
    """Return the population. best: the model whose misses stand for what no model can predict."""
    log_miss = np.log(np.maximum(rows.actual_s, MIN_S) / np.maximum(best.median_s, MIN_S))
    _, of_day = np.unique(rows.day, return_inverse=True)
    n = np.bincount(of_day)
    effect = np.bincount(of_day, log_miss) / n - log_miss.mean()
    # a part of the scatter between days is chance alone: shrink by it
    ratio = float(log_miss.var() / n.mean())
    effect *= np.sqrt(max(0.0, 1 - ratio / effect.var()))
    order = np.argsort(best.median_s, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    miss = np.exp(log_miss - effect[of_day])[order]
    days = tuple(np.flatnonzero(of_day == day) for day in range(len(n)))
    return Population(rows, a, b, miss, rank, np.exp(effect), days)


@dataclass(frozen=True, slots=True)
class Truth:
    """toward_b: where the true time lies, 0 at a and 1 at b. days: of a month. worse: b is, in one place.

    exactly: the month has just so many rows of that place.
    """

    toward_b: float
    days: int = 28
    worse: Worse | None = None
    exactly: int | None = None


def month(those: Population, truth: Truth, rng: np.random.Generator) -> Evidence:
    """Draw one month, with a as champion and b as challenger."""
    index, drawn, day = _days(those, truth, rng)
    near = those.rank[index] + rng.integers(-SIMILAR, SIMILAR + 1, len(index))
    actual_s = _actual_s(those, truth.toward_b, index, near) * those.day_factor[drawn]
    real = those.rows.take(index)
    rows = replace(
        real,
        actual_s=np.minimum(actual_s, MAX_PUBLISHED_S),
        day=day + FIRST_DAY,
        incident=real.incident * truth.days + day,
    )
    b = those.b.take(index)
    if truth.worse is not None:
        b = truth.worse.done_to(b, rows, rng)
    trained_until = EPOCH + timedelta(days=FIRST_DAY)
    champion, challenger = (
        EvaluatedModel(trained_until, SmokeTest(None, QUICK_MS), one) for one in (those.a.take(index), b)
    )
    return Evidence(rows, champion, challenger, trained_until + timedelta(days=truth.days))


def _days(those: Population, truth: Truth, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Return the rows of a month, the real day of each, and its day in the month: one drawn twice counts as two days."""
    while True:
        drawn = rng.integers(len(those.days), size=truth.days)
        index = np.concatenate([those.days[day] for day in drawn])
        sizes = [len(those.days[day]) for day in drawn]
        of, day = np.repeat(drawn, sizes), np.repeat(np.arange(truth.days), sizes)
        if truth.exactly is None or truth.worse is None:
            return index, of, day
        there = np.flatnonzero(truth.worse.is_there(those.rows)[index])
        if len(there) >= truth.exactly:
            is_kept = np.ones(len(index), np.bool_)
            is_kept[rng.choice(there, len(there) - truth.exactly, replace=False)] = False
            return index[is_kept], of[is_kept], day[is_kept]


def _actual_s(those: Population, toward_b: float, index: Ints, near: Ints) -> Floats:
    """Return the true time multiplied by the miss at a rank, without the day's part; the shapes must broadcast."""
    true_s = (1 - toward_b) * those.a.median_s[index] + toward_b * those.b.median_s[index]
    miss = those.ranked_miss[np.clip(near, 0, len(those.rank) - 1)]
    return np.asarray(np.maximum(true_s, MIN_S) * miss)


def expected_errors(those: Population, truth: Truth) -> tuple[Floats, Floats]:
    """Return (n,) absolute errors, s, that a and b have on each dispatch on average over every miss that may be drawn."""
    index = np.arange(len(those.rank))[:, None]
    of_day = np.empty(len(those.rank), np.int64)
    for day, rows in enumerate(those.days):
        of_day[rows] = day
    near = those.rank[:, None] + np.arange(-SIMILAR, SIMILAR + 1)
    actual_s = _actual_s(those, truth.toward_b, index, near) * those.day_factor[of_day][:, None]
    actual_s = np.minimum(actual_s, MAX_PUBLISHED_S)
    a, b = those.a.median_s[:, None], those.b.median_s[:, None]
    if truth.worse is not None:
        b = b + truth.worse.extra_s(those.rows, np.random.default_rng(1), near.shape[1])
    return np.abs(a - actual_s).mean(axis=1), np.abs(b - actual_s).mean(axis=1)
