"""One piece of work for the database: who waits for it, and whether it may still begin."""

import asyncio
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from londonpump.domain.errors import DatabaseFailed

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
