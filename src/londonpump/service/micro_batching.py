"""Micro-batching: concurrent requests are processed in one batch, which costs little more than one request.

A single request starts at once. Requests that arrive while a batch runs start together: when that batch ends, when
they fill a batch, or after 5 ms, so that a batch that waits for a slow database does not delay them. Clients that were
answered together tend to send their next requests together, so after a batch of several requests the next request
waits up to 2 ms for as many others.
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
"""Errors that do not depend on the request: a batch that fails with one is not retried request by request."""


class MicroBatcher(Generic[A, B]):
    """Batching front of an async function. Call it from the event loop: `await batcher(request)`."""

    def __init__(
        self, work: Callable[[Sequence[A]], Awaitable[Sequence[B | Exception]]], max_batch_size: int
    ) -> None:
        """work: returns the outcome of each request, in order: its answer, or its own error."""
        self._work = work
        self._max_batch_size = max_batch_size
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._expected = 1

    async def __call__(self, request: A) -> B:
        """Return the answer to one request. Raises: its own error, or that of the whole batch."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[B] = loop.create_future()
        self._waiting.append((request, answer))
        if len(self._waiting) == (self._max_batch_size if self._running else self._expected):
            # call_soon, because more requests may arrive in this turn of the loop
            loop.call_soon(self._start_batches)
        elif len(self._waiting) == 1:
            loop.call_later(MAX_WAIT_S if self._running else BATCH_WINDOW_S, self._start_batches)
        return await answer

    def _start_batches(self) -> None:
        """Start batches for all waiting requests."""
        while self._waiting:
            batch, self._waiting = (
                self._waiting[: self._max_batch_size],
                self._waiting[self._max_batch_size :],
            )
            # as many requests as were answered together are expected to arrive together again
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
        except Exception as error:  # noqa: BLE001 - every waiting request must receive an outcome
            if len(batch) > 1:
                # one request made the batch fail: process each alone, so that the others succeed
                for one in batch:
                    await self._answer([one])
                return
            outcomes = [error]
        finally:
            # at shutdown the task is cancelled, and nobody else would end the waiting requests
            if (task := asyncio.current_task()) is not None and task.cancelling():
                for _, answer in batch:
                    answer.cancel()
        for (_, answer), outcome in zip(batch, outcomes, strict=True):
            # the client may have disconnected, which cancels its future
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
