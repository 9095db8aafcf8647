"""Audit entries of predictions, written in batches by one task.

A prediction is stored before it is returned. Its audit entry follows within a second, or as soon as 100 entries wait.
A killed process loses the entries of that second, but no prediction; an ordered shutdown loses none. If the connection
breaks during a commit, entries can be written twice.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, Self, TypeVar

from sqlalchemy import Connection

from londonpump.domain.errors import DatabaseFailed
from londonpump.storage.database.audit_repository import append_audit

FLUSH_INTERVAL_S = 1.0
FLUSH_AT_ENTRIES = 100
MAX_WAITING = 10_000
FINAL_FLUSH_TIMEOUT_S = 5.0
"""The last write may take longer, because nothing else waits for the database then."""
EVENT_TYPE = "predictions"

T = TypeVar("T")


class WritableStore(Protocol):
    """The part of `store.Store` that the writer needs."""

    async def write(self, work: Callable[[Connection], T], *, within_s: float | None = None) -> T:
        """Run `work` in a transaction."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A prediction that was returned."""

    prediction_id: str
    user_id: str
    at: datetime
    digest: str
    """SHA-256 of what was stored."""

    def as_json(self) -> dict[str, str]:
        """Return the entry as the audit stores it."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        return {"id": self.prediction_id, "user": self.user_id, "at": at, "sha256": self.digest}


class AuditBatch:
    """A batch of audit entries: add entries inside `async with`; leaving the block writes the rest."""

    def __init__(
        self, store: WritableStore, clock: Callable[[], datetime], interval_s: float = FLUSH_INTERVAL_S
    ) -> None:
        self._store, self._clock, self._every_s = store, clock, interval_s
        self._waiting: list[Entry] = []
        self._n_in_flight = 0
        self._due = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._is_ending = False

    async def __aenter__(self) -> Self:
        """Start the task that writes."""
        self._writer = asyncio.create_task(self._flush_loop(), name="audit of predictions")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the task and write the entries that wait. Raises: DatabaseFailed if that fails."""
        # not cancelled, because a write that has started would be repeated
        self._is_ending = True
        self._due.set()
        if self._writer is not None:
            await self._writer
        await self.flush(FINAL_FLUSH_TIMEOUT_S)

    @property
    def n_waiting(self) -> int:
        """Number of entries that are not in the database yet."""
        return len(self._waiting) + self._n_in_flight

    def add(self, prediction_id: str, user_id: str, at: datetime, digest: str) -> None:
        """Add the entry of a stored prediction. Raises: DatabaseFailed if too many entries wait."""
        if self.n_waiting >= MAX_WAITING:
            raise DatabaseFailed("The audit of predictions cannot be written. Check the database.")
        self._waiting.append(Entry(prediction_id, user_id, at, digest))
        if len(self._waiting) >= FLUSH_AT_ENTRIES:
            self._due.set()

    @property
    def waiting(self) -> tuple[Entry, ...]:
        """Entries that no write has taken yet."""
        return tuple(self._waiting)

    async def flush(self, within_s: float | None = None) -> None:
        """Write the entries that wait. If that fails they wait for the next write. Raises: as `Store.write`."""
        taken, self._waiting = self._waiting, []
        if not taken:
            return
        self._n_in_flight = len(taken)
        at = self._clock()
        about: dict[str, Any] = {"n": len(taken), "entries": [entry.as_json() for entry in taken]}
        try:
            await self._store.write(
                lambda connection: append_audit(connection, at, EVENT_TYPE, None, about), within_s=within_s
            )
        except BaseException:
            self._waiting = taken + self._waiting
            raise
        finally:
            self._n_in_flight = 0

    async def _flush_loop(self) -> None:
        while not self._is_ending:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), self._every_s)
            self._due.clear()
            # every failure is retried: if the task ended here, later predictions would have no audit until a restart
            with suppress(Exception):
                await self.flush()
