"""What the database knows of the moments of calls, as far as there is a database and it can be read.

Answering goes on without: nothing here fails, and nothing makes a database. What was wrong is kept in words.
The libraries of the database are loaded only where there is one: that takes longer than an answer.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import DatabaseFailed
from londonpump.features.context import ContextSnapshot
from londonpump.storage.embedded_database import database_exists

if TYPE_CHECKING:
    from sqlalchemy import Engine

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
