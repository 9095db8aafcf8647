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

from londonpump.storage.database.engine import READS_ONLY
from londonpump.storage.database.failures import failure_of
from londonpump.storage.database.jobs import Busy, Job, tell
from londonpump.storage.database.kept import KeptConnection

AnyJob = Job[Any]
TOGETHER = 64
"""How many writes share one commit at most."""
SQLITE_BOUNDS = ("PRAGMA busy_timeout = 20",)
"""ms that SQLite waits for another process's write before we look who still waits for us."""
POSTGRESQL_BOUNDS = ("SET lock_timeout = '1s'", "SET statement_timeout = '30s'")
"""What nobody waits for any more ends by itself, and its thread is free."""


class Lane:
    """A bounded queue and the threads that serve it."""

    def __init__(self, serve: Callable[["Lane"], None], threads: int, waiting: int) -> None:
        self._queue: SimpleQueue[AnyJob | None] = SimpleQueue()
        self._waiting = waiting
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

    def next_jobs(self, at_most: int) -> list[AnyJob]:
        """One job, and those that wait behind it. Empty when the lane is to end."""
        first = self._queue.get()
        jobs = [] if first is None else [first]
        while jobs and len(jobs) < at_most:
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


def reading_lane(engine: Engine, threads: int, waiting: int) -> Lane:
    """Threads that read."""
    options: dict[str, Any] = {READS_ONLY: True}
    first: tuple[str, ...] = ()
    if engine.dialect.name == "postgresql":
        first = POSTGRESQL_BOUNDS
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    def serve(lane: Lane) -> None:
        kept = KeptConnection(engine, options, first)
        while jobs := lane.next_jobs(1):
            _run_alone(kept, jobs[0], engine)
        kept.drop()

    return Lane(serve, threads, waiting)


def writing_lane(engine: Engine, threads: int, waiting: int) -> Lane:
    """Threads that write: one for SQLite, which commits for many at once."""

    def serve_alone(lane: Lane) -> None:
        kept = KeptConnection(engine, {}, POSTGRESQL_BOUNDS)
        while jobs := lane.next_jobs(1):
            _run_alone(kept, jobs[0], engine)
        kept.drop()

    def serve_together(lane: Lane) -> None:
        kept = KeptConnection(engine, {}, SQLITE_BOUNDS)
        while jobs := lane.next_jobs(TOGETHER):
            _run_together(kept, jobs, engine)
        kept.drop()

    together = engine.dialect.name == "sqlite"
    return Lane(serve_together if together else serve_alone, threads, waiting)


def _run_alone(kept: KeptConnection, job: AnyJob, engine: Engine) -> None:
    if not job.is_wanted:
        return
    try:
        outcome = kept.run(partial(_unless_withdrawn, job), while_wanted=lambda: job.is_wanted)
    except Exception as error:  # noqa: BLE001 - whatever it is, the one who waits must hear it
        outcome = _in_words(engine, error)
    tell([(job, outcome)])


def _run_together(kept: KeptConnection, jobs: list[AnyJob], engine: Engine) -> None:
    if len(jobs) == 1:
        _run_alone(kept, jobs[0], engine)
        return
    outcomes: list[Any] = []

    def all_of_them(connection: Connection) -> None:
        outcomes[:] = [_one_of(connection, job, engine) for job in jobs]

    try:
        kept.run(all_of_them, while_wanted=lambda: any(job.is_wanted for job in jobs))
    except Exception as error:  # noqa: BLE001
        outcomes = [_in_words(engine, error)] * len(jobs)
    tell(zip(jobs, outcomes, strict=True))


def _one_of(connection: Connection, job: AnyJob, engine: Engine) -> Any:
    """One job's outcome; its own failure undoes it alone."""
    if not job.is_wanted:
        return _Withdrawn()
    part = connection.begin_nested()
    try:
        answer = _unless_withdrawn(job, connection)
    except Exception as error:
        driver: Any = connection.connection.driver_connection
        if not driver.in_transaction:
            # a full disk ends the whole transaction, not this job's part alone
            raise
        part.rollback()
        return _in_words(engine, error)
    part.commit()
    return answer


def _unless_withdrawn(job: AnyJob, connection: Connection) -> Any:
    answer = job.work(connection)
    if not job.may_be_left and not job.keep():
        raise _Withdrawn
    return answer


class _Withdrawn(Exception):
    """Undoes work that nobody waits for any more; nobody hears it."""


def _in_words(engine: Engine, error: Exception) -> Exception:
    if isinstance(error, DBAPIError):
        return failure_of(engine.url, error)
    return error
