"""How far an input may move before it is called drift: what stable data reach once in several years, all inputs together.

The reference tells what stable data do. Its days less what was to be expected of them are drawn in weeks (so that
weekdays and spells of weather stay whole; longer blocks repeat too few of them for a year's extremes), the same days for
all inputs (so that what moves together stays together), into a reference and a year after it; the drawn reference is fitted anew, so that what a short one
does not know counts too. Every day of the year is checked. Each bin is measured in how far it usually is from its
expected share in such years, and the limit is what `alarm_chance` of the years pass at all in any bin of any input.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from londonpump.evaluation.evaluation_rows import Floats, Ints

YEAR_DAYS = 365.25
WAVES = (1, 2)
MIN_SEASON_DAYS = 330
"""A reference shorter than this has not seen the year: its shares are taken as constant."""
DAILY_SHARE_SDS, MAD_TO_SD, DAILY_SHARE_FLOOR = 3.0, 1.4826, 0.08


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Least squares of daily counts on the year's waves, each day weighted by its rows.

    days: (d,) of the reference. design: (d, k). weight: (k, d) turns counts (d, bins) into coefficients (k, bins).
    """

    days: Ints
    design: Floats
    weight: Floats
    has_season: bool

    @classmethod
    def of(cls, days: Ints, rows: Floats) -> "Expected":
        """days: (d,) London days since 1970, one after another. rows: (d,) counted on each, not all 0."""
        has_season = len(days) >= MIN_SEASON_DAYS
        design = waves(days, has_season=has_season)
        normal = design.T @ (design * rows[:, None])
        return cls(days, design, np.asarray(np.linalg.pinv(normal) @ design.T), has_season)

    def coefficients(self, counts: Floats) -> Floats:
        """(..., k, bins) from (..., d, bins)."""
        return np.asarray(np.einsum("kd,...db->...kb", self.weight, counts, optimize=True))

    def residuals(self, counts: Floats) -> Floats:
        """(d, bins) counts of the reference less what was to be expected of each day's rows."""
        shares = self.design @ self.coefficients(counts)
        return np.asarray(counts - counts.sum(axis=1, keepdims=True) * shares)

    def max_daily_share(self, counts: Floats) -> Floats:
        """(bins,) how far the share of one day may be from what was to be expected and count whole."""
        rows = counts.sum(axis=1)
        share = self.residuals(counts)[rows > 0] / rows[rows > 0, None]
        spread = MAD_TO_SD * np.median(np.abs(share - np.median(share, axis=0)), axis=0)
        return np.asarray(np.maximum(DAILY_SHARE_SDS * spread, DAILY_SHARE_FLOOR))

    def shares_on(self, days: Ints, counts: Floats) -> Floats:
        """(t, bins) the share to be expected on other days. counts: (d, bins) of the reference."""
        return np.asarray(waves(days, has_season=self.has_season) @ self.coefficients(counts))


def clip_residuals(residual: Floats, rows: Floats, max_daily_share: Floats) -> Floats:
    """(d, bins) residuals of which no day counts more than `wildest` shares: one storm is no drift, two weeks of one are."""
    max_residual = rows[:, None] * max_daily_share
    return np.asarray(np.clip(residual, -max_residual, max_residual))


def waves(days: Ints, *, has_season: bool) -> Floats:
    """(d, k) a constant, and sine and cosine of one and two waves a year."""
    columns = [np.ones(len(days))]
    if has_season:
        turn = 2 * np.pi * days / YEAR_DAYS
        columns += [wave(n * turn) for n in WAVES for wave in (np.sin, np.cos)]
    return np.stack(columns, axis=1)


WEEK_DAYS = 7
MIN_USUAL_DEVIATION = 0.002
"""A bin that is always empty in the reference has to reach about one per cent before it counts."""


@dataclass(frozen=True, slots=True)
class DriftRule:
    """window_days: judged together, whole weeks. alarm_chance: of a stable year to have an alarm at all. least_effect:
    of total variation; a move below it is never drift. worlds: years drawn."""

    window_days: int = 14
    block_days: int = 7
    year_days: int = 365
    alarm_chance: float = 0.1
    min_effect: float = 0.02
    n_years: int = 200
    seed: int = 0


def deviations(residual: Floats, rows: Floats, window_days: int) -> Floats:
    """(..., d - window + 1, bins) share of each bin in each window less the share it should have; 0 without rows.

    Args: residual: (..., d, bins) counts less expected counts. rows: (..., d).
    """
    moved = window_sums(residual, window_days, -2)
    n = window_sums(rows, window_days, -1)[..., None]
    return np.asarray(np.divide(moved, n, out=np.zeros_like(moved), where=n > 0))


def window_sums(values: Floats, window_days: int, axis: int) -> Floats:
    """Sums over every run of so many days."""
    total = np.cumsum(values, axis=axis)
    ends = np.take(total, np.arange(window_days - 1, total.shape[axis]), axis=axis)
    before = np.take(total, np.arange(total.shape[axis] - window_days), axis=axis)
    tail = [slice(None)] * total.ndim
    tail[axis] = slice(1, None)
    ends[tuple(tail)] -= before
    return np.asarray(ends)


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """usual: of each input, (bins,) how far the share of a stable window is from what it should be (root mean square).
    limit: so many times that, in any bin of any input, is drift."""

    usual: Mapping[str, Floats]
    limit: float


def thresholds(expected: Mapping[str, Expected], counts: Mapping[str, Floats], rule: DriftRule) -> Thresholds:
    """What stable years reach.

    Args: expected, counts: of each input, (d, bins) on the same d days, at least `block_days` of them.
    """
    n_days = len(next(iter(counts.values()), ()))
    draws = _Draws.of(n_days, rule)
    usual, reached = {}, [np.zeros(rule.n_years)]
    for name, counted in counts.items():
        found = _in_drawn_years(expected[name], counted, draws, rule.window_days)
        usual[name] = np.maximum(np.sqrt((found**2).mean(axis=(0, 1))), MIN_USUAL_DEVIATION)
        reached.append((np.abs(found).max(axis=1) / usual[name]).max(axis=1))
    return Thresholds(usual, float(np.quantile(np.max(reached, axis=0), 1 - rule.alarm_chance)))


@dataclass(frozen=True, slots=True, eq=False)
class _Draws:
    """reference: (worlds, d), year: (worlds, t) days of the reference by their place in it."""

    reference: Ints
    year: Ints

    @classmethod
    def of(cls, n_days: int, rule: DriftRule) -> "_Draws":
        rng = np.random.default_rng(rule.seed)
        in_a_year = rule.year_days + rule.window_days - 1
        return cls(_blocks(n_days, n_days, rule, rng), _blocks(n_days, in_a_year, rule, rng))


def _blocks(n_days: int, n_drawn: int, rule: DriftRule, rng: np.random.Generator) -> Ints:
    """(worlds, wanted) days in blocks that begin on the same weekday."""
    starts = np.arange(0, max(n_days - rule.block_days, 0) + 1, WEEK_DAYS)
    chosen = rng.choice(starts, (rule.n_years, -(-n_drawn // rule.block_days)))
    days = chosen[:, :, None] + np.arange(rule.block_days)
    return np.asarray(days.reshape(rule.n_years, -1)[:, :n_drawn])


def _in_drawn_years(expected: Expected, counts: Floats, draws: _Draws, window_days: int) -> Floats:
    """(worlds, windows, bins) deviations in years that nothing happened in."""
    rows = counts.sum(axis=1)
    residual = clip_residuals(expected.residuals(counts), rows, expected.max_daily_share(counts))
    drawn_fit = expected.coefficients(residual[draws.reference])
    after = expected.days[-1] + 1 + np.arange(draws.year.shape[1])
    design = waves(after, has_season=expected.has_season)
    drawn_rows = rows[draws.year]
    mistaken = drawn_rows[:, :, None] * (design @ drawn_fit)
    return deviations(residual[draws.year] - mistaken, drawn_rows, window_days)
