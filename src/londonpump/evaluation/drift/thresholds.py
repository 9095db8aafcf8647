"""Bins of inputs, their expected shares, and limits of drift that stable data exceed only once in several years.

Residuals of the reference days are resampled in weekly blocks into a reference and a year after it. Weeks keep weekdays
and spells of weather together; longer blocks repeat too few of them for the extremes of a year. The same days are drawn
for all inputs, which keeps their correlation. The drawn reference is fitted again, so that the uncertainty of a short
reference counts. Deviations are measured relative to their usual size per bin; the limit is exceeded in a share
`alarm_chance` of the drawn years, in any bin of any input.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.evaluation.evaluation_rows import Floats, Ints

NOT_KNOWN, OTHER = "not known", "other"
INSIDE, OUTSIDE = "inside the training range", "outside the training range"
# The share of a rare category is mostly chance.
MIN_SHARE = 0.005
"""A category rarer than this in the reference is counted among the others."""
TENTHS = tuple(step / 10 for step in range(1, 10))
# Not the extremes themselves: one wrong value in the reference would hide every later one.
NEARLY_ALL = (0.0005, 0.9995)
MARGIN_SHARE = 0.1


class DriftMeasure(StrEnum):
    """The property of an input that is monitored."""

    MIX = "mix"
    """Shares of categories."""
    SPREAD = "spread"
    """Distribution of numbers."""
    KNOWN = "known"
    """Share of values known and inside the training range, for weather and calendars, which vary by week."""


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """The bins of one input."""

    names: tuple[str, ...]
    """Names of the bins; the last one is for unknown values."""
    bin_of: Mapping[Any, int] = field(default_factory=dict)
    """Bin of each category."""
    edges: Floats | None = None
    """Edges of the bins of numbers."""
    is_range: bool = False

    def index(self, values: NDArray[Any]) -> Ints:
        """Return the (n,) bin of each value; values are objects (None unknown) or float64 (NaN unknown)."""
        if self.edges is None:
            other = len(self.names) - 2
            # A category that the reference does not have falls into the others, where its share is noticed.
            bin_of = {**self.bin_of, None: other + 1}
            return np.fromiter((bin_of.get(value, other) for value in values), np.int64, len(values))
        found = np.searchsorted(self.edges, values, side="right")
        # Below and above the range are one bin: the range asks only whether the model has seen such values.
        if self.is_range:
            found = np.where(found == 1, 0, 1)
        return np.where(np.isnan(values), len(self.names) - 1, found).astype(np.int64)


def fit_bins(values: NDArray[Any], measure: DriftMeasure) -> Bins:
    """Fit bins on the reference; `values` as in `Bins.index`."""
    if measure is DriftMeasure.MIX:
        return _categories(values)
    known = values[np.isfinite(values)]
    if measure is DriftMeasure.KNOWN:
        return Bins((INSIDE, OUTSIDE, NOT_KNOWN), edges=_range(known), is_range=True)
    # Tenths coincide where many values are equal, as with counts: such bins are merged.
    edges = np.unique(np.quantile(known, TENTHS)) if len(known) else np.zeros(0)
    return Bins((*_names_between(edges), NOT_KNOWN), edges=edges)


def daily_counts(day: Ints, index: Ints, days: Ints, n_bins: int) -> Floats:
    """Return (d, n_bins) rows per bin on each of the consecutive `days`; rows of other days are ignored."""
    at = day - days[0]
    kept = (at >= 0) & (at < len(days))
    cells = np.bincount(at[kept] * n_bins + index[kept], minlength=len(days) * n_bins)
    return cells.reshape(len(days), n_bins).astype(np.float64)


def _categories(values: NDArray[Any]) -> Bins:
    counted = Counter(values.tolist())
    enough = MIN_SHARE * len(values)
    names = sorted(str(name) for name, n in counted.items() if name is not None and n >= enough)
    return Bins((*names, OTHER, NOT_KNOWN), bin_of={name: i for i, name in enumerate(names)})


def _range(known: Floats) -> Floats:
    """Return two edges that contain nearly all of the reference, with a margin."""
    if not len(known):
        return np.array([np.inf, np.inf])
    low, high = np.quantile(known, NEARLY_ALL)
    # A constant input needs a margin too, or rounding would put its own value outside.
    margin = max(MARGIN_SHARE * (high - low), 1e-9)
    return np.array([low - margin, high + margin])


def _names_between(edges: Floats) -> list[str]:
    if not len(edges):
        return ["any"]
    middle = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return [f"below {edges[0]:g}", *middle, f"{edges[-1]:g} and more"]


# The waves must not shift against the calendar over leap years.
YEAR_DAYS = 365.25
# Two smooth waves follow the seasons; a summer unlike those of the reference stays drift (monitoring.md).
WAVES = (1, 2)
MIN_SEASON_DAYS = 330
"""A shorter reference does not cover the seasons: its shares are taken as constant."""
# 1.4826 makes the median absolute deviation of a normal distribution its standard deviation.
DAILY_SHARE_SDS, MAD_TO_SD, DAILY_SHARE_FLOOR = 3.0, 1.4826, 0.08


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Weighted least squares of daily shares on yearly waves."""

    days: Ints
    """(d,) days of the reference."""
    design: Floats
    """(d, k)."""
    weight: Floats
    """(k, d), turns counts (d, bins) into coefficients (k, bins)."""
    has_season: bool

    @classmethod
    def of(cls, days: Ints, rows: Floats) -> "Expected":
        """Prepare the fit for (d,) consecutive London days since 1970 with (d,) rows, not all 0."""
        has_season = len(days) >= MIN_SEASON_DAYS
        design = waves(days, has_season=has_season)
        # Weighted by rows: the share of a quiet day is less certain.
        normal = design.T @ (design * rows[:, None])
        # The pseudo-inverse also serves a reference in which the waves and the constant cannot be distinguished.
        return cls(days, design, np.asarray(np.linalg.pinv(normal) @ design.T), has_season)

    def coefficients(self, counts: Floats) -> Floats:
        """Return (..., k, bins) coefficients of (..., d, bins) counts."""
        return np.asarray(np.einsum("kd,...db->...kb", self.weight, counts, optimize=True))

    def residuals(self, counts: Floats) -> Floats:
        """Return (d, bins) counts of the reference minus the expected ones."""
        shares = self.design @ self.coefficients(counts)
        return np.asarray(counts - counts.sum(axis=1, keepdims=True) * shares)

    def max_daily_share(self, counts: Floats) -> Floats:
        """Return (bins,) the largest deviation of a daily share that is not clipped."""
        rows = counts.sum(axis=1)
        share = self.residuals(counts)[rows > 0] / rows[rows > 0, None]
        # the median absolute deviation, because the standard deviation would grow with the very storms to clip
        spread = MAD_TO_SD * np.median(np.abs(share - np.median(share, axis=0)), axis=0)
        return np.asarray(np.maximum(DAILY_SHARE_SDS * spread, DAILY_SHARE_FLOOR))

    def shares_on(self, days: Ints, counts: Floats) -> Floats:
        """Return (t, bins) expected shares on other days. counts: (d, bins) of the reference."""
        return np.asarray(waves(days, has_season=self.has_season) @ self.coefficients(counts))


def clip_residuals(residual: Floats, rows: Floats, max_daily_share: Floats) -> Floats:
    """Return (d, bins) residuals clipped to `max_daily_share` per day, so that one storm is not flagged as drift."""
    max_residual = rows[:, None] * max_daily_share
    return np.asarray(np.clip(residual, -max_residual, max_residual))


def waves(days: Ints, *, has_season: bool) -> Floats:
    """Return (d, k) a constant, and sine and cosine of one and two waves per year."""
    columns = [np.ones(len(days))]
    if has_season:
        turn = 2 * np.pi * days / YEAR_DAYS
        columns += [wave(n * turn) for n in WAVES for wave in (np.sin, np.cos)]
    return np.stack(columns, axis=1)


WEEK_DAYS = 7
MIN_USUAL_DEVIATION = 0.002
"""With it, a bin that is empty in the reference must reach about one per cent to be drift."""


@dataclass(frozen=True, slots=True)
class DriftRule:
    """Settings of the drift detection."""

    window_days: int = 14
    """Length of a window, whole weeks."""
    # Blocks of two weeks were tried: a year has too few of them, and the limit came out too low (monitoring.md).
    block_days: int = 7
    year_days: int = 365
    alarm_chance: float = 0.1
    """Probability of any alarm in a stable year."""
    min_effect: float = 0.02
    """Total variation below which a change is never drift."""
    n_years: int = 200
    """Number of drawn years."""
    seed: int = 0


def deviations(residual: Floats, rows: Floats, window_days: int) -> Floats:
    """Return (..., d - window + 1, bins) share minus expected share per window, 0 without rows.

    Args: residual: (..., d, bins) counts minus expected counts. rows: (..., d).
    """
    shifted = window_sums(residual, window_days, -2)
    n = window_sums(rows, window_days, -1)[..., None]
    return np.asarray(np.divide(shifted, n, out=np.zeros_like(shifted), where=n > 0))


def window_sums(values: Floats, window_days: int, axis: int) -> Floats:
    """Return the sums over every window of `window_days` consecutive days."""
    # Differences of running sums take the same time for every length of the window.
    total = np.cumsum(values, axis=axis)
    ends = np.take(total, np.arange(window_days - 1, total.shape[axis]), axis=axis)
    before = np.take(total, np.arange(total.shape[axis] - window_days), axis=axis)
    tail = [slice(None)] * total.ndim
    tail[axis] = slice(1, None)
    ends[tuple(tail)] -= before
    return np.asarray(ends)


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """The limits of drift."""

    usual: Mapping[str, Floats]
    """(bins,) root mean square deviation of each input in stable windows."""
    limit: float
    """Multiple of the usual deviation from which an input drifts."""


def thresholds(expected: Mapping[str, Expected], counts: Mapping[str, Floats], rule: DriftRule) -> Thresholds:
    """Compute the limits from drawn stable years.

    Args: expected, counts: of each input, (d, bins) on the same d days, at least `block_days` of them.
    """
    n_days = len(next(iter(counts.values()), ()))
    draws = _Draws.of(n_days, rule)
    usual, reached = {}, [np.zeros(rule.n_years)]
    # all inputs share the drawn days, so that inputs that move together count as one alarm
    for name, counted in counts.items():
        found = _in_drawn_years(expected[name], counted, draws, rule.window_days)
        usual[name] = np.maximum(np.sqrt((found**2).mean(axis=(0, 1))), MIN_USUAL_DEVIATION)
        reached.append((np.abs(found).max(axis=1) / usual[name]).max(axis=1))
    return Thresholds(usual, float(np.quantile(np.max(reached, axis=0), 1 - rule.alarm_chance)))


@dataclass(frozen=True, slots=True, eq=False)
class _Draws:
    """Drawn days as positions in the reference: (years, d) for references, (years, t) for the years after."""

    reference: Ints
    year: Ints

    @classmethod
    def of(cls, n_days: int, rule: DriftRule) -> "_Draws":
        rng = np.random.default_rng(rule.seed)
        # A year of windows, of which the first needs the days before its last one.
        in_a_year = rule.year_days + rule.window_days - 1
        return cls(_blocks(n_days, n_days, rule, rng), _blocks(n_days, in_a_year, rule, rng))


def _blocks(n_days: int, n_drawn: int, rule: DriftRule, rng: np.random.Generator) -> Ints:
    """Draw (years, n_drawn) days in blocks that begin on the same weekday."""
    # Whole weeks from the first day, so that a drawn day keeps its weekday.
    starts = np.arange(0, max(n_days - rule.block_days, 0) + 1, WEEK_DAYS)
    chosen = rng.choice(starts, (rule.n_years, -(-n_drawn // rule.block_days)))
    days = chosen[:, :, None] + np.arange(rule.block_days)
    return np.asarray(days.reshape(rule.n_years, -1)[:, :n_drawn])


def _in_drawn_years(expected: Expected, counts: Floats, draws: _Draws, window_days: int) -> Floats:
    """Return (years, windows, bins) deviations in the drawn stable years."""
    rows = counts.sum(axis=1)
    residual = clip_residuals(expected.residuals(counts), rows, expected.max_daily_share(counts))
    drawn_fit = expected.coefficients(residual[draws.reference])
    after = expected.days[-1] + 1 + np.arange(draws.year.shape[1])
    design = waves(after, has_season=expected.has_season)
    drawn_rows = rows[draws.year]
    # The error of a fit to the drawn reference belongs to what stable data show, most of all after a short reference.
    mistaken = drawn_rows[:, :, None] * (design @ drawn_fit)
    return deviations(residual[draws.year] - mistaken, drawn_rows, window_days)
