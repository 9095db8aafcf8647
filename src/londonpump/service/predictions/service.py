"""Answer questions: predict, store, then return the stored answer."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np

from londonpump.domain.errors import DatabaseFailed
from londonpump.models.bundle import Bundle
from londonpump.models.predict import MAX_AREA_DISPATCHES, predict_area, predict_dispatches
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.audit import MAX_WAITING, AuditBatch
from londonpump.persistence.repositories.predictions import (
    CALL,
    PredictionRecord,
    Row,
    add_rows,
    as_row,
    digest_of,
    find_answers,
)
from londonpump.service.champion import Champion
from londonpump.service.micro_batching import MicroBatcher
from londonpump.service.predictions.calls import Call, call_of
from londonpump.service.predictions.idempotency import Key, claim, find_answer
from londonpump.service.predictions.model_inputs import Counts, columns_of, context_columns, counts_of
from londonpump.service.predictions.ranking import Ranked, rank
from londonpump.service.predictions.request_context import RequestContext, StationIndex, StationIndexCache
from londonpump.service.predictions.response import ResponseBuilder
from londonpump.service.predictions.schemas import PredictionRequest
from londonpump.service.rights import Person
from londonpump.service.state import ServiceState

JsonObject = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """The active model with its stations, at the time of a request."""

    now: datetime
    champion: Champion
    station_index: StationIndex


def predict_calls(calls: Sequence[Call], active: ActiveModel) -> list[Row]:
    """Return one row to store per call; its `answer` is the text to return."""
    counts = [counts_of(call) for call in calls]
    builder = ResponseBuilder(active.champion, active.station_index)
    results = []
    for ranked, count in zip(_rank_calls(calls, counts, active), counts, strict=True):
        content = builder.build(uuid4().hex, ranked, count)
        results.append(as_row(_record(ranked, content, active)))
    return results


def _rank_calls(calls: Sequence[Call], counts: Sequence[Counts], active: ActiveModel) -> list[Ranked]:
    """Rank the pumps of each call: exact locations go through the model together, named areas one by one."""
    exact = [i for i, call in enumerate(calls) if not call.location.is_area]
    ranked = dict(
        zip(exact, _rank_exact([calls[i] for i in exact], [counts[i] for i in exact], active), strict=True)
    )
    for i, call in enumerate(calls):
        if call.location.is_area:
            ranked[i] = _rank_area(call, counts[i], active)
    return [ranked[i] for i in range(len(calls))]


def _rank_exact(calls: Sequence[Call], counts: Sequence[Counts], active: ActiveModel) -> list[Ranked]:
    if not calls:
        return []
    bundle = active.champion.bundle
    known = context_columns(calls, bundle.response.context.takes)
    predictions = predict_dispatches(bundle, columns_of(calls, counts, active.station_index), known)
    ranked, first = [], 0
    for call in calls:
        ranked.append(rank(call, predictions, first, range(len(call.starts))))
        first += len(call.starts)
    return _add_contributions(bundle, ranked)


def _rank_area(call: Call, counts: Counts, active: ActiveModel) -> Ranked:
    bundle = active.champion.bundle
    known = context_columns([call], bundle.response.context.takes)
    columns = columns_of([call], [counts], active.station_index)
    # pumps requested by name are all ranked
    is_open = call.question.pumps is None
    max_dispatches = max(MAX_AREA_DISPATCHES, call.question.max_candidates) if is_open else len(call.starts)
    rows, predictions = predict_area(bundle, columns, call.location.points, known, max_dispatches)
    return _add_contributions(bundle, [rank(call, predictions, 0, rows.tolist())])[0]


def _add_contributions(bundle: Bundle, ranked: Sequence[Ranked]) -> list[Ranked]:
    """Add the contributions to ranked calls, which must share one `predictions`."""
    rows = list(dict.fromkeys(row for each in ranked for row in each.explained))
    if not rows:
        return list(ranked)
    contributions = dict(zip(rows, ranked[0].predictions.explanations(bundle, np.array(rows)), strict=True))
    return [replace(each, contributions=contributions) for each in ranked]


def _record(ranked: Ranked, content: JsonObject, active: ActiveModel) -> PredictionRecord:
    # the announced time is that of the first pump that can be sent
    row = ranked.row(ranked.sendable[0]) if ranked.sendable else None
    predictions = ranked.predictions
    return PredictionRecord(
        id=content["id"],
        user_id=ranked.call.user_id,
        created_at=active.now,
        endpoint=CALL,
        model=active.champion.name,
        response_time_s=None if row is None else round(float(predictions.median_s[row]), 1),
        risk_underestimated=None if row is None else bool(predictions.is_flagged[row]),
        inputs=ranked.call.question.model_dump(mode="json", exclude_unset=True),
        answer=content,
        incident_number=ranked.call.question.incident_number,
        call_at=ranked.call.at,
    )


T = TypeVar("T")
Items = Sequence[dict[str, Any]]
"""Answers: each the {id} of a prediction, or a {problem}."""


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


# two classes, as the parts of the service's state are found by their type
class QuestionBatcher(MicroBatcher[UserQuestion, StoredAnswers]):
    """Questions with exact locations: those that arrive together share one read of the board and one model pass."""


class LargeQuestionBatcher(MicroBatcher[UserQuestion, StoredAnswers]):
    """Expensive questions, answered one by one: a named area has many points, and each explanation takes 1 ms."""


MAX_QUESTIONS = 8
"""Questions per round: with 142 candidates each, a round blocks the event loop for 25 to 45 ms."""
MAX_EXPLAINED = 5
FETCHED_WITHIN_S = 5.0
"""Timeout for reading a stored batch: 1,000 answers with 20 candidates each are 10 to 20 MB."""


async def answer_question(
    state: ServiceState, person: Person, question: PredictionRequest, key: Key | None
) -> StoredAnswers:
    """Answer a question and store the answer. Raises: Unprocessable, Conflict, NoModel, DatabaseFailed."""
    stored = await find_stored(state, key)
    if stored is not None:
        return stored
    user_question = UserQuestion(person.id, question, key)
    # a slow question in the same round would delay all the others
    is_large = not question.location.is_exact or question.max_explained > MAX_EXPLAINED
    return await state.part(LargeQuestionBatcher if is_large else QuestionBatcher)(user_question)


async def answer_all(
    state: ServiceState, user_questions: Sequence[UserQuestion]
) -> list[StoredAnswers | Exception]:
    """Return the answer to each question, or its error. Raises: NoModel, DatabaseFailed if they concern all."""
    active, request_context = await load(state)
    bundle = active.champion.bundle
    while True:
        ready = await asyncio.gather(
            *(call_of(each.question, each.user_id, bundle, request_context) for each in user_questions),
            return_exceptions=True,
        )
        # a pump may have been mobilised in this process while the context was read: try again with the new board
        if not request_context.renew():
            break
    rows = iter(predict_calls([each for each in ready if isinstance(each, Call)], active))
    return await _store_each(
        state, user_questions, [next(rows) if isinstance(each, Call) else each for each in ready]
    )


async def _store_each(
    state: ServiceState, user_questions: Sequence[UserQuestion], results: Sequence[Row | BaseException]
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


async def load(state: ServiceState) -> tuple[ActiveModel, RequestContext]:
    """Return the active model and a new request context. Raises: NoModel."""
    champion = state.champion.require()
    station_index = state.part(StationIndexCache).of(champion)
    request_context = await RequestContext.load(state, station_index)
    return ActiveModel(request_context.now, champion, station_index), request_context


async def store_answers(
    state: ServiceState, rows: Sequence[Row], items: Items, key: Key | None, within_s: float | None = None
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


def require_audit_room(state: ServiceState, n_rows: int) -> None:
    """Check, before answers are stored, that the audit can take them. Raises: DatabaseFailed."""
    # half of the limit is left for other requests that are storing at the same time
    if state.part(AuditBatch).n_waiting + n_rows > MAX_WAITING // 2:
        raise DatabaseFailed("The audit of predictions cannot be written. Check the database.")


def record_stored(state: ServiceState, rows: Sequence[Row]) -> None:
    """Add stored predictions to the audit and count them."""
    audit = state.part(AuditBatch)
    for row in rows:
        audit.add(row["id"], row["user_id"], row["created_at"], digest_of(row))
        state.metrics.predictions.labels(row["endpoint"], row["model"]).inc()


async def find_stored(
    state: ServiceState, key: Key | None, *, is_large: bool = False
) -> StoredAnswers | None:
    """Return the answers already stored under a key, or None. `is_large` allows for a batch.

    Raises: Conflict, DatabaseFailed.
    """
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
