"""The history as the original tells it, and its list of risk stations. Every function runs in the caller's transaction."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from londonpump.storage.database.schema import predictions, risk_stations, users

_HISTORY_COLUMNS = (
    predictions.c.id,
    predictions.c.user_id,
    predictions.c.response_time_s,
    predictions.c.risk_underestimated,
    predictions.c.created_at,
    predictions.c.imported_id,
    users.c.imported_from,
)


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """user_id: None for everybody's. before: only those older than this prediction."""

    user_id: str | None = None
    created_at: datetime | None = None
    risk: bool | None = None
    before: str | None = None
    limit: int = 1


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One prediction. user_id, is_risky: None where nobody knows. imported_id, user_imported_from: ids in the original."""

    id: str
    user_id: str | None
    response_time_s: float
    is_flagged: bool | None
    created_at: datetime
    imported_id: str | None = None
    user_imported_from: str | None = None


def read_history(connection: Connection, query: HistoryQuery) -> list[HistoryRow]:
    """The newest ones that match, the oldest of them first. Those that announced no time are left out."""
    statement = _matching(query)
    if query.before is not None:
        last = connection.execute(
            _matching(HistoryQuery(query.user_id)).where(predictions.c.id == query.before)
        ).first()
        if last is None:
            return []
        statement = statement.where(_is_before(last))
    newest_first = statement.order_by(predictions.c.created_at.desc(), predictions.c.id.desc())
    found = connection.execute(newest_first.limit(query.limit)).all()
    return [HistoryRow(*row) for row in reversed(found)]


def newest_risk_list(connection: Connection) -> tuple[datetime | None, frozenset[str]]:
    """When the newest list was made, None if there is none, and the codes on it."""
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


def _is_before(last: Row[Any]) -> ColumnElement[bool]:
    at, id_ = predictions.c.created_at, predictions.c.id
    return or_(at < last.created_at, and_(at == last.created_at, id_ < last.id))
