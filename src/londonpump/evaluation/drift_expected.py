"""What share of rows each bin should have on a day: the reference's own shares, with the year's two waves where known."""

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
