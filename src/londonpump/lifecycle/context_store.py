"""Context in the database at the time of a call, for `predict` and for the command `context`.

Predictions go on without a database: `ContextStore` never fails and never creates one, and it keeps the problem as text.
The libraries of the database are loaded only if there is one, because loading takes longer than a prediction.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import DatabaseFailed
from londonpump.domain.london_clock import LONDON
from londonpump.features.context import NAMES, UNITS, ContextSnapshot, ContextTables, ContextValue
from londonpump.features.context import context_at as context_of_tables
from londonpump.persistence.embedded_database import database_exists

if TYPE_CHECKING:
    from londonpump.models.bundle import Bundle
    from londonpump.persistence.database import Engine

Columns = dict[str, NDArray[Any]]


class ContextStore:
    """Reader of the context in the database `url`."""

    def __init__(self, url: str) -> None:
        self.problem: str | None = None  # why the database could not be read
        self._url = url
        self._is_there = database_exists(url)
        self._engine: Engine | None = None

    def columns(self, at_us: NDArray[np.int64]) -> Columns:
        """Return the context at (n,) timestamps by column; empty if there is no database to read."""
        if not self._is_there:
            return {}
        from londonpump.persistence.repositories.context import context_columns  # noqa: PLC0415

        try:
            return context_columns(self._opened(), at_us)
        except DatabaseFailed as error:
            self._give_up(error)
            return {}

    def read_context(self, at: datetime) -> ContextSnapshot | None:
        """Return the context at one time with sources and ages; None if there is no database to read."""
        if not self._is_there:
            return None
        from londonpump.persistence.repositories.context import context_at  # noqa: PLC0415

        try:
            return context_at(self._opened(), at)
        except DatabaseFailed as error:
            self._give_up(error)
            return None

    def close(self) -> None:
        """Close the connections."""
        if self._engine is not None:
            self._engine.dispose()

    def _opened(self) -> "Engine":
        from londonpump.persistence.database import open_read_only  # noqa: PLC0415

        if self._engine is None:
            self._engine = open_read_only(self._url)
        return self._engine

    def _give_up(self, error: DatabaseFailed) -> None:
        # One failure is enough: a database that is down must not delay every further row.
        self.problem, self._is_there = str(error), False


def read_known_context(bundle: "Bundle", columns: Columns, store: ContextStore | None) -> Columns:
    """Return the stored context of calls by column; empty if the bundle does not read context."""
    if store is None or not bundle.response.context.takes:
        return {}
    return store.columns(columns["mobilised_us"])


MINUTES_PER_HOUR, TWO_HOURS_MIN, TWO_DAYS_H = 60, 120, 48


def read_context(database: str, at: datetime) -> ContextSnapshot:
    """Return the context at a time; without a database, only what follows from the calendar.

    Raises: DatabaseFailed if the database exists and cannot be read.
    """
    if not database_exists(database):
        return context_of_tables(ContextTables.of(), at)
    from londonpump.persistence.database import open_database  # noqa: PLC0415
    from londonpump.persistence.repositories.context import context_at  # noqa: PLC0415

    engine = open_database(database)
    try:
        return context_at(engine, at)
    finally:
        engine.dispose()


def format_context_at(known: ContextSnapshot) -> str:
    """Format one line per value with unit, source and age, then the missing values and the command that adds them."""
    at = known.at.astimezone(UTC)
    lines = [f"Context at {at:%Y-%m-%d %H:%M} UTC ({at.astimezone(LONDON):%H:%M} in London)"]
    lines += [
        f"  {NAMES[one.name]:<15} {_value(one):<16} {_origin(one, at)}".rstrip() for one in known.values
    ]
    lines += [f"Missing: {text}" for text in known.missing]
    if known.missing:
        lines.append(
            "To add weather: londonpump refresh context --since DATE; to add holidays by hand: londonpump calendar import FILE"
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
    """Format source, hour and age: `open_meteo_forecast, of 11:00 UTC, known for 14 min`."""
    if one.value is None or one.observed_at is None:
        return one.source or ""
    age_min = one.age_min(at)
    age = "" if age_min is None else f", known for {_span(age_min)}"
    before = ", used to fill a gap" if one.is_imputed else ""
    return f"{one.source}, of {one.observed_at:%H:%M} UTC{age}{before}"


def _span(minutes: float) -> str:
    if minutes < TWO_HOURS_MIN:
        return f"{minutes:.0f} min"
    hours = minutes / MINUTES_PER_HOUR
    return f"{hours:.0f} h" if hours < TWO_DAYS_H else f"{hours / 24:.0f} days"
