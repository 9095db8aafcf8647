"""How the response-time model is learnt: out-of-sample errors first, then the model on every row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from londonpump.features.catalogue import Feature, build
from londonpump.features.runs import Runs
from londonpump.models import boosters
from londonpump.models.base_curve import fit_base_curve
from londonpump.models.distribution import shape_of
from londonpump.models.learnt_context import NO_CONTEXT, LearntContext
from londonpump.models.place_residual import SMOOTHINGS, PlaceResidual, cell_keys, fit_place_residual
from londonpump.models.response_time import DISTANCE_BANDS_M, ResponseTimeModel, group_index

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Told = Callable[[str, float], None]

PLACE_FOLDS = 5
LEAST_GROUP = 400
"""A group of runs has a shape of its own from this many errors on."""
ERROR_FLOOR_S = 5.0
HIDDEN_SHARES = ((("incident_type",), 0.5), (("property_category", "address_qualifier"), 0.1))
"""What is hidden from how many training rows: half of the calls come without a stated kind."""


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


SMALL = Effort(seeds=3, trees=60, leaves=31, rate=0.08, least_in_leaf=25, folds=5, latest_share=1.0)
LARGE = Effort(seeds=1, trees=150, leaves=31, rate=0.08, least_in_leaf=200, folds=2, latest_share=0.3)
SMALL_ROWS = 60_000


def effort_for(n: int) -> Effort:
    """Small records deserve more care a row, large ones pay for it."""
    return SMALL if n <= SMALL_ROWS else LARGE


@dataclass(frozen=True, slots=True)
class TrainingRuns:
    """Runs to learn from, n rows in any order. attendance_s: (n,). incident: (n,) codes. at_us: (n,).
    context: what completed the context of these runs, and will complete that of others."""

    runs: Runs
    attendance_s: Floats
    incident: Ints
    at_us: Ints
    context: LearntContext = NO_CONTEXT


@dataclass(frozen=True, slots=True)
class Lessons:
    """What the boosters learn from. table: (n, names). left_s: (n,) what the curve leaves. fold: (n,)."""

    table: Floats
    names: tuple[str, ...]
    left_s: Floats
    fold: Ints
    effort: Effort
    seed: int

    def centre(self, rows: NDArray[np.bool_] | slice) -> tuple[lgb.Booster, ...]:
        """Boosters of the centre, learnt from some rows."""
        return tuple(
            boosters.train(
                hidden(self.table[rows], self.names, self.seed + i),
                self.left_s[rows],
                self.names,
                centre_parameters(self.effort, self.seed + i),
            )
            for i in range(self.effort.seeds)
        )

    def scale(self, error_s: Floats, rows: NDArray[np.bool_] | slice) -> lgb.Booster:
        """The booster of the log of the absolute error, learnt from some rows."""
        log_error = np.log(np.abs(error_s[rows]) + ERROR_FLOOR_S)
        return boosters.train(
            self.table[rows], log_error, self.names, scale_parameters(self.effort, self.seed)
        )

    def out_of_fold(self, answer: Callable[[NDArray[np.bool_]], Callable[[Floats], Floats]]) -> Floats:
        """(n,) the answer to each row of what was learnt from the other folds."""
        found = np.empty(len(self.left_s))
        for f in range(self.effort.folds):
            rest = self.fold != f
            found[~rest] = answer(rest)(self.table[~rest])
        return found


def fit_response_time(
    training: TrainingRuns, features: tuple[Feature, ...], seed: int, told: Told
) -> ResponseTimeModel:
    """Learn the distribution of response times from training runs alone."""
    runs, effort = training.runs, effort_for(len(training.attendance_s))
    told("Smoothing what past runs of a place took", 0.0)
    curve = fit_base_curve(runs, training.attendance_s)
    left_s = training.attendance_s - curve(runs)
    places, learnt = _fit_places(runs, left_s, fold_of(training.incident, PLACE_FOLDS, seed))
    lessons = Lessons(
        table=np.column_stack([build(runs, features), *learnt]),
        names=(*(feature.name for feature in features), *(place.smoothing.name for place in places)),
        left_s=left_s,
        fold=fold_of(training.incident, effort.folds, seed + 1),
        effort=effort,
        seed=seed,
    )
    told("Learning how far off it is", 0.3)
    error_s = left_s - lessons.out_of_fold(lambda rest: _mean_of(lessons.centre(rest)))
    told("Learning how sure it is", 0.6)
    z = error_s / np.exp(lessons.out_of_fold(lambda rest: _mean_of((lessons.scale(error_s, rest),))))
    told("Learning from every row", 0.8)
    everything = slice(None)
    latest = training.at_us >= np.quantile(training.at_us, 1 - effort.latest_share)
    shape, group_of = _shapes(z, group_index(runs), latest)
    return ResponseTimeModel(
        features,
        curve,
        places,
        lessons.centre(everything),
        lessons.scale(error_s, everything),
        shape,
        group_of,
        training.context,
    )


def _mean_of(learnt: tuple[lgb.Booster, ...]) -> Callable[[Floats], Floats]:
    return lambda table: np.asarray(np.mean([boosters.predict(one, table) for one in learnt], axis=0))


def fold_of(incident: Ints, folds: int, seed: int) -> Ints:
    """(n,) fold of each row, incidents whole."""
    draw = np.random.default_rng(seed).integers(0, folds, int(incident.max(initial=0)) + 1)
    return np.asarray(draw[incident])


def hidden(table: Floats, names: tuple[str, ...], seed: int) -> Floats:
    """The table as it looks when the kind of call, or the property, is not stated in a share of the rows:
    anew for each booster, so that both are learnt."""
    draw = np.random.default_rng([seed, 1])
    table = table.copy()
    for columns, share in HIDDEN_SHARES:
        rows = draw.random(len(table)) < share
        for name in set(columns) & set(names):
            table[rows, names.index(name)] = np.nan
    return table


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


def scale_parameters(effort: Effort, seed: int) -> dict[str, Any]:
    """Of the booster of the scale."""
    return {
        "objective": "regression",
        "num_trees": 80,
        "num_leaves": 15,
        "learning_rate": 0.05,
        "min_data_in_leaf": 4 * effort.least_in_leaf,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": seed,
    }


def _fit_places(runs: Runs, left_s: Floats, fold: Ints) -> tuple[tuple[PlaceResidual, ...], list[Floats]]:
    station = runs.station
    easting_m, northing_m = runs.number("easting_m"), runs.number("northing_m")
    fitted = [
        fit_place_residual(smoothing, cell_keys(smoothing, station, easting_m, northing_m), left_s, fold)
        for smoothing in SMOOTHINGS
    ]
    return tuple(place for place, _ in fitted), [learnt for _, learnt in fitted]


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
