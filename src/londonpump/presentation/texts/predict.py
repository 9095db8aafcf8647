"""One prediction with its explanation and its context, as a view and as text; and notes on a file of predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from londonpump.domain.attendance_targets import LATENESS_LIMITS_S, MAX_PUBLISHED_S
from londonpump.domain.columns import WEATHER
from londonpump.domain.json_values import INLINE, rounded, stored_as
from londonpump.domain.london_clock import LONDON
from londonpump.models.fitted_context import CLIMATE

CALL = "call"
SERVICES = {
    "open_meteo_forecast": "Open-Meteo",
    "open_meteo_archived_forecast": "Open-Meteo, archived forecasts",
    "open_meteo_archive": "Open-Meteo, archive",
    "visual_crossing": "Visual Crossing",
}
FORECAST = "open_meteo_forecast"
WEATHER_FORMS = {column.name: column.phrase for column in WEATHER if column.phrase}
HOUR = timedelta(hours=1)
MINUTES_PER_HOUR, MINUTES_PER_DAY = 60, 24 * 60
OUTSIDE_LABELS = ("distance=unknown", "location=unknown", "station=unknown")
"""Imputation flags of a dispatch outside the training data."""
MAX_PUMPS = 5


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """The value of a context column and its source; times and age of values from the database."""

    value: float | None
    source: str
    observed_at: datetime | None = None
    available_at: datetime | None = None
    age_min: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The contribution of one group of features; the last one is the rest."""

    group: str = field(metadata=stored_as("feature_group"))
    contribution_s: float = field(metadata=rounded(1))
    text: str


@dataclass(frozen=True, slots=True)
class SinglePrediction:
    """The prediction of one pump, as --json writes it."""

    mean_s: float = field(metadata=rounded(1))
    p10_s: float = field(metadata=rounded(1))
    p50_s: float = field(metadata=rounded(1))
    p90_s: float = field(metadata=rounded(1))
    p_over: Mapping[str, float] = field(metadata={**INLINE, **rounded(4)})
    """Probability of more than each of LATENESS_LIMITS_S, by name: `p_over_360`."""
    pumps_needed: int
    risk_underestimated: bool
    p_underestimated: float = field(metadata=rounded(4))
    explanations: Sequence[Explanation]
    imputed: Sequence[str]
    context: Mapping[str, ContextEntry]
    simulated: bool


def format_prediction(prediction: SinglePrediction, at: datetime, missing: Sequence[str]) -> str:
    """Format one prediction with its explanation and its context. missing: context that the model does not read."""
    over = ", ".join(
        f"{t // 60} min {p:.0%}" for t, p in zip(LATENESS_LIMITS_S, prediction.p_over.values(), strict=True)
    )
    span = f"8 in 10 between {_minutes(prediction.p10_s)} and {_minutes(prediction.p90_s)}"
    expected = f"{_minutes(prediction.p50_s)} expected; {span}"
    # Published times end at 20 minutes, so the model cannot distinguish longer ones.
    if prediction.p10_s >= MAX_PUBLISHED_S:
        expected = f"{MAX_PUBLISHED_S // 60} min or more expected; the records hold nothing longer"
    lines = [
        f"{expected} (mean {_minutes(prediction.mean_s)})",
        f"Probability of more than: {over}",
        f"Suggested number of pumps: {prediction.pumps_needed}"
        + (" or more" if prediction.pumps_needed == MAX_PUMPS else ""),
    ]
    outside = [label.removesuffix("=unknown") for label in prediction.imputed if label in OUTSIDE_LABELS]
    if outside:
        lines.append(f"WARNING: outside the training data ({', '.join(outside)}): do not rely on it")
    elif prediction.risk_underestimated:
        lines.append(
            f"WARNING: may take much longer than announced ({prediction.p_underestimated:.0%} for over 2 min more)"
        )
    # Outside the training data, contributions would look precise without being meaningful.
    if not outside:
        lines.append("Why:")
        rounded_s = [round(one.contribution_s) for one in prediction.explanations[:-1]]
        # The last line takes the rounding error, so that the whole seconds add up to the time shown.
        rounded_s.append(round(prediction.p50_s) - sum(rounded_s))
        lines += [
            f"  {s:+6d} s  {one.text}" for s, one in zip(rounded_s, prediction.explanations, strict=True)
        ]
    if WEATHER_FORMS.keys() & prediction.context.keys():
        lines.append(_weather_text(prediction.context, at))
    if missing:
        lines.append(f"Trained without: {', '.join(missing)}")
    lines.append(f"Imputed: {'; '.join(prediction.imputed) or 'nothing'}")
    if prediction.simulated:
        lines.append("The model is trained on SIMULATED records.")
    return "\n".join(lines)


def format_file_notes(missing: Sequence[str], unknown: Mapping[str, int], rows: int) -> list[str]:
    """Format notes on a file of predictions: context that the model lacks, and context that was unknown per row."""
    lines = [f"the model was trained without {', '.join(missing)}"] if missing else []
    if unknown:
        parts = ", ".join(f"{part} of {n:,}" for part, n in sorted(unknown.items()))
        lines.append(
            f"unknown context in {rows:,} rows: {parts}; the column imputed names the values used instead"
        )
    return lines


def _weather_text(context: Mapping[str, ContextEntry], at: datetime) -> str:
    """Format the weather values, grouped by their origin."""
    weather = {name: context[name] for name in WEATHER_FORMS if name in context}
    by_origin: dict[str, list[str]] = {}
    for name, entry in weather.items():
        by_origin.setdefault(_origin(entry, at), []).append(WEATHER_FORMS[name].format(entry.value))
    if all(entry.source == CLIMATE for entry in weather.values()):
        return f"Weather: unknown; {next(iter(by_origin))} is used instead"
    return "Weather: " + "; ".join(f"{', '.join(values)}, {origin}" for origin, values in by_origin.items())


def _origin(entry: ContextEntry, at: datetime) -> str:
    service = SERVICES.get(entry.source, entry.source)
    if entry.source == CALL:
        return "as given"
    if entry.source == CLIMATE:
        london = at.astimezone(LONDON)
        return f"the average for {london:%B} at {london:%H} h"
    observed_at = entry.observed_at
    before = f" for {observed_at:%H:%M} UTC" if observed_at and at - observed_at >= HOUR else ""
    if entry.source == FORECAST and entry.age_min is not None:
        return f"as forecast {_age(entry.age_min)} ago{before} ({service})"
    return f"from {service}{before}"


def _age(minutes: float) -> str:
    if minutes < 2 * MINUTES_PER_HOUR:
        return f"{minutes:.0f} min"
    if minutes < 2 * MINUTES_PER_DAY:
        return f"{minutes / MINUTES_PER_HOUR:.0f} h"
    return f"{minutes / MINUTES_PER_DAY:.0f} days"


def _minutes(seconds: float) -> str:
    whole = round(seconds)
    if whole >= MAX_PUBLISHED_S:
        return f"{MAX_PUBLISHED_S // 60} min or more"
    return f"{whole // 60}:{whole % 60:02d} min"
