"""Work that costs little more for many than for one: requests that come together are worked on together.

One that comes alone begins at once. Those that come while others are worked on begin together: when that ends, when they
are as many as one round takes, or after 5 ms, so that a round that waits for a slow database keeps nobody else waiting.
Those that were answered together tend to come back together, one after the other: after a round of several the first
waits up to 2 ms for as many again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from londonpump.domain.errors import DatabaseFailed
from londonpump.service.errors import NoModel

A = TypeVar("A")
B = TypeVar("B")
BATCH_WINDOW_S = 0.002
MAX_WAIT_S = 0.005
SHARED_ERRORS = (DatabaseFailed, NoModel)
"""Errors that have nothing to do with what was asked."""


class MicroBatcher(Generic[A, B]):
    """`await together(asked)`, from the event loop. work: the outcome of each of some, in their order: an answer, or
    the error of that one alone. most: worked on in one round."""

    def __init__(
        self, work: Callable[[Sequence[A]], Awaitable[Sequence[B | Exception]]], max_batch_size: int
    ) -> None:
        self._work = work
        self._max_batch_size = max_batch_size
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._expected = 1

    async def __call__(self, request: A) -> B:
        """The answer to one. Raises: its own error, or what befell the whole round."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[B] = loop.create_future()
        self._waiting.append((request, answer))
        if len(self._waiting) == (self._max_batch_size if self._running else self._expected):
            # not now: others may come in this turn of the loop
            loop.call_soon(self._start_batches)
        elif len(self._waiting) == 1:
            loop.call_later(MAX_WAIT_S if self._running else BATCH_WINDOW_S, self._start_batches)
        return await answer

    def _start_batches(self) -> None:
        """All that wait, in as many rounds as they need."""
        while self._waiting:
            batch, self._waiting = (
                self._waiting[: self._max_batch_size],
                self._waiting[self._max_batch_size :],
            )
            self._expected = len(batch)
            task = asyncio.get_running_loop().create_task(self._answer(batch))
            self._running.add(task)
            task.add_done_callback(self._batch_ended)

    def _batch_ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._start_batches()

    async def _answer(self, batch: Sequence[tuple[A, "asyncio.Future[B]"]]) -> None:
        try:
            outcomes = await self._outcomes([request for request, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear it
            if len(batch) > 1:
                # one of them broke it, and the others need not suffer
                for one in batch:
                    await self._answer([one])
                return
            outcomes = [error]
        finally:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                for _, answer in batch:
                    answer.cancel()
        for (_, answer), outcome in zip(batch, outcomes, strict=True):
            if answer.done():
                continue
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

    async def _outcomes(self, requests: Sequence[A]) -> Sequence[B | Exception]:
        try:
            outcomes = await self._work(requests)
        except SHARED_ERRORS as error:
            return [error] * len(requests)
        if len(outcomes) != len(requests):
            raise AssertionError(f"{len(outcomes)} outcomes of {len(requests)}")
        return outcomes
