"""A separate classifier for 360 s, compared with the chance that follows from the distribution.

Same rows, same features (place residuals out of fold for the training rows), the curve of distance and hour
as one more column, as many boosters and trees as the centre of the distribution has.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.predictions import Answers
from benchmarks.accuracy.splits import Fold
from londonpump.domain.attendance_targets import FIRST_PUMP_TARGET_S
from londonpump.domain.json_values import to_json
from londonpump.evaluation.evaluate import evaluate_models, paired_difference
from londonpump.evaluation.evaluation_rows import Forecast
from londonpump.features.catalogue import build
from londonpump.features.dispatches import Dispatches
from londonpump.models import boosters
from londonpump.models.location_effect import LocationEffect, cell_keys, fit_location_effect
from londonpump.models.response_time_model import ResponseTimeModel
from londonpump.models.response_training import (
    LOCATION_FOLDS,
    Floats,
    centre_parameters,
    fold_of,
    hidden,
    hyperparameters_for,
)

LEAVES = 15
METRICS = ("over_360_brier", "over_360_log_loss", "over_360_auc")
SEED = 1


def direct_probability(fold: Fold) -> Floats:
    """Return (n,) chances of more than 360 s for the rows of a fold, from separate boosters."""
    model, rows = fold.bundle.response, fold.training.rows
    dispatches = fold.bundle.dispatches(rows)
    effects_s = _location_effects_out_of_fold(model, dispatches, rows["attendance_s"], fold)
    training_table = np.column_stack(
        [build(dispatches, model.features), *effects_s, model.base_s(dispatches)]
    )
    names = (*model.names, "curve_s")
    is_late = (rows["attendance_s"] > FIRST_PUMP_TARGET_S).astype(np.float64)
    hyperparameters = hyperparameters_for(len(is_late))
    rows_asked = fold.bundle.dispatches(fold.columns)
    table = np.column_stack([model.table(rows_asked), model.base_s(rows_asked)])
    p_by_fold = []
    for i in range(hyperparameters.seeds):
        settings = {
            **centre_parameters(hyperparameters, SEED + i),
            "objective": "binary",
            "num_leaves": LEAVES,
        }
        booster = boosters.train(hidden(training_table, names, SEED + i), is_late, names, settings)
        p_by_fold.append(boosters.predict(booster, table))
    return np.asarray(np.mean(p_by_fold, axis=0))


def _location_effects_out_of_fold(
    model: ResponseTimeModel, dispatches: Dispatches, attendance_s: Floats, fold: Fold
) -> list[Floats]:
    """Return the location effects of the training rows, and their time by road if the model has roads."""
    location_fold = fold_of(fold.training.incident, LOCATION_FOLDS, SEED)
    left_s = attendance_s - model.curve(dispatches)
    effects_s = _fitted(model.location_effects, dispatches, left_s, location_fold)
    if model.roads is None:
        return effects_s
    by_road_s, known = model.roads.curve(dispatches), np.flatnonzero(dispatches.has_way)
    left_s = (attendance_s - by_road_s)[known]
    own_s = _fitted(model.roads.location_effects, dispatches.take(known), left_s, location_fold[known])
    for effect_s, of_ways_s in zip(effects_s, own_s, strict=True):
        effect_s[known] = of_ways_s
    return [*effects_s, by_road_s]


def _fitted(
    effects: tuple[LocationEffect, ...], dispatches: Dispatches, left_s: Floats, fold: NDArray[np.int64]
) -> list[Floats]:
    station = dispatches.station
    place_m = dispatches.number("easting_m"), dispatches.number("northing_m")
    return [
        fit_location_effect(p.smoothing, cell_keys(p.smoothing, station, *place_m), left_s, fold)[1]
        for p in effects
    ]


def beside_the_distribution(folds: list[Fold], answers: Answers) -> dict[str, Any]:
    """Return the measures of both and of their plain mean on the same rows, and the differences to the distribution."""
    ours = answers.forecasts["ours"]
    direct = np.concatenate([direct_probability(fold) for fold in folds])
    from_distribution = (ours.p_over or {})[FIRST_PUMP_TARGET_S]
    models = {
        "distribution": _with(ours, from_distribution),
        "classifier": _with(ours, direct),
        "mean_of_both": _with(ours, (direct + from_distribution) / 2),
    }
    rows = answers.rows.without_slices()
    found = evaluate_models(rows, models)
    measures = (*METRICS, "over_360_ece")
    return {
        name: {
            **{metric: to_json(found.whole(name)[metric]) for metric in measures},
            "difference": {
                metric: to_json(paired_difference(rows, one, models["distribution"], metric))
                for metric in METRICS
            },
        }
        for name, one in models.items()
    }


def _with(forecast: Forecast, p_risk: Floats) -> Forecast:
    return replace(forecast, p_over={FIRST_PUMP_TARGET_S: p_risk}, p_underestimate=None, is_listed=None)
