"""One piece of work for the database: who waits for it, and whether it may still begin."""

import asyncio
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from londonpump.brigade.errors import DatabaseFailed

T = TypeVar("T")
COMMIT_WITHIN_S = 5.0
"""How long a commit that was sent is waited for: whether it arrived is worth knowing."""
NOT_SAID = (
    "The database did not say whether it stored this. Look whether it is there before you send it again."
)
NOT_IN_TIME = "The database did not answer in time. Try again in a moment."


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

    __slots__ = ("_is_kept", "_is_withdrawn", "_lock", "answer", "is_told", "loop", "may_be_left", "work")

    def __init__(
        self, work: Callable[[Connection], T], loop: asyncio.AbstractEventLoop, *, may_be_left: bool = False
    ) -> None:
        self.work = work
        self.loop = loop
        self.answer: asyncio.Future[T] = loop.create_future()
        self.may_be_left = may_be_left
        self.is_told = False
        self._lock = Lock()
        self._is_kept = False
        self._is_withdrawn = False

    def keep(self) -> bool:
        """Whether it may be stored; from then on its outcome is waited for. Called by a lane's thread."""
        with self._lock:
            self._is_kept = not self._is_withdrawn
            return self._is_kept

    def withdraw(self) -> bool:
        """Whether it can never be stored now. Called by the event loop."""
        with self._lock:
            self._is_withdrawn = not self._is_kept
            return self._is_withdrawn

    @property
    def is_wanted(self) -> bool:
        """Whether anybody still waits for it."""
        return not self._is_withdrawn

    def give_up(self) -> None:
        """Its time is up. A write whose commit is under way is waited for a little: it may be stored already. One that
        is done is not refused because the event loop had no time to hear of it."""
        if self.answer.done() or self.is_told:
            return
        if self.withdraw() or self.may_be_left:
            self.answer.set_exception(Busy(NOT_IN_TIME))
        else:
            self.loop.call_later(COMMIT_WITHIN_S, self._give_up_for_good)

    def _give_up_for_good(self) -> None:
        if not self.answer.done():
            self.answer.set_exception(DatabaseFailed(NOT_SAID, NOT_SAID))

    def settle(self, outcome: T | BaseException) -> None:
        """Give the answer to the one who waits, if they still do. Called by the event loop."""
        if self.answer.done():
            return
        if isinstance(outcome, BaseException):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


def tell(outcomes: Iterable[tuple[Job[Any], Any]]) -> None:
    """Settle jobs of one loop from a lane's thread, with one waking of the loop."""
    told = list(outcomes)
    if not told:
        return
    for job, _ in told:
        job.is_told = True
    loop = told[0][0].loop
    if not loop.is_closed():
        loop.call_soon_threadsafe(_settle_all, told)


def _settle_all(told: list[tuple[Job[Any], Any]]) -> None:
    for job, outcome in told:
        job.settle(outcome)
