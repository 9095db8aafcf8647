"""Threads that run jobs on the database, each with one persistent connection.

A persistent connection saves the work of the pool on every call. If it was lost, the first statement fails and the job
runs once more on a new connection, unless its commit had already been sent.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from londonpump.domain.errors import DatabaseFailed
from londonpump.persistence.database.engine import READ_ONLY, database_error, database_name

T = TypeVar("T")
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


class Job(Generic[T]):
    """A function of a connection, and the future of its result.

    Either the event loop withdraws a job or its thread begins the commit, whichever comes first. A rejected request has
    therefore stored nothing, however late the database continues. `is_abandonable`: the job stores nothing (a read).
    """

    __slots__ = (
        "_is_committing",
        "_is_withdrawn",
        "_lock",
        "answer",
        "is_abandonable",
        "is_delivered",
        "loop",
        "work",
    )

    def __init__(
        self,
        work: Callable[[Connection], T],
        loop: asyncio.AbstractEventLoop,
        *,
        is_abandonable: bool = False,
    ) -> None:
        self.work = work
        self.loop = loop
        self.answer: asyncio.Future[T] = loop.create_future()
        self.is_abandonable = is_abandonable
        self.is_delivered = False
        self._lock = Lock()
        self._is_committing = False
        self._is_withdrawn = False

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

    def __init__(
        self, engine: Engine, options: Mapping[str, Any], setup_statements: Sequence[str] = ()
    ) -> None:
        """Args: setup_statements: run on each connection that was just opened."""
        self._engine = engine
        self._options = options
        self._first = setup_statements
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
                for statement in self._first:
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


AnyJob = Job[Any]


class WorkerQueue:
    """A bounded queue and the threads that serve it."""

    def __init__(self, serve: Callable[["WorkerQueue"], None], threads: int, max_waiting: int) -> None:
        self._queue: SimpleQueue[AnyJob | None] = SimpleQueue()
        self._waiting = max_waiting
        self._threads = [Thread(target=serve, args=(self,), daemon=True) for _ in range(threads)]
        self._is_closed = False
        for thread in self._threads:
            thread.start()

    def take(self, job: AnyJob) -> None:
        """Accept a job from the event loop. Raises: Busy if too many jobs wait, or the queue is closed."""
        if self._is_closed:
            raise Busy("The service is stopping. Try again in a moment.")
        if self._queue.qsize() >= self._waiting:
            raise Busy("Too many requests wait for the database. Try again in a moment.")
        self._queue.put(job)

    def next_jobs(self, max_jobs: int) -> list[AnyJob]:
        """Wait for a job and return it with those behind it. Empty when the thread must end."""
        first = self._queue.get()
        jobs = [] if first is None else [first]
        while jobs and len(jobs) < max_jobs:
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

    def close(self, within_s: float = 5.0) -> None:
        """Run the accepted jobs, then end the threads. A thread that a dead server blocks is abandoned."""
        self._is_closed = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(within_s)


def start_readers(engine: Engine, threads: int, max_waiting: int) -> WorkerQueue:
    """Start threads that read."""
    options: dict[str, Any] = {READ_ONLY: True}
    first: tuple[str, ...] = ()
    if engine.dialect.name == "postgresql":
        first = POSTGRESQL_BOUNDS
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    def serve(worker_queue: WorkerQueue) -> None:
        persistent = PersistentConnection(engine, options, first)
        while jobs := worker_queue.next_jobs(1):
            _run_single(persistent, jobs[0], engine)
        persistent.drop()

    return WorkerQueue(serve, threads, max_waiting)


def start_writers(engine: Engine, threads: int, max_waiting: int) -> WorkerQueue:
    """Start threads that write. SQLite has one, which commits several jobs at once."""

    def serve_single(worker_queue: WorkerQueue) -> None:
        persistent = PersistentConnection(engine, {}, POSTGRESQL_BOUNDS)
        while jobs := worker_queue.next_jobs(1):
            _run_single(persistent, jobs[0], engine)
        persistent.drop()

    def serve_batches(worker_queue: WorkerQueue) -> None:
        persistent = PersistentConnection(engine, {}, SQLITE_BOUNDS)
        while jobs := worker_queue.next_jobs(MAX_WRITES_PER_COMMIT):
            _run_batch(persistent, jobs, engine)
        persistent.drop()

    is_batched = engine.dialect.name == "sqlite"
    return WorkerQueue(serve_batches if is_batched else serve_single, threads, max_waiting)


def _run_single(persistent: PersistentConnection, job: AnyJob, engine: Engine) -> None:
    if not job.is_awaited:
        return
    try:
        outcome = persistent.run(partial(_run_unless_withdrawn, job), while_awaited=lambda: job.is_awaited)
    except Exception as error:  # noqa: BLE001 - the caller must receive every failure
        outcome = _as_database_error(engine, error)
    deliver([(job, outcome)])


def _run_batch(persistent: PersistentConnection, jobs: list[AnyJob], engine: Engine) -> None:
    if len(jobs) == 1:
        _run_single(persistent, jobs[0], engine)
        return
    outcomes: list[Any] = []

    def run_all(connection: Connection) -> None:
        outcomes[:] = [_run_in_savepoint(connection, job, engine) for job in jobs]

    try:
        persistent.run(run_all, while_awaited=lambda: any(job.is_awaited for job in jobs))
    except Exception as error:  # noqa: BLE001
        outcomes = [_as_database_error(engine, error)] * len(jobs)
    deliver(zip(jobs, outcomes, strict=True))


def _run_in_savepoint(connection: Connection, job: AnyJob, engine: Engine) -> Any:
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


def _run_unless_withdrawn(job: AnyJob, connection: Connection) -> Any:
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
