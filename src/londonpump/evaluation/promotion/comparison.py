"""The challenger beside the champion on the same runs: as a whole, and slice by slice."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from londonpump.evaluation.evaluation_rows import EvaluationRows, Floats, Forecast
from londonpump.evaluation.intervals import draw_days
from londonpump.evaluation.promotion.checks import Obstacle
from londonpump.evaluation.promotion.differences import group_differences
from londonpump.evaluation.promotion.settings import PromotionSettings
from londonpump.evaluation.promotion.slices import SliceFindings, evaluate_slices

NAMED_SLICES = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """MAE of the challenger less that of the champion, s, and its interval: below 0 the challenger is better."""

    value_s: float
    low_s: float
    high_s: float

    def text(self) -> str:
        """As the reason tells it."""
        side = "less" if self.value_s <= 0 else "more"
        if self.low_s * self.high_s > 0:
            near, far = sorted((abs(self.low_s), abs(self.high_s)))
            ends = f"{near:.2f} to {far:.2f}"
        else:
            ends = f"{-self.low_s:.2f} less to {self.high_s:.2f} more"
        return f"the challenger errs by {abs(self.value_s):.2f} s {side} a run ({ends})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """difference: of the whole. slices: that must not get worse. is_identical: every announced time is as far off."""

    difference: Difference
    slices: SliceFindings
    is_identical: bool

    def obstacles_found(self, text: str, has_case: bool) -> list[Obstacle]:
        """All that it holds against the challenger. words: of the difference; is_spoken_for: that is none of it."""
        whole = [] if has_case else [self._overall_obstacle(text)]
        return [*whole, *self._slice_obstacles()]

    def _slice_obstacles(self) -> list[Obstacle]:
        """What the slices hold against the challenger, the surest first."""
        worse = sorted((one for one in self.slices.evaluated if one["fails"]), key=lambda one: -one["low_s"])
        if not worse:
            return []
        named = [f"{one['slice']} {one['value']} by {one['difference_s']:.1f} s" for one in worse]
        more = f" and {len(named) - NAMED_SLICES} more" if len(named) > NAMED_SLICES else ""
        together = f"{len(self.slices.evaluated)} slices looked at together"
        text = f"the challenger is worse in {', '.join(named[:NAMED_SLICES])}{more} ({together})"
        return [Obstacle("slice_worse", text)]

    def slices_text(self) -> str:
        """What is said of the slices when none got worse."""
        n = len(self.slices.evaluated)
        return f"worse in none of {n} slices" if n else "no slice had rows enough to be judged"

    def _overall_obstacle(self, text: str) -> Obstacle:
        if self.is_identical:
            return Obstacle("tie", "a tie: the two announce times that are equally far off on every run")
        if self.difference.low_s > 0:
            return Obstacle("worse", text)
        return Obstacle("tie", f"a tie, the two are not told apart: {text}")

    def to_json(self) -> dict[str, Any]:
        """For the evidence of a verdict."""
        whole = self.difference
        return {
            "difference_s": {"value": whole.value_s, "low": whole.low_s, "high": whole.high_s},
            "slices": self.slices.to_json(),
        }


def compare(
    rows: EvaluationRows, champion: Forecast, challenger: Forecast, settings: PromotionSettings
) -> Comparison:
    """Both on the same rows and the same drawn days. Raises: BadValue if a slice of the settings is not in the rows."""
    champion_s, challenger_s = (np.abs(one.median_s - rows.actual_s) for one in (champion, challenger))
    extra_error_s = challenger_s - champion_s
    return Comparison(
        _whole(rows, extra_error_s, settings),
        evaluate_slices(rows, champion_s, challenger_s, settings),
        not np.any(extra_error_s),
    )


def _whole(rows: EvaluationRows, extra_error_s: Floats, settings: PromotionSettings) -> Difference:
    draws = draw_days(rows.day, settings.resamples, settings.seed)
    found = group_differences(extra_error_s, np.zeros(len(rows), np.int64), rows.day, draws)
    low, high = found.interval(settings.confidence)
    return Difference(float(found.value_s[0]), float(low[0]), float(high[0]))
