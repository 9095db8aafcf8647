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

from londonpump.storage.database.schema_version import open_database
from londonpump.storage.database.worker_queues import (
    TIMED_OUT,
    Busy,
    Job,
    WorkerQueue,
    start_readers,
    start_writers,
)

__all__ = ["Busy", "Store", "StoreLimits"]

T = TypeVar("T")
SQLITE_READERS = 1


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """readers, writers: threads, and connections. SQLite writes with one, and answers short reads with one: they are
    there at once, and more threads only take the interpreter's lock from each other. long_readers: for answers known to
    be long, so that no others wait for them. waiting: calls that may wait for each.
    patience_s: how long a call may take to its commit or its answer, waiting for its turn included."""

    readers: int = 4
    long_readers: int = 2
    writers: int = 4
    waiting: int = 256
    patience_s: float = 0.08


class Store:
    """The lanes of one database. Its methods are for the event loop; `engine` is for work outside it."""

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
        """The store of an address; the embedded SQLite is made and upgraded here. Raises: DatabaseFailed."""
        return cls(open_database(url), limits)

    async def write(self, work: Callable[[Connection], T], *, within_s: float | None = None) -> T:
        """Run `work` in a transaction of its own; what it returns is given once it is stored.

        An error out of `work` undoes it and comes out here. `work` may be run again where the connection was lost
        before the commit, so it changes nothing but the database.
        within_s: instead of the store's patience. Raises: Busy if it is not done in time: nothing was stored.
        DatabaseFailed.
        """
        return await self._run(self._writing, Job(work, asyncio.get_running_loop()), within_s)

    async def read(
        self, work: Callable[[Connection], T], *, within_s: float | None = None, is_long: bool = False
    ) -> T:
        """Run `work` on a view of the database that does not change meanwhile.

        within_s: for an answer known to be long, instead of the store's patience. is_long: run it where no short read
        waits for it, as is done for all that may take longer than the store's patience.
        Raises: Busy if there is no answer in time. DatabaseFailed.
        """
        job = Job(work, asyncio.get_running_loop(), is_abandonable=True)
        is_long = is_long or (within_s is not None and within_s > self.limits.patience_s)
        return await self._run(self._reading_long if is_long else self._reading, job, within_s)

    async def close(self) -> None:
        """Finish what was accepted, then end the threads and the connections."""
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
            job.withdraw()
