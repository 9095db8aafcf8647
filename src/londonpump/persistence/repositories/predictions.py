"""Predictions, their check against the audit, the keys that repeat them, and the lists of risk stations.

Predictions and lists of the original were imported; its history shows them with the predictions of today.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Insert,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy import Row as DatabaseRow

from londonpump.domain.json_values import JsonObject
from londonpump.persistence.database.engine import Row, dialect_insert
from londonpump.persistence.database.engine import as_row as as_columns
from londonpump.persistence.database.schema import (
    idempotency_keys,
    mobilisations,
    predictions,
    risk_stations,
    users,
)
from londonpump.persistence.repositories.audit import EVENT_TYPE, read_audit

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
    inputs: JsonObject
    answer: JsonObject | None
    """None for imported predictions."""
    incident_number: str | None = None
    call_at: datetime | None = None
    """The time that the prediction is for."""
    risk_listed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ImportedPrediction:
    """A response time that the original announced."""

    id: str
    user_id: str | None
    """None if the user is unknown."""
    created_at: datetime
    endpoint: str
    response_time_s: float
    """The time as announced, which can be negative."""
    risk_underestimated: bool | None = None
    """None if unknown."""
    risk_listed_at: datetime | None = None
    """The list of risk stations that was used."""
    inputs: JsonObject = field(default_factory=dict)
    imported_id: str | None = None


@dataclass(frozen=True, slots=True)
class RiskStation:
    """A station whose times tend to be announced too low, on the list of a date."""

    listed_at: datetime
    station_code: str
    station_name: str
    source: str
    imported_id: str | None = None
    """The id of the list in the original."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """An idempotency key with the answer that is stored under it."""

    user_id: str
    key: str
    body_digest: str
    created_at: datetime
    status: int
    answer: Any


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Filters of the history; None means no filter."""

    user_id: str | None = None
    created_at: datetime | None = None
    risk: bool | None = None
    before: str | None = None
    """Id of a prediction: only older ones match."""
    limit: int = 1


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One prediction of the history."""

    id: str
    user_id: str | None
    """Id of the user; None if it is not known."""
    response_time_s: float
    is_flagged: bool | None
    """Whether a warning was given; None if it is not known."""
    created_at: datetime
    imported_id: str | None = None
    """Id of the prediction in the original system."""
    user_imported_from: str | None = None
    """Id of the user in the original system."""


class IncidentArea(NamedTuple):
    """Street or district that was named for an incident, with its middle."""

    incident_number: str
    area: str
    radius_m: float | None
    """Distance from its middle within which it lies; None for a district or a station ground given by its code."""
    easting_m: float
    northing_m: float


class RecentCall(NamedTuple):
    """A call that a user asked about."""

    prediction_id: str
    asked_at: datetime
    user: str
    """Name of the user."""
    incident_number: str | None
    easting_m: float
    northing_m: float


_DOCUMENTS = ("inputs", "answer")
# the former names are part of the hashed text: others would invalidate every audit that exists
_HASHED_AS = {"endpoint": "kind", "call_at": "asked_at"}
_COLUMNS = tuple(predictions.c[column.name] for column in fields(PredictionRecord))
_KEYS = idempotency_keys.c
_HISTORY_COLUMNS = (
    predictions.c.id,
    predictions.c.user_id,
    predictions.c.response_time_s,
    predictions.c.risk_underestimated,
    predictions.c.created_at,
    predictions.c.imported_id,
    users.c.imported_from,
)


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
    bindings: Row = {column.name: bindparam(column.name) for column in _COLUMNS}
    for name in _DOCUMENTS:
        text = bindparam(name, type_=Text())
        # SQLite stores JSON as text and has no JSON type to cast to
        bindings[name] = cast(text, JSON) if engine == "postgresql" else text
    return insert(predictions).values(bindings)


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


def find_key(connection: Connection, user_id: str, key: str, after: datetime) -> StoredKey | None:
    """Return a key that was claimed after a time."""
    query = select(*(_KEYS[column.name] for column in fields(StoredKey))).where(
        _KEYS.user_id == user_id, _KEYS.key == key, _KEYS.created_at > after
    )
    found = connection.execute(query).one_or_none()
    return None if found is None else StoredKey(*found)


def claim_key(connection: Connection, new: StoredKey, expired_at: datetime) -> bool:
    """Store a key with its answer. Returns: False if the key was claimed after `expired_at`."""
    outdated = (_KEYS.user_id == new.user_id, _KEYS.key == new.key, _KEYS.created_at <= expired_at)
    # an expired key may be claimed again
    connection.execute(delete(idempotency_keys).where(*outdated))
    # on PostgreSQL the insert waits for any other transaction that claims the key
    insert_ = dialect_insert(connection, idempotency_keys).values(as_columns(new))
    taken = connection.execute(insert_.on_conflict_do_nothing().returning(_KEYS.key))
    return taken.scalar_one_or_none() is not None


def delete_keys(connection: Connection, expired_at: datetime) -> int:
    """Delete the keys that were claimed until a time, and return their number."""
    return connection.execute(delete(idempotency_keys).where(_KEYS.created_at <= expired_at)).rowcount


def put_imported_predictions(connection: Connection, new: Sequence[ImportedPrediction]) -> None:
    """Add predictions of the original."""
    _add(connection, predictions, [as_columns(prediction) for prediction in new])


def select_imported_predictions(connection: Connection) -> list[ImportedPrediction]:
    """Return every prediction, by time."""
    columns = [predictions.c[column.name] for column in fields(ImportedPrediction)]
    query = select(*columns).order_by(predictions.c.created_at, predictions.c.id)
    return [ImportedPrediction(**row) for row in connection.execute(query).mappings()]


def imported_ids(connection: Connection) -> set[str]:
    """Return the ids in the original of the predictions that are stored."""
    imported_id = predictions.c.imported_id
    return set(connection.execute(select(imported_id).where(imported_id.is_not(None))).scalars())


def put_risk_stations(connection: Connection, new: Sequence[RiskStation]) -> None:
    """Add lists of risk stations."""
    _add(connection, risk_stations, [as_columns(station) for station in new])


def select_risk_stations(connection: Connection) -> list[RiskStation]:
    """Return the stations of every list, by date and station."""
    columns = risk_stations.c
    found = connection.execute(select(risk_stations).order_by(columns.listed_at, columns.station_code))
    return [RiskStation(**row) for row in found.mappings()]


def _add(connection: Connection, table: Table, rows: list[Row]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def read_history(connection: Connection, query: HistoryQuery) -> list[HistoryRow]:
    """Return the newest matching predictions, the oldest of them first; those without a time are left out."""
    statement = _matching(query)
    if query.before is not None:
        # the cursor must be a prediction that this user may see
        last = connection.execute(
            _matching(HistoryQuery(query.user_id)).where(predictions.c.id == query.before)
        ).first()
        if last is None:
            return []
        statement = statement.where(_is_before(last))
    # the id breaks ties, so that pages neither repeat nor lose predictions of the same time
    newest_first = statement.order_by(predictions.c.created_at.desc(), predictions.c.id.desc())
    found = connection.execute(newest_first.limit(query.limit)).all()
    return [HistoryRow(*row) for row in reversed(found)]


def recent_calls(
    connection: Connection, since: datetime, excluding_user: str, at_most: int
) -> list[RecentCall]:
    """Return the newest calls with an exact location that other users asked about since a time."""
    values = {"since": since, "excluding_user": excluding_user, "at_most": at_most}
    return [RecentCall._make(row) for row in connection.execute(_recent_calls(), values)]


@cache
def _recent_calls() -> Select[Any]:
    # built once, because each list of the console reads it, and building it takes longer than running it
    mine, location = predictions.c, predictions.c.answer["location"]
    # the newest ones are chosen first: reading the location parses the stored answer, which is large
    newest = (
        select(mine.id)
        .where(
            mine.created_at >= bindparam("since"),
            mine.endpoint == CALL,
            mine.user_id != bindparam("excluding_user"),
        )
        .order_by(mine.created_at.desc())
        .limit(bindparam("at_most"))
    )
    return (
        select(
            *(mine.id, mine.created_at, users.c.username, mine.incident_number),
            *(location[name].as_float() for name in ("easting_m", "northing_m")),
        )
        .join_from(predictions, users)
        .where(mine.id.in_(newest), location["area"].as_string().is_(None))
        .order_by(mine.created_at.desc(), mine.id)
    )


def incident_areas(connection: Connection, since: datetime, at_most: int) -> list[IncidentArea]:
    """Return the areas of the newest incidents to which a pump was sent from a time on without an exact location."""
    values = {"since": since, "at_most": at_most}
    return [IncidentArea._make(row) for row in connection.execute(_incident_areas(), values)]


@cache
def _incident_areas() -> Select[Any]:
    mine, location = mobilisations.c, predictions.c.answer["location"]
    area = location["area"].as_string()
    middle = (location[name].as_float() for name in ("easting_m", "northing_m"))
    return (
        select(mine.incident_number, area, location["match"]["radius_m"].as_float(), *middle)
        .join_from(mobilisations, predictions, predictions.c.id == mine.prediction_id)
        .where(
            mine.mobilised_at >= bindparam("since"),
            mine.withdrawn_at.is_(None),
            mine.easting_m.is_(None),
            area.is_not(None),
        )
        .order_by(mine.mobilised_at.desc())
        .limit(bindparam("at_most"))
    )


def newest_risk_list(connection: Connection) -> tuple[datetime | None, frozenset[str]]:
    """Return the time of the newest list (None if there is none) and the station codes on it."""
    newest = select(func.max(risk_stations.c.listed_at)).scalar_subquery()
    rows = connection.execute(
        select(risk_stations.c.listed_at, risk_stations.c.station_code).where(
            risk_stations.c.listed_at == newest
        )
    ).all()
    return (rows[0].listed_at.astimezone(UTC) if rows else None), frozenset(row.station_code for row in rows)


def _matching(query: HistoryQuery) -> Select[Any]:
    statement = (
        select(*_HISTORY_COLUMNS)
        .select_from(predictions.outerjoin(users, users.c.id == predictions.c.user_id))
        .where(predictions.c.response_time_s.is_not(None))
    )
    if query.user_id is not None:
        statement = statement.where(predictions.c.user_id == query.user_id)
    if query.created_at is not None:
        statement = statement.where(predictions.c.created_at == query.created_at)
    if query.risk is not None:
        statement = statement.where(predictions.c.risk_underestimated == query.risk)
    return statement


def _is_before(last: DatabaseRow[Any]) -> ColumnElement[bool]:
    at, id_ = predictions.c.created_at, predictions.c.id
    return or_(at < last.created_at, and_(at == last.created_at, id_ < last.id))
