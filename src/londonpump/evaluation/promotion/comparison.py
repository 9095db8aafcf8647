"""Comparison of challenger and champion on the same dispatches, over all rows and by slice.

A month has few days, and a slice of it few rows in each. A plain percentile interval of resampled days is then too
short: on seven days of unequal size its 95 % held 86 % of the time, on 28 days 94 %. So each resample is measured in
its own standard error, which held 93 % and 95 % (docs/explanation/promotion.md): the bootstrap-t of Efron and
Tibshirani, An Introduction to the Bootstrap, chapter 12. Many slices are evaluated together by the largest of their
studentised deviations in each resample (max-t; Westfall and Young 1993), which accounts for shared rows and days.
"""

from dataclasses import dataclass

import numpy as np

from londonpump.domain.errors import BadValue
from londonpump.evaluation.evaluation_rows import EvaluationRows, Floats, Forecast, Ints
from londonpump.evaluation.intervals import DayDraws, draw_days, ratio
from londonpump.evaluation.promotion.evidence import Obstacle, PromotionSettings, SliceFindings, SliceResult

NO_SCATTER_S = 1e-9
"""A standard error below this is rounding: the difference is the same on every day."""
# A resample without scatter would be infinitely far in its own standard errors.
FARTHEST = 1e6


@dataclass(frozen=True, eq=False)
class GroupDifferences:
    """Mean differences of k groups of rows."""

    value_s: Floats
    """(k,) seconds."""
    error_s: Floats
    """(k,) standard errors, by days."""
    studentised: Floats
    """(resamples, k) deviation of each resample from the value, in its own standard errors."""

    def interval(self, confidence: float) -> tuple[Floats, Floats]:
        """Return the (k,) lower and upper ends for each group alone."""
        tail = (1 - confidence) / 2
        low, high = np.quantile(self.studentised, (tail, 1 - tail), axis=0)
        return self.value_s - high * self.error_s, self.value_s - low * self.error_s

    def low_together(self, error_share: float) -> Floats:
        """Return (k,) lower ends that hold together except in `error_share` of cases; above 0 the group got worse."""
        if not len(self.value_s):
            return self.value_s
        # The largest deviation of each resample covers all groups at once, whatever rows they share.
        farthest = np.quantile(self.studentised.max(axis=1), 1 - error_share)
        return np.asarray(self.value_s - farthest * self.error_s)


def group_differences(difference_s: Floats, group: Ints, day: Ints, draws: DayDraws) -> GroupDifferences:
    """Return the differences of groups, with whole days drawn together.

    Args: difference_s: (m,) difference of each row. group: (m,) 0 to k - 1, each occurring. day: (m,) days, all among those
    of `draws`. A row of several groups is repeated.
    """
    k, n_days = int(group.max(initial=-1)) + 1, len(draws.days)
    cell = np.searchsorted(draws.days, day) * k + group
    rows = np.bincount(cell, minlength=n_days * k).reshape(n_days, k).astype(np.float64)
    sums = np.bincount(cell, difference_s, minlength=n_days * k).reshape(n_days, k)
    counts = draws.counts
    values = ratio(counts @ sums, counts @ rows)
    # on deviations from the value: sums of squares of large numbers would cancel to rounding
    off = sums - values[0] * rows
    shift = values - values[0]
    squares = counts @ off**2 - 2 * shift * (counts @ (off * rows)) + shift**2 * (counts @ rows**2)
    days = (rows > 0).sum(axis=0)
    # The usual correction of a variance for few observations.
    few_days = np.sqrt(days / np.maximum(days - 1, 1))
    errors = ratio(np.sqrt(np.maximum(squares, 0)), counts @ rows) * few_days
    return GroupDifferences(values[0], _without_noise(errors[0]), _studentised(shift[1:], errors[1:]))


def _without_noise(error_s: Floats) -> Floats:
    return np.where(error_s < NO_SCATTER_S, 0.0, error_s)


def _studentised(shift_s: Floats, error_s: Floats) -> Floats:
    """Return each shift in its own standard errors; 0 if a resample lacks the group or does not differ from the data."""
    moved = np.isfinite(shift_s) & (np.abs(shift_s) > NO_SCATTER_S)
    far = np.divide(shift_s, np.maximum(error_s, NO_SCATTER_S), out=np.zeros_like(shift_s), where=moved)
    return np.clip(far, -FARTHEST, FARTHEST)


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one slice value."""

    slice: str
    value: str
    index: Ints
    """(m,) into the evaluated rows."""
    days: int
    """Number of distinct days."""


@dataclass(frozen=True, eq=False)
class SliceDifferences:
    """Differences by slice value."""

    groups: list[Group]
    """Slice values with enough rows."""
    few: dict[str, dict[str, int]]
    """Rows of the other slice values."""
    found: GroupDifferences


def evaluate_slices(
    rows: EvaluationRows, champion_s: Floats, challenger_s: Floats, settings: PromotionSettings
) -> SliceFindings:
    """Find the slices that got worse. champion_s, challenger_s: (n,) absolute errors.

    Raises: BadValue if the rows lack a slice that must not get worse.
    """
    seen = slice_differences(rows, challenger_s - champion_s, settings)
    judged = _slice_results(seen, (champion_s, challenger_s), settings)
    failing = tuple(f"{one.slice}={one.value}" for one in judged if one.fails)
    return SliceFindings(tuple(judged), failing, seen.few)


def slice_differences(
    rows: EvaluationRows, extra_error_s: Floats, settings: PromotionSettings
) -> SliceDifferences:
    """Return the differences of every slice with enough rows, on the same drawn days.

    Raises: BadValue if the rows lack a slice that must not get worse.
    """
    enough, few = _groups(rows, settings)
    if not enough:
        nothing = np.zeros(0)
        return SliceDifferences([], few, GroupDifferences(nothing, nothing, nothing.reshape(1, 0)))
    member = np.concatenate([group.index for group in enough])
    code = np.repeat(np.arange(len(enough)), [len(group.index) for group in enough])
    day = rows.day[member]
    draws = draw_days(day, settings.resamples, settings.seed)
    return SliceDifferences(enough, few, group_differences(extra_error_s[member], code, day, draws))


def _groups(
    rows: EvaluationRows, settings: PromotionSettings
) -> tuple[list[Group], dict[str, dict[str, int]]]:
    # only the newest days: a slice that was fine a year ago says little about the present
    recent = np.flatnonzero(rows.day > rows.day.max(initial=0) - settings.slice_days)
    enough: list[Group] = []
    few: dict[str, dict[str, int]] = {}
    for name in settings.slices:
        if name not in rows.slices:
            raise BadValue(
                "slices", name, "is no slice of the evaluated rows. Give it, or take it out of the settings"
            )
        values, code = np.unique(rows.slices[name][recent], return_inverse=True)
        members = np.split(recent[np.argsort(code, kind="stable")], np.cumsum(np.bincount(code))[:-1])
        for value, index in zip(values, members, strict=False):
            days = len(np.unique(rows.day[index]))
            if len(index) >= settings.min_slice_rows and days >= settings.min_days:
                enough.append(Group(name, str(value), index, days))
            else:
                few.setdefault(name, {})[str(value)] = len(index)
    return enough, few


def _slice_results(
    seen: SliceDifferences, errors_s: tuple[Floats, Floats], settings: PromotionSettings
) -> list[SliceResult]:
    # All slices together: each alone at 95 % would reject many good challengers for nothing (promotion.md).
    low_s = seen.found.low_together(settings.slice_error_share)
    results = [
        SliceResult(
            slice=group.slice,
            value=group.value,
            rows=len(group.index),
            days=group.days,
            champion_mae_s=float(errors_s[0][group.index].mean()),
            challenger_mae_s=float(errors_s[1][group.index].mean()),
            difference_s=float(seen.found.value_s[i]),
            low_s=float(low_s[i]),
            fails=bool(low_s[i] > 0),
        )
        for i, group in enumerate(seen.groups)
    ]
    return sorted(results, key=lambda one: (-one.rows, one.slice, one.value))


NAMED_SLICES = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """MAE of the challenger minus that of the champion, with its interval; below 0 the challenger is better."""

    value_s: float
    low_s: float
    high_s: float

    def text(self) -> str:
        """Return the text for the reason of a verdict."""
        side = "less" if self.value_s <= 0 else "more"
        if self.low_s * self.high_s > 0:
            near, far = sorted((abs(self.low_s), abs(self.high_s)))
            ends = f"{near:.2f} to {far:.2f}"
        else:
            ends = f"{-self.low_s:.2f} less to {self.high_s:.2f} more"
        return f"the challenger errs by {abs(self.value_s):.2f} s {side} per mobilisation ({ends})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of two models."""

    difference: Difference
    """Difference over all rows."""
    slices: SliceFindings
    """Slices that must not get worse."""
    is_identical: bool
    """The absolute errors are equal in every row."""

    def obstacles_found(self, text: str, has_case: bool) -> list[Obstacle]:
        """Return all obstacles; the difference, described by `text`, is one unless there is a case for promotion."""
        # With a case for promotion the overall difference is no obstacle, but a slice still is.
        whole = [] if has_case else [self._overall_obstacle(text)]
        return [*whole, *self._slice_obstacles()]

    def _slice_obstacles(self) -> list[Obstacle]:
        """Return the obstacle of the slices that got worse, the most certain first."""
        worse = sorted((one for one in self.slices.judged if one.fails), key=lambda one: -one.low_s)
        if not worse:
            return []
        named = [f"{one.slice} {one.value} by {one.difference_s:.1f} s" for one in worse]
        more = f" and {len(named) - NAMED_SLICES} more" if len(named) > NAMED_SLICES else ""
        together = f"{len(self.slices.judged)} slices evaluated together"
        text = f"the challenger is worse in {', '.join(named[:NAMED_SLICES])}{more} ({together})"
        return [Obstacle("slice_worse", text)]

    def slices_text(self) -> str:
        """Return the text about the slices when none got worse."""
        n = len(self.slices.judged)
        return f"worse in none of {n} slices" if n else "no slice had enough rows to be evaluated"

    def _overall_obstacle(self, text: str) -> Obstacle:
        if self.is_identical:
            return Obstacle(
                "tie", "a tie: the two announce times that are equally far off on every mobilisation"
            )
        if self.difference.low_s > 0:
            return Obstacle("worse", text)
        # Not shown to be better is not enough: in doubt the champion stays.
        return Obstacle("tie", f"a tie, the two cannot be distinguished: {text}")


def compare(
    rows: EvaluationRows, champion: Forecast, challenger: Forecast, settings: PromotionSettings
) -> Comparison:
    """Compare both on the same rows and drawn days. Raises: BadValue if the rows lack a slice of the settings."""
    champion_s, challenger_s = (np.abs(one.median_s - rows.actual_s) for one in (champion, challenger))
    extra_error_s = challenger_s - champion_s
    return Comparison(
        _whole(rows, extra_error_s, settings),
        evaluate_slices(rows, champion_s, challenger_s, settings),
        not np.any(extra_error_s),
    )


def _whole(rows: EvaluationRows, extra_error_s: Floats, settings: PromotionSettings) -> Difference:
    # Whole days, because dispatches of one day share weather, traffic and workload.
    draws = draw_days(rows.day, settings.resamples, settings.seed)
    found = group_differences(extra_error_s, np.zeros(len(rows), np.int64), rows.day, draws)
    low, high = found.interval(settings.confidence)
    return Difference(float(found.value_s[0]), float(low[0]), float(high[0]))
