"""Work that costs little more for many than for one: requests that come together are worked on together.

One that comes alone begins at once. Those that come while others are worked on begin together: when that ends, when they
are as many as one round takes, or after 5 ms, so that a round that waits for a slow database keeps nobody else waiting.
Those that were answered together tend to come back together, one after the other: after a round of several the first
waits up to 2 ms for as many again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from londonpump.brigade.errors import DatabaseFailed
from londonpump.service.errors import NoModel

A = TypeVar("A")
B = TypeVar("B")
FOR_COMPANY_S = 0.002
LONGEST_WAIT_S = 0.005
BEFALLS_ALL = (DatabaseFailed, NoModel)
"""Errors that have nothing to do with what was asked."""


class Together(Generic[A, B]):
    """`await together(asked)`, from the event loop. work: the outcome of each of some, in their order: an answer, or
    the error of that one alone. most: worked on in one round."""

    def __init__(self, work: Callable[[Sequence[A]], Awaitable[Sequence[B | Exception]]], most: int) -> None:
        self._work = work
        self._most = most
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []
        self._at_work: set[asyncio.Task[None]] = set()
        self._expected = 1

    async def __call__(self, asked: A) -> B:
        """The answer to one. Raises: its own error, or what befell the whole round."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[B] = loop.create_future()
        self._waiting.append((asked, answer))
        if len(self._waiting) == (self._most if self._at_work else self._expected):
            # not now: others may come in this turn of the loop
            loop.call_soon(self._begin)
        elif len(self._waiting) == 1:
            loop.call_later(LONGEST_WAIT_S if self._at_work else FOR_COMPANY_S, self._begin)
        return await answer

    def _begin(self) -> None:
        """All that wait, in as many rounds as they need."""
        while self._waiting:
            taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self._expected = len(taken)
            task = asyncio.get_running_loop().create_task(self._answer(taken))
            self._at_work.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._at_work.discard(task)
        self._begin()

    async def _answer(self, taken: Sequence[tuple[A, "asyncio.Future[B]"]]) -> None:
        try:
            outcomes = await self._outcomes([asked for asked, _ in taken])
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear it
            if len(taken) > 1:
                # one of them broke it, and the others need not suffer
                for one in taken:
                    await self._answer([one])
                return
            outcomes = [error]
        finally:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                for _, answer in taken:
                    answer.cancel()
        for (_, answer), outcome in zip(taken, outcomes, strict=True):
            if answer.done():
                continue
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

    async def _outcomes(self, asked: Sequence[A]) -> Sequence[B | Exception]:
        try:
            outcomes = await self._work(asked)
        except BEFALLS_ALL as error:
            return [error] * len(asked)
        if len(outcomes) != len(asked):
            raise AssertionError(f"{len(outcomes)} outcomes of {len(asked)}")
        return outcomes
