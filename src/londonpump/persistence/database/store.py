"""The database as the service uses it: `write` and `read` run a function of a connection in one transaction.

The same functions serve both engines, on threads of our own (decision 23) with persistent connections, which save the
work of the pool on every call. On SQLite one thread writes, and writes that wait together share one commit.

A job is withdrawn by the event loop, or its thread begins the commit, whichever comes first. A rejected request has
therefore stored nothing, however late the database continues.

    Job          waiting ──► running ──begin_commit──► committing ──► done: result or error
                    │           │                          └─ out of time ─► COMMIT_TIMEOUT_S more ─► outcome unknown
                    └─ withdraw ┴─► rejected: Busy, or the caller was cancelled; the work is rolled back

    Connection   closed ──open──► idle ──begin──► in a transaction ──commit or rollback──► idle
                    ▲                                    │
                    └── lost, or its commit failed ──────┘   a job that lost it before its commit runs once more
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, Generic, Self, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from londonpump.domain.errors import DatabaseFailed
from londonpump.persistence.database.engine import database_error, database_name, read_options
from londonpump.persistence.database.schema_version import open_database

T = TypeVar("T")
# Short reads return at once, and more threads would only compete for the lock of the interpreter.
SQLITE_READERS = 1
# How long to wait for the outcome of a commit that was sent, because it may have been stored.
COMMIT_TIMEOUT_S = 5.0
OUTCOME_UNKNOWN = (
    "The database did not confirm whether it stored this. Check whether it is there before you send it again."
)
TIMED_OUT = "The database did not answer in time. Try again in a moment."
# Maximum number of writes in one commit: one wait for the disk serves them all.
MAX_WRITES_PER_COMMIT = 64
# Milliseconds that SQLite waits for a write of another process before we check which callers still wait.
SQLITE_BOUNDS = ("PRAGMA busy_timeout = 20",)
# Statements that nobody waits for any more end after these times, which frees their thread.
POSTGRESQL_BOUNDS = ("SET lock_timeout = '1s'", "SET statement_timeout = '30s'")


class Busy(DatabaseFailed):
    """The database exists but does not answer in time. Nothing was stored; retrying soon may help."""

    retry_after_s = 1

    def __init__(self, message: str) -> None:
        super().__init__(message, message)


@dataclass(slots=True, eq=False)
class Job(Generic[T]):
    """A function of a connection, and the future of its result."""

    work: Callable[[Connection], T]
    loop: asyncio.AbstractEventLoop
    is_abandonable: bool = False
    """Whether the job stores nothing (a read)."""
    answer: asyncio.Future[T] = field(init=False)
    is_delivered: bool = False
    _lock: Lock = field(default_factory=Lock)
    _is_committing: bool = False
    _is_withdrawn: bool = False

    def __post_init__(self) -> None:
        """Create the future of the result."""
        self.answer = self.loop.create_future()

    def begin_commit(self) -> bool:
        """Return whether the job may commit. Its outcome is then awaited. Called by a thread of the queue."""
        # the lock decides between `withdraw` and this method, which run in different threads
        with self._lock:
            self._is_committing = not self._is_withdrawn
            return self._is_committing

    def withdraw(self) -> bool:
        """Return whether the job can no longer be stored. Called by the event loop."""
        with self._lock:
            self._is_withdrawn = not self._is_committing
            return self._is_withdrawn

    @property
    def is_awaited(self) -> bool:
        """True while a caller waits for the result."""
        return not self._is_withdrawn

    def give_up(self) -> None:
        """Reject a job whose time is over.

        A write that is committing may be stored already, so its outcome is awaited a little longer. A job that is done,
        but not yet seen by a busy event loop, is not rejected.
        """
        if self.answer.done() or self.is_delivered:
            return
        if self.withdraw() or self.is_abandonable:
            self.answer.set_exception(Busy(TIMED_OUT))
        else:
            self.loop.call_later(COMMIT_TIMEOUT_S, self._fail_as_unknown)

    def _fail_as_unknown(self) -> None:
        if not self.answer.done():
            self.answer.set_exception(DatabaseFailed(OUTCOME_UNKNOWN, OUTCOME_UNKNOWN))

    def settle(self, outcome: T | BaseException) -> None:
        """Set the result if a caller still waits for it. Called by the event loop."""
        if self.answer.done():
            return
        if isinstance(outcome, BaseException):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


def deliver(outcomes: Iterable[tuple[Job[Any], Any]]) -> None:
    """Settle jobs of one event loop from a thread of the queue, waking the loop once."""
    delivered = list(outcomes)
    if not delivered:
        return
    for job, _ in delivered:
        job.is_delivered = True
    loop = delivered[0][0].loop
    if not loop.is_closed():
        loop.call_soon_threadsafe(_settle_all, delivered)


def _settle_all(delivered: list[tuple[Job[Any], Any]]) -> None:
    for job, outcome in delivered:
        job.settle(outcome)


class PersistentConnection:
    """A connection for one thread, opened when first needed and reopened after it was lost."""

    def __init__(self, engine: Engine, options: Mapping[str, Any], setup: Sequence[str]) -> None:
        """Args: setup: statements that are run on each connection that was just opened."""
        self._engine, self._options, self._setup = engine, options, setup
        self._connection: Connection | None = None

    def run(self, work: Callable[[Connection], T], while_awaited: Callable[[], bool] = lambda: True) -> T:
        """Run `work` in one transaction. A lost connection is reopened once, unless the commit was sent.

        Args: while_awaited: checked between attempts while another process holds the file.
        Raises: DBAPIError. DatabaseFailed if it is unknown whether the commit arrived.
        """
        is_fresh = self._connection is None
        try:
            return self._run_once(work, while_awaited)
        except DBAPIError as error:
            if not error.connection_invalidated or is_fresh:
                raise
        return self._run_once(work, while_awaited)

    def drop(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _run_once(self, work: Callable[[Connection], T], while_awaited: Callable[[], bool]) -> T:
        connection = self._open()
        # The connection is kept only where its state is known: after a commit, or after a rollback that worked. A
        # COMMIT that fails on a full disk leaves its transaction open, and no other could begin on that connection.
        is_settled = False
        try:
            transaction = _begin_when_unlocked(connection, while_awaited)
            try:
                answer = work(connection)
            except BaseException as error:
                transaction.rollback()
                is_settled = not (isinstance(error, DBAPIError) and error.connection_invalidated)
                raise
            self._commit(transaction)
            is_settled = True
        finally:
            if not is_settled:
                self._invalidate()
        return answer

    def _commit(self, transaction: Any) -> None:
        try:
            transaction.commit()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            problem = "was lost during the commit. Check whether the data is there before you send it again."
            raise DatabaseFailed(
                f"The database {database_name(self._engine.url)} {problem}", f"The database {problem}"
            ) from None

    def _open(self) -> Connection:
        if self._connection is None:
            connection = self._engine.connect()
            try:
                driver: Any = connection.connection.driver_connection
                for statement in self._setup:
                    driver.execute(statement)
                driver.commit()
                self._connection = connection.execution_options(**self._options)
            except BaseException:
                # otherwise the pool would hand out a connection that is only partly set up
                connection.invalidate()
                connection.close()
                raise
        return self._connection

    def _invalidate(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()


def _begin_when_unlocked(connection: Connection, while_awaited: Callable[[], bool]) -> Any:
    while True:
        try:
            return connection.begin()
        except OperationalError as error:
            if "locked" not in str(error.orig) or not while_awaited():
                raise


class WorkerQueue:
    """A bounded queue and the threads that serve it, each with its own connection."""

    def __init__(
        self,
        engine: Engine,
        threads: int,
        max_waiting: int,
        *,
        is_reading: bool = False,
    ) -> None:
        is_sqlite = engine.dialect.name == "sqlite"
        self._engine, self._max_waiting = engine, max_waiting
        self._jobs_per_commit = MAX_WRITES_PER_COMMIT if is_sqlite and not is_reading else 1
        self._options = read_options(engine) if is_reading else {}
        self._setup = POSTGRESQL_BOUNDS if not is_sqlite else () if is_reading else SQLITE_BOUNDS
        self._queue: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._is_closed = False
        self._threads = [Thread(target=self._serve, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def take(self, job: Job[Any]) -> None:
        """Accept a job from the event loop. Raises: Busy if too many jobs wait, or the queue is closed."""
        if self._is_closed:
            raise Busy("The service is stopping. Try again in a moment.")
        if self._queue.qsize() >= self._max_waiting:
            raise Busy("Too many requests wait for the database. Try again in a moment.")
        self._queue.put(job)

    def close(self, within_s: float = 5.0) -> None:
        """Run the accepted jobs, then end the threads. A thread that a dead server blocks is abandoned."""
        self._is_closed = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(within_s)

    def _serve(self) -> None:
        persistent = PersistentConnection(self._engine, self._options, self._setup)
        while jobs := self._next_jobs():
            _run(persistent, jobs, self._engine)
        persistent.drop()

    def _next_jobs(self) -> list[Job[Any]]:
        """Wait for a job and return it with those behind it. Empty when the thread must end."""
        first = self._queue.get()
        jobs = [] if first is None else [first]
        while jobs and len(jobs) < self._jobs_per_commit:
            try:
                job = self._queue.get_nowait()
            except Empty:
                break
            if job is None:
                # one None ends one thread: put it back, so that it ends this one after these jobs
                self._queue.put(None)
                break
            jobs.append(job)
        return jobs


def _run(persistent: PersistentConnection, jobs: list[Job[Any]], engine: Engine) -> None:
    """Run one job in a transaction of its own, or several with one commit, and deliver their outcomes."""
    if len(jobs) == 1 and not jobs[0].is_awaited:
        return
    outcomes: list[Any] = []

    def run_all(connection: Connection) -> None:
        if len(jobs) == 1:
            outcomes[:] = [_run_unless_withdrawn(jobs[0], connection)]
        else:
            outcomes[:] = [_run_in_savepoint(connection, job, engine) for job in jobs]

    try:
        persistent.run(run_all, while_awaited=lambda: any(job.is_awaited for job in jobs))
    except Exception as error:  # noqa: BLE001 - the caller must receive every failure
        outcomes = [_as_database_error(engine, error)] * len(jobs)
    deliver(zip(jobs, outcomes, strict=True))


def _run_in_savepoint(connection: Connection, job: Job[Any], engine: Engine) -> Any:
    """Run one job of a batch and return its outcome. The savepoint keeps its failure from undoing the others."""
    if not job.is_awaited:
        return _Withdrawn()
    part = connection.begin_nested()
    try:
        answer = _run_unless_withdrawn(job, connection)
    except Exception as error:
        driver: Any = connection.connection.driver_connection
        if not driver.in_transaction:
            # a full disk ends the whole transaction, not only this savepoint
            raise
        part.rollback()
        return _as_database_error(engine, error)
    part.commit()
    return answer


def _run_unless_withdrawn(job: Job[Any], connection: Connection) -> Any:
    answer = job.work(connection)
    if not job.is_abandonable and not job.begin_commit():
        raise _Withdrawn
    return answer


class _Withdrawn(Exception):
    """Rolls back work that no caller waits for any more; it is never shown."""


def _as_database_error(engine: Engine, error: Exception) -> Exception:
    if isinstance(error, DBAPIError):
        return database_error(engine.url, error)
    return error


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
        self._writing = WorkerQueue(engine, 1 if is_sqlite else limits.writers, limits.waiting)
        self._reading = WorkerQueue(engine, readers, limits.waiting, is_reading=True)
        self._reading_long = WorkerQueue(engine, limits.long_readers, limits.waiting, is_reading=True)

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
