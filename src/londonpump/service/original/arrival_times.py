"""The time of a pump to a ground, at a distance: one distribution over the places that stand for the ground."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.attendance_targets import MIN_UNDERESTIMATE_S
from londonpump.features.observations import us_of
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import LEVELS, P10, P50, P90
from londonpump.models.fitted_context import CLIMATE, CONGESTION, PROFILE
from londonpump.service.original.ground_paths import RUNGS, Columns, GroundPath, RunsAtDistance, rungs_about
from londonpump.service.original.interpretation import DEFAULT, ParsedRequest

Floats = NDArray[np.float64]
ALWAYS_IMPUTED = ("hour=now", "place=ground")
"""Nobody can tell these in the original's words."""


@dataclass(frozen=True, slots=True)
class PredictedTime:
    """p_underestimate: chance of an arrival far later than p50_s. is_outside: of what the model learnt."""

    p10_s: float
    p50_s: float
    p90_s: float
    p_underestimate: float
    is_outside: bool
    imputed: list[str]


def predict_response_times(
    bundle: Bundle, calls: Sequence[ParsedRequest], paths: Sequence[GroundPath]
) -> list[PredictedTime]:
    """The times to arrival, all calls through the model at once. ways: of each call, one at least.

    filled: what the model or the moment stands in for, `value=source`.
    """
    columns = {
        **{name: np.concatenate([path.columns[name] for path in paths]) for name in paths[0].columns},
        **_columns(bundle, calls, np.array([RUNGS * path.k for path in paths])),
    }
    rungs = [rungs_about(call.distance_m) for call in calls]
    stated_m = [np.repeat(rungs_m, path.k) for (rungs_m, _), path in zip(rungs, paths, strict=True)]
    dispatches = RunsAtDistance(columns, bundle.ground, paths, np.concatenate(stated_m))
    interval_scaling, outside = bundle.applicability_domain.interval_scaling(dispatches)
    seconds = bundle.response(dispatches, interval_scaling).quantiles(tuple(LEVELS))
    always_imputed, predicted, first = _always_imputed(bundle), [], 0
    for (_, upper_share), path in zip(rungs, paths, strict=True):
        rows = slice(first, first + RUNGS * path.k)
        of_rungs = seconds[rows].reshape(RUNGS, path.k, -1)
        mixed = Mixed.of(of_rungs[0] + upper_share * (of_rungs[1] - of_rungs[0]))
        p10_s, p50_s, p90_s = mixed.quantiles((P10, P50, P90)).tolist()
        predicted.append(
            PredictedTime(
                p10_s=p10_s,
                p50_s=p50_s,
                p90_s=p90_s,
                p_underestimate=mixed.p_over(p50_s + MIN_UNDERESTIMATE_S),
                is_outside=bool((interval_scaling[rows] > 1.0).any()),
                imputed=[
                    *always_imputed,
                    *(label for label, flags in outside.by_label() if flags[rows].any()),
                ],
            )
        )
        first = rows.stop
    return predicted


@dataclass(frozen=True, slots=True)
class Mixed:
    """Any of k places, each as likely. second, level: (k x levels,) both rising: the distribution function."""

    second: Floats
    level: Floats

    @classmethod
    def of(cls, seconds: Floats) -> "Mixed":
        """seconds: (k, levels) of LEVELS, for each place. A place's level stands for its width of probability."""
        flat = seconds.ravel()
        order = flat.argsort()
        weight = np.tile(_WEIGHTS / len(seconds), len(seconds))[order]
        return cls(flat[order], weight.cumsum() - weight / 2)

    def quantiles(self, levels: tuple[float, ...]) -> Floats:
        """Seconds."""
        return np.interp(levels, self.level, self.second)

    def p_over(self, threshold_s: float) -> float:
        """Chance of taking longer."""
        return 1.0 - float(np.interp(threshold_s, self.second, self.level, left=0.0, right=1.0))


_WEIGHTS = np.diff(np.concatenate([[0.0], (LEVELS[1:] + LEVELS[:-1]) / 2, [1.0]]))


def _always_imputed(bundle: Bundle) -> list[str]:
    """What nobody can tell in the original's words, and what stands in."""
    context = bundle.response.context
    fallbacks = {
        f"recent_ground_calls={DEFAULT}": "recent_ground_calls" in bundle.applicability_domain.typical,
        f"wind_kmh={CLIMATE}": "wind_kmh" in context.reads,
        f"{CONGESTION}={PROFILE}": CONGESTION in context.reads - context.takes,
    }
    return [*ALWAYS_IMPUTED, *(label for label, does in fallbacks.items() if does)]


def _columns(bundle: Bundle, calls: Sequence[ParsedRequest], dispatches: NDArray[np.int64]) -> Columns:
    """(n,) what is the same for all places of a call. runs: of each call; n is their sum."""
    hours = [call.at_hour for call in calls]
    columns: Columns = {"mobilised_us": np.array([us_of(call.at) for call in calls], np.int64)}
    for name in calls[0].texts:
        columns[name] = np.array([call.texts[name] for call in calls], object)
    for name in calls[0].numbers:
        columns[name] = np.array([call.numbers[name] for call in calls], np.float64)
    for name, by_hour in bundle.applicability_domain.typical.items():
        values = columns[name]
        columns[name] = np.where(np.isnan(values), by_hour[hours], values)
    return {name: np.repeat(values, dispatches) for name, values in columns.items()}
