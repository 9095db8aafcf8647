"""The time of a pump to a ground, at a distance: one distribution over the places that stand for the ground."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.brigade.targets import UNDERESTIMATE_S
from londonpump.features.weather import us_of
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import LEVELS, P10, P50, P90
from londonpump.models.learnt_context import CLIMATE, CONGESTION, PROFILE
from londonpump.service.original.places import RUNGS, Columns, RunsAtDistance, Way, rungs_about
from londonpump.service.original.rules import DEFAULT, Understood

Floats = NDArray[np.float64]
ALWAYS_FILLED = ("hour=now", "place=ground")
"""Nobody can tell these in the original's words."""


@dataclass(frozen=True, slots=True)
class Announced:
    """p_underestimate: chance of an arrival far later than p50_s. is_outside: of what the model learnt."""

    p10_s: float
    p50_s: float
    p90_s: float
    p_underestimate: float
    is_outside: bool
    filled: list[str]


def announce(bundle: Bundle, calls: Sequence[Understood], ways: Sequence[Way]) -> list[Announced]:
    """The times to arrival, all calls through the model at once. ways: of each call, one at least.

    filled: what the model or the moment stands in for, `value=source`.
    """
    columns = {
        **{name: np.concatenate([way.columns[name] for way in ways]) for name in ways[0].columns},
        **_columns(bundle, calls, np.array([RUNGS * way.k for way in ways])),
    }
    rungs = [rungs_about(call.distance_m) for call in calls]
    told_m = [np.repeat(rungs_m, way.k) for (rungs_m, _), way in zip(rungs, ways, strict=True)]
    runs = RunsAtDistance(columns, bundle.ground, ways, np.concatenate(told_m))
    widening, outside = bundle.domain.widening(runs)
    seconds = bundle.response(runs, widening).quantiles(tuple(LEVELS))
    always, announced, first = _always_filled(bundle), [], 0
    for (_, upper_share), way in zip(rungs, ways, strict=True):
        rows = slice(first, first + RUNGS * way.k)
        of_rungs = seconds[rows].reshape(RUNGS, way.k, -1)
        mixed = Mixed.of(of_rungs[0] + upper_share * (of_rungs[1] - of_rungs[0]))
        p10_s, p50_s, p90_s = mixed.quantiles((P10, P50, P90)).tolist()
        announced.append(
            Announced(
                p10_s=p10_s,
                p50_s=p50_s,
                p90_s=p90_s,
                p_underestimate=mixed.p_over(p50_s + UNDERESTIMATE_S),
                is_outside=bool((widening[rows] > 1.0).any()),
                filled=[*always, *(label for label, flags in outside.by_label() if flags[rows].any())],
            )
        )
        first = rows.stop
    return announced


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


def _always_filled(bundle: Bundle) -> list[str]:
    """What nobody can tell in the original's words, and what stands in."""
    context = bundle.response.context
    stands_in = {
        f"recent_ground_calls={DEFAULT}": "recent_ground_calls" in bundle.domain.typical,
        f"wind_kmh={CLIMATE}": "wind_kmh" in context.reads,
        f"{CONGESTION}={PROFILE}": CONGESTION in context.reads - context.takes,
    }
    return [*ALWAYS_FILLED, *(label for label, does in stands_in.items() if does)]


def _columns(bundle: Bundle, calls: Sequence[Understood], runs: NDArray[np.int64]) -> Columns:
    """(n,) what is the same for all places of a call. runs: of each call; n is their sum."""
    hours = [call.at_hour for call in calls]
    columns: Columns = {"mobilised_us": np.array([us_of(call.at) for call in calls], np.int64)}
    for name in calls[0].texts:
        columns[name] = np.array([call.texts[name] for call in calls], object)
    for name in calls[0].numbers:
        columns[name] = np.array([call.numbers[name] for call in calls], np.float64)
    for name, by_hour in bundle.domain.typical.items():
        values = columns[name]
        columns[name] = np.where(np.isnan(values), by_hour[hours], values)
    return {name: np.repeat(values, runs) for name, values in columns.items()}
