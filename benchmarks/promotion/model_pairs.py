"""Real models that were trained separately, and their forecasts of the same later month."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks.accuracy.records import STREAM_2017, examples_of
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast, folds
from londonpump.lifecycle.evaluate import later_rows
from londonpump.lifecycle.prepared_examples import (
    Columns,
    Examples,
    build_judged_rows,
    forecast_of,
    incident_codes,
)
from londonpump.lifecycle.progress import silent
from londonpump.lifecycle.train import training_set
from londonpump.models.bundle import TrainingFacts, incident_hashes
from londonpump.models.train import TrainingPlan, TrainingSet, fit_bundle

WHOLE, OTHER_SEED, HALF, OTHER_HALF = "whole", "other_seed", "half", "other_half"
"""All of January 2017; the same with another seed; one half of its incidents, and the other."""


@dataclass(frozen=True, eq=False)
class RealMonth:
    """February 2017, and the forecasts of each model of January. rows: 9,687 dispatches on 28 days."""

    rows: EvaluationRows
    forecasts: Mapping[str, Forecast]


def real_month(source: Path, work: Path) -> RealMonth:
    """Train the four models and let them predict. source: the folder of real records. Raises: BadFile."""
    examples = examples_of(STREAM_2017, source, work)
    january = training_set(examples, STREAM_2017.until)
    halves = [_half(january, k) for k in (0, 1)]
    trained = {
        WHOLE: (january, 1),
        OTHER_SEED: (january, 2),
        HALF: (halves[0], 1),
        OTHER_HALF: (halves[1], 1),
    }
    jobs = {
        name: asked_later(examples, training, seed, (STREAM_2017.until, STREAM_2017.until))
        for name, (training, seed) in trained.items()
    }
    return RealMonth(jobs[WHOLE][0], {name: forecast for name, (_, forecast) in jobs.items()})


def asked_later(
    examples: Examples, training: TrainingSet, seed: int, days: tuple[date, date]
) -> tuple[EvaluationRows, Forecast]:
    """Train a bundle and let it predict. days: the end of its training, and the start of the predictions."""
    until, start = days
    bundle = fit_bundle(training, TrainingPlan(seed=seed), TrainingFacts(trained_until=until), silent)
    rows = later_rows(bundle, examples, start)
    return build_judged_rows(bundle, rows), forecast_of(bundle.response_times(bundle.dispatches(rows)))


def _half(training: TrainingSet, k: int) -> TrainingSet:
    rows, calls = _of_half(training.rows, k), _of_half(training.calls, k)
    return TrainingSet(rows, calls, incident_codes(rows), training.stations, training.complete)


def _of_half(columns: Columns, k: int) -> Columns:
    mine = folds(incident_hashes(columns["incident_number"]), 2) == k
    return {name: values[mine] for name, values in columns.items()}
