"""Questions: answered, stored, then told."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np
from sqlalchemy import Connection

from londonpump.domain.errors import DatabaseFailed
from londonpump.models.bundle import Bundle
from londonpump.models.predict import MAX_AREA_DISPATCHES, predict_area, predict_dispatches
from londonpump.service.champion import Champion
from londonpump.service.micro_batching import MicroBatcher
from londonpump.service.predictions.calls import Call, call_of
from londonpump.service.predictions.idempotency import Key, claim, find_answer
from londonpump.service.predictions.model_inputs import Counts, columns_of, context_columns, counts_of
from londonpump.service.predictions.ranking import Ranked, rank
from londonpump.service.predictions.repository import (
    CALL,
    PredictionRecord,
    Row,
    add_rows,
    as_row,
    digest_of,
    find_answers,
)
from londonpump.service.predictions.request_context import RequestContext, StationIndex, StationIndexCache
from londonpump.service.predictions.response import ResponseBuilder
from londonpump.service.predictions.schemas import Question
from londonpump.service.rights import Person
from londonpump.service.state import ServiceState
from londonpump.storage.database.audit_writer import MAX_WAITING, AuditBatch

JsonObject = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """The model that answers, its stations, and when."""

    now: datetime
    champion: Champion
    station_index: StationIndex


def predict_calls(calls: Sequence[Call], active: ActiveModel) -> list[Row]:
    """Answer calls, each as the row that is stored; its `answer` is the text that is given."""
    counts = [counts_of(call) for call in calls]
    builder = ResponseBuilder(active.champion, active.station_index)
    made = []
    for ranked, count in zip(_ranked(calls, counts, active), counts, strict=True):
        content = builder.build(uuid4().hex, ranked, count)
        made.append(as_row(_record(ranked, content, active)))
    return made


def _ranked(calls: Sequence[Call], counts: Sequence[Counts], active: ActiveModel) -> list[Ranked]:
    """Exact places go through the model together; one that is only named goes alone, for all its points."""
    exact = [i for i, call in enumerate(calls) if not call.location.is_named]
    ranked = dict(
        zip(exact, _exact([calls[i] for i in exact], [counts[i] for i in exact], active), strict=True)
    )
    for i, call in enumerate(calls):
        if call.location.is_named:
            ranked[i] = _named(call, counts[i], active)
    return [ranked[i] for i in range(len(calls))]


def _exact(calls: Sequence[Call], counts: Sequence[Counts], active: ActiveModel) -> list[Ranked]:
    if not calls:
        return []
    bundle = active.champion.bundle
    known = context_columns(calls, bundle.response.context.takes)
    predictions = predict_dispatches(bundle, columns_of(calls, counts, active.station_index), known)
    ranked, first = [], 0
    for call in calls:
        ranked.append(rank(call, predictions, first, range(len(call.starts))))
        first += len(call.starts)
    return _explained(bundle, ranked)


def _named(call: Call, counts: Counts, active: ActiveModel) -> Ranked:
    bundle = active.champion.bundle
    known = context_columns([call], bundle.response.context.takes)
    columns = columns_of([call], [counts], active.station_index)
    # pumps that are asked for by name are all answered
    is_open = call.question.pumps is None
    most = max(MAX_AREA_DISPATCHES, call.question.return_at_most) if is_open else len(call.starts)
    rows, predictions = predict_area(bundle, columns, call.location.points, known, most)
    return _explained(bundle, [rank(call, predictions, 0, rows.tolist())])[0]


def _explained(bundle: Bundle, ranked: Sequence[Ranked]) -> list[Ranked]:
    """With their reasons. ranked: out of the same predictions."""
    rows = list(dict.fromkeys(row for each in ranked for row in each.explained))
    if not rows:
        return list(ranked)
    contributions = dict(zip(rows, ranked[0].predictions.explanations(bundle, np.array(rows)), strict=True))
    return [replace(each, contributions=contributions) for each in ranked]


def _record(ranked: Ranked, content: JsonObject, active: ActiveModel) -> PredictionRecord:
    # what is announced is the time of the pump to send: the first that can go
    row = ranked.row(ranked.sendable[0]) if ranked.sendable else None
    predictions = ranked.predictions
    return PredictionRecord(
        id=content["id"],
        user_id=ranked.call.user_id,
        created_at=active.now,
        kind=CALL,
        model=active.champion.name,
        response_time_s=None if row is None else round(float(predictions.median_s[row]), 1),
        risk_underestimated=None if row is None else bool(predictions.is_flagged[row]),
        inputs=ranked.call.question.model_dump(mode="json", exclude_unset=True),
        answer=content,
        incident_number=ranked.call.question.incident_number,
        asked_at=ranked.call.at,
    )


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
