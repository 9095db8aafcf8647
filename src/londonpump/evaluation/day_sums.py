"""Attendance by London day, borough and station ground: averages of any period, and changes between two.

Fifteen years of records are millions of rows. Their sums by day are enough for every mean and for resampling days.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from londonpump.evaluation.attendance import (
    FEW,
    MIN_DAYS,
    RESAMPLES,
    TARGETS,
    Figure,
    Figures,
    Target,
    widened_to_wilson,
)
from londonpump.evaluation.evaluation_rows import Bools, Floats, Ints, Texts
from londonpump.evaluation.intervals import Stat, draw_days, percentiles, ratio
from londonpump.evaluation.lateness import LONDON, Level

TURNOUT, TRAVEL = "First pump's turnout", "First pump's travel"
MEASURES = (*TARGETS, *(Target(name, False, 0) for name in (TURNOUT, TRAVEL)))
"""The means that are summed up; turnout and travel have no target."""
Place = tuple[Level, str]
ALL_LONDON: Place = (Level.LONDON, LONDON)


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """Means with 95 % intervals per place and measure, all (p, k); NaN where unknown or too few."""

    value: Floats
    low: Floats
    high: Floats
    n: Ints
    is_difference: bool = False

    def stat(self, place: int, measure: int) -> Stat:
        """Return one figure; the interval of a share is at least as wide as Wilson's."""
        value, low, high = (
            float(table[place, measure]) if np.isfinite(table[place, measure]) else None
            for table in (self.value, self.low, self.high)
        )
        found = Stat(value, low, high)
        if self.is_difference:
            # Where no pump was late on either side no resample has one, which does not prove that nothing changed.
            return Stat(value) if low == high else found
        is_share = MEASURES[measure].share is not None
        return widened_to_wilson(found, int(self.n[place, measure])) if is_share else found

    def figures(self, place: int) -> Figures:
        """Return the figures of a place against the targets."""
        return tuple(
            Figure(target, int(self.n[place, at]), self.stat(place, at)) for at, target in enumerate(TARGETS)
        )


@dataclass(frozen=True, slots=True, eq=False)
class DaySums:
    """Occasions and sums of times (or of 1 if within a limit) per place, day and measure; both (p, d, k)."""

    days: Ints
    """(d,) London days since 1970, without a gap."""
    places: tuple[Place, ...]
    """London first, then boroughs, then station grounds."""
    n: Floats
    total: Floats

    @classmethod
    def of(cls, day: Ints, borough: Texts, ground: Texts, n: Floats, total: Floats) -> "DaySums":
        """Add up rows (r,) of days and places; n, total: (r, k)."""
        days = np.arange(int(day.min()), int(day.max()) + 1)
        places: list[Place] = []
        parts = []
        for level, names in (
            (Level.LONDON, np.full(len(day), LONDON)),
            (Level.BOROUGH, borough),
            (Level.GROUND, ground),
        ):
            known, code = np.unique(names, return_inverse=True)
            places += [(level, str(name)) for name in known]
            at = code * len(days) + (day - days[0])
            shape = (len(known), len(days), len(MEASURES))
            parts.append([_added(at, table, shape) for table in (n, total)])
        return cls(days, tuple(places), *(np.concatenate(tables) for tables in zip(*parts, strict=True)))

    def of_level(self, level: Level) -> "DaySums":
        """Return the places of one level."""
        at = [number for number, place in enumerate(self.places) if place[0] is level]
        return DaySums(self.days, tuple(self.places[number] for number in at), self.n[at], self.total[at])

    def estimates(self, mask: Bools, seed: int = 0) -> Estimates:
        """Return the means of some days. mask: (d,)."""
        return _estimates(self._samples(mask, seed), self.n[:, mask])

    def changes(self, before: Bools, after: Bools, season: Ints, seed: int = 0) -> "Changes":
        """Return the means of `after` minus those of `before`, both (d,), compared within equal seasons.

        Args: season: (d,), such as the month of the year. A season that one of the two lacks is not used; if no season
        is in both, all days of each are compared. Days are drawn anew within each season and side.
        """
        has_any = self.n[0, :, 0] > 0
        before, after = before & has_any, after & has_any
        paired = sorted(set(season[before]) & set(season[after]))
        if paired:
            before, after = (mask & np.isin(season, paired) for mask in (before, after))
        elif before.any() and after.any():
            season = np.zeros_like(season)
        summed = weights = np.zeros((1 + RESAMPLES, len(self.places), len(MEASURES)))
        # Seasons are independent of each other, so each is drawn with a seed of its own.
        for number, one in enumerate(paired or [0]):
            sides = [mask & (season == one) for mask in (before, after)]
            if not all(mask.any() for mask in sides):
                continue
            drawn = [self._samples(mask, seed + 2 * number + side) for side, mask in enumerate(sides)]
            counts = [self.n[:, mask].sum(axis=1) for mask in sides]
            # The inverse of the variance of a difference of two means, up to a constant.
            weight = ratio(counts[0] * counts[1], counts[0] + counts[1])
            change = drawn[1] - drawn[0]
            # A resample may have drawn no day with an occasion of a small ground: that season is then left out.
            is_known = np.isfinite(change) & np.isfinite(weight)
            summed = summed + np.where(is_known, change * weight, 0.0)
            weights = weights + np.where(is_known, weight, 0.0)
        samples = ratio(summed, weights)
        n_before, n_after = (self.n[:, mask] for mask in (before, after))
        # Resample by resample, because a place and London share their days.
        rest = samples - samples[:, :1]
        return Changes(
            tuple(int(one) for one in paired),
            *(
                _fewer_unsure(_estimates(table, n_after), _estimates(table, n_before))
                for table in (samples, rest)
            ),
        )

    def _samples(self, mask: Bools, seed: int) -> Floats:
        """Return (1 + resamples, p, k) means of drawn days; the first is that of the data."""
        # The same days are drawn for every place, so that places can be compared.
        counts = draw_days(self.days[mask], RESAMPLES, seed).counts
        n, total = (np.tensordot(counts, table[:, mask], (1, 1)) for table in (self.n, self.total))
        return ratio(total, n)


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Changes between two periods, and those beyond the change of London as a whole."""

    seasons: tuple[int, ...]
    """The seasons that both periods have; empty if the periods were compared as a whole."""
    change: Estimates
    beyond_london: Estimates


def _added(at: Ints, table: Floats, shape: Sequence[int]) -> Floats:
    # One count per measure is faster than adding at repeated indices.
    columns = [np.bincount(at, column, shape[0] * shape[1]) for column in table.T]
    return np.asarray(np.stack(columns, axis=-1).reshape(shape), np.float64)


def _estimates(samples: Floats, n_of_day: Floats) -> Estimates:
    shape = samples.shape[1:]
    low, high = percentiles(samples[1:].reshape(len(samples) - 1, -1).T)
    n = n_of_day.sum(axis=1)
    # Few occasions, or those of one storm, would look more certain than they are.
    is_unsure = (n < FEW) | ((n_of_day > 0).sum(axis=1) < MIN_DAYS)
    low, high = (np.where(is_unsure, np.nan, ends.reshape(shape)) for ends in (low, high))
    return Estimates(samples[0], low, high, n.astype(np.int64))


def _fewer_unsure(after: Estimates, before: Estimates) -> Estimates:
    """Return a change without an interval where either side has too few; n is that of the smaller side."""
    low, high = (np.where(np.isnan(before.low), np.nan, ends) for ends in (after.low, after.high))
    return Estimates(after.value, low, high, np.minimum(after.n, before.n), is_difference=True)
