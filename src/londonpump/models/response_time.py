"""Seconds from mobilisation to arrival, as a distribution.

centre = curve of distance and hour + what is left, by L1 boosters; scale = exp(a booster of the log of the
absolute out-of-fold error); shape = conformal quantiles of the standardised out-of-fold errors of the latest
runs, by group. Measured on real rows this beats nine quantile boosters in CRPS and width, at the price of two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from londonpump.features.catalogue import Feature, build
from londonpump.features.runs import Runs
from londonpump.models import boosters
from londonpump.models.base_curve import BaseCurve, fit_base_curve
from londonpump.models.distribution import ResponseTimes, shape_of
from londonpump.models.place_residual import SMOOTHINGS, PlaceResidual, cell_keys, fit_place_residual

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PLACE_FOLDS = 5
LEAST_GROUP = 400
"""A group of runs has a shape of its own from this many errors on."""
ERROR_FLOOR_S = 10.0
DISTANCE_BANDS_M = (1000.0, 2000.0, 3000.0)
Told = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is spent on a training, by its number of rows.

    seeds: boosters averaged. trees, leaves, rate, least_in_leaf: of each. folds: of the cross-fitting that
    gives out-of-sample errors. latest_share: of those errors, the latest that make the shape.
    """

    seeds: int
    trees: int
    leaves: int
    rate: float
    least_in_leaf: int
    folds: int
    latest_share: float


SMALL = Effort(seeds=4, trees=150, leaves=31, rate=0.05, least_in_leaf=25, folds=5, latest_share=1.0)
LARGE = Effort(seeds=1, trees=200, leaves=31, rate=0.1, least_in_leaf=200, folds=2, latest_share=0.3)
SMALL_ROWS = 60_000


def effort_for(n: int) -> Effort:
    """Small records deserve more care a row, large ones pay for it."""
    return SMALL if n <= SMALL_ROWS else LARGE


@dataclass(frozen=True, slots=True)
class TrainingRuns:
    """Runs to learn from, n rows in any order. attendance_s: (n,). incident: (n,) codes. at_us: (n,)."""

    runs: Runs
    attendance_s: Floats
    incident: Ints
    at_us: Ints


@dataclass(frozen=True, slots=True)
class ResponseTimeModel:
    """What is learnt. shape: (groups, levels) standardised errors; group_of: (bands, 2) row of `shape`."""

    features: tuple[Feature, ...]
    curve: BaseCurve
    places: tuple[PlaceResidual, ...]
    centre: tuple[lgb.Booster, ...]
    scale: lgb.Booster
    shape: Floats
    group_of: Ints

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of `table`."""
        return (
            *(feature.name for feature in self.features),
            *(place.smoothing.name for place in self.places),
        )

    def table(self, runs: Runs) -> Floats:
        """(n, features) what the boosters look at."""
        station = runs.lookup.index(runs.text("station_code"))
        easting_m, northing_m = runs.number("easting_m"), runs.number("northing_m")
        learnt = [place(station, easting_m, northing_m) for place in self.places]
        return np.column_stack([build(runs, self.features), *learnt])

    def __call__(self, runs: Runs, widening: Floats | float = 1.0) -> ResponseTimes:
        """The distribution of each run. widening: (n,) how much less sure than learnt, 1 inside the records."""
        return self.from_table(runs, self.table(runs), widening)

    def from_table(self, runs: Runs, table: Floats, widening: Floats | float = 1.0) -> ResponseTimes:
        """As calling it, for a table that is already there."""
        left_s = np.mean([boosters.predict(booster, table) for booster in self.centre], axis=0)
        return ResponseTimes(
            centre_s=self.curve(runs) + left_s,
            scale_s=np.exp(boosters.predict(self.scale, table)) * widening,
            group=self.group_of[group_index(runs)],
            shape=self.shape,
        )


def group_index(runs: Runs) -> tuple[Ints, Ints]:
    """(band of distance, own ground or not) of each run."""
    return np.searchsorted(DISTANCE_BANDS_M, runs.distance_m), runs.is_own_ground.astype(np.int64)


def fit_response_time(
    training: TrainingRuns, features: tuple[Feature, ...], seed: int, told: Told
) -> ResponseTimeModel:
    """Learn the distribution of response times from training runs alone."""
    runs, effort = training.runs, effort_for(len(training.attendance_s))
    curve = fit_base_curve(runs, training.attendance_s)
    left_s = training.attendance_s - curve(runs)
    fold = fold_of(training.incident, PLACE_FOLDS, seed)
    places, learnt = _fit_places(runs, left_s, fold)
    table = np.column_stack([build(runs, features), *learnt])
    names = (*(feature.name for feature in features), *(place.smoothing.name for place in places))
    error_s = _out_of_fold_error(table, left_s, training, names, effort, seed, told)
    scale = boosters.train(
        table, np.log(np.abs(error_s) + ERROR_FLOOR_S), names, _scale_parameters(effort, seed)
    )
    told("Learning the centre", 0.6)
    centre = tuple(
        boosters.train(table, left_s, names, centre_parameters(effort, seed + i)) for i in range(effort.seeds)
    )
    z = error_s / np.exp(boosters.predict(scale, table))
    latest = training.at_us >= np.quantile(training.at_us, 1 - effort.latest_share)
    shape, group_of = _shapes(z, group_index(runs), latest)
    return ResponseTimeModel(features, curve, places, centre, scale, shape, group_of)


def fold_of(incident: Ints, folds: int, seed: int) -> Ints:
    """(n,) fold of each row, incidents whole."""
    draw = np.random.default_rng(seed).integers(0, folds, int(incident.max(initial=0)) + 1)
    return np.asarray(draw[incident])


def centre_parameters(effort: Effort, seed: int) -> dict[str, Any]:
    """Of one booster of the centre."""
    return {
        "objective": "regression_l1",
        "num_trees": effort.trees,
        "num_leaves": effort.leaves,
        "learning_rate": effort.rate,
        "min_data_in_leaf": effort.least_in_leaf,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": seed,
    }


def _scale_parameters(effort: Effort, seed: int) -> dict[str, Any]:
    return {
        "objective": "regression",
        "num_trees": 60,
        "num_leaves": 15,
        "learning_rate": 0.07,
        "min_data_in_leaf": 4 * effort.least_in_leaf,
        "feature_fraction": 0.7,
        "seed": seed,
    }


def _fit_places(runs: Runs, left_s: Floats, fold: Ints) -> tuple[tuple[PlaceResidual, ...], list[Floats]]:
    station = runs.lookup.index(runs.text("station_code"))
    easting_m, northing_m = runs.number("easting_m"), runs.number("northing_m")
    fitted = [
        fit_place_residual(smoothing, cell_keys(smoothing, station, easting_m, northing_m), left_s, fold)
        for smoothing in SMOOTHINGS
    ]
    return tuple(place for place, _ in fitted), [learnt for _, learnt in fitted]


def _out_of_fold_error(
    table: Floats,
    left_s: Floats,
    training: TrainingRuns,
    names: tuple[str, ...],
    effort: Effort,
    seed: int,
    told: Told,
) -> Floats:
    """(n,) actual less predicted, each row by boosters that did not learn from its incident."""
    fold = fold_of(training.incident, effort.folds, seed + 1)
    error_s = np.empty(len(left_s))
    for f in range(effort.folds):
        told("Learning what it does not know", 0.5 * f / effort.folds)
        rest = fold != f
        predicted = [
            boosters.predict(
                boosters.train(table[rest], left_s[rest], names, centre_parameters(effort, seed + i)),
                table[~rest],
            )
            for i in range(effort.seeds)
        ]
        error_s[~rest] = left_s[~rest] - np.mean(predicted, axis=0)
    return error_s


def _shapes(z: Floats, where: tuple[Ints, Ints], latest: NDArray[np.bool_]) -> tuple[Floats, Ints]:
    """Shapes of groups with enough of the latest errors; a smaller group takes the shape of all."""
    shapes = [shape_of(z[latest])]
    group_of = np.zeros((len(DISTANCE_BANDS_M) + 1, 2), np.int64)
    for band in range(len(DISTANCE_BANDS_M) + 1):
        for own in (0, 1):
            rows = latest & (where[0] == band) & (where[1] == own)
            if rows.sum() >= LEAST_GROUP:
                group_of[band, own] = len(shapes)
                shapes.append(shape_of(z[rows]))
    return np.stack(shapes), group_of
