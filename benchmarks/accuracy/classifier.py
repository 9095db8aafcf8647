"""A separate classifier for 360 s, compared with the chance that follows from the distribution.

Same rows, same features (place residuals out of fold for the training rows), the curve of distance and hour
as one more column, as many boosters and trees as the centre of the distribution has.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.accuracy.predictions import Answers
from benchmarks.accuracy.splits import Fold
from londonpump.domain.attendance_targets import FIRST_PUMP_TARGET_S
from londonpump.domain.json_values import to_json
from londonpump.evaluation.evaluate import evaluate_models, paired_difference
from londonpump.evaluation.evaluation_rows import Forecast
from londonpump.features.catalogue import build
from londonpump.features.dispatches import Dispatches
from londonpump.models import boosters
from londonpump.models.location_effect import cell_keys, fit_location_effect
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
    training_table = _table(
        model, dispatches, _location_effects_out_of_fold(model, dispatches, rows["attendance_s"], fold)
    )
    names = (*model.names, "curve_s")
    is_late = (rows["attendance_s"] > FIRST_PUMP_TARGET_S).astype(np.float64)
    hyperparameters = hyperparameters_for(len(is_late))
    rows_asked = fold.bundle.dispatches(fold.columns)
    table = np.column_stack([model.table(rows_asked), model.curve(rows_asked)])
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
    left_s = attendance_s - model.curve(dispatches)
    location_fold = fold_of(fold.training.incident, LOCATION_FOLDS, SEED)
    station = dispatches.station
    place_m = dispatches.number("easting_m"), dispatches.number("northing_m")
    return [
        fit_location_effect(p.smoothing, cell_keys(p.smoothing, station, *place_m), left_s, location_fold)[1]
        for p in model.location_effects
    ]


def _table(model: ResponseTimeModel, dispatches: Dispatches, location_effects: list[Floats]) -> Floats:
    return np.column_stack([build(dispatches, model.features), *location_effects, model.curve(dispatches)])


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
