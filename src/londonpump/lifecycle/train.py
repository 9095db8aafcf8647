"""From examples to a bundle: learn from rows before a day, store it by its content hash."""

import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from londonpump import __version__
from londonpump.domain.errors import LondonPumpError
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
from londonpump.models.bundle import Bundle, from_files, to_files
from londonpump.models.distribution import P10, P50, P90
from londonpump.models.fitted_context import MISSING
from londonpump.models.train import TrainingPlan, TrainingSet, fit_bundle, original_columns, with_workload
from londonpump.storage.bundles import load_bundle, require_bundles_folder, save_bundle

LIBRARIES = ("duckdb", "ibis-framework", "lightgbm", "numpy", "pyarrow", "scikit-learn", "scipy")


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """until None: challenge_days before the newest complete day ends (a quarter of shorter records), so that
    something is left to judge on."""

    data: Path
    out: Path
    until: date | None = None
    plan: TrainingPlan = field(default_factory=TrainingPlan)
    challenge_days: int = CHALLENGE_DAYS


def train(request: TrainRequest, progress: Progress = silent) -> tuple[Path, Bundle]:
    """Train and store a bundle. Returns: its folder and itself, as read back from the disk."""
    require_bundles_folder(request.out)
    progress("Reading examples", 0.0)
    examples = load_examples(request.data)
    until = request.until or default_until(examples.rows, request.challenge_days)
    until = min(until, after_newest(examples.rows))
    training = training_set(examples, until)

    def report_progress(doing: str, share: float) -> None:
        progress(doing, 0.05 + 0.9 * share)

    bundle = fit_bundle(training, request.plan, card_facts(examples, training, until), report_progress)
    progress("Writing the bundle", 0.97)
    files = to_files(bundle)
    # before it is stored: from then on it is the newest bundle
    _require_same_predictions(bundle, from_files(files, str(request.out)), training.rows)
    provenance = {**_provenance(), "metrics": _metrics(bundle, examples, until)}
    folder = save_bundle(files, provenance, request.out)
    progress("Done", 1.0)
    return folder, from_files(load_bundle(folder)[1], str(folder))


def training_set(examples: Examples, until: date) -> TrainingSet:
    """Rows of incidents that began before a London day, and the calls before it."""
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


def card_facts(examples: Examples, training: TrainingSet, until: date) -> dict[str, Any]:
    """What the card says of the data: none of it from the clock or the host."""
    at_us = training.rows["mobilised_us"]
    return {
        "data_hash": examples.data_hash,
        "code_version": __version__,
        "trained_from": london_date(int(at_us.min())).isoformat() if len(at_us) else None,
        "trained_until": until.isoformat(),
        "is_stream": bool(len(training.complete)),
        "is_simulated": bool(examples.report.get("simulated", False)),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def format_training(folder: Path, card: Mapping[str, Any]) -> str:
    """What was learnt from, and where it is."""
    summary = (
        f"Learnt from {card['rows']:,} runs, {card['trained_from']} up to (not with) {card['trained_until']}."
    )
    return "\n".join([summary, *_format_missing_context(card["context"]), f"Bundle: {folder}"])


def _format_missing_context(card: Mapping[str, str]) -> list[str]:
    """For the person who trains: what of the context the examples could not teach."""
    return [
        f"Without {part}: "
        + (
            "the examples hold no traffic, and too few travel times to learn it from."
            if part == "congestion"
            else "the examples hold none, or for fewer than half of the runs."
        )
        for part, state in card.items()
        if state == MISSING
    ]


def _require_same_predictions(made: Bundle, stored: Bundle, rows: Columns) -> None:
    """A bundle that answers otherwise once it was written and read is no bundle. Raises: LondonPumpError."""
    some = {name: values[:50] for name, values in rows.items()}
    one = made.response_times(made.dispatches(some)).quantile(P50)
    two = stored.response_times(stored.dispatches(some)).quantile(P50)
    original_one, original_two = (
        b.original.predict(original_columns(b.dispatches(some))) for b in (made, stored)
    )
    if not (np.allclose(one, two, atol=1e-6) and np.allclose(original_one, original_two, atol=1e-6)):
        raise LondonPumpError(
            "The bundle does not answer as the trained models do once it was written and read. It was not stored."
        )


def _metrics(bundle: Bundle, examples: Examples, until: date) -> dict[str, Any]:
    """How the bundle does on the runs after its training, at a glance; `evaluate` judges it."""
    is_later = first_us_of_incident(examples.rows) >= midnight_us(until)
    rows = examples.take(is_later & np.isfinite(examples.rows["attendance_s"]))
    actual_s = rows["attendance_s"]
    if not len(actual_s):
        return {"rows": 0}
    rows = with_workload(rows, examples.calls, bundle.ground, examples.complete)
    p10_s, p50_s, p90_s = bundle.response_times(bundle.dispatches(rows)).quantiles((P10, P50, P90)).T
    return {
        "rows": len(actual_s),
        "mae_s": round(float(np.abs(p50_s - actual_s).mean()), 3),
        "cover_80_share": round(float(((p10_s <= actual_s) & (actual_s <= p90_s)).mean()), 4),
    }


def _provenance() -> dict[str, Any]:
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "commit": _commit(),
    }


def _commit() -> str | None:
    """The commit of the checkout this code runs from, if it is one."""
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
