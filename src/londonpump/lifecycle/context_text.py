"""The context of one prediction: what each value is, where it comes from and how old it is."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from londonpump.domain.context_records import WEATHER_NUMBERS
from londonpump.domain.london_clock import LONDON
from londonpump.features.context import ContextSnapshot, ContextValue
from londonpump.features.dispatches import Dispatches
from londonpump.models.fitted_context import (
    CLIMATE,
    CONGESTION,
    CONTEXT_COLUMNS,
    FALLBACKS,
    MISSING,
    PROFILE,
    SCHOOL,
    UNKNOWN,
    FittedContext,
)

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
"""What was not known of the moment where a label says that something stands in. Working days the library knows."""
WEATHER_FORMS = {"temp_c": "{:.1f} C", "precip_mm": "{:.1f} mm rain", "wind_kmh": "wind {:.0f} km/h"}
HOUR = timedelta(hours=1)
MINUTES_PER_HOUR, MINUTES_PER_DAY = 60, 24 * 60
ContextJson = dict[str, dict[str, Any]]


def context_as_json(
    context: FittedContext,
    dispatches: Dispatches,
    labels: Sequence[str],
    stored_context: ContextSnapshot | None,
) -> ContextJson:
    """By column that the model reads: value, source, observed_at, available_at, age_min; null where there is none.

    Args: runs: one run as it was answered. labels: what was filled in. moment: as the database knows it.
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
    """A line of weather where the model reads it, and one of what it does not read."""
    lines = [_weather_text(entries, at)] if "temp_c" in entries or "precip_mm" in entries else []
    if context.missing:
        lines.append(f"Learnt without: {', '.join(context.missing)}")
    return lines


def parts_unknown(context: FittedContext, labels: Iterable[Iterable[str]]) -> Counter[str]:
    """How many rows lack each part of the context; traffic where the model would have taken it."""
    is_profile = CONGESTION not in context.takes
    part_of = {label: part for label, part in PART_OF.items() if not (is_profile and part == "traffic")}
    rows: Counter[str] = Counter()
    for row in labels:
        rows.update({part_of[label] for label in row if label in part_of})
    return rows


def format_file_notes(missing: Sequence[str], unknown: Mapping[str, int], rows: int) -> list[str]:
    """For the person who has a file answered: what the model was learnt without, and what was not known of rows."""
    lines = [f"the model was learnt without {', '.join(missing)}"] if missing else []
    if unknown:
        parts = ", ".join(f"{part} of {n:,}" for part, n in sorted(unknown.items()))
        lines.append(f"not known of {rows:,} rows: {parts}; the column filled says what stands in")
    return lines


def format_missing_context(card: Mapping[str, str]) -> list[str]:
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


def _from_database(known: ContextValue, at: datetime, source: str) -> dict[str, Any]:
    age_min = known.age_min(at)
    return {
        "source": known.source or source,
        "observed_at": known.observed_at.isoformat() if known.observed_at else None,
        "available_at": known.available_at.isoformat() if known.available_at else None,
        "age_min": None if age_min is None else round(age_min, 1),
    }


def _weather_text(entries: ContextJson, at: datetime) -> str:
    """Each value beside its origin; those of one origin together."""
    by_origin: dict[str, list[str]] = {}
    for name, form in WEATHER_FORMS.items():
        if name in entries:
            by_origin.setdefault(_origin(entries[name], at), []).append(form.format(entries[name]["value"]))
    if all(entries[name]["source"] == CLIMATE for name in WEATHER_FORMS if name in entries):
        return f"Weather: not known; {next(iter(by_origin))} stands in"
    return "Weather: " + "; ".join(f"{', '.join(values)}, {origin}" for origin, values in by_origin.items())


def _origin(value: dict[str, Any], at: datetime) -> str:
    service = SERVICES.get(value["source"], value["source"])
    if value["source"] == CALL:
        return "as stated"
    if value["source"] == CLIMATE:
        london = at.astimezone(LONDON)
        return f"the usual for {london:%B} at {london:%H} h"
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
