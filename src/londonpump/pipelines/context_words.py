"""The context of one prediction: what each value is, where it comes from and how old it is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from londonpump.brigade.clock import LONDON
from londonpump.features.moment import ContextValue, MomentContext
from londonpump.features.runs import Runs
from londonpump.models.domain import CONTEXT
from londonpump.models.learnt_context import CLIMATE, CONTEXT_COLUMNS, MISSING, STAND_INS, LearntContext

CALL = "call"
SERVICES = {
    "open_meteo_forecast": "Open-Meteo",
    "open_meteo_archived_forecast": "Open-Meteo, archived forecasts",
    "open_meteo_archive": "Open-Meteo, archive",
    "visual_crossing": "Visual Crossing",
}
FORECAST = "open_meteo_forecast"
MIN_AN_HOUR, MIN_A_DAY = 60, 24 * 60
Told = dict[str, dict[str, Any]]


def context_as_json(
    context: LearntContext, runs: Runs, labels: Sequence[str], moment: MomentContext | None
) -> Told:
    """By column that the model reads: value, source, observed_at, available_at, age_min; null where there is none.

    Args: runs: one run as it was answered. labels: what was filled in. moment: as the database knows it.
    """
    source_of = dict(label.split("=", 1) for label in labels)
    told: Told = {}
    for name in CONTEXT_COLUMNS:
        if name not in context.reads:
            continue
        value, source = float(runs.number(name)[0]), source_of.get(name, CALL)
        told[name] = {
            "value": None if np.isnan(value) else round(value, 4),
            "source": source,
            "observed_at": None,
            "available_at": None,
            "age_min": None,
        }
        if moment is not None and source not in (CALL, *STAND_INS):
            told[name] |= _from_database(moment[name], moment.at, source)
    return told


def context_in_words(context: LearntContext, told: Told, at: datetime) -> list[str]:
    """A line of weather where the model reads it, and one of what it does not read."""
    lines = [_weather_words(told, at)] if "temp_c" in told or "precip_mm" in told else []
    if context.missing:
        lines.append(f"Learnt without: {', '.join(context.missing)}")
    return lines


def without_in_words(card: Mapping[str, str]) -> list[str]:
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
        "source": (known.source or source) if source == CONTEXT else source,
        "observed_at": known.observed_at.isoformat() if known.observed_at else None,
        "available_at": known.available_at.isoformat() if known.available_at else None,
        "age_min": None if age_min is None else round(age_min, 1),
    }


def _weather_words(told: Told, at: datetime) -> str:
    leading = told.get("temp_c") or told["precip_mm"]
    if leading["source"] == CLIMATE:
        london = at.astimezone(LONDON)
        return f"Weather: none known: the usual for {london:%B} at {london:%H} h stands in"
    units = {"temp_c": "{:.1f} C", "precip_mm": "{:.1f} mm rain", "wind_kmh": "wind {:.0f} km/h"}
    values = [form.format(told[name]["value"]) for name, form in units.items() if name in told]
    return f"Weather: {', '.join(values)}, {_origin(leading)}"


def _origin(value: dict[str, Any]) -> str:
    service = SERVICES.get(value["source"], value["source"])
    if value["source"] == CALL:
        return "as stated"
    if value["source"] == FORECAST and value["age_min"] is not None:
        return f"as forecast {_age(value['age_min'])} ago ({service})"
    return f"({service})"


def _age(minutes: float) -> str:
    if minutes < 2 * MIN_AN_HOUR:
        return f"{minutes:.0f} min"
    if minutes < 2 * MIN_A_DAY:
        return f"{minutes / MIN_AN_HOUR:.0f} h"
    return f"{minutes / MIN_A_DAY:.0f} days"
