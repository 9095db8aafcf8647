"""The board as this process knows it: the last one that was read, how old it is, and what the process itself accepted.

A question asks the database only for the version of the board and reads the rows anew when that has changed. Where the
database is late the last board is used, for a minute. What this process accepted counts in every answer after it, also
when no board can be read any more: nobody may be sent a pump that has just been mobilised here.

SQLite's own `PRAGMA data_version` is no key: every prediction that is stored changes it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from londonpump.domain.errors import DatabaseFailed
from londonpump.service.board.repository import StoredBoard, read_board
from londonpump.service.state import ServiceState

T = TypeVar("T")
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
READ_LATER_WITHIN_S = 5.0
"""For reading the board when nobody waits for it: at the start, and after a read that came too late."""


def seconds() -> float:
    """A clock that nobody sets back, and that goes on while the machine is suspended, where there is such a clock."""
    return time.clock_gettime(_CLOCK)


@dataclass(frozen=True, slots=True)
class BoardLimits:
    """Bounds of the kept board, in s."""

    use_for_s: float = 60.0
    """A board that could not be verified for longer is not used."""
    warn_after_s: float = 5.0
    """From this age on an answer warns of it."""
    read_whole_after_s: float = 5.0
    """Rows are read again after this time whatever the version says: a database can be repaired by hand or restored."""
    now_s: Callable[[], float] = seconds


@dataclass(frozen=True, slots=True)
class CachedBoard:
    """The board for an answer."""

    rows: StoredBoard | None
    """None where nothing is known at all."""
    verified_s: float | None
    """When it was last known to be that of the database. None: it holds what this process accepted, and no more."""


class BoardCache:
    """One per process. Its methods are for the event loop."""

    def __init__(self, limits: BoardLimits) -> None:
        self.limits = limits
        self.revision = 0
        """One more whenever another board is kept."""
        self._rows: StoredBoard | None = None
        self._verified_s = self._taken_s = self._read_whole_s = 0.0
        self._changed_here: frozenset[str] = frozenset()
        self._reading_later: asyncio.Task[None] | None = None

    async def read(self, state: ServiceState, now: datetime, within_s: float) -> bool:
        """Verify what is kept, or read it anew. Returns: whether the database answered in time."""
        began_s, cached = self.limits.now_s(), self._rows
        if began_s - self._read_whole_s >= self.limits.read_whole_after_s:
            cached = None
        try:
            found = await state.store.read(lambda c: read_board(c, now, cached), within_s=within_s)
        except DatabaseFailed:
            self._read_later(state)
            return False
        self._store(found, began_s, is_read_whole=found is not cached)
        return True

    async def change(
        self,
        state: ServiceState,
        work: Callable[[Connection], T],
        pumps_of: Callable[[T], Iterable[str]],
        *,
        within_s: float | None = None,
    ) -> T:
        """Change the board in one transaction, and know the board that it leaves as soon as it is stored.

        pumps_of: the codes of the pumps that an outcome of `work` is about. within_s: instead of the store's patience.
        Raises: as the store's write, and as `work`.
        """
        began_s, now = self.limits.now_s(), state.clock()
        outcome, board_after = await state.store.write(
            lambda c: (work(c), read_board(c, now)), within_s=within_s
        )
        self._changed_here |= frozenset(pumps_of(outcome))
        self._store(board_after, began_s, is_read_whole=True)
        return outcome

    def read_cached(self) -> CachedBoard:
        """The board for an answer of this moment."""
        if self._rows is None:
            return CachedBoard(None, None)
        if self.limits.now_s() - self._verified_s <= self.limits.use_for_s:
            return CachedBoard(self._rows, self._verified_s)
        own = tuple(row for row in self._rows.pumps if row.code in self._changed_here)
        return CachedBoard(replace(self._rows, pumps=own, recent=()), None)

    async def close(self) -> None:
        """End a read that nobody waits for."""
        if self._reading_later is not None:
            self._reading_later.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading_later

    def _store(self, rows: StoredBoard, began_s: float, *, is_read_whole: bool) -> None:
        """Keep a board, unless a newer one was kept since its read began. A version that is older otherwise belongs to a
        database that was restored."""
        cached = self._rows
        if cached is not None and rows.version < cached.version and began_s <= self._taken_s:
            return
        if rows is not cached:
            self.revision += 1
        self._rows, self._taken_s = rows, self.limits.now_s()
        self._verified_s = max(self._verified_s, began_s)
        if is_read_whole:
            self._read_whole_s = began_s

    def _read_later(self, state: ServiceState) -> None:
        if self._reading_later is None or self._reading_later.done():
            self._reading_later = asyncio.create_task(
                self._read_in_background(state), name="the board, again"
            )

    async def _read_in_background(self, state: ServiceState) -> None:
        began_s, now = self.limits.now_s(), state.clock()
        with suppress(DatabaseFailed):
            found = await state.store.read(lambda c: read_board(c, now), within_s=READ_LATER_WITHIN_S)
            self._store(found, began_s, is_read_whole=True)


@asynccontextmanager
async def board_lifespan(state: ServiceState) -> AsyncIterator[None]:
    """Keep the board for all requests, read before the first of them."""
    cached = BoardCache(state.option(BoardLimits, BoardLimits))
    state.keep(cached)
    await cached.read(state, state.clock(), READ_LATER_WITHIN_S)
    try:
        yield
    finally:
        await cached.close()
