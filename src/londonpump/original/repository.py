"""The history in the form of the original, and the list of risk stations. Callers provide the transaction."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from londonpump.persistence.database.schema import predictions, risk_stations, users

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


def _is_before(last: Row[Any]) -> ColumnElement[bool]:
    at, id_ = predictions.c.created_at, predictions.c.id
    return or_(at < last.created_at, and_(at == last.created_at, id_ < last.id))
