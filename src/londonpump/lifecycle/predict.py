"""Predict a file of calls into a file of predictions, with the context of the database."""

import csv
from pathlib import Path

import numpy as np

from londonpump.domain.errors import BadFile
from londonpump.domain.stations import by_code
from londonpump.lifecycle.calls_file import Calls, read_calls
from londonpump.lifecycle.context_store import ContextStore, read_known_context
from londonpump.lifecycle.prediction_text import parts_unknown
from londonpump.models.bundle import Bundle, from_files
from londonpump.models.distribution import P10, P90
from londonpump.models.predict import OVER_S, Predictions, predict_dispatches
from londonpump.storage.atomic_files import atomic_file, require_own_file
from londonpump.storage.bundles import load_bundle

HEADER = (
    "id",
    "mean_s",
    "p10_s",
    "p50_s",
    "p90_s",
    *(f"p_over_{threshold_s}" for threshold_s in OVER_S),
    "pumps_needed",
    "risk_underestimated",
    "filled",
    "error",
)


def open_bundle(path: Path) -> Bundle:
    """Load a bundle from its folder and verify its content."""
    return from_files(load_bundle(path)[1], str(path))


def predict_file(bundle: Bundle, source: Path, out: Path, store: ContextStore | None = None) -> Calls:
    """Predict the rows of CALLS.csv and write PREDICTIONS.csv.

    Returns: the calls, with the error of each row and the number of rows without some context.
    Raises: BadFile, for example if no row can be predicted and earlier predictions would be lost.
    """
    # Also true for two names of one file (links, another case): the calls would be lost.
    if out.exists() and source.exists() and out.samefile(source):
        raise BadFile(out, "holds the calls themselves", "Name another file for the predictions.")
    require_own_file(out, ",".join(HEADER))
    calls = read_calls(source, by_code(bundle.stations))
    if not len(calls.answered) and _has_answers(out):
        raise BadFile(
            source,
            f"has no row that can be predicted, and {out} holds earlier predictions: it was not changed. Row 1: {calls.errors[0]}",
            "Correct the rows, or name another file to see the error of each",
        )
    # Start with the errors, and fill in the rows that were predicted: the output keeps the order of the input.
    rows = [
        [call_id, *[""] * (len(HEADER) - 2), error]
        for call_id, error in zip(calls.ids, calls.errors, strict=True)
    ]
    if len(calls.answered):
        predictions = predict_dispatches(
            bundle, calls.columns, read_known_context(bundle, calls.columns, store)
        )
        calls.unknown = dict(parts_unknown(bundle.response.context, predictions.imputed))
        for i, texts in enumerate(_texts(predictions, calls.notes)):
            row = int(calls.answered[i])
            rows[row] = [calls.ids[row], *texts, ""]
    with atomic_file(out) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)
    return calls


def _has_answers(out: Path) -> bool:
    """True if the file holds earlier predictions with at least one predicted row."""
    if not out.is_file():
        return False
    with out.open(encoding="utf-8", newline="") as file:
        return any(row["mean_s"] for row in csv.DictReader(file))


def _texts(predictions: Predictions, notes: list[list[str]]) -> list[list[str]]:
    times = predictions.times
    seconds = np.stack([times.mean_s, times.quantile(P10), predictions.median_s, times.quantile(P90)], axis=1)
    return [
        [
            *(f"{s:.1f}" for s in seconds[i]),
            *(f"{p:.4f}" for p in predictions.p_over[i]),
            str(predictions.pumps[i]),
            "true" if predictions.is_flagged[i] else "false",
            ";".join([*notes[i], *predictions.imputed[i]]),
        ]
        for i in range(len(seconds))
    ]
