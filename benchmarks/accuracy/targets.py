"""Targets of the figures, and whether they are met."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.accuracy.predictions import NOT_STATED, STATED
from benchmarks.accuracy.scores import OURS, Scores
from benchmarks.accuracy.text_formats import Stat

MET, WITHIN, MISSED = "met", "met within its interval", "missed"
NOT_ASKED = "not asked for"
MIN_DECILE_SHARE, MAX_DECILE_SHARE = 0.75, 0.85
LEAK_MAE_S, LEAK_R2 = 58.0, 0.57
"""A smaller error, or a larger R2, counts as a leak until it is explained."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target: low <= figure <= high. find: the figure in the scores, with or without the incident type.
    original: the same of the original recipe, or of its list of stations, where it has one."""

    label: str
    low: float
    high: float
    find: Callable[[Scores, str], Stat]
    original: Callable[[Scores], Stat] | None = None
    is_required_without_type: bool = True

    def verdict(self, found: Stat, input_variant: str = STATED) -> str:
        """Return met; met within its interval if only the interval reaches the target; else missed."""
        if input_variant == NOT_STATED and not self.is_required_without_type:
            return NOT_ASKED
        value, low, high = found["value"], found["low"], found["high"]
        if value is None or low is None or high is None:
            return MISSED
        if self.low <= value <= self.high:
            return MET
        return WITHIN if low <= self.high and high >= self.low else MISSED


NO_END = float("inf")


def _of_ours(metric: str) -> Callable[[Scores, str], Stat]:
    def find(scores: Scores, input_variant: str) -> Stat:
        found: Stat = scores["models"][OURS[input_variant]]["all"]["all"][metric]
        return found

    return find


def _of(model: str, metric: str) -> Callable[[Scores], Stat]:
    def find(scores: Scores) -> Stat:
        found: Stat = scores["models"][model]["all"]["all"][metric]
        return found

    return find


def _of_pumps(metric: str) -> Callable[[Scores, str], Stat]:
    def find(scores: Scores, input_variant: str) -> Stat:
        found: Stat = scores["pumps"][input_variant][metric]
        return found

    return find


def gain_on(model: str) -> Callable[[Scores, str], Stat]:
    """Return the gain over a baseline."""

    def find(scores: Scores, input_variant: str) -> Stat:
        found: Stat = scores["gains"][input_variant][model]
        return found

    return find


def _decile(worst: Callable[[list[Stat]], Stat]) -> Callable[[Scores, str], Stat]:
    def find(scores: Scores, input_variant: str) -> Stat:
        deciles = scores["models"][OURS[input_variant]]["distance_decile"].values()
        return worst([decile["cover_80_share"] for decile in deciles])

    return find


def _min_of(stats: list[Stat]) -> Stat:
    return min(stats, key=lambda found: found["value"] or 0.0)


def _max_of(stats: list[Stat]) -> Stat:
    return max(stats, key=lambda found: found["value"] or 0.0)


def max_target(label: str, high: float, metric: str, original: str | None = None) -> Target:
    """Return the target of a metric of our model for which smaller is better."""
    return Target(
        label, -NO_END, high, _of_ours(metric), _of("original_median", original) if original else None
    )


POOLED: tuple[Target, ...] = (
    max_target("MAE, s", 67.0, "mae_s", "mae_s"),
    max_target("RMSE, s", 106.5, "rmse_s", "rmse_s"),
    Target(
        "within 60 s",
        0.638,
        NO_END,
        _of_ours("within_60_share"),
        _of("original_median", "within_60_share"),
    ),
    Target("80 % interval covers", 0.79, 0.81, _of_ours("cover_80_share")),
    Target("80 %: tenth of distance covered least", MIN_DECILE_SHARE, MAX_DECILE_SHARE, _decile(_min_of)),
    Target("80 %: tenth of distance covered most", MIN_DECILE_SHARE, MAX_DECILE_SHARE, _decile(_max_of)),
    max_target("80 % interval: mean width, s", 197.0, "width_80_s"),
    Target("90 % interval covers", 0.89, 0.91, _of_ours("cover_90_share")),
    max_target("90 % interval: mean width, s", 293.0, "width_90_s"),
    max_target("CRPS (11 levels), s", 51.6, "crps_s"),
    Target("over 360 s: AUC", 0.869, NO_END, _of_ours("over_360_auc")),
    max_target("over 360 s: Brier score", 0.138, "over_360_brier"),
    max_target("over 360 s: log loss", 0.432, "over_360_log_loss"),
    max_target("over 360 s: calibration error", 0.02, "over_360_ece"),
    Target("pumps: accuracy", 0.78, NO_END, _of_pumps("accuracy"), is_required_without_type=False),
    Target("pumps: macro F1", 0.42, NO_END, _of_pumps("macro_f1"), is_required_without_type=False),
    Target("pumps: log loss", -NO_END, 0.64, _of_pumps("log_loss"), is_required_without_type=False),
    Target(
        "over 600 s, flagging 7.7 %: precision",
        0.30,
        NO_END,
        _of_ours("warning_600_precision"),
        _of("ours", "station_list_600_precision"),
    ),
    Target(
        "over 600 s, flagging 7.7 %: recall",
        0.47,
        NO_END,
        _of_ours("warning_600_recall"),
        _of("ours", "station_list_600_recall"),
    ),
    Target(
        "MAE of the original recipe (median of 11 seeds) minus ours, s",
        4.0,
        NO_END,
        gain_on("original_median"),
    ),
)
LAST_QUARTER: tuple[Target, ...] = (
    max_target("MAE, s", 70.2, "mae_s", "mae_s"),
    Target("MAE of distance alone (the stronger curve) minus ours, s", 2.5, NO_END, gain_on("distance")),
    Target("MAE of the best of 11 original recipes minus ours, s", 2.5, NO_END, gain_on("original_best")),
)
FEBRUARY_2017: tuple[Target, ...] = (
    Target(
        "MAE of distance alone (its mean curve) minus ours, s", 4.0, NO_END, gain_on("distance_mean_curve")
    ),
    Target(
        "MAE of distance alone (the stronger median curve) minus ours, s", 4.0, NO_END, gain_on("distance")
    ),
)


def compared(reaches: tuple[Target, ...], scores: Scores) -> list[dict[str, Any]]:
    """Return one entry per figure for JSON: target, measured value and verdict."""
    return [
        {
            "measure": reach.label,
            "low": None if reach.low == -NO_END else reach.low,
            "high": None if reach.high == NO_END else reach.high,
            "original": reach.original(scores) if reach.original else None,
            **{
                input_variant: {
                    **reach.find(scores, input_variant),
                    "verdict": reach.verdict(reach.find(scores, input_variant), input_variant),
                }
                for input_variant in (STATED, NOT_STATED)
            },
        }
        for reach in reaches
    ]
