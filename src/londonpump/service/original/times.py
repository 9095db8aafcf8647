"""The time of a pump to a ground, at a distance: one distribution over the places that stand for the ground."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.brigade.targets import UNDERESTIMATE_S
from londonpump.features.weather import us_of
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import LEVELS, P10, P50, P90
from londonpump.models.learnt_context import CLIMATE, CONGESTION, PROFILE
from londonpump.service.original.places import RUNGS, RunsAtDistance, Way, rungs_about
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


def announce(bundle: Bundle, call: Understood, way: Way) -> Announced:
    """The time to arrival. filled: what the model or the moment stands in for, `value=source`."""
    filled = list(ALWAYS_FILLED)
    columns = {**way.columns, **_columns(bundle, call, RUNGS * way.k, filled)}
    rungs_m, upper_share = rungs_about(call.distance_m)
    runs = RunsAtDistance(columns, bundle.ground, way, rungs_m)
    widening, outside = bundle.domain.widening(runs)
    times = bundle.response(runs, widening)
    of_rungs = times.quantiles(tuple(LEVELS)).reshape(RUNGS, way.k, -1)
    mixed = Mixed.of(of_rungs[0] + upper_share * (of_rungs[1] - of_rungs[0]))
    p10_s, p50_s, p90_s = mixed.quantiles((P10, P50, P90))
    filled += dict.fromkeys(label for row in outside for label in row)
    return Announced(
        p10_s=float(p10_s),
        p50_s=float(p50_s),
        p90_s=float(p90_s),
        p_underestimate=mixed.p_over(float(p50_s) + UNDERESTIMATE_S),
        is_outside=bool((widening > 1.0).any()),
        filled=filled,
    )


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


def _columns(bundle: Bundle, call: Understood, n: int, filled: list[str]) -> dict[str, NDArray[Any]]:
    """(n,) what is the same for all places of the call. filled: gets what stands in."""
    context, numbers = bundle.response.context, dict(call.numbers)
    hour = call.at_hour
    for name, by_hour in bundle.domain.typical.items():
        if numbers.get(name) is None:
            numbers[name] = float(by_hour[hour])
    if "recent_ground_calls" in bundle.domain.typical:
        filled.append(f"recent_ground_calls={DEFAULT}")
    if "wind_kmh" in context.reads:
        filled.append(f"wind_kmh={CLIMATE}")
    if CONGESTION in context.reads - context.takes:
        filled.append(f"{CONGESTION}={PROFILE}")
    return {
        "mobilised_us": np.full(n, us_of(call.at), np.int64),
        **{name: np.full(n, text, object) for name, text in call.texts.items()},
        **{name: np.full(n, np.nan if value is None else value) for name, value in numbers.items()},
    }
