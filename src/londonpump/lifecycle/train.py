"""The command `train`: train a bundle on examples before a day, and store it under its content hash."""

import platform
import subprocess
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from londonpump import __version__
from londonpump.domain.errors import LondonPumpError
from londonpump.domain.json_values import IF_KNOWN, to_json
from londonpump.lifecycle.prepared_examples import (
    CHALLENGE_DAYS,
    Columns,
    Examples,
    after_newest,
    default_until,
    first_us_of_incident,
    incident_codes,
    load_examples,
    london_date,
    midnight_us,
)
from londonpump.lifecycle.progress import Progress, silent
from londonpump.models.bundle import Bundle, TrainingFacts, from_files, to_files
from londonpump.models.distribution import P10, P50, P90
from londonpump.models.train import TrainingPlan, TrainingSet, fit_bundle, with_workload
from londonpump.persistence.bundles import load_bundle, require_bundles_folder, save_bundle
from londonpump.roads.bundles import roads_in_use

LIBRARIES = ("duckdb", "ibis-framework", "lightgbm", "numpy", "pyarrow", "scipy")


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """Request to train a bundle."""

    data: Path
    out: Path
    until: date | None = None  # None: as `default_until`, so that later data remains to evaluate the model
    plan: TrainingPlan = field(default_factory=TrainingPlan)
    challenge_days: int = CHALLENGE_DAYS
    roads: Path | None = None  # folder of tables of roads; the one in use is read, if any


def train(request: TrainRequest, progress: Progress = silent) -> tuple[Path, Bundle]:
    """Train and store a bundle. Returns: its folder, and the bundle as read back from the disk."""
    require_bundles_folder(request.out)
    progress("Reading examples", 0.0)
    examples = load_examples(request.data)
    until = request.until or default_until(examples.rows, request.challenge_days)
    # The card must not claim training data that does not exist: a challenge evaluates from `trained_until` on.
    until = min(until, after_newest(examples.rows))
    roads = roads_in_use(request.roads) if request.roads is not None else None
    training = replace(training_set(examples, until), roads=roads)

    def report_progress(doing: str, share: float) -> None:
        progress(doing, 0.05 + 0.9 * share)

    bundle = fit_bundle(training, request.plan, card_facts(examples, training, until), report_progress)
    progress("Writing the bundle", 0.97)
    files = to_files(bundle)
    # Checked before it is stored, because from then on it is the newest bundle and a challenge may evaluate it.
    stored = replace(from_files(files, str(request.out)), roads=bundle.roads)
    _require_same_predictions(bundle, stored, training.rows)
    provenance = _provenance(_metrics(bundle, examples, until))
    folder = save_bundle(files, to_json(provenance), request.out)
    progress("Done", 1.0)
    return folder, replace(from_files(load_bundle(folder)[1], str(folder)), roads=bundle.roads)


def training_set(examples: Examples, until: date) -> TrainingSet:
    """Return the rows of incidents that began before a London day, and the calls before it."""
    before = first_us_of_incident(examples.rows) < midnight_us(until)
    rows = examples.take(before)
    calls: Columns = {
        name: values[examples.calls["call_us"] < midnight_us(until)]
        for name, values in examples.calls.items()
    }
    return TrainingSet(
        rows=rows,
        calls=calls,
        incident=incident_codes(rows),
        stations=examples.stations,
        complete=examples.complete[examples.complete[:, 0] < midnight_us(until)],
    )


def card_facts(examples: Examples, training: TrainingSet, until: date) -> TrainingFacts:
    """Return the facts about the data for the card."""
    at_us = training.rows["mobilised_us"]
    return TrainingFacts(
        data_hash=examples.data_hash,
        code_version=__version__,
        trained_from=london_date(int(at_us.min())) if len(at_us) else None,
        trained_until=until,
        left_out_share=round(1 - len(at_us) / examples.n, 4),
        is_stream=bool(len(training.complete)),
        is_simulated=examples.is_simulated,
        libraries={name: version(name) for name in LIBRARIES},
    )


@dataclass(frozen=True, slots=True)
class QuickMetrics:
    """Quick scores on the mobilisations after the training; `evaluate` computes the full ones."""

    rows: int
    mae_s: float | None = field(default=None, metadata=IF_KNOWN)
    cover_80_share: float | None = field(default=None, metadata=IF_KNOWN)


@dataclass(frozen=True, slots=True)
class Provenance:
    """When, where and from which commit a bundle was trained, and its quick scores."""

    made_at: str
    host: str
    machine: str
    commit: str | None
    metrics: QuickMetrics


def _require_same_predictions(made: Bundle, stored: Bundle, rows: Columns) -> None:
    """Reject a bundle that predicts differently after it was written and read. Raises: LondonPumpError."""
    # 50 rows are enough to notice a model file that is read differently.
    sample = {name: values[:50] for name, values in rows.items()}
    expected_s = made.response_times(made.dispatches(sample)).quantile(P50)
    stored_s = stored.response_times(stored.dispatches(sample)).quantile(P50)
    if not np.allclose(expected_s, stored_s, atol=1e-6):
        raise LondonPumpError(
            "The bundle predicts differently after it was written and read. It was not stored."
        )


def _metrics(bundle: Bundle, examples: Examples, until: date) -> QuickMetrics:
    is_later = first_us_of_incident(examples.rows) >= midnight_us(until)
    rows = examples.take(is_later & np.isfinite(examples.rows["attendance_s"]))
    actual_s = rows["attendance_s"]
    if not len(actual_s):
        return QuickMetrics(0)
    rows = with_workload(rows, examples.calls, bundle.ground, examples.complete)
    p10_s, p50_s, p90_s = bundle.response_times(bundle.dispatches(rows)).quantiles((P10, P50, P90)).T
    return QuickMetrics(
        rows=len(actual_s),
        mae_s=round(float(np.abs(p50_s - actual_s).mean()), 3),
        cover_80_share=round(float(((p10_s <= actual_s) & (actual_s <= p90_s)).mean()), 4),
    )


def _provenance(metrics: QuickMetrics) -> Provenance:
    return Provenance(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        host=platform.node(),
        machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        commit=_commit(),
        metrics=metrics,
    )


def _commit() -> str | None:
    """Return the git commit of this code; None outside a checkout."""
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
