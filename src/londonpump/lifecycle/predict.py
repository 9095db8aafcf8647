"""Predictions of one call as text or JSON, with their context, and of a file of calls into a file of predictions."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from londonpump.domain.attendance_targets import LATENESS_LIMITS_S, MAX_PUBLISHED_S
from londonpump.domain.columns import WEATHER, WEATHER_NUMBERS
from londonpump.domain.errors import BadFile
from londonpump.domain.london_clock import LONDON
from londonpump.domain.stations import by_code
from londonpump.features.context import ContextSnapshot, ContextValue
from londonpump.features.dispatches import Dispatches
from londonpump.lifecycle.calls_file import EPOCH, Calls, as_columns, parse_call, read_calls
from londonpump.lifecycle.context_store import ContextStore, read_known_context
from londonpump.models.bundle import Bundle, from_files
from londonpump.models.distribution import P10, P90
from londonpump.models.fitted_context import (
    CLIMATE,
    CONGESTION,
    CONTEXT_COLUMNS,
    FALLBACKS,
    PROFILE,
    SCHOOL,
    UNKNOWN,
    FittedContext,
)
from londonpump.models.predict import OVER_S, Predictions, predict_dispatches
from londonpump.persistence.atomic_files import atomic_file, require_own_file
from londonpump.persistence.bundles import load_bundle

CALL = "call"
SERVICES = {
    "open_meteo_forecast": "Open-Meteo",
    "open_meteo_archived_forecast": "Open-Meteo, archived forecasts",
    "open_meteo_archive": "Open-Meteo, archive",
    "visual_crossing": "Visual Crossing",
}
FORECAST = "open_meteo_forecast"
PART_OF = {
    **{f"{name}={CLIMATE}": "weather" for name in WEATHER_NUMBERS},
    f"{CONGESTION}={PROFILE}": "traffic",
    f"{SCHOOL}={UNKNOWN}": "school holidays",
}
"""Part of the context that is missing if a value carries this imputation flag. Working days are always known."""
WEATHER_FORMS = {column.name: column.phrase for column in WEATHER if column.phrase}
HOUR = timedelta(hours=1)
MINUTES_PER_HOUR, MINUTES_PER_DAY = 60, 24 * 60
ContextJson = dict[str, dict[str, Any]]


def context_as_json(
    context: FittedContext,
    dispatches: Dispatches,
    labels: Sequence[str],
    stored_context: ContextSnapshot | None,
) -> ContextJson:
    """Return value, source, observed_at, available_at and age_min per context column that the model reads.

    Args: dispatches: one dispatch as it was predicted. labels: imputation flags. stored_context: of the database.
    """
    source_of = dict(label.split("=", 1) for label in labels)
    entries: ContextJson = {}
    for name in CONTEXT_COLUMNS:
        if name not in context.reads:
            continue
        value, source = float(dispatches.number(name)[0]), source_of.get(name, CALL)
        entries[name] = {
            "value": None if np.isnan(value) else round(value, 4),
            "source": source,
            "observed_at": None,
            "available_at": None,
            "age_min": None,
        }
        if stored_context is not None and source not in (CALL, *FALLBACKS):
            entries[name] |= _from_database(stored_context[name], stored_context.at, source)
    return entries


def format_context(context: FittedContext, entries: ContextJson, at: datetime) -> list[str]:
    """Format a line about the weather, if the model reads it, and a line about context the model lacks."""
    lines = [_weather_text(entries, at)] if WEATHER_FORMS.keys() & entries.keys() else []
    if context.missing:
        lines.append(f"Trained without: {', '.join(context.missing)}")
    return lines


def parts_unknown(context: FittedContext, labels: Iterable[Iterable[str]]) -> Counter[str]:
    """Count the rows that lack each part of the context. Traffic counts only if the model uses live congestion."""
    # A model that uses the congestion profile by design lacks nothing without live traffic.
    is_profile = CONGESTION not in context.takes
    part_of = {label: part for label, part in PART_OF.items() if not (is_profile and part == "traffic")}
    rows: Counter[str] = Counter()
    for row in labels:
        rows.update({part_of[label] for label in row if label in part_of})
    return rows


def format_file_notes(missing: Sequence[str], unknown: Mapping[str, int], rows: int) -> list[str]:
    """Format notes on a file of predictions: context that the model lacks, and context that was unknown per row."""
    lines = [f"the model was trained without {', '.join(missing)}"] if missing else []
    if unknown:
        parts = ", ".join(f"{part} of {n:,}" for part, n in sorted(unknown.items()))
        lines.append(
            f"unknown context in {rows:,} rows: {parts}; the column imputed names the values used instead"
        )
    return lines


def _from_database(known: ContextValue, at: datetime, source: str) -> dict[str, Any]:
    age_min = known.age_min(at)
    return {
        "source": known.source or source,
        "observed_at": known.observed_at.isoformat() if known.observed_at else None,
        "available_at": known.available_at.isoformat() if known.available_at else None,
        "age_min": None if age_min is None else round(age_min, 1),
    }


def _weather_text(entries: ContextJson, at: datetime) -> str:
    """Format the weather values, grouped by their origin."""
    by_origin: dict[str, list[str]] = {}
    for name, form in WEATHER_FORMS.items():
        if name in entries:
            by_origin.setdefault(_origin(entries[name], at), []).append(form.format(entries[name]["value"]))
    if all(entries[name]["source"] == CLIMATE for name in WEATHER_FORMS if name in entries):
        return f"Weather: unknown; {next(iter(by_origin))} is used instead"
    return "Weather: " + "; ".join(f"{', '.join(values)}, {origin}" for origin, values in by_origin.items())


def _origin(value: dict[str, Any], at: datetime) -> str:
    service = SERVICES.get(value["source"], value["source"])
    if value["source"] == CALL:
        return "as given"
    if value["source"] == CLIMATE:
        london = at.astimezone(LONDON)
        return f"the average for {london:%B} at {london:%H} h"
    observed_at = value["observed_at"] and datetime.fromisoformat(value["observed_at"])
    before = f" for {observed_at:%H:%M} UTC" if observed_at and at - observed_at >= HOUR else ""
    if value["source"] == FORECAST and value["age_min"] is not None:
        return f"as forecast {_age(value['age_min'])} ago{before} ({service})"
    return f"from {service}{before}"


def _age(minutes: float) -> str:
    if minutes < 2 * MINUTES_PER_HOUR:
        return f"{minutes:.0f} min"
    if minutes < 2 * MINUTES_PER_DAY:
        return f"{minutes / MINUTES_PER_HOUR:.0f} h"
    return f"{minutes / MINUTES_PER_DAY:.0f} days"


OUTSIDE_LABELS = ("distance=unknown", "location=unknown", "station=unknown")
"""Imputation flags of a dispatch outside the training data."""


def format_prediction(bundle: Bundle, values: Mapping[str, str], store: ContextStore | None = None) -> str:
    """Format one prediction with its explanation and its context."""
    predictions, imputed, known = _predict_with_context(bundle, values, store)
    times, median_s = predictions.times, float(predictions.median_s[0])
    over = ", ".join(f"{t // 60} min {times.p_over(t)[0]:.0%}" for t in LATENESS_LIMITS_S)
    p10_s, p90_s = float(times.quantile(P10)[0]), float(times.quantile(P90)[0])
    expected = f"{_minutes(median_s)} expected; 8 in 10 between {_minutes(p10_s)} and {_minutes(p90_s)}"
    # Published times end at 20 minutes, so the model cannot distinguish longer ones.
    if p10_s >= MAX_PUBLISHED_S:
        expected = f"{MAX_PUBLISHED_S // 60} min or more expected; the records hold nothing longer"
    lines = [
        f"{expected} (mean {_minutes(times.mean_s[0])})",
        f"Probability of more than: {over}",
        f"Pumps usually sent to such calls: {predictions.pumps[0]}"
        + (" or more" if predictions.pumps[0] == 5 else ""),
    ]
    outside = [label.removesuffix("=unknown") for label in imputed if label in OUTSIDE_LABELS]
    if outside:
        lines.append(f"WARNING: outside the training data ({', '.join(outside)}): do not rely on it")
    elif predictions.is_flagged[0]:
        lines.append(
            f"WARNING: may take much longer than announced ({predictions.p_underestimate[0]:.0%} for over 2 min more)"
        )
    # Outside the training data, contributions would look precise without being meaningful.
    if not outside:
        lines.append("Why:")
        *named, rest = predictions.explanations(bundle)[0]
        rounded_s = [round(reason.seconds) for reason in named]
        # The last line takes the rounding error, so that the whole seconds add up to the time shown.
        rounded_s.append(round(median_s) - sum(rounded_s))
        lines += [
            f"  {s:+6d} s  {reason.description}" for s, reason in zip(rounded_s, [*named, rest], strict=True)
        ]
    lines += format_context(bundle.response.context, known, _at(predictions))
    lines.append(f"Imputed: {'; '.join(imputed) or 'nothing'}")
    if bundle.card.data.is_simulated:
        lines.append("The model is trained on SIMULATED records.")
    return "\n".join(lines)


def prediction_as_json(bundle: Bundle, values: Mapping[str, str], store: ContextStore | None = None) -> str:
    """Format one prediction as JSON."""
    predictions, imputed, known = _predict_with_context(bundle, values, store)
    times = predictions.times
    return json.dumps(
        {
            "mean_s": round(float(times.mean_s[0]), 1),
            "p10_s": round(float(times.quantile(P10)[0]), 1),
            "p50_s": round(float(predictions.median_s[0]), 1),
            "p90_s": round(float(times.quantile(P90)[0]), 1),
            **{f"p_over_{t}": round(float(times.p_over(t)[0]), 4) for t in LATENESS_LIMITS_S},
            "pumps_needed": int(predictions.pumps[0]),
            "risk_underestimated": bool(predictions.is_flagged[0]),
            "p_underestimated": round(float(predictions.p_underestimate[0]), 4),
            "explanations": [
                {
                    "feature_group": reason.group,
                    "contribution_s": round(reason.seconds, 1),
                    "text": reason.description,
                }
                for reason in predictions.explanations(bundle)[0]
            ],
            "imputed": imputed,
            "context": known,
            "simulated": bundle.card.data.is_simulated,
        },
        indent=1,
    )


def _predict_with_context(
    bundle: Bundle, values: Mapping[str, str], store: ContextStore | None
) -> tuple[Predictions, list[str], ContextJson]:
    """Return one prediction, its imputation flags, and its context."""
    dispatch, note = parse_call(values, by_code(bundle.stations))
    columns = as_columns([dispatch])
    context = bundle.response.context
    predictions = predict_dispatches(bundle, columns, read_known_context(bundle, columns, store))
    stored_context = store.read_context(_at(predictions)) if store is not None and context.takes else None
    imputed = predictions.imputed[0]
    known = context_as_json(context, predictions.dispatches, imputed, stored_context)
    return predictions, [*note, *imputed], known


def _at(predictions: Predictions) -> datetime:
    return EPOCH + timedelta(microseconds=int(predictions.dispatches.columns["mobilised_us"][0]))


def _minutes(seconds: float) -> str:
    whole = round(float(seconds))
    if whole >= MAX_PUBLISHED_S:
        return f"{MAX_PUBLISHED_S // 60} min or more"
    return f"{whole // 60}:{whole % 60:02d} min"


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
