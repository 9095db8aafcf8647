"""A classifier of its own for 360 s, beside the chance that follows from the distribution.

Same rows, same features (place residuals out of fold for the training rows), the curve of distance and hour
as one more column, as many boosters and trees as the centre of the distribution has.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.accuracy.answers import Answers
from benchmarks.accuracy.splits import Fold
from londonpump.brigade.targets import FIRST_PUMP_TARGET_S
from londonpump.evaluation.compare import sliced_differences
from londonpump.evaluation.judge import judge
from londonpump.evaluation.rows import Forecast
from londonpump.features.catalogue import build
from londonpump.features.runs import Runs
from londonpump.models import boosters
from londonpump.models.place_residual import cell_keys, fit_place_residual
from londonpump.models.response_time import ResponseTimeModel
from londonpump.models.response_training import (
    PLACE_FOLDS,
    Floats,
    centre_parameters,
    effort_for,
    fold_of,
    hidden,
)

LEAVES = 15
METRICS = ("over_360_brier", "over_360_log_loss", "over_360_auc")
SEED = 1


def direct_chance(fold: Fold) -> Floats:
    """(n,) chance of more than 360 s for the rows of a fold, by boosters of their own."""
    model, rows = fold.bundle.response, fold.training.rows
    runs = fold.bundle.runs(rows)
    learnt = _table(model, runs, _places_out_of_fold(model, runs, rows["attendance_s"], fold))
    names = (*model.names, "curve_s")
    is_late = (rows["attendance_s"] > FIRST_PUMP_TARGET_S).astype(np.float64)
    effort = effort_for(len(is_late))
    asked = fold.bundle.runs(fold.columns)
    table = np.column_stack([model.table(asked), model.curve(asked)])
    chances = []
    for i in range(effort.seeds):
        settings = {**centre_parameters(effort, SEED + i), "objective": "binary", "num_leaves": LEAVES}
        booster = boosters.train(hidden(learnt, names, SEED + i), is_late, names, settings)
        chances.append(boosters.predict(booster, table))
    return np.asarray(np.mean(chances, axis=0))


def _places_out_of_fold(
    model: ResponseTimeModel, runs: Runs, attendance_s: Floats, fold: Fold
) -> list[Floats]:
    left_s = attendance_s - model.curve(runs)
    place_fold = fold_of(fold.training.incident, PLACE_FOLDS, SEED)
    station = runs.station
    place_m = runs.number("easting_m"), runs.number("northing_m")
    return [
        fit_place_residual(p.smoothing, cell_keys(p.smoothing, station, *place_m), left_s, place_fold)[1]
        for p in model.places
    ]


def _table(model: ResponseTimeModel, runs: Runs, places: list[Floats]) -> Floats:
    return np.column_stack([build(runs, model.features), *places, model.curve(runs)])


def beside_the_distribution(folds: list[Fold], answers: Answers) -> dict[str, Any]:
    """Both, and their plain mean, on the same rows: measures, and the differences to the distribution."""
    ours = answers.forecasts["ours"]
    direct = np.concatenate([direct_chance(fold) for fold in folds])
    from_distribution = (ours.p_over or {})[FIRST_PUMP_TARGET_S]
    models = {
        "distribution": _with(ours, from_distribution),
        "classifier": _with(ours, direct),
        "mean_of_both": _with(ours, (direct + from_distribution) / 2),
    }
    rows = answers.rows.without_slices()
    found = judge(rows, models)["models"]
    measures = (*METRICS, "over_360_ece")
    return {
        name: {
            **{metric: found[name]["all"]["all"][metric] for metric in measures},
            "difference": {
                metric: sliced_differences(rows, (one, models["distribution"]), METRICS)["all"]["all"][metric]
                for metric in METRICS
            },
        }
        for name, one in models.items()
    }


def _with(forecast: Forecast, chance: Floats) -> Forecast:
    return replace(forecast, p_over={FIRST_PUMP_TARGET_S: chance}, p_underestimate=None, is_listed=None)
