"""Predictions in the database, whole as they were answered. Every function runs in a transaction of the caller's."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import JSON, Connection, Insert, Text, bindparam, cast, insert, select

from londonpump.storage.database.schema import predictions

IDS_PER_QUERY = 500
CALL, TIME_PUMP = "call", "time_pump"


@dataclass(frozen=True, slots=True)
class PredictionRecord:
    """One prediction. kind: CALL or TIME_PUMP. created_at: when it was made; asked_at: the moment that it is about.

    response_time_s: what was announced, of a CALL the first pump's p50; None where no pump could be ranked.
    inputs: as they were sent; answer: as it was given, None for those that were imported; json-able.
    """

    id: str
    user_id: str | None
    created_at: datetime
    kind: str
    model: str | None
    response_time_s: float | None
    risk_underestimated: bool | None
    inputs: Mapping[str, Any]
    answer: Mapping[str, Any] | None
    incident_number: str | None = None
    asked_at: datetime | None = None
    risk_listed_at: datetime | None = None


Row = dict[str, Any]
_DOCUMENTS = ("inputs", "answer")
_COLUMNS = tuple(predictions.c[column.name] for column in fields(PredictionRecord))


def as_text(value: Any) -> str:
    """A json document in the one spelling that is stored and digested."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def as_row(record: PredictionRecord) -> Row:
    """As it is stored, its documents as text: made before the transaction begins, which others wait for."""
    row = {column.name: getattr(record, column.name) for column in fields(PredictionRecord)}
    row["inputs"] = as_text(record.inputs)
    row["answer"] = None if record.answer is None else as_text(record.answer)
    return row


def digest_of(row: Row) -> str:
    """sha256 over what is stored, for the audit: whoever changes a stored prediction changes it."""
    digest = hashlib.sha256()
    for column in _COLUMNS:
        value = row[column.name]
        text = value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        digest.update(f"{column.name}={text}\n".encode())
    return digest.hexdigest()


def add_rows(connection: Connection, rows: Sequence[Row]) -> None:
    """Add predictions made by `as_row`."""
    if rows:
        connection.execute(_insert_statement(connection.dialect.name), list(rows))


@cache
def _insert_statement(engine: str) -> Insert:
    bindings: dict[str, Any] = {column.name: bindparam(column.name) for column in _COLUMNS}
    for name in _DOCUMENTS:
        text = bindparam(name, type_=Text())
        # SQLite's json is text, and it has no type of that name to cast to
        bindings[name] = cast(text, JSON) if engine == "postgresql" else text
    return insert(predictions).values(bindings)


def add_predictions(connection: Connection, records: Iterable[PredictionRecord]) -> None:
    """Add predictions."""
    add_rows(connection, [as_row(record) for record in records])


def find_prediction(connection: Connection, prediction_id: str) -> PredictionRecord | None:
    """By its id."""
    query = select(*_COLUMNS).where(predictions.c.id == prediction_id)
    found = connection.execute(query).mappings().one_or_none()
    return None if found is None else PredictionRecord(**found)


def find_predictions(connection: Connection, ids: Sequence[str]) -> dict[str, PredictionRecord]:
    """{id: prediction} of those that are there."""
    found: dict[str, PredictionRecord] = {}
    for first in range(0, len(ids), IDS_PER_QUERY):
        query = select(*_COLUMNS).where(predictions.c.id.in_(ids[first : first + IDS_PER_QUERY]))
        rows = connection.execute(query).mappings()
        found.update((row["id"], PredictionRecord(**row)) for row in rows)
    return found


def find_answers(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """{id: answer} of those that are there, as json: a thousand of them would take the interpreter for half a second
    if they were parsed and written again."""
    # the text itself: SQLite keeps json as text, PostgreSQL keeps this type of it as it was sent
    query = select(predictions.c.id, cast(predictions.c.answer, Text).label("answer"))
    found: dict[str, str] = {}
    for first in range(0, len(ids), IDS_PER_QUERY):
        some = ids[first : first + IDS_PER_QUERY]
        rows = connection.execute(query.where(predictions.c.id.in_(some)))
        found.update((row.id, row.answer) for row in rows)
    return found
