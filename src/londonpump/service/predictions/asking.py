"""One question: answered, stored, then told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from londonpump.brigade.errors import DatabaseFailed
from londonpump.service.predictions.around import StandingKept, Surroundings
from londonpump.service.predictions.calls import call_of
from londonpump.service.predictions.idempotency import Key, claim, find_answer
from londonpump.service.predictions.making import Asker, make
from londonpump.service.predictions.rows import CALL, Row, add_rows, as_text, digest_of, find_answers
from londonpump.service.predictions.shapes import Question
from londonpump.service.rights import Person
from londonpump.service.state import ServiceState
from londonpump.storage.database.audit_batch import MOST_WAITING, AuditBatch

Items = Sequence[dict[str, Any]]
"""What was answered: {id} of a prediction, or {problem}."""


@dataclass(frozen=True, slots=True)
class Given:
    """texts: json of each answer, None for a problem; in the order of items."""

    items: Items
    texts: tuple[str | None, ...]
    is_replay: bool = False


async def ask(state: ServiceState, person: Person, question: Question, key: Key | None) -> Given:
    """Answer a question and store that. Raises: Unprocessable, Conflict, NoModel, DatabaseFailed."""
    before = await replayed(state, key)
    if before is not None:
        return before
    asker, around = await look(state, person)
    rows = make([await call_of(question, asker.champion.bundle, around)], asker)
    return await keep(state, rows, [{"id": rows[0]["id"]}], key)


async def look(state: ServiceState, person: Person) -> tuple[Asker, Surroundings]:
    """The model on duty and what surrounds a call now. Raises: NoModel."""
    champion = state.champion.require()
    standing = state.part(StandingKept).of(champion)
    around = await Surroundings.look(state, standing)
    return Asker(person.id, around.now, champion, standing), around


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
        return await _again(state, others)
    for row in rows:
        audit.add(row["id"], row["user_id"], row["created_at"], digest_of(row))
        state.metrics.predictions.labels(CALL, row["model"]).inc()
    text_of = {row["id"]: row["answer"] for row in rows}
    return Given(items, tuple(text_of.get(item.get("id", "")) for item in items))


async def replayed(state: ServiceState, key: Key | None) -> Given | None:
    """What was answered under the key already. Raises: Conflict, DatabaseFailed."""
    if key is None:
        return None
    items = await state.store.read(lambda connection: find_answer(connection, key))
    return None if items is None else await _again(state, items)


async def _again(state: ServiceState, items: Items) -> Given:
    ids = [item["id"] for item in items if "id" in item]
    answers = await state.store.read(lambda connection: find_answers(connection, ids))
    texts = tuple(as_text(answers[item["id"]]) if "id" in item else None for item in items)
    return Given(items, texts, is_replay=True)


def _stored(connection: Connection, rows: Sequence[Row], items: Items, key: Key | None) -> Items | None:
    others: Items | None = claim(connection, key, items) if key is not None else None
    if others is None:
        add_rows(connection, rows)
    return others
