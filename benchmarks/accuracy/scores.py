"""Measures of a split: every model on the same rows, with 95 % intervals from resampled days."""

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.accuracy.predictions import NOT_STATED, STATED, Answers, PumpPredictions
from londonpump.domain.json_values import to_json
from londonpump.evaluation.evaluate import RESAMPLES, evaluate_models, evaluate_pumps, paired_difference
from londonpump.evaluation.evaluation_rows import Forecast

OURS = {STATED: "ours", NOT_STATED: "ours_incident_type_not_stated"}
REPORTED_SLICES = ("distance_decile", "own_ground", "pump")
SLICE_METRICS = (
    "n",
    "mae_s",
    "bias_of_mean_s",
    "cover_80_share",
    "width_80_s",
    "cover_90_share",
    "width_90_s",
)
MEDIAN_ORIGINAL = 5
"""Position of the median among eleven seeds sorted by error, counted from 0."""
GAINS_ON = (
    "distance",
    "distance_median_curve",
    "distance_mean_curve",
    "original_typical",
    "original_median",
    "original_best",
)
Scores = dict[str, Any]


def scores_of(answers: Answers, resamples: int = RESAMPLES) -> Scores:
    """Return the measures for JSON.

    Returns: `{rows, days, models: {NAME: {SLICE: {VALUE: measures}}}, gains: {stated and not: {NAME: stat}},
    original_mae_s, pumps: {stated and not: measures}}`. A gain is the MAE of the other model minus ours.
    """
    models = {**_baselines(answers), **_ours(answers)}
    slices = {name: answers.rows.slices[name] for name in REPORTED_SLICES}
    found = to_json(evaluate_models(replace(answers.rows, slices=slices), models, resamples=resamples))
    return {
        "rows": found["rows"],
        "days": found["days"],
        "models": _trimmed(found["models"]),
        "gains": {
            input_variant: gains(answers, models, name, resamples) for input_variant, name in OURS.items()
        },
        "original_mae_s": sorted(_original_maes(answers).tolist()),
        "distance_curve": _stronger_curve(answers),
        "pumps": {
            input_variant: _pumps(answers.pumps, input_variant, resamples)
            for input_variant in (STATED, NOT_STATED)
        },
    }


def _trimmed(models: dict[str, Any]) -> dict[str, Any]:
    """Return all metrics over all rows, and of our slices those that the pages show or that are worst."""
    return {
        name: {"all": slices["all"]}
        if name not in OURS.values()
        else {
            part: {
                value: {metric: one[metric] for metric in one if part == "all" or metric in SLICE_METRICS}
                for value, one in values.items()
            }
            for part, values in slices.items()
        }
        for name, slices in models.items()
    }


def _ours(answers: Answers) -> dict[str, Forecast]:
    """Return our measures with the original's list of stations next to our own warnings, against the same announced time."""
    listed = answers.forecasts["original"].is_listed
    ours = {name: replace(answers.forecasts[name], is_listed=listed) for name in OURS.values()}
    flagged = Forecast(answers.forecasts["ours"].median_s, is_listed=answers.is_warned)
    return {**ours, "risk_underestimated": flagged}


def _baselines(answers: Answers) -> dict[str, Forecast]:
    order = np.argsort(_original_maes(answers), kind="stable")
    return {
        "constant": answers.forecasts["constant"],
        "distance": answers.forecasts[_stronger_curve(answers)],
        "distance_median_curve": answers.forecasts["distance"],
        "distance_mean_curve": answers.forecasts["distance_mean_curve"],
        "original_typical": Forecast(answers.forecasts["original"].median_s),
        "original_median": Forecast(answers.originals_s[order[MEDIAN_ORIGINAL]]),
        "original_best": Forecast(answers.originals_s[order[0]]),
    }


def gains(
    answers: Answers, models: dict[str, Forecast], ours: str, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Return the MAE of each baseline minus ours, on the same rows and days."""
    return {
        name: to_json(paired_difference(answers.rows, models[name], models[ours], "mae_s", resamples))
        for name in GAINS_ON
    }


def quick_gains(answers: Answers) -> dict[str, Any]:
    """Return the gains with the incident type given."""
    return gains(answers, {**_baselines(answers), **_ours(answers)}, "ours")


def _stronger_curve(answers: Answers) -> str:
    """Return the better of the two distance curves on these rows, so that the comparison is fair."""

    def mae_s(name: str) -> float:
        return float(np.abs(answers.forecasts[name].median_s - answers.rows.actual_s).mean())

    return min(("distance", "distance_mean_curve"), key=mae_s)


def _original_maes(answers: Answers) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(np.abs(answers.originals_s - answers.rows.actual_s).mean(axis=1))


def _pumps(pumps: PumpPredictions, input_variant: str, resamples: int) -> Scores:
    probability, chosen = pumps.probability[input_variant], pumps.chosen[input_variant]
    measures: Scores = to_json(evaluate_pumps(pumps.actual, probability, chosen, pumps.day, resamples))
    return measures
