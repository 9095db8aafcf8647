"""Many questions at once: the board and the context are read once, and each question has its own answer or problem.

The work is done on the event loop in slices of a few milliseconds, with a pause as long as the slice took after each:
everybody else has half of the time, the threads of the database too. A thread would not be kinder: the interpreter's
lock lets a busy thread keep all others waiting for 5 ms at every step. One batch works at a time.
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
from londonpump.service.predictions.schemas import InvalidQuestion, Question
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
"""Through the model at once: about what two calls take. A place that is only named takes more, and goes alone."""
STORED_WITHIN_S = 5.0
MAX_BATCHES, FREE_IN_S = 4, 30
"""At work and waiting: each holds megabytes, and a thousand questions take half a minute."""


@dataclass(slots=True)
class BatchTurn:
    """Who has it works; the others wait, a few of them."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    n_waiting: int = 0

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for it and have it. Raises: TooMany."""
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
    state: ServiceState, person: Person, questions: Sequence[Question | InvalidQuestion], key: Key | None
) -> StoredAnswers:
    """Answer questions and store all answers together. Raises: TooMany, Conflict, NoModel, DatabaseFailed."""
    loop = asyncio.get_running_loop()
    # before the turn too: what is stored already need not wait for another batch
    stored = await find_stored(state, key, is_large=True)
    if stored is not None:
        return stored
    async with state.part(BatchTurn).taken():
        stored = await find_stored(state, key, is_large=True)
        if stored is not None:
            return stored
        active, request_context = await load(state)
        bundle = active.champion.bundle
        ready = [await _ready(question, person.id, bundle, request_context) for question in questions]
        rows: list[dict[str, Any]] = []
        is_other = False
        for part in _slices([each for each in ready if isinstance(each, Call)]):
            # once the board is another one, all that was ready before is of a board that is no more
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
    items = [{"id": next(answered)["id"]} if isinstance(each, Call) else {"problem": each} for each in ready]
    return await store_answers(state, rows, items, key, STORED_WITHIN_S)


async def _ready(
    question: Question | InvalidQuestion, user_id: str, bundle: Bundle, request_context: RequestContext
) -> Call | dict[str, Any]:
    if isinstance(question, InvalidQuestion):
        return format_problem(question.errors)
    await asyncio.sleep(0)
    try:
        return await call_of(question, user_id, bundle, request_context)
    except Unprocessable as error:
        return format_problem(error.errors)


def format_problem(errors: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Why a question has no answer."""
    return {
        "status": HTTPStatus.UNPROCESSABLE_ENTITY.value,
        "detail": "; ".join(f"{field_path}: {problem}" for field_path, problem in errors[:5]),
        "errors": [{"field": field_path, "problem": problem} for field_path, problem in errors],
    }


def _slices(calls: Sequence[Call]) -> Iterator[list[Call]]:
    """As many as fit, and one at least."""
    part: list[Call] = []
    rows = 0
    for call in calls:
        size = ROWS_PER_SLICE if call.location.is_named else len(call.starts)
        if part and rows + size > ROWS_PER_SLICE:
            yield part
            part, rows = [], 0
        part.append(call)
        rows += size
    if part:
        yield part
