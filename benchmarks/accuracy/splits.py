"""Splits into training and evaluation rows: five folds by incident, and by time."""

import csv
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.predictions import Answers, joined, predictions_of
from benchmarks.accuracy.records import Records
from londonpump.evaluation.evaluation_rows import folds
from londonpump.features.roads import RoadLookUp
from londonpump.lifecycle.calls_file import REQUIRED, TEXTS
from londonpump.lifecycle.evaluate import EvaluateRequest, evaluate, later_rows
from londonpump.lifecycle.predict import predict_file
from londonpump.lifecycle.prepared_examples import (
    Columns,
    Examples,
    after_newest,
    first_us_of_incident,
    incident_codes,
    midnight_us,
)
from londonpump.lifecycle.progress import silent
from londonpump.lifecycle.train import TrainRequest, train, training_set
from londonpump.models.bundle import Bundle, TrainingFacts, incident_hashes
from londonpump.models.train import TrainingPlan, TrainingSet, fit_bundle, with_workload

N_FOLDS = 5
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Fold:
    """A bundle trained on the other folds, and the rows of this one."""

    bundle: Bundle
    training: TrainingSet
    columns: Columns


def fold_of(columns: Columns) -> NDArray[np.int64]:
    """Return the (n,) fold by a hash of the incident number, so that a call and its dispatches share one."""
    return folds(incident_hashes(columns["incident_number"]), N_FOLDS)


def some(columns: Columns, mask: Bools) -> Columns:
    """Return some rows of columns."""
    return {name: values[mask] for name, values in columns.items()}


def five_folds(examples: Examples, roads: RoadLookUp | None = None) -> tuple[list[Fold], Answers]:
    """Train the bundle five times without a fifth of the incidents, and predict that fifth."""
    rows = some(examples.rows, np.isfinite(examples.rows["attendance_s"]))
    of_row, of_call = fold_of(rows), fold_of(examples.calls)
    facts = TrainingFacts(trained_until=after_newest(examples.rows))
    training_parts, parts = [], []
    for fold in range(N_FOLDS):
        rest = some(rows, of_row != fold)
        calls = some(examples.calls, of_call != fold)
        training = TrainingSet(rest, calls, incident_codes(rest), examples.stations, examples.complete, roads)
        bundle = fit_bundle(training, TrainingPlan(), facts, silent)
        columns = with_workload(some(rows, of_row == fold), examples.calls, bundle.ground, examples.complete)
        training_parts.append(Fold(bundle, training, columns))
        parts.append(predictions_of(bundle, training, columns, some(examples.calls, of_call == fold)))
    return training_parts, joined(parts, training_parts[0].bundle)


def later(records: Records, examples: Examples, roads: RoadLookUp | None = None) -> tuple[Fold, Answers]:
    """Train before the day that separates the records, and evaluate on the incidents from that day on."""
    training = replace(training_set(examples, records.until), roads=roads)
    bundle = fit_bundle(training, TrainingPlan(), TrainingFacts(trained_until=records.until), silent)
    return _evaluated_later(bundle, training, records, examples)


def _evaluated_later(
    bundle: Bundle, training: TrainingSet, records: Records, examples: Examples
) -> tuple[Fold, Answers]:
    columns = later_rows(bundle, examples, records.until)
    calls = some(examples.calls, examples.calls["call_us"] >= midnight_us(records.until))
    return Fold(bundle, training, columns), predictions_of(bundle, training, columns, calls)


@dataclass(frozen=True, slots=True)
class Road:
    """Results of the four commands: rows and MAE of `evaluate`; rows given to `predict`, rows predicted, and their MAE."""

    examples: int
    learnt_from: int
    judged: int
    evaluate_mae_s: float
    predicted: int
    answered: int
    predict_mae_s: float


def down_the_road(
    records: Records, examples: Examples, data: Path, roads: Path | None = None
) -> tuple[Fold, Answers, Road]:
    """Evaluate as `later` does, but by the commands: train, evaluate and predict, each from the files of the one before.

    Args: roads: the folder of tables of roads; None trains without.
    """
    folder, bundle = train(TrainRequest(data, data / "bundle", records.until, roads=roads))
    result = evaluate(EvaluateRequest(folder, data, resamples=100, roads=roads)).results
    training = replace(training_set(examples, records.until), roads=bundle.roads)
    fold, answers = _evaluated_later(bundle, training, records, examples)
    predicted_s = _predicted(bundle, fold.columns, data)
    is_answered = np.isfinite(predicted_s)
    miss_s = np.abs(predicted_s - answers.rows.actual_s)[is_answered]
    road = Road(
        examples=examples.n,
        learnt_from=bundle.card.rows,
        judged=result.evaluation.rows,
        evaluate_mae_s=float(result.evaluation.whole("ours")["mae_s"].value or 0.0),
        predicted=len(predicted_s),
        answered=int(is_answered.sum()),
        predict_mae_s=float(miss_s.mean()),
    )
    return fold, answers, road


def _predicted(bundle: Bundle, columns: Columns, folder: Path) -> NDArray[np.float64]:
    """Return (n,) P50 that `predict` writes for each row, NaN for an empty one."""
    header = (*REQUIRED, *(name for name in TEXTS if name in columns))
    source, out = folder / "calls.csv", folder / "predictions.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(_call(columns, row, header) for row in range(len(columns["mobilised_us"])))
    predict_file(bundle, source, out)
    with out.open(encoding="utf-8", newline="") as file:
        return np.array([float(row["p50_s"] or "nan") for row in csv.DictReader(file)])


def _call(columns: Columns, row: int, header: tuple[str, ...]) -> list[Any]:
    timestamp = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(columns["mobilised_us"][row]))
    values = {"id": row, "mobilised_at": timestamp.isoformat()}
    return [values.get(name, columns[name][row] if name in columns else "") for name in header]


def before(examples: Examples, records: Records) -> Columns:
    """Return the rows of incidents that began before the day that separates the records."""
    is_before = first_us_of_incident(examples.rows) < midnight_us(records.until)
    return some(examples.rows, is_before & np.isfinite(examples.rows["attendance_s"]))
