"""Batches of questions: the board and the context are read once, and each question gets its own answer or problem.

A batch runs on the event loop in slices of a few milliseconds and pauses after each slice for as long as the slice
took, so that other requests and the database threads get half of the time. A worker thread would not help: a busy
thread holds the interpreter's lock for 5 ms at a time. One batch runs at a time.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from londonpump.models.bundle import Bundle
from londonpump.service.errors import TooMany, Unprocessable
from londonpump.service.predictions.calls import Call, call_of
from londonpump.service.predictions.idempotency import Key
from londonpump.service.predictions.request_context import RequestContext
from londonpump.service.predictions.schemas import InvalidQuestion, PredictionRequest
from londonpump.service.predictions.service import (
    StoredAnswers,
    find_stored,
    load,
    predict_calls,
    store_answers,
)
from londonpump.service.rights import Person
from londonpump.service.state import ServiceState

ROWS_PER_SLICE = 210
"""Rows that go through the model at once, about as many as two calls have. A named area has more rows and goes alone."""
# 1,000 answers are 10 to 20 MB, which the usual write timeout is too short for
STORED_WITHIN_S = 5.0
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


async def answer_batch(
    state: ServiceState,
    person: Person,
    questions: Sequence[PredictionRequest | InvalidQuestion],
    key: Key | None,
) -> StoredAnswers:
    """Answer questions and store all answers in one transaction.

    Raises: TooMany, Conflict, NoModel, DatabaseFailed.
    """
    loop = asyncio.get_running_loop()
    # looked up before the lock too: a stored answer need not wait for another batch
    stored = await find_stored(state, key, is_large=True)
    if stored is not None:
        return stored
    async with state.part(BatchTurn).taken():
        # the batch that held the lock may have had the same key
        stored = await find_stored(state, key, is_large=True)
        if stored is not None:
            return stored
        active, request_context = await load(state)
        bundle = active.champion.bundle
        prepared = [await _prepare(question, person.id, bundle, request_context) for question in questions]
        rows: list[dict[str, Any]] = []
        is_other = False
        for part in _slices([each for each in prepared if isinstance(each, Call)]):
            # once the board has changed, every call prepared before refers to an outdated board
            is_other = await request_context.reload() or is_other
            calls = (
                [await call_of(c.question, c.user_id, bundle, request_context) for c in part]
                if is_other
                else part
            )
            began_s = loop.time()
            rows += predict_calls(calls, active)
            await asyncio.sleep(loop.time() - began_s)
    answered = iter(rows)
    items = [
        {"id": next(answered)["id"]} if isinstance(each, Call) else {"problem": each} for each in prepared
    ]
    return await store_answers(state, rows, items, key, STORED_WITHIN_S)


async def _prepare(
    question: PredictionRequest | InvalidQuestion,
    user_id: str,
    bundle: Bundle,
    request_context: RequestContext,
) -> Call | dict[str, Any]:
    if isinstance(question, InvalidQuestion):
        return format_problem(question.errors)
    # lets other requests run between two questions
    await asyncio.sleep(0)
    try:
        return await call_of(question, user_id, bundle, request_context)
    except Unprocessable as error:
        return format_problem(error.errors)


def format_problem(errors: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the problem that replaces the answer to an invalid question."""
    return {
        "status": HTTPStatus.UNPROCESSABLE_ENTITY.value,
        # a readable sentence; `errors` has the rest
        "detail": "; ".join(f"{field_path}: {problem}" for field_path, problem in errors[:5]),
        "errors": [{"field": field_path, "problem": problem} for field_path, problem in errors],
    }


def _slices(calls: Sequence[Call]) -> Iterator[list[Call]]:
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
