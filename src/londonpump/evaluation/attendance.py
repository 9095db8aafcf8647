"""Attendance times against the Brigade's targets, with intervals from resampled days."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import sqrt

import numpy as np

from londonpump.domain.attendance_targets import (
    FIRST_PUMP_90_PCT_LIMIT_S,
    FIRST_PUMP_95_PCT_LIMIT_S,
    FIRST_PUMP_TARGET_S,
    SECOND_PUMP_TARGET_S,
)
from londonpump.evaluation.evaluation_rows import Bools, Floats, Ints, Texts
from londonpump.evaluation.intervals import DayDraws, Stat, draw_days, ratio, stat

RESAMPLES = 1000
FEW = 30
"""With fewer occasions a figure has no interval, no verdict and no rank."""
MIN_DAYS = 7
"""Resampling fewer days says little about chance."""
MET, MISSED, UNSURE, NOT_EVALUATED = "met", "missed", "unsure", "not evaluated"
# The 97.5 % quantile of the normal distribution.
Z_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Target:
    """A target: the average must not exceed `limit_s`, or, if `share` is given, that share of times must not."""

    name: str
    is_of_second: bool
    limit_s: int
    share: float | None = None


FIRST_MEAN = Target("First pump on average", False, FIRST_PUMP_TARGET_S)
TARGETS = (
    FIRST_MEAN,
    Target("First pump within 10 min", False, FIRST_PUMP_90_PCT_LIMIT_S, 0.90),
    Target("First pump within 12 min", False, FIRST_PUMP_95_PCT_LIMIT_S, 0.95),
    Target("Second pump on average", True, SECOND_PUMP_TARGET_S),
)


@dataclass(frozen=True, slots=True, eq=False)
class AttendanceRows:
    """First and second arrivals, one row per pump; all (n,).

    Times run from mobilisation to arrival; `day` (London days since 1970) and `hour` (London) are those of the
    mobilisation; `ground_code` is the recorded station ground, empty if there is none.
    """

    attendance_s: Floats
    is_second: Bools
    day: Ints
    hour: Ints
    borough: Texts
    ground_code: Texts
    easting_m: Floats
    northing_m: Floats
    turnout_s: Floats | None = None
    """None if the records have no mobilisations."""
    travel_s: Floats | None = None

    def __len__(self) -> int:
        return len(self.attendance_s)

    def take(self, rows: Bools) -> "AttendanceRows":
        """Return some of the rows."""
        columns = {each.name: getattr(self, each.name) for each in fields(self)}
        return AttendanceRows(
            **{name: values[rows] for name, values in columns.items() if values is not None}
        )

    @property
    def firsts(self) -> "AttendanceRows":
        """Return the first pumps."""
        return self.take(~self.is_second)


@dataclass(frozen=True, slots=True)
class Figure:
    """The result for one target on n occasions; the interval is null if it is not evaluated."""

    target: Target
    n: int
    stat: Stat

    @property
    def verdict(self) -> str:
        """Return MET or MISSED if the whole interval is on that side of the target."""
        low, high = self.stat.low, self.stat.high
        if low is None or high is None:
            return NOT_EVALUATED
        if self.target.share is None:
            is_met, is_missed = high <= self.target.limit_s, low > self.target.limit_s
        else:
            is_met, is_missed = low >= self.target.share, high < self.target.share
        return MET if is_met else MISSED if is_missed else UNSURE


Figures = tuple[Figure, ...]
"""One figure per target, in the order of TARGETS."""


def figures(rows: AttendanceRows, seed: int = 0) -> Figures:
    """Compute every target on all rows. Raises: TooFewRows if there is none."""
    return _figures(rows, draw_days(rows.day, RESAMPLES, seed))


def figures_by(rows: AttendanceRows, values: Texts | Ints, seed: int = 0) -> dict[str, Figures]:
    """Compute every target by value of each row, sorted; the same days are drawn for all."""
    draws = draw_days(rows.day, RESAMPLES, seed)
    return {str(value): _figures(part, draws) for value, part in _parts(rows, values)}


def mean_change(
    now: tuple[Floats, Ints], before: tuple[Floats, Ints], resamples: int = RESAMPLES, seed: int = 0
) -> Stat:
    """Return the difference of two means of (values, day), whose days are drawn separately; null if one is empty."""
    if not len(now[1]) or not len(before[1]):
        return Stat(None)
    drawn = [
        mean_samples(values, day, draw_days(day, resamples, seed + at))
        for at, (values, day) in enumerate((now, before))
    ]
    change = stat(drawn[0] - drawn[1])
    # An interval of few days or occasions would look more certain than it is.
    is_evaluated = all(len(day) >= FEW and len(np.unique(day)) >= MIN_DAYS for _, day in (now, before))
    return change if is_evaluated else Stat(change.value)


def values_of(target: Target, rows: AttendanceRows) -> tuple[Floats, Ints]:
    """Return the values whose mean a target limits (times, or 1 if within the limit), and their days."""
    part = rows.take(rows.is_second == target.is_of_second)
    values = part.attendance_s
    return (values if target.share is None else (values <= target.limit_s).astype(np.float64)), part.day


def mean_samples(values: Floats, day: Ints, draws: DayDraws) -> Floats:
    """Return (1 + resamples,) means; the first is that of the data."""
    # Whole days are drawn, as everywhere in the evaluation: the pumps of one day share weather and workload.
    at = np.searchsorted(draws.days, day)
    n_days = len(draws.days)
    summed, n = (draws.counts @ np.bincount(at, weights, n_days) for weights in (values, np.ones(len(day))))
    return ratio(summed, n)


def _figures(rows: AttendanceRows, draws: DayDraws) -> Figures:
    return tuple(_figure(target, rows, draws) for target in TARGETS)


def _figure(target: Target, rows: AttendanceRows, draws: DayDraws) -> Figure:
    values, day = values_of(target, rows)
    found = stat(mean_samples(values, day, draws))
    if len(day) < FEW or len(np.unique(day)) < MIN_DAYS:
        return Figure(target, len(day), Stat(found.value))
    return Figure(target, len(day), found if target.share is None else widened_to_wilson(found, len(day)))


def widened_to_wilson(found: Stat, n: int) -> Stat:
    """Widen an interval to Wilson's: if no pump was late, no resample has a late one either."""
    value, low, high = found.value, found.low, found.high
    if value is None or low is None or high is None:
        return found
    # Wilson 1927, with the normal quantile of 95 %
    middle, shrink = (value + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n), 1 / (1 + Z_95**2 / n)
    half = Z_95 * shrink * sqrt(value * (1 - value) / n + Z_95**2 / (4 * n * n))
    return Stat(value, min(low, middle - half), max(high, min(middle + half, 1.0)))


def _parts(rows: AttendanceRows, values: Texts | Ints) -> Iterator[tuple[str, AttendanceRows]]:
    for value in np.unique(values):
        yield str(value), rows.take(values == value)
