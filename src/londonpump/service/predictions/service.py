"""Questions: answered, stored, then told."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from londonpump.domain.errors import DatabaseFailed
from londonpump.service.micro_batching import MicroBatcher
from londonpump.service.predictions.calls import Call, call_of
from londonpump.service.predictions.forecast import ActiveModel, predict_calls
from londonpump.service.predictions.idempotency import Key, claim, find_answer
from londonpump.service.predictions.repository import CALL, Row, add_rows, digest_of, find_answers
from londonpump.service.predictions.request_context import RequestContext, StationIndexCache
from londonpump.service.predictions.schemas import Question
from londonpump.service.rights import Person
from londonpump.service.state import ServiceState
from londonpump.storage.database.audit_repository import MAX_WAITING, AuditBatch

T = TypeVar("T")
Items = Sequence[dict[str, Any]]
"""What was answered: {id} of a prediction, or {problem}."""


@dataclass(frozen=True, slots=True)
class StoredAnswers:
    """texts: json of each answer, None for a problem; in the order of items."""

    items: Items
    texts: tuple[str | None, ...]
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class UserQuestion:
    """A question, who asks it, and the key that it came with."""

    user_id: str
    question: Question
    key: Key | None


class QuestionBatcher(MicroBatcher[UserQuestion, StoredAnswers]):
    """Questions about exact places: those that come together look at the board once and go through the model at once."""


class LargeQuestionBatcher(MicroBatcher[UserQuestion, StoredAnswers]):
    """Those that take as long as many others, one by one: a place that is only named has many points, and each reason
    takes a millisecond."""


MAX_QUESTIONS = 8
"""Of 142 candidates each: 25 to 45 ms, in which the event loop does nothing else."""
MAX_EXPLAINED = 5
FETCHED_WITHIN_S = 5.0
"""For a stored batch: a thousand answers of 20 candidates are 10 to 20 MB."""


async def answer_question(
    state: ServiceState, person: Person, question: Question, key: Key | None
) -> StoredAnswers:
    """Answer a question and store that. Raises: Unprocessable, Conflict, NoModel, DatabaseFailed."""
    stored = await find_stored(state, key)
    if stored is not None:
        return stored
    user_question = UserQuestion(person.id, question, key)
    is_large = not question.place.is_exact or question.max_explained > MAX_EXPLAINED
    return await state.part(LargeQuestionBatcher if is_large else QuestionBatcher)(user_question)


async def answer_all(
    state: ServiceState, user_questions: Sequence[UserQuestion]
) -> list[StoredAnswers | Exception]:
    """What comes of each question. Raises: what befalls all of them: NoModel, DatabaseFailed."""
    active, request_context = await load(state)
    bundle = active.champion.bundle
    while True:
        ready = await asyncio.gather(
            *(call_of(each.question, each.user_id, bundle, request_context) for each in user_questions),
            return_exceptions=True,
        )
        # a pump that was mobilised here while the context was read is out
        if not request_context.renew():
            break
    rows = iter(predict_calls([each for each in ready if isinstance(each, Call)], active))
    return await _store_each(
        state, user_questions, [next(rows) if isinstance(each, Call) else each for each in ready]
    )


async def _store_each(
    state: ServiceState, user_questions: Sequence[UserQuestion], made: Sequence[Row | BaseException]
) -> list[StoredAnswers | Exception]:
    """Stored together, but for those with a key: one that came with another question before undoes its own."""
    rows = {i: each for i, each in enumerate(made) if isinstance(each, dict)}
    open_ = [i for i in rows if user_questions[i].key is None]
    parts = [part for part in (open_, *([i] for i in rows if user_questions[i].key is not None)) if part]
    outcomes: dict[int, Any] = dict(enumerate(made))

    async def store_part(part: Sequence[int]) -> None:
        items = [{"id": rows[i]["id"]} for i in part]
        try:
            result = await store_answers(state, [rows[i] for i in part], items, user_questions[part[0]].key)
        except Exception as error:  # noqa: BLE001 - told to whom it befell
            if len(part) > 1 and not isinstance(error, DatabaseFailed):
                # nothing was stored, and it is the row of one of them
                for i in part:
                    await store_part([i])
                return
            outcomes.update(dict.fromkeys(part, error))
            return
        for i, item, text in zip(part, result.items, result.texts, strict=True):
            outcomes[i] = StoredAnswers((item,), (text,), result.is_replay)

    await asyncio.gather(*(store_part(part) for part in parts))
    return [outcomes[i] for i in range(len(made))]


async def load(state: ServiceState) -> tuple[ActiveModel, RequestContext]:
    """The model on duty and what surrounds calls now. Raises: NoModel."""
    champion = state.champion.require()
    station_index = state.part(StationIndexCache).of(champion)
    request_context = await RequestContext.load(state, station_index)
    return ActiveModel(request_context.now, champion, station_index), request_context


async def store_answers(
    state: ServiceState, rows: Sequence[Row], items: Items, key: Key | None, within_s: float | None = None
) -> StoredAnswers:
    """Store answers, note them in the audit, count them. What another request stored under the key is given instead."""
    audit = state.part(AuditBatch)
    if audit.n_waiting + len(rows) > MAX_WAITING // 2:
        # before anything is stored: an answer that the audit cannot hold is not given
        raise DatabaseFailed("The audit of predictions cannot be written. Check the database.")
    others = await state.store.write(lambda c: _claim_and_add(c, rows, items, key), within_s=within_s)
    if others is not None:
        return await _read_stored(state, others, is_large=within_s is not None)
    for row in rows:
        audit.add(row["id"], row["user_id"], row["created_at"], digest_of(row))
        state.metrics.predictions.labels(CALL, row["model"]).inc()
    text_of = {row["id"]: row["answer"] for row in rows}
    return StoredAnswers(items, tuple(text_of.get(item.get("id", "")) for item in items))


async def find_stored(
    state: ServiceState, key: Key | None, *, is_large: bool = False
) -> StoredAnswers | None:
    """What was answered under the key already. is_large: it may be a batch. Raises: Conflict, DatabaseFailed."""
    if key is None:
        return None
    items = await _read(state, lambda connection: find_answer(connection, key), is_large=is_large)
    return None if items is None else await _read_stored(state, items, is_large=is_large)


async def _read_stored(state: ServiceState, items: Items, *, is_large: bool) -> StoredAnswers:
    ids = [item["id"] for item in items if "id" in item]
    answers = await _read(state, lambda connection: find_answers(connection, ids), is_large=is_large)
    texts = tuple(answers[item["id"]] if "id" in item else None for item in items)
    return StoredAnswers(items, texts, is_replay=True)


async def _read(state: ServiceState, work: Callable[[Connection], T], *, is_large: bool) -> T:
    """Large: on the lane for long reads, so that nobody's session waits for it to be looked up."""
    within_s = max(FETCHED_WITHIN_S, state.store.limits.patience_s) if is_large else None
    return await state.store.read(work, within_s=within_s, is_long=is_large)


def _claim_and_add(
    connection: Connection, rows: Sequence[Row], items: Items, key: Key | None
) -> Items | None:
    others: Items | None = claim(connection, key, items) if key is not None else None
    if others is None:
        add_rows(connection, rows)
    return others
