"""The context of a moment, for a person who asks what the product knows."""

from datetime import UTC, datetime

from londonpump.domain.london_clock import LONDON
from londonpump.features import context
from londonpump.features.context import NAMES, UNITS, ContextSnapshot, ContextTables, ContextValue
from londonpump.storage.database import open_database
from londonpump.storage.database.context_lookup import context_at
from londonpump.storage.embedded_database import database_exists

MINUTES_PER_HOUR, TWO_HOURS_MIN, TWO_DAYS_H = 60, 120, 48


def read_context(database: str, at: datetime) -> ContextSnapshot:
    """The context of a moment; of a database that was never made, what the calendar alone says.

    Raises: DatabaseFailed if there is one that cannot be read.
    """
    if not database_exists(database):
        return context.context_at(ContextTables.of(), at)
    engine = open_database(database)
    try:
        return context_at(engine, at)
    finally:
        engine.dispose()


def format_context_at(known: ContextSnapshot) -> str:
    """A line a value with unit, source and age; then what is missing, and what brings it."""
    at = known.at.astimezone(UTC)
    lines = [f"Context at {at:%Y-%m-%d %H:%M} UTC ({at.astimezone(LONDON):%H:%M} in London)"]
    lines += [
        f"  {NAMES[one.name]:<15} {_value(one):<16} {_origin(one, at)}".rstrip() for one in known.values
    ]
    lines += [f"Missing: {text}" for text in known.missing]
    if known.missing:
        lines.append(
            "Weather may come with: londonpump refresh context --since DATE; holidays also by hand: londonpump calendar import FILE"
        )
    return "\n".join(lines)


def _value(one: ContextValue) -> str:
    if one.value is None:
        return "-"
    if isinstance(one.value, bool):
        return "yes" if one.value else "no"
    if isinstance(one.value, str):
        return one.value
    digits = 2 if one.name == "congestion_rate" else 1
    return f"{one.value:.{digits}f} {UNITS[one.name]}"


def _origin(one: ContextValue, at: datetime) -> str:
    """Source, hour and age: `open_meteo_forecast, of 11:00 UTC, known for 14 min`."""
    if one.value is None or one.observed_at is None:
        return one.source or ""
    age_min = one.age_min(at)
    age = "" if age_min is None else f", known for {_span(age_min)}"
    before = ", stands in for a gap" if one.is_filled else ""
    return f"{one.source}, of {one.observed_at:%H:%M} UTC{age}{before}"


def _span(minutes: float) -> str:
    if minutes < TWO_HOURS_MIN:
        return f"{minutes:.0f} min"
    hours = minutes / MINUTES_PER_HOUR
    return f"{hours:.0f} h" if hours < TWO_DAYS_H else f"{hours / 24:.0f} days"
