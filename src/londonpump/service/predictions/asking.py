"""Questions: answered, stored, then told."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from londonpump.brigade.errors import DatabaseFailed
from londonpump.service.predictions.around import StandingKept, Surroundings
from londonpump.service.predictions.calls import Call, call_of
from londonpump.service.predictions.idempotency import Key, claim, find_answer
from londonpump.service.predictions.making import Duty, make
from londonpump.service.predictions.rows import CALL, Row, add_rows, digest_of, find_answers
from londonpump.service.predictions.shapes import Question
from londonpump.service.rights import Person
from londonpump.service.state import ServiceState
from londonpump.service.together import Together
from londonpump.storage.database.audit_batch import MOST_WAITING, AuditBatch

T = TypeVar("T")
Items = Sequence[dict[str, Any]]
"""What was answered: {id} of a prediction, or {problem}."""


@dataclass(frozen=True, slots=True)
class Given:
    """texts: json of each answer, None for a problem; in the order of items."""

    items: Items
    texts: tuple[str | None, ...]
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, who asks it, and the key that it came with."""

    user_id: str
    question: Question
    key: Key | None


class Questions(Together[Asked, Given]):
    """Questions about exact places: those that come together look at the board once and go through the model at once."""


class LargeQuestions(Together[Asked, Given]):
    """Those that take as long as many others, one by one: a place that is only named has many points, and each reason
    takes a millisecond."""


MOST_QUESTIONS = 8
"""Of 142 candidates each: 25 to 45 ms, in which the event loop does nothing else."""
MOST_EXPLAINED = 5
FETCHED_WITHIN_S = 5.0
"""For a stored batch: a thousand answers of 20 candidates are 10 to 20 MB."""


async def ask(state: ServiceState, person: Person, question: Question, key: Key | None) -> Given:
    """Answer a question and store that. Raises: Unprocessable, Conflict, NoModel, DatabaseFailed."""
    before = await replayed(state, key)
    if before is not None:
        return before
    asked = Asked(person.id, question, key)
    is_large = not question.place.is_exact or question.most_explained > MOST_EXPLAINED
    return await state.part(LargeQuestions if is_large else Questions)(asked)


async def answer_all(state: ServiceState, asked: Sequence[Asked]) -> list[Given | Exception]:
    """What comes of each question. Raises: what befalls all of them: NoModel, DatabaseFailed."""
    duty, around = await look(state)
    bundle = duty.champion.bundle
    while True:
        ready = await asyncio.gather(
            *(call_of(each.question, each.user_id, bundle, around) for each in asked), return_exceptions=True
        )
        # a pump that was mobilised here while the context was read is out
        if not around.renew():
            break
    rows = iter(make([each for each in ready if isinstance(each, Call)], duty))
    return await _kept(state, asked, [next(rows) if isinstance(each, Call) else each for each in ready])


async def _kept(
    state: ServiceState, asked: Sequence[Asked], made: Sequence[Row | BaseException]
) -> list[Given | Exception]:
    """Stored together, but for those with a key: one that came with another question before undoes its own."""
    rows = {i: each for i, each in enumerate(made) if isinstance(each, dict)}
    open_ = [i for i in rows if asked[i].key is None]
    parts = [part for part in (open_, *([i] for i in rows if asked[i].key is not None)) if part]
    outcomes: dict[int, Any] = dict(enumerate(made))

    async def keep_part(part: Sequence[int]) -> None:
        items = [{"id": rows[i]["id"]} for i in part]
        try:
            given = await keep(state, [rows[i] for i in part], items, asked[part[0]].key)
        except Exception as error:  # noqa: BLE001 - told to whom it befell
            if len(part) > 1 and not isinstance(error, DatabaseFailed):
                # nothing was stored, and it is the row of one of them
                for i in part:
                    await keep_part([i])
                return
            outcomes.update(dict.fromkeys(part, error))
            return
        for i, item, text in zip(part, given.items, given.texts, strict=True):
            outcomes[i] = Given((item,), (text,), given.is_replay)

    await asyncio.gather(*(keep_part(part) for part in parts))
    return [outcomes[i] for i in range(len(made))]


async def look(state: ServiceState) -> tuple[Duty, Surroundings]:
    """The model on duty and what surrounds calls now. Raises: NoModel."""
    champion = state.champion.require()
    standing = state.part(StandingKept).of(champion)
    around = await Surroundings.look(state, standing)
    return Duty(around.now, champion, standing), around


async def keep(
    state: ServiceState, rows: Sequence[Row], items: Items, key: Key | None, within_s: float | None = None
) -> Given:
    """Store answers, note them in the audit, count them. What another request stored under the key is given instead."""
    audit = state.part(AuditBatch)
    if audit.n_waiting + len(rows) > MOST_WAITING // 2:
        # before anything is stored: an answer that the audit cannot hold is not given
        raise DatabaseFailed("The audit of predictions cannot be written. Check the database.")
    others = await state.store.write(lambda c: _stored(c, rows, items, key), within_s=within_s)
    if others is not None:
        return await _again(state, others, is_large=within_s is not None)
    for row in rows:
        audit.add(row["id"], row["user_id"], row["created_at"], digest_of(row))
        state.metrics.predictions.labels(CALL, row["model"]).inc()
    text_of = {row["id"]: row["answer"] for row in rows}
    return Given(items, tuple(text_of.get(item.get("id", "")) for item in items))


async def replayed(state: ServiceState, key: Key | None, *, is_large: bool = False) -> Given | None:
    """What was answered under the key already. is_large: it may be a batch. Raises: Conflict, DatabaseFailed."""
    if key is None:
        return None
    items = await _fetched(state, lambda connection: find_answer(connection, key), is_large=is_large)
    return None if items is None else await _again(state, items, is_large=is_large)


async def _again(state: ServiceState, items: Items, *, is_large: bool) -> Given:
    ids = [item["id"] for item in items if "id" in item]
    answers = await _fetched(state, lambda connection: find_answers(connection, ids), is_large=is_large)
    texts = tuple(answers[item["id"]] if "id" in item else None for item in items)
    return Given(items, texts, is_replay=True)


async def _fetched(state: ServiceState, work: Callable[[Connection], T], *, is_large: bool) -> T:
    """Large: on the lane for long reads, so that nobody's session waits for it to be looked up."""
    within_s = max(FETCHED_WITHIN_S, state.store.limits.patience_s) if is_large else None
    return await state.store.read(work, within_s=within_s, is_long=is_large)


def _stored(connection: Connection, rows: Sequence[Row], items: Items, key: Key | None) -> Items | None:
    others: Items | None = claim(connection, key, items) if key is not None else None
    if others is None:
        add_rows(connection, rows)
    return others
