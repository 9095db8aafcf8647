"""The records and the model of the demo: simulate, prepare, train, evaluate, predict."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from londonpump.lifecycle.evaluate import EvaluateRequest, evaluate
from londonpump.lifecycle.predict import open_bundle, predict_file, predict_one
from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.lifecycle.progress import Progress
from londonpump.lifecycle.train import TrainRequest, train
from londonpump.models.train import TrainingPlan
from londonpump.persistence.atomic_files import atomic_file
from londonpump.presentation.texts.models import format_evaluation
from londonpump.presentation.texts.predict import format_prediction
from londonpump.rehearsal.demo_home import DemoPlan
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

START, DAYS = date(2023, 1, 1), 365
CALLS = (
    ("1", "2024-01-15T08:00Z", "G30", "518650", "186250", "Fire"),
    ("2", "2024-01-15T04:00Z", "A21", "526900", "181300", ""),
    ("3", "2024-07-01T17:30", "E36", "534800", "176100", "Local Emergencies"),
    ("4", "2024-07-01T17:30", "H22", "530400", "180900", "Fire"),
)
CALL_COLUMNS = ("id", "mobilised_at", "station_code", "easting_m", "northing_m", "incident_type")


def make_records(home: Path, bundles: Path, plan: DemoPlan, progress: Progress) -> str:
    """Make everything in `home` except the database, with the model in `bundles`, and return a summary."""
    raw = home / "raw"
    with _part(progress, 0.0, 0.2) as part_progress:
        simulation = SimulationPlan(incidents=plan.incidents, start=START, days=DAYS, seed=plan.seed)
        write_simulation(simulation, raw, part_progress)
    with _part(progress, 0.2, 0.35) as part_progress:
        prepared = prepare(_files(home), part_progress)
    with _part(progress, 0.35, 0.85) as part_progress:
        request = TrainRequest(home / "data", bundles, plan=TrainingPlan(seed=plan.seed))
        folder, _ = train(request, part_progress)
    with _part(progress, 0.85, 1.0) as part_progress:
        evaluate_request = EvaluateRequest(
            folder,
            home / "data",
            json=home / "evaluation.json",
            report=home / "report.html",
            card=home / "model_card.html",
        )
        evaluation = evaluate(evaluate_request, part_progress)
    return "\n".join(
        [
            f"SIMULATED Brigade: {prepared.examples:,} mobilisations from {plan.incidents:,} incidents, in {home}",
            "",
            format_evaluation(evaluation.results),
            "",
            *_predictions(home, folder),
        ]
    )


def _files(home: Path) -> PrepareRequest:
    raw = home / "raw"
    return PrepareRequest(
        incidents=(raw / "incidents.csv",),
        mobilisations=(raw / "mobilisations.csv",),
        stations=raw / "stations.csv",
        weather=raw / "weather_hourly.csv",
        traffic=raw / "traffic_index.csv",
        school_holidays=raw / "school_holidays.csv",
        out=home / "data",
        is_simulated=True,
    )


def _predictions(home: Path, folder: Path) -> list[str]:
    with atomic_file(home / "calls.csv") as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CALL_COLUMNS)
        writer.writerows(CALLS)
    bundle = open_bundle(folder)
    predict_file(bundle, home / "calls.csv", home / "predictions.csv")
    first = dict(zip(CALL_COLUMNS, CALLS[0], strict=True))
    return [
        f"A pump from {first['station_code']} to {first['easting_m']}, {first['northing_m']} at {first['mobilised_at']}:",
        format_prediction(*predict_one(bundle, first), bundle.response.context.missing),
        f"All {len(CALLS)} predictions: {home / 'predictions.csv'}",
    ]


@contextmanager
def _part(progress: Progress, start: float, end: float) -> Iterator[Progress]:
    """Yield a progress callback whose 0 to 1 is `start` to `end` of the whole."""
    yield lambda doing, share: progress(doing, start + (end - start) * share)
