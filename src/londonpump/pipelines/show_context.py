"""The context of a moment, for a person who asks what the product knows."""

from datetime import UTC, datetime

from londonpump.brigade.clock import LONDON
from londonpump.features import context
from londonpump.features.context import ContextTables, ContextValue, MomentContext
from londonpump.features.moment import NAMES, UNITS
from londonpump.storage.database import open_database
from londonpump.storage.database.context_at import context_at
from londonpump.storage.embedded import is_there

MIN_AN_HOUR, MIN_TWO_HOURS, HOURS_TWO_DAYS = 60, 120, 48


def context_shown(database: str, at: datetime) -> MomentContext:
    """The context of a moment; of a database that was never made, what the calendar alone says.

    Raises: DatabaseFailed if there is one that cannot be read.
    """
    if not is_there(database):
        return context.context_at(ContextTables.of(), at)
    engine = open_database(database)
    try:
        return context_at(engine, at)
    finally:
        engine.dispose()


def moment_in_words(moment: MomentContext) -> str:
    """A line a value with unit, source and age; then what is missing, and what brings it."""
    at = moment.at.astimezone(UTC)
    lines = [f"Context at {at:%Y-%m-%d %H:%M} UTC ({at.astimezone(LONDON):%H:%M} in London)"]
    lines += [
        f"  {NAMES[one.name]:<15} {_value(one):<16} {_origin(one, at)}".rstrip() for one in moment.values
    ]
    lines += [f"Missing: {told}" for told in moment.missing]
    if moment.missing:
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
    if minutes < MIN_TWO_HOURS:
        return f"{minutes:.0f} min"
    hours = minutes / MIN_AN_HOUR
    return f"{hours:.0f} h" if hours < HOURS_TWO_DAYS else f"{hours / 24:.0f} days"
