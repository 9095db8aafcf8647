"""The time of a pump to a ground, at a distance: one distribution over the places that stand for the ground."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain import thames
from londonpump.domain.attendance_targets import MIN_UNDERESTIMATE_S
from londonpump.domain.stations import Station, by_code
from londonpump.features.dispatches import Dispatches
from londonpump.features.ground_lookup import CELL_SIZES_M, ROW, GroundLookup
from londonpump.features.weather import us_of
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import LEVELS, P10, P50, P90
from londonpump.models.fitted_context import CLIMATE, CONGESTION, PROFILE
from londonpump.service.champion import Champion
from londonpump.service.original.interpretation import DEFAULT, ParsedRequest

Floats = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]

POINTS = 8
RUNGS = 2
RUNG = 5.0
"""Rungs are even in the square root of metres: 200 to 300 m apart about a median run, 700 m at 5 km."""
MAX_CACHED = 4096


@dataclass(frozen=True, slots=True)
class GroundPath:
    """From a station to the points of a ground: (k,) each. columns: of RUNGS x k runs, all that never changes.

    detour_m: how much longer the way over a bridge is.
    """

    columns: Columns
    straight_m: Floats
    detour_m: Floats

    @property
    def k(self) -> int:
        """Points."""
        return len(self.straight_m)


class RunsAtDistance(Dispatches):
    """Runs whose distance is told, and does not follow from their places. by_bridge_m grows with it."""

    def __init__(
        self, columns: Columns, ground: GroundLookup, paths: Sequence[GroundPath], distance_m: Floats
    ) -> None:
        """distance_m: (n,) of RUNGS x k runs a way, one way after the other."""
        super().__init__(columns, ground)
        self._stated_m = distance_m
        self._straight_m = np.concatenate([each for path in paths for each in (path.straight_m,) * RUNGS])
        self._detour_m = np.concatenate([each for path in paths for each in (path.detour_m,) * RUNGS])

    @cached_property
    def distance_m(self) -> Floats:
        """As told."""
        return self._stated_m

    @cached_property
    def by_bridge_m(self) -> Floats:
        """The detour of the place, or less of it where the distance told is shorter than the place's own."""
        share = np.minimum(1.0, self._stated_m / np.maximum(self._straight_m, 1.0))
        return np.asarray(self._stated_m + self._detour_m * share)


@dataclass(slots=True)
class GroundPathCache:
    """The ways of one model that were asked about last, and its stations."""

    model: str = ""
    stations: dict[str, Station] = field(default_factory=dict)
    paths: OrderedDict[tuple[str, str], GroundPath] = field(default_factory=OrderedDict)

    def stations_of(self, champion: Champion) -> dict[str, Station]:
        """The stations of the model, by code."""
        if self.model != champion.name:
            self.model, self.stations = champion.name, by_code(champion.bundle.stations)
            self.paths.clear()
        return self.stations

    def path(self, champion: Champion, station: Station, ground_code: str) -> GroundPath:
        """From a station to a ground."""
        stations, key = self.stations_of(champion), (station.code, ground_code)
        if key not in self.paths:
            if len(self.paths) >= MAX_CACHED:
                self.paths.popitem(last=False)
            self.paths[key] = path_to(points_of(champion.bundle, stations[ground_code]), station, ground_code)
        return self.paths[key]


def points_of(bundle: Bundle, ground: Station) -> Floats:
    """(k, 2) places that stand for a ground: past calls, else cells of it, else its station; k is POINTS at most."""
    found = bundle.area_points.ground(ground.code)
    if found is None:
        found = _cells_of(bundle.ground, ground.code)
    if not len(found):
        found = np.array([[ground.easting_m, ground.northing_m]])
    k = min(POINTS, len(found))
    return found[((np.arange(k) + 0.5) * (len(found) / k)).astype(np.int64)]


def path_to(points: Floats, station: Station, ground_code: str) -> GroundPath:
    """points: (k, 2) eastings and northings."""
    east_m, north_m = points[:, 0], points[:, 1]
    straight_m = np.hypot(east_m - station.easting_m, north_m - station.northing_m)
    by_bridge_m = thames.distance_by_bridge_m(station.easting_m, station.northing_m, east_m, north_m)
    n = RUNGS * len(points)
    columns: Columns = {
        "easting_m": np.tile(east_m, RUNGS),
        "northing_m": np.tile(north_m, RUNGS),
        "station_code": np.full(n, station.code, object),
        "station_easting_m": np.full(n, station.easting_m),
        "station_northing_m": np.full(n, station.northing_m),
        "station_ground_code": np.full(n, ground_code, object),
    }
    return GroundPath(columns, straight_m, by_bridge_m - straight_m)


def rungs_about(distance_m: float) -> tuple[Floats, float]:
    """(RUNGS,) fixed distances on both sides of one, and the share of the upper one.

    The model is asked at these alone, and its times are drawn straight between them: its trees jump by some seconds at
    distances that mean nothing, and downwards too. Asked at the rungs, no time fell with the distance.
    """
    lower = np.floor(np.sqrt(distance_m) / RUNG)
    rungs = (np.array([lower, lower + 1]) * RUNG) ** 2
    return rungs, float((distance_m - rungs[0]) / (rungs[1] - rungs[0]))


def _cells_of(lookup: GroundLookup, code: str) -> Floats:
    if code not in lookup.codes:
        return np.empty((0, 2))
    (cells, grounds), size_m = lookup.cells[-1], CELL_SIZES_M[-1]
    own = cells[grounds == lookup.codes.index(code)]
    return np.column_stack([own // ROW + 0.5, own % ROW + 0.5]) * size_m


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
