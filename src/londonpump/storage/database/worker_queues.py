"""Threads that run jobs on the database, each with one connection that it keeps.

A kept connection saves the pool's work on every call; one that was lost is found out by the first statement,
and the job is run once more on a new one, as long as its commit had not been sent.
"""

from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from londonpump.storage.database.engine import READ_ONLY
from londonpump.storage.database.errors import database_error
from londonpump.storage.database.jobs import Busy, Job, deliver
from londonpump.storage.database.persistent_connection import PersistentConnection

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
