"""Slow-downs of all London, of a borough or of a station ground, found by sums of the errors of announced times (CUSUM).

The excess of a dispatch is its actual minus its announced time, clipped, minus the usual error of its place. A borough or a
ground is compared with the rest of London on the same day, so that a slow-down of all London is one alarm and not 136. The
usual error of London follows its newest weeks, by 10 s at most, because that of a good model moves from quarter to quarter.

Each day adds the excess beyond an allowance to the sum of the place, which never falls below 0:

    sum = max(0, sum + (excess of the day - n x allowance) / (n + HALF_WEIGHT_ROWS))

A place is slow from the day on which its sum reaches the limit. It is slow no longer once its sum is 0, and has been below half of
the limit for a week. `python -m benchmarks.lateness` measures what the rules find, how soon, and how often they are wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from londonpump.evaluation.evaluation_rows import Bools, Floats, Ints, Texts
from londonpump.evaluation.intervals import Stat, draw_days, ratio, stat
from londonpump.features.observations import day_of


class Level(StrEnum):
    """Kinds of places."""

    LONDON = "london"
    BOROUGH = "borough"
    GROUND = "ground"


@dataclass(frozen=True, slots=True)
class LatenessRule:
    """Rule by which a place of one level is slow."""

    allowance_s: float
    """Excess that is no slow-down: the error of a good model moves by so much."""
    limit: float
    """Sum from which the place is slow."""
    follow_days: float | None = None
    """The usual error moves by one such part of the excess of a day that is not slow; None: it does not move."""


# Chosen from the curves of docs/explanation/monitoring.md: a lower limit finds a slow-down sooner, and more of them are none.
RULES: Mapping[Level, LatenessRule] = {
    Level.LONDON: LatenessRule(8.0, 13.0, follow_days=28.0),
    Level.BOROUGH: LatenessRule(15.0, 7.0),
    Level.GROUND: LatenessRule(25.0, 4.0),
}
LONDON = "London"
UNKNOWN = ""
HALF_WEIGHT_ROWS = 300
"""Dispatches of one day that count half: more of them share the weather and the traffic of that day."""
PRIOR_REST_ROWS = 50
"""Weight, in dispatches, of "as usual" in the excess of the rest of London on a day."""
MAX_MOVE_S = 10.0
"""The usual error of a good model moved by at most 9 s in a quarter; a slow creep beyond that is found."""
CLEAR_DAYS = 7
CLEAR_SHARE = 0.5
MAX_SUM_SHARE = 2.0
"""A sum rises to this share of its limit at most, so that it can return to 0 after a long slow-down."""
N_SHOWN = 3
RESAMPLES = 400


@dataclass(frozen=True, slots=True, eq=False)
class LatenessRows:
    """Announced times with their outcomes, n rows."""

    day: Ints
    """London day of the mobilisation, since 1970."""
    error_s: Floats
    """Actual minus announced time, clipped."""
    place: Mapping[Level, Texts]
    """(n,) the place of each level, UNKNOWN where it is unknown."""
    usual_s: Mapping[Level, Floats]
    """(n,) the usual error of that place."""


@dataclass(frozen=True, slots=True, eq=False)
class DailyExcess:
    """Dispatches and their summed excess by day and place, both (d, p)."""

    days: Ints
    """(d,) London days with outcomes, increasing."""
    names: tuple[str, ...]
    levels: tuple[Level, ...]
    n: Floats
    excess_s: Floats


@dataclass(frozen=True, slots=True)
class LatenessDay:
    """One day of a place."""

    day: date
    n: int
    excess_s: float | None
    """Mean excess; None without dispatches."""
    sum: float


@dataclass(frozen=True, slots=True)
class PlaceLateness:
    """The lateness of one place, until the newest day with outcomes."""

    level: Level
    name: str
    is_slow: bool
    since: date | None
    """First day of the slow-down, or of the present rise of the sum; None while the sum is 0."""
    n: int
    """Dispatches since then."""
    excess_s: Stat
    """Their mean excess."""
    sum: float
    limit: float
    allowance_s: float
    days: tuple[LatenessDay, ...]

    @property
    def days_since(self) -> tuple[LatenessDay, ...]:
        """Return the days with dispatches since the slow-down began."""
        return tuple(one for one in self.days if self.since is not None and one.day >= self.since and one.n)


@dataclass(frozen=True, slots=True)
class Lateness:
    """London, the places that are slow, and the N_SHOWN others nearest to their limits."""

    until: date
    n_places: int
    places: tuple[PlaceLateness, ...]

    @property
    def slow(self) -> tuple[PlaceLateness, ...]:
        """Return the places that are slow on the last day."""
        return tuple(place for place in self.places if place.is_slow)


def daily_excess(rows: LatenessRows) -> DailyExcess:
    """Sum the excess by day and place. Places without a name count for London alone."""
    days, day = np.unique(rows.day, return_inverse=True)
    names: list[str] = []
    levels: list[Level] = []
    counts, sums, sums_as_london = [], [], []
    # London comes first: the others are compared with its column.
    for level in Level:
        of_level, index = np.unique(rows.place[level], return_inverse=True)
        shape = (len(days), len(of_level))
        cell, size = day * len(of_level) + index, shape[0] * shape[1]
        is_named = of_level != UNKNOWN
        counts.append(np.bincount(cell, minlength=size).reshape(shape)[:, is_named].astype(np.float64))
        excess_s = rows.error_s - rows.usual_s[level]
        sums.append(np.bincount(cell, excess_s, size).reshape(shape)[:, is_named])
        as_london_s = rows.error_s - rows.usual_s[Level.LONDON]
        sums_as_london.append(np.bincount(cell, as_london_s, size).reshape(shape)[:, is_named])
        names += [str(name) for name in of_level[is_named]]
        levels += [level] * int(is_named.sum())
    n = np.hstack(counts)
    beyond_s = beyond_the_rest(n, np.hstack(sums), np.hstack(sums_as_london))
    return DailyExcess(days, tuple(names), tuple(levels), n, beyond_s)


def beyond_the_rest(n: Floats, excess_s: Floats, as_london_s: Floats) -> Floats:
    """Return the summed excess of each place beyond that of the rest of London; the first column, London, stays.

    Args: as_london_s: the summed excess of the dispatches of each place over the usual error of London.
    """
    # The place is taken out as London counts it: where all outcomes come from one borough, nothing is left to subtract.
    rest_s = (as_london_s[..., :1] - as_london_s) / (n[..., :1] - n + PRIOR_REST_ROWS)
    rest_s[..., 0] = 0.0
    return np.asarray(excess_s - n * rest_s)


@dataclass(frozen=True, slots=True, eq=False)
class DailySums:
    """The course of the sums; axes as in `sum_up`."""

    sums: Floats
    is_slow: Bools
    moved_s: Floats
    """How far the usual error had moved before the day."""


def sum_up(n: Floats, excess_s: Floats, rules: Sequence[LatenessRule]) -> DailySums:
    """Sum up the excess day by day.

    Args: n, excess_s: days first, places last; between them any other axes. rules: one per place.
    """
    allowance_s, limit = (
        np.array([getattr(rule, name) for rule in rules]) for name in ("allowance_s", "limit")
    )
    follow = np.array([1 / rule.follow_days if rule.follow_days else 0.0 for rule in rules])
    shape = np.broadcast_shapes(n.shape, excess_s.shape)
    found = DailySums(np.empty(shape), np.empty(shape, bool), np.empty(shape))
    now, moved_s = np.zeros(shape[1:]), np.zeros(shape[1:])
    is_slow, calm_days = np.zeros(shape[1:], bool), np.zeros(shape[1:], np.int64)
    for at in range(shape[0]):
        beyond = (excess_s[at] - n[at] * moved_s) / (n[at] + HALF_WEIGHT_ROWS)
        step = beyond - n[at] * allowance_s / (n[at] + HALF_WEIGHT_ROWS)
        # The upper end lets the sum return to 0 within weeks of a slow-down that lasted for months.
        now = np.clip(now + step, 0.0, MAX_SUM_SHARE * limit)
        calm_days = np.where(now < CLEAR_SHARE * limit, calm_days + 1, 0)
        is_slow = (now >= limit) | (is_slow & ~((now == 0) & (calm_days >= CLEAR_DAYS)))
        found.sums[at], found.is_slow[at], found.moved_s[at] = now, is_slow, moved_s
        # A slow-down must not become the usual error while it lasts.
        moved_s = np.clip(moved_s + np.where(is_slow, 0.0, follow * beyond), -MAX_MOVE_S, MAX_MOVE_S)
    return found


def find_lateness(rows: LatenessRows, rules: Mapping[Level, LatenessRule] = RULES) -> Lateness | None:
    """Return the places that are slow, and those nearest to it; None without outcomes."""
    if not len(rows.day):
        return None
    daily = daily_excess(rows)
    of_place = [rules[level] for level in daily.levels]
    course = sum_up(daily.n, daily.excess_s, of_place)
    is_slow = course.is_slow[-1]
    nearest = np.argsort(
        [-total / rule.limit for total, rule in zip(course.sums[-1], of_place, strict=True)], kind="stable"
    )
    slow = [at for at in nearest if at and is_slow[at]]
    others = [at for at in nearest if at and not is_slow[at]][:N_SHOWN]
    places = [_place(daily, course, at, of_place[at]) for at in (0, *slow, *others)]
    return Lateness(day_of(int(daily.days[-1])), len(daily.names), tuple(places))


def _place(daily: DailyExcess, course: DailySums, at: int, rule: LatenessRule) -> PlaceLateness:
    n, sums, is_slow = daily.n[:, at], course.sums[:, at], course.is_slow[:, at]
    excess_s = daily.excess_s[:, at] - n * course.moved_s[:, at]
    start = _start(sums, is_slow)
    days = tuple(
        LatenessDay(day_of(int(day)), int(rows), _rounded(total_s / rows) if rows else None, _rounded(total))
        for day, rows, total_s, total in zip(daily.days, n, excess_s, sums, strict=True)
    )
    return PlaceLateness(
        level=daily.levels[at],
        name=daily.names[at],
        is_slow=bool(is_slow[-1]),
        since=days[start].day if start < len(days) else None,
        n=int(n[start:].sum()),
        excess_s=_mean(n[start:], excess_s[start:]),
        sum=_rounded(sums[-1]),
        limit=rule.limit,
        allowance_s=rule.allowance_s,
        days=days,
    )


def _start(sums: Floats, is_slow: Bools) -> int:
    """Return the position of the day after the last one whose sum was 0 before the slow-down, or before now."""
    last = len(sums)
    # The sum of a slow place can be 0 for some days before it is cleared: its start is the one before the alarm.
    if is_slow[-1]:
        calm = np.flatnonzero(~is_slow)
        first_slow = int(calm[-1]) + 1 if len(calm) else 0
        last = first_slow + 1
    zeros = np.flatnonzero(sums[:last] == 0)
    return int(zeros[-1]) + 1 if len(zeros) else 0


def _mean(n: Floats, excess_s: Floats) -> Stat:
    with_rows = np.flatnonzero(n)
    if not len(with_rows):
        return Stat(None)
    draws = draw_days(with_rows, RESAMPLES, seed=0)
    found = stat(ratio(draws.counts @ excess_s[with_rows], draws.counts @ n[with_rows]))
    # A single day has no interval.
    return found if len(with_rows) > 1 else Stat(found.value)


def _rounded(value: float) -> float:
    return round(float(value), 2)
