"""Training of the response-time model: out-of-fold errors first, then the model on every row."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.features.catalogue import ROADS, Feature, build
from londonpump.features.dispatches import Dispatches
from londonpump.models import boosters
from londonpump.models.distribution import LEVELS, P50, shape_of
from londonpump.models.error_calibration import fit_error_calibration
from londonpump.models.fitted_context import NO_CONTEXT, FittedContext
from londonpump.models.location_effect import SMOOTHINGS, LocationEffect, cell_keys, fit_location_effect
from londonpump.models.response_time_model import (
    DISTANCE_BANDS_M,
    ROAD_TIME,
    ResponseTimeModel,
    RoadModel,
    fit_base_curve,
    fit_road_curve,
    group_index,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Progress = Callable[[str, float], None]

# Each value sees four fifths of the dispatches, nearly as many as the final look-up.
LOCATION_FOLDS = 5
# The tails of fewer errors would be ragged.
MIN_GROUP_ERRORS = 400
"""A group with fewer errors takes the shape of all dispatches."""
MIN_WAYS = 300
"""With fewer rows whose way by road is known, nothing is fitted to roads."""
HIDDEN_WAYS = 0.1
"""Share of the training rows whose way by road is hidden."""
ERROR_FLOOR_S = 5.0
"""Added before the logarithm, so that an error of 0 does not become minus infinity."""
HIDDEN_SHARES = ((("incident_type",), 0.5), (("property_category", "address_qualifier"), 0.1))
"""Columns hidden in a share of the training rows, because half of the calls come without an incident type."""


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Training settings, chosen by the number of rows."""

    seeds: int
    """Number of boosters that are averaged."""
    trees: int
    leaves: int
    rate: float
    min_in_leaf: int
    folds: int
    """Folds of the cross-fitting for out-of-fold errors."""
    latest_share: float
    """Share of the errors, the latest ones, that make the shape."""


SMALL = Hyperparameters(seeds=1, trees=350, leaves=31, rate=0.02, min_in_leaf=25, folds=5, latest_share=1.0)
LARGE = Hyperparameters(seeds=1, trees=150, leaves=31, rate=0.08, min_in_leaf=200, folds=2, latest_share=0.3)
# Small records cannot spare rows for the errors, so that they get more folds.
SMALL_ROWS = 60_000


def hyperparameters_for(n: int) -> Hyperparameters:
    """Return the training settings for a number of rows."""
    return SMALL if n <= SMALL_ROWS else LARGE


@dataclass(frozen=True, slots=True)
class TrainingDispatches:
    """Training dispatches, n rows in any order; `incident` holds (n,) codes."""

    dispatches: Dispatches
    attendance_s: Floats
    incident: Ints
    at_us: Ints
    context: FittedContext = NO_CONTEXT
    """The fallbacks that imputed the context of these dispatches."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Training data of the boosters."""

    table: Floats
    names: tuple[str, ...]
    left_s: Floats
    """(n,) residual of the base curve."""
    fold: Ints
    hyperparameters: Hyperparameters
    seed: int

    def centre(self, rows: NDArray[np.bool_] | slice) -> tuple[boosters.Booster, ...]:
        """Train the boosters of the centre on some rows."""
        return tuple(
            boosters.train(
                hidden(self.table[rows], self.names, self.seed + i),
                self.left_s[rows],
                self.names,
                centre_parameters(self.hyperparameters, self.seed + i),
            )
            for i in range(self.hyperparameters.seeds)
        )

    def scale(self, error_s: Floats, rows: NDArray[np.bool_] | slice) -> boosters.Booster:
        """Train the booster of the log absolute error on some rows."""
        log_error = np.log(np.abs(error_s[rows]) + ERROR_FLOOR_S)
        return boosters.train(
            self.table[rows], log_error, self.names, scale_parameters(self.hyperparameters, self.seed)
        )

    def out_of_fold(self, fit_on: Callable[[NDArray[np.bool_]], Callable[[Floats], Floats]]) -> Floats:
        """Return (n,) predictions of each row by models trained on the other folds."""
        found = np.empty(len(self.left_s))
        for f in range(self.hyperparameters.folds):
            rest = self.fold != f
            found[~rest] = fit_on(rest)(self.table[~rest])
        return found


def fit_response_time(
    training: TrainingDispatches, features: tuple[Feature, ...], seed: int, progress: Progress
) -> ResponseTimeModel:
    """Fit the distribution of response times on training dispatches alone."""
    return fit_with_errors(training, features, seed, progress)[0]


def fit_with_errors(
    training: TrainingDispatches, features: tuple[Feature, ...], seed: int, progress: Progress
) -> tuple[ResponseTimeModel, Floats]:
    """Fit the distribution. Returns: it, and (n,) actual minus predicted median out of fold; NaN where it is too old to count."""
    dispatches, hyperparameters = training.dispatches, hyperparameters_for(len(training.attendance_s))
    progress("Fitting the location effects", 0.0)
    # Nine coefficients hardly follow a single row, so the curve is not cross-fitted.
    curve = fit_base_curve(dispatches, training.attendance_s)
    left_s = training.attendance_s - curve(dispatches)
    fold = fold_of(training.incident, LOCATION_FOLDS, seed)
    location_effects, effects_s = _fit_location_effects(dispatches, left_s, fold)
    plain = build(dispatches, features)
    roads = None
    if dispatches.has_way.sum() >= MIN_WAYS:
        roads, plain, effects_s, left_s = _with_roads(
            training, features, plain, effects_s, left_s, fold, seed
        )
    training_data = TrainingData(
        table=np.column_stack([plain, *effects_s]),
        names=(
            *(feature.name for feature in features),
            *(effect.smoothing.name for effect in location_effects),
            *((ROAD_TIME,) if roads is not None else ()),
        ),
        left_s=left_s,
        fold=fold_of(training.incident, hyperparameters.folds, seed + 1),
        hyperparameters=hyperparameters,
        seed=seed,
    )
    progress("Estimating the out-of-fold errors", 0.3)
    centre_s = training_data.out_of_fold(lambda rest: _mean_of(training_data.centre(rest)))
    error_s = left_s - centre_s
    progress("Fitting the interval widths", 0.6)
    # the scale is cross-fitted too: errors of rows it has seen would make the intervals too narrow
    log_scale = training_data.out_of_fold(lambda rest: _mean_of((training_data.scale(error_s, rest),)))
    z = error_s / np.exp(log_scale)
    progress("Training on every row", 0.8)
    everything = slice(None)
    # the shape follows the latest dispatches, because errors of older ones may no longer hold
    latest = training.at_us >= np.quantile(training.at_us, 1 - hyperparameters.latest_share)
    calibration, calibrated = fit_error_calibration(z[latest], dispatches.take(np.flatnonzero(latest)))
    band, is_own = (values[latest] for values in group_index(dispatches))
    shape, group_of = _shapes(calibrated, (band, is_own))
    model = ResponseTimeModel(
        features,
        curve,
        location_effects,
        training_data.centre(everything),
        training_data.scale(error_s, everything),
        shape,
        group_of,
        calibration,
        training.context,
        roads,
    )
    # What lies between centre and median, by the shape of each row's group; the base cannot be used, as ways are hidden in some rows.
    shift, spread = calibration.of(dispatches)
    middle = np.array([np.interp(P50, LEVELS, row) for row in shape])[group_of[group_index(dispatches)]]
    from_median_s = error_s - np.exp(log_scale) * (shift + spread * middle)
    return model, np.where(latest, from_median_s, np.nan)


def _with_roads(
    training: TrainingDispatches,
    features: tuple[Feature, ...],
    plain: Floats,
    effects_s: list[Floats],
    left_s: Floats,
    fold: Ints,
    seed: int,
) -> tuple[RoadModel, Floats, list[Floats], Floats]:
    """Fit what takes the place of base curve and location effects where the way by road is known.

    In a share of the rows the way stays hidden, so that the boosters also learn to do without it.
    Returns: the fitted part, and features, location effects with the time by road, and residuals of all rows.
    """
    dispatches, known = training.dispatches, np.flatnonzero(training.dispatches.has_way)
    ways = dispatches.take(known)
    curve = fit_road_curve(ways, training.attendance_s[known])
    by_road_s = curve(dispatches)
    left_by_road_s = training.attendance_s - by_road_s
    effects, by_road_effects_s = _fit_location_effects(ways, left_by_road_s[known], fold[known])
    is_hidden = np.random.default_rng([seed, 2]).random(dispatches.n) < HIDDEN_WAYS
    is_shown = dispatches.has_way & ~is_hidden
    of_roads = np.array([feature.source == ROADS for feature in features])
    plain[is_hidden[:, None] & of_roads] = np.nan
    merged_s = []
    for other_s, own_s in zip(effects_s, by_road_effects_s, strict=True):
        effect_s = other_s.copy()
        effect_s[known] = own_s
        merged_s.append(np.where(is_shown, effect_s, other_s))
    merged_s.append(np.where(is_shown, by_road_s, np.nan))
    return RoadModel(curve, effects), plain, merged_s, np.where(is_shown, left_by_road_s, left_s)


def _mean_of(fitted: tuple[boosters.Booster, ...]) -> Callable[[Floats], Floats]:
    return lambda table: np.asarray(np.mean([boosters.predict(one, table) for one in fitted], axis=0))


def fold_of(incident: Ints, folds: int, seed: int) -> Ints:
    """Return the (n,) fold of each row; incidents stay whole."""
    draw = np.random.default_rng(seed).integers(0, folds, int(incident.max(initial=0)) + 1)
    return np.asarray(draw[incident])


def hidden(table: Floats, names: tuple[str, ...], seed: int) -> Floats:
    """Return the table with incident type or property hidden in a share of the rows, drawn anew for each booster."""
    draw = np.random.default_rng([seed, 1])
    # The other seeds hide other rows, and the scale is trained on the table with everything shown.
    table = table.copy()
    for columns, share in HIDDEN_SHARES:
        rows = draw.random(len(table)) < share
        for name in set(columns) & set(names):
            table[rows, names.index(name)] = np.nan
    return table


def centre_parameters(hyperparameters: Hyperparameters, seed: int) -> boosters.Parameters:
    """Return the LightGBM parameters of one booster of the centre."""
    return {
        # The announced time is a median, which the absolute error gives; the mean follows from the distribution.
        "objective": "regression_l1",
        "num_trees": hyperparameters.trees,
        "num_leaves": hyperparameters.leaves,
        "learning_rate": hyperparameters.rate,
        "min_data_in_leaf": hyperparameters.min_in_leaf,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": seed,
    }


def scale_parameters(hyperparameters: Hyperparameters, seed: int) -> boosters.Parameters:
    """Return the LightGBM parameters of the booster of the scale."""
    return {
        "objective": "regression",
        "num_trees": 80,
        "num_leaves": 15,
        "learning_rate": 0.05,
        # A spread needs more rows than a centre: fewer, larger leaves keep the scale smooth.
        "min_data_in_leaf": 4 * hyperparameters.min_in_leaf,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": seed,
    }


def _fit_location_effects(
    dispatches: Dispatches, left_s: Floats, fold: Ints
) -> tuple[tuple[LocationEffect, ...], list[Floats]]:
    station = dispatches.station
    easting_m, northing_m = dispatches.number("easting_m"), dispatches.number("northing_m")
    fitted = [
        fit_location_effect(smoothing, cell_keys(smoothing, station, easting_m, northing_m), left_s, fold)
        for smoothing in SMOOTHINGS
    ]
    return tuple(effect for effect, _ in fitted), [effects_s for _, effects_s in fitted]


def _shapes(z: Floats, where: tuple[Ints, Ints]) -> tuple[Floats, Ints]:
    """Return the shapes of groups with enough errors, and the shape of each group."""
    # Row 0 is the shape of all dispatches, to which small groups fall back.
    shapes = [shape_of(z)]
    group_of = np.zeros((len(DISTANCE_BANDS_M) + 1, 2), np.int64)
    for band in range(len(DISTANCE_BANDS_M) + 1):
        for own in (0, 1):
            rows = (where[0] == band) & (where[1] == own)
            if rows.sum() >= MIN_GROUP_ERRORS:
                group_of[band, own] = len(shapes)
                shapes.append(shape_of(z[rows]))
    return np.stack(shapes), group_of
