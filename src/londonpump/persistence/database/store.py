"""The database as the service uses it: `write` and `read` run a function of a connection in one transaction.

The same functions serve both engines, on threads of our own with persistent connections. On SQLite one thread writes,
and writes that wait together share one commit. Work that is not done within its time limit is never committed, so a
rejected request has stored nothing.

PostgreSQL is served by threads too, not by an async driver. CPU per transaction of one statement, in microseconds: 113
to 225 per read and 137 to 336 per write here; 296 and 262 to 324 with SQLAlchemy's async engine on psycopg, 216 to 220
and 200 to 252 on asyncpg. That gain does not justify two more libraries and a second implementation.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeVar

from sqlalchemy import Connection, Engine

from londonpump.persistence.database.schema_version import open_database
from londonpump.persistence.database.worker_queues import (
    TIMED_OUT,
    Busy,
    Job,
    WorkerQueue,
    start_readers,
    start_writers,
)

__all__ = ["Busy", "Store", "StoreLimits"]

T = TypeVar("T")
# Short reads return at once, and more threads would only compete for the lock of the interpreter.
SQLITE_READERS = 1


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Numbers of threads, each with one connection, and limits of waiting."""

    readers: int = 4
    """SQLite uses `SQLITE_READERS`."""
    long_readers: int = 2
    """Threads for long reads, so that no short read waits behind them."""
    writers: int = 4
    """SQLite uses one."""
    waiting: int = 256
    """Maximum number of calls that wait in each queue."""
    patience_s: float = 0.08
    """How long a call may take to its commit or result, including the wait for a thread."""


class Store:
    """The queues of one database. Its methods belong to the event loop; `engine` is for work in other threads."""

    def __init__(self, engine: Engine, limits: StoreLimits | None = None) -> None:
        self.engine = engine
        self.limits = limits or StoreLimits()
        limits, is_sqlite = self.limits, engine.dialect.name == "sqlite"
        readers = min(limits.readers, SQLITE_READERS) if is_sqlite else limits.readers
        self._writing: WorkerQueue = start_writers(engine, 1 if is_sqlite else limits.writers, limits.waiting)
        self._reading: WorkerQueue = start_readers(engine, readers, limits.waiting)
        self._reading_long: WorkerQueue = start_readers(engine, limits.long_readers, limits.waiting)

    @classmethod
    def open(cls, url: str, limits: StoreLimits | None = None) -> Self:
        """Open the store of an address. An embedded SQLite is created and upgraded here. Raises: DatabaseFailed."""
        return cls(open_database(url), limits)

    async def write(self, work: Callable[[Connection], T], *, within_s: float | None = None) -> T:
        """Run `work` in a transaction of its own and return its result after the commit.

        An error in `work` rolls it back and is raised here. `work` must change nothing but the database, because it runs
        again if the connection is lost before the commit.
        Args: within_s: replaces the patience of the store.
        Raises: Busy if it is not done in time; nothing was stored then. DatabaseFailed.
        """
        return await self._run(self._writing, Job(work, asyncio.get_running_loop()), within_s)

    async def read(
        self, work: Callable[[Connection], T], *, within_s: float | None = None, is_long: bool = False
    ) -> T:
        """Run `work` on a snapshot of the database.

        Args: within_s: replaces the patience of the store. is_long: use the threads for long reads, as every call with a
        longer `within_s` does.
        Raises: Busy if there is no result in time. DatabaseFailed.
        """
        job = Job(work, asyncio.get_running_loop(), is_abandonable=True)
        is_long = is_long or (within_s is not None and within_s > self.limits.patience_s)
        return await self._run(self._reading_long if is_long else self._reading, job, within_s)

    async def close(self) -> None:
        """Finish the accepted calls, then end the threads and close the connections."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writing.close()
        self._reading.close()
        self._reading_long.close()
        self.engine.dispose()

    async def _run(self, worker_queue: WorkerQueue, job: Job[T], within_s: float | None) -> T:
        patience_s = self.limits.patience_s if within_s is None else within_s
        if patience_s <= 0:
            raise Busy(TIMED_OUT)
        worker_queue.take(job)
        timer = job.loop.call_later(patience_s, job.give_up)
        try:
            return await job.answer
        finally:
            timer.cancel()
            # also if the caller was cancelled: its work must not be stored later
            job.withdraw()
