"""Cache of the board in this process.

A request reads only the version of the board, and its rows if the version has changed. If the database is slow, the
cached board is used for up to a minute. Changes that this process accepted count in all its later responses, even if no
board can be read: a pump that was just mobilised here must not be recommended again.

SQLite's own `PRAGMA data_version` cannot be the version, because every stored prediction changes it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from londonpump.domain.errors import DatabaseFailed
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.mobilisations import StoredBoard, read_board
from londonpump.service.state import Services

T = TypeVar("T")
# CLOCK_MONOTONIC stops during a suspend, after which an old board would look fresh
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
READ_LATER_WITHIN_S = 5.0
"""Limit for reads that no request waits for: at the start, and after a read that was too slow."""


def seconds() -> float:
    """Return the time of a monotonic clock that also runs while the machine is suspended, if the system has one."""
    return time.clock_gettime(_CLOCK)


@dataclass(frozen=True, slots=True)
class BoardLimits:
    """Limits of the cached board, in s."""

    use_for_s: float = 60.0
    """Age after which an unverified board is not used any more."""
    warn_after_s: float = 5.0
    """Age from which responses contain a warning."""
    read_whole_after_s: float = 5.0
    """Rows are read again after this time even if the version is the same: a database can be edited by hand or restored."""
    now_s: Callable[[], float] = seconds


@dataclass(frozen=True, slots=True)
class CachedBoard:
    """Cached board for one response."""

    rows: StoredBoard | None
    """None if nothing is known."""
    verified_s: float | None
    """When the board last matched the database. None: it holds only changes that this process accepted."""


class BoardCache:
    """Cache of one process. Call its methods from the event loop."""

    def __init__(self, limits: BoardLimits) -> None:
        self.limits = limits
        self.revision = 0
        """Incremented when another board is stored."""
        self._rows: StoredBoard | None = None
        self._verified_s = self._taken_s = self._read_whole_s = 0.0
        self._changed_here: frozenset[str] = frozenset()
        self._reading_later: asyncio.Task[None] | None = None

    def verify(self, version: int, began_s: float, now: datetime) -> bool:
        """Note a version of the board that was read together with something else. Returns: whether the cached board has it.

        False if the board must be read: it has changed, or is due to be read as a whole.
        """
        cached = self._rows
        if (
            cached is None
            or cached.version != version
            or cached.read_at > now
            or began_s - self._read_whole_s >= self.limits.read_whole_after_s
        ):
            return False
        self._store(cached, began_s, is_read_whole=False)
        return True

    async def read(self, state: Services, now: datetime, within_s: float) -> bool:
        """Verify the cached board or read it again. Returns: whether the database answered in time."""
        # the age counts from before the read: the board can change while it is being read
        began_s, cached = self.limits.now_s(), self._rows
        if began_s - self._read_whole_s >= self.limits.read_whole_after_s:
            cached = None
        try:
            found = await state.store.read(lambda c: read_board(c, now, cached), within_s=within_s)
        except DatabaseFailed:
            # the request uses the cached board; a patient read in the background refreshes it for the next ones
            self._read_later(state)
            return False
        self._store(found, began_s, is_read_whole=found is not cached)
        return True

    async def change(
        self,
        state: Services,
        work: Callable[[Connection], T],
        pumps_of: Callable[[T], Iterable[str]],
        *,
        within_s: float | None = None,
    ) -> T:
        """Change the board in one transaction, and cache the resulting board.

        pumps_of: returns the pump codes of an outcome of `work`. within_s: replaces the store's patience.
        Raises: the errors of the store's write and of `work`.
        """
        began_s, now = self.limits.now_s(), state.clock()
        # the board is read inside the transaction, so that no request after it sees a board without this change
        outcome, board_after = await state.store.write(
            lambda c: (work(c), read_board(c, now)), within_s=within_s
        )
        self._changed_here |= frozenset(pumps_of(outcome))
        self._store(board_after, began_s, is_read_whole=True)
        return outcome

    def read_cached(self) -> CachedBoard:
        """Return the board for a response."""
        if self._rows is None:
            return CachedBoard(None, None)
        if self.limits.now_s() - self._verified_s <= self.limits.use_for_s:
            return CachedBoard(self._rows, self._verified_s)
        # too old to trust, except for the pumps that were changed through this process
        own = tuple(row for row in self._rows.pumps if row.code in self._changed_here)
        return CachedBoard(replace(self._rows, pumps=own, recent=()), None)

    async def close(self) -> None:
        """Cancel a running background read."""
        if self._reading_later is not None:
            self._reading_later.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading_later

    def _store(self, rows: StoredBoard, began_s: float, *, is_read_whole: bool) -> None:
        """Store a board, unless a newer one was stored since its read began.

        Any other older version means that the database was restored, so it is stored.
        """
        cached = self._rows
        # reads run concurrently and can end out of order
        if cached is not None and rows.version < cached.version and began_s <= self._taken_s:
            return
        if rows is not cached:
            self.revision += 1
        self._rows, self._taken_s = rows, self.limits.now_s()
        self._verified_s = max(self._verified_s, began_s)
        if is_read_whole:
            self._read_whole_s = began_s

    def _read_later(self, state: Services) -> None:
        if self._reading_later is None or self._reading_later.done():
            self._reading_later = asyncio.create_task(
                self._read_in_background(state), name="the board, again"
            )

    async def _read_in_background(self, state: Services) -> None:
        began_s, now = self.limits.now_s(), state.clock()
        with suppress(DatabaseFailed):
            found = await state.store.read(lambda c: read_board(c, now), within_s=READ_LATER_WITHIN_S)
            self._store(found, began_s, is_read_whole=True)


@asynccontextmanager
async def board_lifespan(state: Services) -> AsyncIterator[None]:
    """Provide the board cache inside the block, filled before the first request."""
    state.board = BoardCache(state.options.board_limits or BoardLimits())
    await state.board.read(state, state.clock(), READ_LATER_WITHIN_S)
    try:
        yield
    finally:
        await state.board.close()
