"""Slices that must not get worse: which have rows enough, and which of them got worse, all looked at together."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from londonpump.domain.errors import BadValue
from londonpump.evaluation.evaluation_rows import EvaluationRows, Floats, Ints
from londonpump.evaluation.intervals import draw_days
from londonpump.evaluation.promotion.differences import GroupDifferences, group_differences
from londonpump.evaluation.promotion.settings import PromotionSettings


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one slice value: index (m,) into the rows judged, days: on how many of them."""

    slice: str
    value: str
    index: Ints
    days: int


@dataclass(frozen=True, slots=True)
class SliceFindings:
    """judged: one dict a slice value, the largest first. failing: `SLICE=VALUE`. not_judged: rows by slice and value."""

    evaluated: list[dict[str, Any]]
    failing: list[str]
    not_evaluated: dict[str, dict[str, int]]

    def to_json(self) -> dict[str, Any]:
        """For the evidence of a verdict."""
        return {"judged": self.evaluated, "failing": self.failing, "not_judged": self.not_evaluated}


@dataclass(frozen=True, eq=False)
class SliceDifferences:
    """groups: those with rows enough, k of them. few: rows of the others by slice and value. found: of the groups."""

    groups: list[Group]
    few: dict[str, dict[str, int]]
    found: GroupDifferences


def evaluate_slices(
    rows: EvaluationRows, champion_s: Floats, challenger_s: Floats, settings: PromotionSettings
) -> SliceFindings:
    """Which slices got worse. champion_s, challenger_s: (n,) absolute errors of the two.

    Raises: BadValue if the rows lack a slice that must not get worse.
    """
    seen = slice_differences(rows, challenger_s - champion_s, settings)
    evaluated = _slice_results(seen, (champion_s, challenger_s), settings)
    failing = [f"{one['slice']}={one['value']}" for one in evaluated if one["fails"]]
    return SliceFindings(evaluated, failing, seen.few)


def slice_differences(
    rows: EvaluationRows, extra_error_s: Floats, settings: PromotionSettings
) -> SliceDifferences:
    """Differences of every slice with rows enough, on the same drawn days. lost_s: (n,) of each run.

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
    recent = np.flatnonzero(rows.day > rows.day.max(initial=0) - settings.slice_days)
    enough: list[Group] = []
    few: dict[str, dict[str, int]] = {}
    for name in settings.slices:
        if name not in rows.slices:
            raise BadValue(
                "slices", name, "is no slice of the rows judged. Give it, or take it out of the settings"
            )
        values, code = np.unique(rows.slices[name][recent], return_inverse=True)
        members = np.split(recent[np.argsort(code, kind="stable")], np.cumsum(np.bincount(code))[:-1])
        for value, index in zip(values, members, strict=False):
            days = len(np.unique(rows.day[index]))
            if len(index) >= settings.least_slice_rows and days >= settings.least_days:
                enough.append(Group(name, str(value), index, days))
            else:
                few.setdefault(name, {})[str(value)] = len(index)
    return enough, few


def _slice_results(
    seen: SliceDifferences, errors_s: tuple[Floats, Floats], settings: PromotionSettings
) -> list[dict[str, Any]]:
    low_s = seen.found.low_together(settings.slice_error_share)
    results = [
        {
            "slice": group.slice,
            "value": group.value,
            "rows": len(group.index),
            "days": group.days,
            "champion_mae_s": float(errors_s[0][group.index].mean()),
            "challenger_mae_s": float(errors_s[1][group.index].mean()),
            "difference_s": float(seen.found.value_s[i]),
            "low_s": float(low_s[i]),
            "fails": bool(low_s[i] > 0),
        }
        for i, group in enumerate(seen.groups)
    ]
    return sorted(results, key=lambda one: (-one["rows"], one["slice"], one["value"]))
