"""Threads that run jobs on the database, each with one connection that it keeps.

A kept connection saves the pool's work on every call; one that was lost is found out by the first statement,
and the job is run once more on a new one, as long as its commit had not been sent.


One piece of work for the database: who waits for it, and whether it may still begin.

A connection that one thread keeps for all its transactions.
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
from londonpump.storage.database.engine import READ_ONLY, database_error, database_name

T = TypeVar("T")
COMMIT_TIMEOUT_S = 5.0
"""How long a commit that was sent is waited for: whether it arrived is worth knowing."""
OUTCOME_UNKNOWN = (
    "The database did not say whether it stored this. Look whether it is there before you send it again."
)
TIMED_OUT = "The database did not answer in time. Try again in a moment."


class Busy(DatabaseFailed):
    """The database is there but does not answer in time. Nothing was stored; asking again soon may help."""

    retry_after_s = 1

    def __init__(self, message: str) -> None:
        super().__init__(message, message)


class Job(Generic[T]):
    """A function of a connection, and the future that waits for its answer.

    Until its commit it can be withdrawn; then it is kept. Never both: whoever comes first. So a refusal means
    that nothing was stored, however long the database takes to wake up. may_be_left: nothing is stored (a read).
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
        """Whether it may be stored; from then on its outcome is waited for. Called by a lane's thread."""
        with self._lock:
            self._is_committing = not self._is_withdrawn
            return self._is_committing

    def withdraw(self) -> bool:
        """Whether it can never be stored now. Called by the event loop."""
        with self._lock:
            self._is_withdrawn = not self._is_committing
            return self._is_withdrawn

    @property
    def is_awaited(self) -> bool:
        """Whether anybody still waits for it."""
        return not self._is_withdrawn

    def give_up(self) -> None:
        """Its time is up. A write whose commit is under way is waited for a little: it may be stored already. One that
        is done is not refused because the event loop had no time to hear of it."""
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
        """Give the answer to the one who waits, if they still do. Called by the event loop."""
        if self.answer.done():
            return
        if isinstance(outcome, BaseException):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


def deliver(outcomes: Iterable[tuple[Job[Any], Any]]) -> None:
    """Settle jobs of one loop from a lane's thread, with one waking of the loop."""
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
    """Opened when it is first needed, and anew after it was lost. For one thread."""

    def __init__(
        self, engine: Engine, options: Mapping[str, Any], setup_statements: Sequence[str] = ()
    ) -> None:
        """first: statements for a connection that was just opened."""
        self._engine = engine
        self._options = options
        self._first = setup_statements
        self._connection: Connection | None = None

    def run(self, work: Callable[[Connection], T], while_awaited: Callable[[], bool] = lambda: True) -> T:
        """`work` in one transaction. A lost connection is opened anew, once, unless the commit was sent.

        while_wanted: asked between tries while another process holds the file.
        Raises: DBAPIError, DatabaseFailed if nobody can tell whether the commit arrived.
        """
        is_fresh = self._connection is None
        try:
            return self._run_once(work, while_awaited)
        except DBAPIError as error:
            if not error.connection_invalidated or is_fresh:
                raise
        return self._run_once(work, while_awaited)

    def drop(self) -> None:
        """Close it."""
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
            problem = "was lost while it stored. Look whether it is there before you send it again."
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
                # it would be lent out again half prepared
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
MAX_WRITES_PER_COMMIT = 64
"""How many writes share one commit at most."""
SQLITE_BOUNDS = ("PRAGMA busy_timeout = 20",)
"""ms that SQLite waits for another process's write before we look who still waits for us."""
POSTGRESQL_BOUNDS = ("SET lock_timeout = '1s'", "SET statement_timeout = '30s'")
"""What nobody waits for any more ends by itself, and its thread is free."""


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
        """Accept a job, from the event loop. Raises: Busy if too many wait already, or the lane is closed."""
        if self._is_closed:
            raise Busy("The service is stopping. Try again in a moment.")
        if self._queue.qsize() >= self._waiting:
            raise Busy("Too many requests wait for the database. Try again in a moment.")
        self._queue.put(job)

    def next_jobs(self, max_jobs: int) -> list[AnyJob]:
        """One job, and those that wait behind it. Empty when the lane is to end."""
        first = self._queue.get()
        jobs = [] if first is None else [first]
        while jobs and len(jobs) < max_jobs:
            try:
                job = self._queue.get_nowait()
            except Empty:
                break
            if job is None:
                self._queue.put(None)
                break
            jobs.append(job)
        return jobs

    def close(self, within_s: float = 5.0) -> None:
        """Serve what was accepted, then end. A thread that a dead server holds is left behind."""
        self._is_closed = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(within_s)


def start_readers(engine: Engine, threads: int, max_waiting: int) -> WorkerQueue:
    """Threads that read."""
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
    """Threads that write: one for SQLite, which commits for many at once."""

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
    except Exception as error:  # noqa: BLE001 - whatever it is, the one who waits must hear it
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
    """One job's outcome; its own failure undoes it alone."""
    if not job.is_awaited:
        return _Withdrawn()
    part = connection.begin_nested()
    try:
        answer = _run_unless_withdrawn(job, connection)
    except Exception as error:
        driver: Any = connection.connection.driver_connection
        if not driver.in_transaction:
            # a full disk ends the whole transaction, not this job's part alone
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
    """Undoes work that nobody waits for any more; nobody hears it."""


def _as_database_error(engine: Engine, error: Exception) -> Exception:
    if isinstance(error, DBAPIError):
        return database_error(engine.url, error)
    return error
