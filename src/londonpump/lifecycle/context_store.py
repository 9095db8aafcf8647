"""What the database knows of the moments of calls, as far as there is a database and it can be read.

Answering goes on without: nothing here fails, and nothing makes a database. What was wrong is kept in words.
The libraries of the database are loaded only where there is one: that takes longer than an answer.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import DatabaseFailed
from londonpump.domain.london_clock import LONDON
from londonpump.features.context import ContextTables, ContextValue
from londonpump.features.context import context_at as context_of_tables
from londonpump.features.context_snapshot import NAMES, UNITS, ContextSnapshot
from londonpump.storage.embedded_database import database_exists

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from londonpump.models.bundle import Bundle

Columns = dict[str, NDArray[Any]]


class ContextStore:
    """url: as `settings.database`. problem: why it could not be read, None while it could."""

    def __init__(self, url: str) -> None:
        self.problem: str | None = None
        self._url = url
        self._is_there = database_exists(url)
        self._engine: Engine | None = None

    def columns(self, at_us: NDArray[np.int64]) -> Columns:
        """The context of (n,) moments by column; none where there is no database to read."""
        if not self._is_there:
            return {}
        from londonpump.storage.database.context_lookup import context_columns  # noqa: PLC0415

        try:
            return context_columns(self._opened(), at_us)
        except DatabaseFailed as error:
            self._give_up(error)
            return {}

    def read_context(self, at: datetime) -> ContextSnapshot | None:
        """The context of one moment with its sources and ages; None where there is no database to read."""
        if not self._is_there:
            return None
        from londonpump.storage.database.context_lookup import context_at  # noqa: PLC0415

        try:
            return context_at(self._opened(), at)
        except DatabaseFailed as error:
            self._give_up(error)
            return None

    def close(self) -> None:
        """Give the connections back."""
        if self._engine is not None:
            self._engine.dispose()

    def _opened(self) -> "Engine":
        from londonpump.storage.database import open_read_only  # noqa: PLC0415

        if self._engine is None:
            self._engine = open_read_only(self._url)
        return self._engine

    def _give_up(self, error: DatabaseFailed) -> None:
        self.problem, self._is_there = str(error), False


def read_known_context(bundle: "Bundle", columns: Columns, store: ContextStore | None) -> Columns:
    """What the store knows of the moments of calls; it is not asked for what the bundle does not read."""
    if store is None or not bundle.response.context.takes:
        return {}
    return store.columns(columns["mobilised_us"])


MINUTES_PER_HOUR, TWO_HOURS_MIN, TWO_DAYS_H = 60, 120, 48


def read_context(database: str, at: datetime) -> ContextSnapshot:
    """The context of a moment; of a database that was never made, what the calendar alone says.

    Raises: DatabaseFailed if there is one that cannot be read.
    """
    if not database_exists(database):
        return context_of_tables(ContextTables.of(), at)
    from londonpump.storage.database import open_database  # noqa: PLC0415
    from londonpump.storage.database.context_lookup import context_at  # noqa: PLC0415

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
