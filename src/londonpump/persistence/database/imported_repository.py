"""Users, predictions and lists of risk stations, as imported from the original.

Every function works inside the transaction of its caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from londonpump.domain.usernames import username_key
from londonpump.persistence.database.engine import as_row
from londonpump.persistence.database.schema import predictions, risk_stations, users


@dataclass(frozen=True, slots=True)
class User:
    """A user. Names with the same `username_key` are the same name."""

    id: str
    username: str
    role: str
    created_at: datetime
    password_hash: str | None = None
    """None until a password is set; nobody can sign in before."""
    disabled_at: datetime | None = None
    imported_from: str | None = None
    """The id in the original."""


@dataclass(frozen=True, slots=True)
class Prediction:
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
    inputs: dict[str, Any] = field(default_factory=dict)
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


def put_users(connection: Connection, new: Sequence[User]) -> None:
    """Add users whose folded names are not there yet."""
    rows = [{**as_row(user), "username_folded": username_key(user.username)} for user in new]
    _add(connection, users, rows)


def set_initial_password(connection: Connection, user_id: str, password_hash: str) -> bool:
    """Store a password unless the account has one. Returns: whether it was stored."""
    # one statement, so that two imports at once cannot both set a password
    without = update(users).where(users.c.id == user_id, users.c.password_hash.is_(None))
    return connection.execute(without.values(password_hash=password_hash)).rowcount == 1


def select_users(connection: Connection) -> list[User]:
    """Return every user, by name."""
    columns = [users.c[column.name] for column in fields(User)]
    found = connection.execute(select(*columns).order_by(users.c.username_folded)).mappings()
    return [User(**row) for row in found]


def put_predictions(connection: Connection, new: Sequence[Prediction]) -> None:
    """Add predictions."""
    _add(connection, predictions, [as_row(prediction) for prediction in new])


def select_predictions(connection: Connection) -> list[Prediction]:
    """Return every prediction, by time."""
    columns = [predictions.c[column.name] for column in fields(Prediction)]
    query = select(*columns).order_by(predictions.c.created_at, predictions.c.id)
    return [Prediction(**row) for row in connection.execute(query).mappings()]


def imported_predictions(connection: Connection) -> set[str]:
    """Return the ids in the original of the predictions that are stored."""
    imported_id = predictions.c.imported_id
    return set(connection.execute(select(imported_id).where(imported_id.is_not(None))).scalars())


def put_risk_stations(connection: Connection, new: Sequence[RiskStation]) -> None:
    """Add lists of risk stations."""
    _add(connection, risk_stations, [as_row(station) for station in new])


def select_risk_stations(connection: Connection) -> list[RiskStation]:
    """Return the stations of every list, by date and station."""
    columns = risk_stations.c
    found = connection.execute(select(risk_stations).order_by(columns.listed_at, columns.station_code))
    return [RiskStation(**row) for row in found.mappings()]


def _add(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)
