"""Predictions of a bundle for rows outside its training data, stored so that folds can be concatenated."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast
from londonpump.evaluation.original_model import original_columns
from londonpump.lifecycle.evaluate import forecasts_of, original_of
from londonpump.lifecycle.prepared_examples import Columns, build_judged_rows, incident_codes
from londonpump.models.applicability_domain import TEXTS
from londonpump.models.bundle import Bundle
from londonpump.models.train import TrainingSet, distance_as_original_km, with_known_pumps

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
STATED, NOT_STATED = "stated", "not_stated"
MAX_PUMPS = 5


@dataclass(frozen=True, eq=False)
class PumpPredictions:
    """The number of pumps on calls whose number was published.

    actual, day: (n,). probability: with and without kind and property stated, (n, 5). chosen: (n,).
    """

    actual: Ints
    day: Ints
    probability: dict[str, Floats]
    chosen: dict[str, Ints]


@dataclass(frozen=True, eq=False)
class Answers:
    """Columns of the evaluated rows and the predictions of every model, in one order."""

    columns: Columns
    rows: EvaluationRows
    forecasts: dict[str, Forecast]
    originals_s: Floats
    """(11, n) predictions of the original recipe by seed."""
    is_warned: NDArray[np.bool_]
    """(n,) value of `risk_underestimated`."""
    pumps: PumpPredictions


def predictions_of(bundle: Bundle, training: TrainingSet, columns: Columns, calls: Columns) -> Answers:
    """Predict with every model on rows (n, attendance known), and the number of pumps on calls, none of them trained on.

    The original's model is fitted here, on the rows that the bundle was trained on.
    """
    original = original_of(bundle, training)
    forecasts = forecasts_of(bundle, columns, original)
    distance_km = distance_as_original_km(columns)
    forecasts["distance_mean_curve"] = Forecast(bundle.distance.predict_mean(distance_km))
    chance = forecasts["ours"].p_underestimate
    return Answers(
        columns=columns,
        rows=build_judged_rows(bundle, columns),
        forecasts=forecasts,
        originals_s=original.predict_all(original_columns(bundle.dispatches(columns))),
        is_warned=np.zeros(0, np.bool_) if chance is None else chance >= bundle.risk_threshold,
        pumps=_pump_predictions(bundle, with_known_pumps(calls)),
    )


def _pump_predictions(bundle: Bundle, calls: Columns) -> PumpPredictions:
    n = len(calls["call_us"])
    hidden = {**calls, **dict.fromkeys(TEXTS, np.full(n, None, object))}
    probabilities = {
        STATED: bundle.pumps(bundle.dispatches(calls)),
        NOT_STATED: bundle.pumps(bundle.dispatches(hidden)),
    }
    return PumpPredictions(
        actual=np.clip(calls["pumps_attending"], 1, MAX_PUMPS).astype(np.int64),
        day=bundle.dispatches(calls).day,
        probability={assumption: chance.probability for assumption, chance in probabilities.items()},
        chosen={assumption: chance.chosen for assumption, chance in probabilities.items()},
    )


def joined(parts: list[Answers], bundle: Bundle) -> Answers:
    """Concatenate folds; tenths of distance are those of all rows. bundle: any, for the clock and the grid."""
    columns = {name: _end_to_end([p.columns[name] for p in parts]) for name in parts[0].columns}
    rows = replace(build_judged_rows(bundle, columns), incident=incident_codes(columns))
    return Answers(
        columns=columns,
        rows=rows,
        forecasts={name: joined_forecast([p.forecasts[name] for p in parts]) for name in parts[0].forecasts},
        originals_s=np.concatenate([p.originals_s for p in parts], axis=1),
        is_warned=_end_to_end([p.is_warned for p in parts]),
        pumps=PumpPredictions(
            actual=_end_to_end([p.pumps.actual for p in parts]),
            day=_end_to_end([p.pumps.day for p in parts]),
            probability={
                assumption: _end_to_end([p.pumps.probability[assumption] for p in parts])
                for assumption in (STATED, NOT_STATED)
            },
            chosen={
                assumption: _end_to_end([p.pumps.chosen[assumption] for p in parts])
                for assumption in (STATED, NOT_STATED)
            },
        ),
    )


def joined_forecast(parts: list[Forecast]) -> Forecast:
    """Concatenate the predictions of one model; all parts must have the same quantiles and chances."""

    def end_to_end(name: str) -> Any:
        values = [getattr(part, name) for part in parts]
        return None if values[0] is None else np.concatenate(values)

    probabilities = None
    if parts[0].p_over is not None:
        probabilities = {s: np.concatenate([(p.p_over or {})[s] for p in parts]) for s in parts[0].p_over}
    return Forecast(
        median_s=end_to_end("median_s"),
        mean_s=end_to_end("mean_s"),
        levels=parts[0].levels,
        quantiles_s=end_to_end("quantiles_s"),
        p_over=probabilities,
        p_underestimate=end_to_end("p_underestimate"),
        is_listed=end_to_end("is_listed"),
        far_m=end_to_end("far_m"),
    )


def _end_to_end(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts)
