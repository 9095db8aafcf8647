"""Stored predictions, and their check against the audit. Callers provide the transaction."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import JSON, Connection, Insert, Text, bindparam, cast, insert, select

from londonpump.persistence.database.audit_repository import EVENT_TYPE, read_audit
from londonpump.persistence.database.schema import predictions

# databases limit the number of parameters per statement
IDS_PER_QUERY = 500
CALL, TIME_PUMP = "call", "time_pump"


@dataclass(frozen=True, slots=True)
class PredictionRecord:
    """One prediction; `inputs` and `answer` are JSON documents, stored as they were sent and returned."""

    id: str
    user_id: str | None
    created_at: datetime
    endpoint: str
    """CALL or TIME_PUMP."""
    model: str | None
    response_time_s: float | None
    """The announced time, for a CALL the p50 of the first pump; None if no pump could be ranked."""
    risk_underestimated: bool | None
    inputs: Mapping[str, Any]
    answer: Mapping[str, Any] | None
    """None for imported predictions."""
    incident_number: str | None = None
    call_at: datetime | None = None
    """The time that the prediction is for."""
    risk_listed_at: datetime | None = None


Row = dict[str, Any]
_DOCUMENTS = ("inputs", "answer")
# the names before database version 0009 are part of the hashed text: others would invalidate every audit that exists
_HASHED_AS = {"endpoint": "kind", "call_at": "asked_at"}
_COLUMNS = tuple(predictions.c[column.name] for column in fields(PredictionRecord))


def as_text(value: Any) -> str:
    """Serialise a JSON document in the form that is stored and hashed."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def as_row(record: PredictionRecord) -> Row:
    """Return the row to store, with its documents as text."""
    # serialised here, before the transaction, so that others do not wait for it
    row = {column.name: getattr(record, column.name) for column in fields(PredictionRecord)}
    row["inputs"] = as_text(record.inputs)
    row["answer"] = None if record.answer is None else as_text(record.answer)
    return row


def digest_of(row: Row) -> str:
    """Return the SHA-256 of a stored row; the audit holds it to detect later changes."""
    # the order of the columns is part of the hashed text too
    digest = hashlib.sha256()
    for column in _COLUMNS:
        value = row[column.name]
        text = value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        digest.update(f"{_HASHED_AS.get(column.name, column.name)}={text}\n".encode())
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
        # SQLite stores JSON as text and has no JSON type to cast to
        bindings[name] = cast(text, JSON) if engine == "postgresql" else text
    return insert(predictions).values(bindings)


def add_predictions(connection: Connection, records: Iterable[PredictionRecord]) -> None:
    """Add predictions."""
    add_rows(connection, [as_row(record) for record in records])


def find_prediction(connection: Connection, prediction_id: str) -> PredictionRecord | None:
    """Return a prediction by its id, or None."""
    query = select(*_COLUMNS).where(predictions.c.id == prediction_id)
    found = connection.execute(query).mappings().one_or_none()
    return None if found is None else PredictionRecord(**found)


def find_predictions(connection: Connection, ids: Sequence[str]) -> dict[str, PredictionRecord]:
    """Return {id: prediction} for the ids that exist."""
    found: dict[str, PredictionRecord] = {}
    for first in range(0, len(ids), IDS_PER_QUERY):
        query = select(*_COLUMNS).where(predictions.c.id.in_(ids[first : first + IDS_PER_QUERY]))
        rows = connection.execute(query).mappings()
        found.update((row["id"], PredictionRecord(**row)) for row in rows)
    return found


def find_answers(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Return {id: answer as JSON text} for the ids that exist."""
    # not parsed: 1,000 answers would keep the interpreter busy for 0.5 s. Both databases keep the text as it was sent
    query = select(predictions.c.id, cast(predictions.c.answer, Text).label("answer"))
    found: dict[str, str] = {}
    for first in range(0, len(ids), IDS_PER_QUERY):
        some = ids[first : first + IDS_PER_QUERY]
        rows = connection.execute(query.where(predictions.c.id.in_(some)))
        found.update((row.id, row.answer) for row in rows)
    return found


def find_changed_prediction(connection: Connection) -> tuple[int, str] | None:
    """Return the first prediction that differs from the audit, as (audit row, problem). The chain must be intact."""
    with closing(read_audit(connection)) as rows:
        for row in rows:
            entries = json.loads(row.details)["entries"] if row.event_type == EVENT_TYPE else []
            problem = _problem_of(connection, {entry["id"]: entry["sha256"] for entry in entries})
            if problem is not None:
                return row.seq, problem
    return None


def _problem_of(connection: Connection, digests: Mapping[str, str]) -> str | None:
    stored = find_predictions(connection, list(digests))
    for prediction_id, digest in digests.items():
        record = stored.get(prediction_id)
        if record is None:
            return f"prediction {prediction_id}, which it records, is missing"
        if digest_of(as_row(record)) != digest:
            return f"prediction {prediction_id}, which it records, was changed"
    return None
