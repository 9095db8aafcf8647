"""Predicted times for requests that state only the station, the ground and the distance.

Past locations on the ground represent the incident, and the stated distance replaces their own. Moving the locations to
the stated distance would take them off the ground: on the last quarter of 2023 (3,484 runs with only distance, station
and ground) the mean error was 70.6 s that way, 70.4 s this way, and 69.0 s with the exact locations.
"""

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
from londonpump.features.observations import us_of
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import LEVELS, P10, P50, P90, QuantileMixture
from londonpump.models.fitted_context import CLIMATE, CONGESTION, PROFILE
from londonpump.original.interpretation import DEFAULT, ParsedRequest
from londonpump.service.champion import Champion

Floats = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]

POINTS = 8
RUNGS = 2
RUNG = 5.0
"""Spacing of the rungs in square roots of metres: 200 to 300 m at the median distance, 700 m at 5 km."""
MAX_CACHED = 4096
ALWAYS_IMPUTED = ("hour=now", "location=ground")
"""Labels of inputs that the original's API cannot state."""


@dataclass(frozen=True, slots=True)
class GroundPath:
    """The path from a station to the k points of a ground."""

    columns: Columns
    """Input columns of RUNGS x k dispatches that do not depend on the request."""
    straight_m: Floats
    """(k,) straight distances."""
    detour_m: Floats
    """(k,) additional distance over a bridge."""

    @property
    def k(self) -> int:
        """Number of points."""
        return len(self.straight_m)


class RunsAtDistance(Dispatches):
    """Dispatches with a stated distance, which does not follow from their locations."""

    def __init__(
        self, columns: Columns, ground: GroundLookup, paths: Sequence[GroundPath], distance_m: Floats
    ) -> None:
        """Build the dispatches of several paths. `distance_m` is (n,) with RUNGS x k values per path."""
        super().__init__(columns, ground)
        self._stated_m = distance_m
        self._straight_m = np.concatenate([each for path in paths for each in (path.straight_m,) * RUNGS])
        self._detour_m = np.concatenate([each for path in paths for each in (path.detour_m,) * RUNGS])

    @cached_property
    def distance_m(self) -> Floats:
        """The stated distance."""
        return self._stated_m

    @cached_property
    def by_bridge_m(self) -> Floats:
        """The stated distance plus the detour, reduced if the stated distance is shorter than the location's own."""
        # at least 1 m, as a location may coincide with the station
        share = np.minimum(1.0, self._stated_m / np.maximum(self._straight_m, 1.0))
        return np.asarray(self._stated_m + self._detour_m * share)


@dataclass(slots=True)
class GroundPathCache:
    """The stations of the active model, and its paths that were requested recently."""

    model: str = ""
    stations: dict[str, Station] = field(default_factory=dict)
    paths: OrderedDict[tuple[str, str], GroundPath] = field(default_factory=OrderedDict)

    def stations_of(self, champion: Champion) -> dict[str, Station]:
        """Return the stations of a champion by code; another champion empties the cache."""
        if self.model != champion.name:
            self.model, self.stations = champion.name, by_code(champion.bundle.stations)
            self.paths.clear()
        return self.stations

    def path(self, champion: Champion, station: Station, ground_code: str) -> GroundPath:
        """Return the path from a station to a ground."""
        stations, key = self.stations_of(champion), (station.code, ground_code)
        if key not in self.paths:
            # the oldest entry goes; recent use is not tracked, as all pairs of station and ground seldom occur
            if len(self.paths) >= MAX_CACHED:
                self.paths.popitem(last=False)
            self.paths[key] = path_to(points_of(champion.bundle, stations[ground_code]), station, ground_code)
        return self.paths[key]


def points_of(bundle: Bundle, ground: Station) -> Floats:
    """Return (k, 2) locations that represent a ground: past calls, else cells, else its station; k is at most POINTS."""
    found = bundle.area_points.ground(ground.code)
    if found is None:
        found = _cells_of(bundle.ground, ground.code)
    if not len(found):
        found = np.array([[ground.easting_m, ground.northing_m]])
    # the locations are sorted along a curve: even steps spread the points over the whole ground
    k = min(POINTS, len(found))
    return found[((np.arange(k) + 0.5) * (len(found) / k)).astype(np.int64)]


def path_to(points: Floats, station: Station, ground_code: str) -> GroundPath:
    """Build the path from a station to points, (k, 2) eastings and northings."""
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
    """Return the fixed distances (RUNGS,) below and above a distance, and the weight of the upper one.

    Times are predicted at these rungs and interpolated linearly between them: the model's trees jump by some seconds at
    arbitrary distances, downwards too. With rungs, no predicted time fell as the distance grew.
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


@dataclass(frozen=True, slots=True)
class PredictedTime:
    """The predicted time to arrival of one request."""

    p10_s: float
    p50_s: float
    p90_s: float
    p_underestimate: float
    """Chance of an arrival at least MIN_UNDERESTIMATE_S later than p50_s."""
    is_outside: bool
    """Whether the request lies outside the training data."""
    imputed: list[str]
    """`value=source` for each value that the model or the current time supplied."""


def predict_response_times(
    bundle: Bundle, calls: Sequence[ParsedRequest], paths: Sequence[GroundPath]
) -> list[PredictedTime]:
    """Predict the times to arrival of at least one call, all in one pass. `paths` holds one path per call."""
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
        # (rung, point, level): linear between the rungs, then all points as one distribution
        of_rungs = seconds[rows].reshape(RUNGS, path.k, -1)
        mixed = QuantileMixture.of(of_rungs[0] + upper_share * (of_rungs[1] - of_rungs[0]))
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


def _always_imputed(bundle: Bundle) -> list[str]:
    """Return `value=source` for the inputs that the original's API cannot state."""
    context = bundle.response.context
    fallbacks = {
        f"recent_ground_calls={DEFAULT}": "recent_ground_calls" in bundle.applicability_domain.typical,
        f"wind_kmh={CLIMATE}": "wind_kmh" in context.reads,
        f"{CONGESTION}={PROFILE}": CONGESTION in context.reads - context.takes,
    }
    return [*ALWAYS_IMPUTED, *(label for label, does in fallbacks.items() if does)]


def _columns(bundle: Bundle, calls: Sequence[ParsedRequest], dispatches: NDArray[np.int64]) -> Columns:
    """Return (n,) columns that are equal for all dispatches of a call; `dispatches` is their number per call."""
    hours = [call.at_hour for call in calls]
    columns: Columns = {"mobilised_us": np.array([us_of(call.at) for call in calls], np.int64)}
    for name in calls[0].texts:
        columns[name] = np.array([call.texts[name] for call in calls], object)
    for name in calls[0].numbers:
        columns[name] = np.array([call.numbers[name] for call in calls], np.float64)
    for name, by_hour in bundle.applicability_domain.typical.items():
        values = columns[name]
        # the typical value of the hour, as the training data had it
        columns[name] = np.where(np.isnan(values), by_hour[hours], values)
    return {name: np.repeat(values, dispatches) for name, values in columns.items()}
