"""Turn of a batch, and the slices of its calls.

A batch runs on the event loop in slices of a few milliseconds and pauses after each slice for as long as the slice
took, so that other requests and the database threads get half of the time. A worker thread would not help: a busy
thread holds the interpreter's lock for 5 ms at a time. One batch runs at a time.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from londonpump.service.errors import TooMany
from londonpump.service.predictions.forecast import Call

ROWS_PER_SLICE = 210
"""Rows that go through the model at once, about as many as two calls have. A named area has more rows and goes alone."""
# a waiting batch holds megabytes, and a batch of 1,000 questions takes half a minute
MAX_BATCHES, FREE_IN_S = 4, 30


@dataclass(slots=True)
class BatchTurn:
    """A lock that one batch holds while a limited number of others wait."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    n_waiting: int = 0

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Hold the lock. Raises: TooMany if MAX_BATCHES hold it or wait for it."""
        if self.n_waiting >= MAX_BATCHES:
            raise TooMany(
                f"{MAX_BATCHES} batches are being worked on. Try again in {FREE_IN_S} s.", FREE_IN_S
            )
        self.n_waiting += 1
        try:
            async with self.lock:
                yield
        finally:
            self.n_waiting -= 1


def slices_of(calls: Sequence[Call]) -> Iterator[list[Call]]:
    """Split calls into slices of at most ROWS_PER_SLICE rows, with at least one call each."""
    part: list[Call] = []
    rows = 0
    for call in calls:
        size = ROWS_PER_SLICE if call.location.is_area else len(call.starts)
        if part and rows + size > ROWS_PER_SLICE:
            yield part
            part, rows = [], 0
        part.append(call)
        rows += size
    if part:
        yield part
