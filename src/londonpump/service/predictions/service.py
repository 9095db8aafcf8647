"""Answer questions: predict, store, then return the stored answer."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import uuid4

from londonpump.domain.errors import DatabaseFailed
from londonpump.domain.json_values import JsonObject
from londonpump.persistence.database import Connection
from londonpump.persistence.database.engine import Row
from londonpump.persistence.repositories.audit import MAX_WAITING, AuditBatch
from londonpump.persistence.repositories.predictions import (
    CALL,
    PredictionRecord,
    add_rows,
    as_row,
    digest_of,
    find_answers,
)
from londonpump.service.errors import Unprocessable
from londonpump.service.idempotency import Key, claim, find_answer, forget
from londonpump.service.micro_batching import MicroBatcher
from londonpump.service.predictions.batching import BatchTurn, slices_of
from londonpump.service.predictions.forecast import Call, Ranked, call_of, forecast
from londonpump.service.predictions.request_context import (
    ContextCache,
    RequestContext,
    StationIndexCache,
    warm_up_context,
)
from londonpump.service.predictions.response import ResponseBuilder
from londonpump.service.predictions.schemas import InvalidQuestion, PredictionRequest
from londonpump.service.rights import Person
from londonpump.service.state import Services
from londonpump.service.telemetry import log

T = TypeVar("T")
Items = Sequence[JsonObject]
"""Answers: each the {id} of a prediction, or a {problem}."""
MAX_QUESTIONS = 8
"""Questions per round: with 142 candidates each, a round blocks the event loop for 25 to 45 ms."""
MAX_EXPLAINED = 5
FETCHED_WITHIN_S = 5.0
"""Timeout for reading a stored batch: 1,000 answers with 20 candidates each are 10 to 20 MB."""
# 1,000 answers are 10 to 20 MB, which the usual write timeout is too short for
STORED_WITHIN_S = 5.0
FORGET_EVERY_S = 3600.0


def predict_calls(calls: Sequence[Call], request_context: RequestContext) -> list[Row]:
    """Return one row to store per call; its `answer` is the text to return."""
    champion, station_index = request_context.champion, request_context.station_index
    builder = ResponseBuilder(champion, station_index)
    return [
        as_row(_record(ranked, builder.build(uuid4().hex, ranked), request_context))
        for ranked in forecast(calls, champion.bundle, station_index)
    ]


def _record(ranked: Ranked, content: JsonObject, request_context: RequestContext) -> PredictionRecord:
    request_context.state.metrics.note_answer(content)
    # the announced time is that of the first pump that can be sent
    row = ranked.row(ranked.sendable[0]) if ranked.sendable else None
    predictions = ranked.predictions
    return PredictionRecord(
        id=content["id"],
        user_id=ranked.call.user_id,
        created_at=request_context.now,
        endpoint=CALL,
        model=request_context.champion.name,
        response_time_s=None if row is None else round(float(predictions.median_s[row]), 1),
        risk_underestimated=None if row is None else bool(predictions.is_flagged[row]),
        inputs=ranked.call.question.model_dump(mode="json", exclude_unset=True),
        answer=content,
        incident_number=ranked.call.question.incident_number,
        call_at=ranked.call.at,
    )


@dataclass(frozen=True, slots=True)
class StoredAnswers:
    """Answers that are in the database."""

    items: Items
    texts: tuple[str | None, ...]
    """JSON text of each item; None for a problem."""
    is_replay: bool = False
    """Whether an earlier request with the same key stored them."""


@dataclass(frozen=True, slots=True)
class UserQuestion:
    """A question with its user and idempotency key."""

    user_id: str
    question: PredictionRequest
    key: Key | None


async def answer_question(
    state: Services, person: Person, question: PredictionRequest, key: Key | None
) -> StoredAnswers:
    """Answer a question and store the answer. Raises: Unprocessable, Conflict, NoModel, DatabaseFailed."""
    stored = await find_stored(state, key)
    if stored is not None:
        return stored
    user_question = UserQuestion(person.id, question, key)
    # a slow question in the same round would delay all the others
    is_large = not question.location.is_exact or question.max_explained > MAX_EXPLAINED
    return await (state.large_questions if is_large else state.questions)(user_question)


async def answer_all(
    state: Services, user_questions: Sequence[UserQuestion]
) -> list[StoredAnswers | Exception]:
    """Return the answer to each question, or its error. Raises: NoModel, DatabaseFailed if they concern all."""
    request_context = await RequestContext.load(state)
    while True:
        ready = await asyncio.gather(
            *(call_of(each.question, each.user_id, request_context) for each in user_questions),
            return_exceptions=True,
        )
        # a pump may have been mobilised in this process while the context was read: try again with the new board
        if not request_context.renew():
            break
    rows = iter(predict_calls([each for each in ready if isinstance(each, Call)], request_context))
    return await _store_each(
        state, user_questions, [next(rows) if isinstance(each, Call) else each for each in ready]
    )


async def _store_each(
    state: Services, user_questions: Sequence[UserQuestion], results: Sequence[Row | BaseException]
) -> list[StoredAnswers | Exception]:
    """Store answers without a key in one transaction, and each answer with a key in its own."""
    rows = {i: each for i, each in enumerate(results) if isinstance(each, dict)}
    # a conflict over a key rolls back its transaction, which must not contain the answers to other questions
    open_ = [i for i in rows if user_questions[i].key is None]
    parts = [part for part in (open_, *([i] for i in rows if user_questions[i].key is not None)) if part]
    outcomes: dict[int, Any] = dict(enumerate(results))

    async def store_part(part: Sequence[int]) -> None:
        items = [{"id": rows[i]["id"]} for i in part]
        try:
            result = await store_answers(state, [rows[i] for i in part], items, user_questions[part[0]].key)
        except Exception as error:  # noqa: BLE001 - returned as the outcome of each question it concerns
            if len(part) > 1 and not isinstance(error, DatabaseFailed):
                # nothing was stored because of a single row: store them one by one to find it
                for i in part:
                    await store_part([i])
                return
            outcomes.update(dict.fromkeys(part, error))
            return
        for i, item, text in zip(part, result.items, result.texts, strict=True):
            outcomes[i] = StoredAnswers((item,), (text,), result.is_replay)

    await asyncio.gather(*(store_part(part) for part in parts))
    return [outcomes[i] for i in range(len(results))]


async def store_answers(
    state: Services, rows: Sequence[Row], items: Items, key: Key | None, within_s: float | None = None
) -> StoredAnswers:
    """Store answers, add them to the audit and count them. If another request used the key first, return its answers."""
    require_audit_room(state, len(rows))
    others = await state.store.write(lambda c: _claim_and_add(c, rows, items, key), within_s=within_s)
    if others is not None:
        return await _read_stored(state, others, is_large=within_s is not None)
    # only after the transaction: an audit entry without a stored prediction counts as tampering
    record_stored(state, rows)
    text_of = {row["id"]: row["answer"] for row in rows}
    return StoredAnswers(items, tuple(text_of.get(item.get("id", "")) for item in items))


def require_audit_room(state: Services, n_rows: int) -> None:
    """Check, before answers are stored, that the audit can take them. Raises: DatabaseFailed."""
    # half of the limit is left for other requests that are storing at the same time
    if state.audit.n_waiting + n_rows > MAX_WAITING // 2:
        raise DatabaseFailed("The audit of predictions cannot be written. Check the database.")


def record_stored(state: Services, rows: Sequence[Row]) -> None:
    """Add stored predictions to the audit and count them."""
    audit = state.audit
    for row in rows:
        audit.add(row["id"], row["user_id"], row["created_at"], digest_of(row))
        state.metrics.predictions.labels(row["endpoint"], row["model"]).inc()


async def find_stored(state: Services, key: Key | None, *, is_large: bool = False) -> StoredAnswers | None:
    """Return the answers already stored under a key, or None. `is_large` allows for a batch.

    Raises: Conflict, DatabaseFailed.
    """
    if key is None:
        return None
    items = await _read(state, lambda connection: find_answer(connection, key), is_large=is_large)
    return None if items is None else await _read_stored(state, items, is_large=is_large)


async def _read_stored(state: Services, items: Items, *, is_large: bool) -> StoredAnswers:
    ids = [item["id"] for item in items if "id" in item]
    answers = await _read(state, lambda connection: find_answers(connection, ids), is_large=is_large)
    texts = tuple(answers[item["id"]] if "id" in item else None for item in items)
    return StoredAnswers(items, texts, is_replay=True)


async def _read(state: Services, work: Callable[[Connection], T], *, is_large: bool) -> T:
    """Read from the database; large reads use the lane for long reads, so that short ones do not wait for them."""
    within_s = max(FETCHED_WITHIN_S, state.store.limits.patience_s) if is_large else None
    return await state.store.read(work, within_s=within_s, is_long=is_large)


def _claim_and_add(
    connection: Connection, rows: Sequence[Row], items: Items, key: Key | None
) -> Items | None:
    others: Items | None = claim(connection, key, items) if key is not None else None
    if others is None:
        add_rows(connection, rows)
    return others


async def answer_batch(
    state: Services,
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
    async with state.batch_turn.taken():
        # the batch that held the lock may have had the same key
        stored = await find_stored(state, key, is_large=True)
        if stored is not None:
            return stored
        request_context = await RequestContext.load(state)
        prepared = [await _prepare(question, person.id, request_context) for question in questions]
        rows: list[JsonObject] = []
        is_other = False
        for part in slices_of([each for each in prepared if isinstance(each, Call)]):
            # once the board has changed, every call prepared before refers to an outdated board
            is_other = await request_context.reload() or is_other
            calls = (
                [await call_of(c.question, c.user_id, request_context) for c in part] if is_other else part
            )
            began_s = loop.time()
            rows += predict_calls(calls, request_context)
            await asyncio.sleep(loop.time() - began_s)
    answered = iter(rows)
    items = [
        {"id": next(answered)["id"]} if isinstance(each, Call) else {"problem": each} for each in prepared
    ]
    return await store_answers(state, rows, items, key, STORED_WITHIN_S)


async def _prepare(
    question: PredictionRequest | InvalidQuestion, user_id: str, request_context: RequestContext
) -> Call | JsonObject:
    if isinstance(question, InvalidQuestion):
        return format_problem(question.errors)
    # lets other requests run between two questions
    await asyncio.sleep(0)
    try:
        return await call_of(question, user_id, request_context)
    except Unprocessable as error:
        return format_problem(error.errors)


def format_problem(errors: Sequence[tuple[str, str]]) -> JsonObject:
    """Return the problem that replaces the answer to an invalid question."""
    return {
        "status": HTTPStatus.UNPROCESSABLE_ENTITY.value,
        # a readable sentence; `errors` has the rest
        "detail": "; ".join(f"{field_path}: {problem}" for field_path, problem in errors[:5]),
        "errors": [{"field": field_path, "problem": problem} for field_path, problem in errors],
    }


@asynccontextmanager
async def predictions_lifespan(state: Services) -> AsyncIterator[None]:
    """Provide the caches, the batchers and the audit; on exit, write the remaining entries of the audit."""
    questions = partial(answer_all, state)
    state.contexts, state.station_indexes, state.batch_turn = ContextCache(), StationIndexCache(), BatchTurn()
    state.questions = MicroBatcher(questions, MAX_QUESTIONS)
    state.large_questions = MicroBatcher(questions, 1)
    await warm_up_context(state)
    async with _audited(state):
        forgetting = asyncio.create_task(_forget_on(state), name="old idempotency keys")
        try:
            yield
        finally:
            forgetting.cancel()
            with suppress(asyncio.CancelledError):
                await forgetting


@asynccontextmanager
async def _audited(state: Services) -> AsyncIterator[None]:
    """Write the audit of predictions until the block ends; entries that cannot be written by then are logged."""
    audit = state.audit = AuditBatch(state.store, state.clock)
    try:
        async with audit:
            yield
    except DatabaseFailed as error:
        if not audit.waiting:
            raise
        # not raised: the rest of the service still has to close, and an error would not store the entries either
        entries = [entry.as_json() for entry in audit.waiting]
        log("audit of predictions not written", logging.ERROR, problem=str(error), entries=entries)


async def _forget_on(state: Services) -> None:
    while True:
        # if the database is busy, the keys are deleted in the next round
        with suppress(DatabaseFailed):
            now = state.clock()
            await state.store.write(lambda connection, now=now: forget(connection, now))  # type: ignore[misc]
        await asyncio.sleep(FORGET_EVERY_S)
