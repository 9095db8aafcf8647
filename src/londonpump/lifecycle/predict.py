"""Predictions of one call with its context, and of a file of calls into a file of predictions."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from londonpump.domain.attendance_targets import LATENESS_LIMITS_S
from londonpump.domain.columns import WEATHER_NUMBERS
from londonpump.domain.errors import BadFile
from londonpump.domain.stations import by_code
from londonpump.features.context import ContextSnapshot
from londonpump.features.dispatches import Dispatches
from londonpump.lifecycle.calls_file import EPOCH, Calls, as_columns, parse_call, read_calls
from londonpump.lifecycle.context_store import ContextStore, read_known_context
from londonpump.models import fitted_context
from londonpump.models.bundle import Bundle, from_files
from londonpump.models.distribution import P10, P90
from londonpump.models.predict import (
    MAX_AREA_DISPATCHES,
    OVER_S,
    Columns,
    Floats,
    Ints,
    Predictions,
    predict_area,
    predict_dispatches,
)
from londonpump.persistence.atomic_files import atomic_file, require_own_file
from londonpump.persistence.bundles import load_bundle
from londonpump.presentation.texts.predict import CALL, ContextEntry, Explanation, SinglePrediction
from londonpump.roads.bundles import with_roads

PART_OF = {
    **{f"{name}={fitted_context.CLIMATE}": "weather" for name in WEATHER_NUMBERS},
    f"{fitted_context.CONGESTION}={fitted_context.PROFILE}": "traffic",
    f"{fitted_context.SCHOOL}={fitted_context.UNKNOWN}": "school holidays",
}
"""Part of the context that is missing if a value carries this imputation flag. Working days are always known."""


def context_entries(
    context: fitted_context.FittedContext,
    dispatches: Dispatches,
    labels: Sequence[str],
    stored_context: ContextSnapshot | None,
) -> dict[str, ContextEntry]:
    """Return value and source per context column that the model reads.

    Args: dispatches: one dispatch as it was predicted. labels: imputation flags. stored_context: of the database.
    """
    source_of = dict(label.split("=", 1) for label in labels)
    entries = {}
    for name in fitted_context.CONTEXT_COLUMNS:
        if name not in context.reads:
            continue
        number, source = float(dispatches.number(name)[0]), source_of.get(name, CALL)
        value = None if np.isnan(number) else round(number, 4)
        entries[name] = ContextEntry(value, source)
        if stored_context is not None and source not in (CALL, *fitted_context.FALLBACKS):
            known = stored_context[name]
            age_min = known.age_min(stored_context.at)
            entries[name] = ContextEntry(
                value,
                known.source or source,
                known.observed_at,
                known.available_at,
                None if age_min is None else round(age_min, 1),
            )
    return entries


def parts_unknown(context: fitted_context.FittedContext, labels: Iterable[Iterable[str]]) -> Counter[str]:
    """Count the rows that lack each part of the context. Traffic counts only if the model uses live congestion."""
    # A model that uses the congestion profile by design lacks nothing without live traffic.
    is_profile = fitted_context.CONGESTION not in context.takes
    part_of = {label: part for label, part in PART_OF.items() if not (is_profile and part == "traffic")}
    rows: Counter[str] = Counter()
    for row in labels:
        rows.update({part_of[label] for label in row if label in part_of})
    return rows


def predict_at(
    bundle: Bundle,
    columns: Columns,
    store: ContextStore | None,
    points_m: Floats | None,
    most: int = MAX_AREA_DISPATCHES,
) -> tuple[Ints, Predictions]:
    """Predict dispatches to one location. Returns: the predicted rows, and their predictions.

    Args: points_m: (k, 2) equally likely points of an inexact location; None or one point for the location in the columns.
    most: of an inexact location at most this many dispatches are predicted, the fastest to its middle.
    """
    known = read_known_context(bundle, columns, store)
    if points_m is not None and len(points_m) > 1:
        return predict_area(bundle, columns, points_m, known, most)
    return np.arange(len(columns["mobilised_us"])), predict_dispatches(bundle, columns, known)


def predict_one(
    bundle: Bundle,
    values: Mapping[str, str],
    store: ContextStore | None = None,
    points_m: Floats | None = None,
) -> tuple[SinglePrediction, datetime]:
    """Predict one call. Returns: the prediction, and the time of the mobilisation.

    Args: points_m: (k, 2) equally likely points of an inexact location.
    """
    dispatch, note = parse_call(values, by_code(bundle.stations))
    columns = as_columns([dispatch])
    context = bundle.response.context
    _, predictions = predict_at(bundle, columns, store, points_m)
    at = EPOCH + timedelta(microseconds=int(columns["mobilised_us"][0]))
    stored_context = store.read_context(at) if store is not None and context.takes else None
    imputed, times = predictions.imputed[0], predictions.times
    return SinglePrediction(
        mean_s=float(times.mean_s[0]),
        p10_s=float(times.quantile(P10)[0]),
        p50_s=float(predictions.median_s[0]),
        p90_s=float(times.quantile(P90)[0]),
        p_over={f"p_over_{t}": float(times.p_over(t)[0]) for t in LATENESS_LIMITS_S},
        pumps_needed=int(predictions.pumps[0]),
        risk_underestimated=bool(predictions.is_flagged[0]),
        p_underestimated=float(predictions.p_underestimate[0]),
        explanations=[
            Explanation(one.group, one.seconds, one.description)
            for one in predictions.explanations(bundle)[0]
        ],
        imputed=[*note, *imputed],
        context=context_entries(context, predictions.dispatches, imputed, stored_context),
        simulated=bundle.card.data.is_simulated,
    ), at


HEADER = (
    "id",
    "mean_s",
    "p10_s",
    "p50_s",
    "p90_s",
    *(f"p_over_{threshold_s}" for threshold_s in OVER_S),
    "pumps_needed",
    "risk_underestimated",
    "imputed",
    "error",
)


def open_bundle(path: Path, roads: Path | None = None) -> Bundle:
    """Load a bundle from its folder, and its table of roads from the folder of tables, and verify them.

    Raises: BadFile. Without a folder of tables, a bundle that needs one predicts as where no road is known.
    """
    bundle = from_files(load_bundle(path)[1], str(path))
    return bundle if roads is None else with_roads(bundle, roads)


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
    columns = prediction_columns(calls, predict_calls(bundle, calls, store))
    texts = [[_text(name, value) for value in columns[name]] for name in HEADER]
    with atomic_file(out) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(zip(*texts, strict=True))
    return calls


def predict_calls(bundle: Bundle, calls: Calls, store: ContextStore | None = None) -> Predictions | None:
    """Predict the rows without an error, and count in `calls` those that lack some context; None if all have an error."""
    if not len(calls.answered):
        return None
    predictions = predict_dispatches(bundle, calls.columns, read_known_context(bundle, calls.columns, store))
    calls.unknown = dict(parts_unknown(bundle.response.context, predictions.imputed))
    return predictions


def prediction_columns(calls: Calls, predictions: Predictions | None) -> dict[str, list[Any]]:
    """Return the columns of HEADER in the order of the calls; None where a row was not predicted."""
    # Start with the errors, and fill in the rows that were predicted: the output keeps the order of the input.
    columns: dict[str, list[Any]] = {name: [None] * len(calls.ids) for name in HEADER}
    columns |= {"id": list(calls.ids), "error": [error or None for error in calls.errors]}
    if predictions is None:
        return columns
    times = predictions.times
    predicted: dict[str, Iterable[Any]] = {
        "mean_s": times.mean_s.tolist(),
        "p10_s": times.quantile(P10).tolist(),
        "p50_s": predictions.median_s.tolist(),
        "p90_s": times.quantile(P90).tolist(),
        **{f"p_over_{t}": p for t, p in zip(OVER_S, predictions.p_over.T.tolist(), strict=True)},
        "pumps_needed": predictions.pumps.tolist(),
        "risk_underestimated": predictions.is_flagged.tolist(),
        "imputed": [
            ";".join([*note, *imputed])
            for note, imputed in zip(calls.notes, predictions.imputed, strict=True)
        ],
    }
    for name, values in predicted.items():
        for row, value in zip(calls.answered, values, strict=True):
            columns[name][row] = value
    return columns


def _text(name: str, value: Any) -> str:
    """Format a value of a column for PREDICTIONS.csv: seconds with one decimal, probabilities with four."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.1f}" if name.endswith("_s") else f"{value:.4f}"
    return str(value)


def _has_answers(out: Path) -> bool:
    """True if the file holds earlier predictions with at least one predicted row."""
    if not out.is_file():
        return False
    with out.open(encoding="utf-8", newline="") as file:
        return any(row["mean_s"] for row in csv.DictReader(file))
