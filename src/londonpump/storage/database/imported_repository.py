"""Users, the predictions they were given, and the lists of stations whose times tend to be announced too low.

The functions `put_...` and `..._stored` take a connection: several of them make one transaction of the caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from londonpump.domain.usernames import username_key
from londonpump.storage.database.engine import as_row
from londonpump.storage.database.schema import predictions, risk_stations, users


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may ask. Names whose folded spelling is one are one name.

    password_hash: None as long as no password was given; nobody can sign in then. imported_from: the id in the
    original.
    """

    id: str
    username: str
    role: str
    created_at: datetime
    password_hash: str | None = None
    disabled_at: datetime | None = None
    imported_from: str | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """A time that was announced.

    user_id: None where nobody knows whose it was. response_time_s: as announced, below 0 too. risk_underestimated:
    None if unknown. risk_listed_at: which list of risk stations was used. inputs: json-able values.
    """

    id: str
    user_id: str | None
    created_at: datetime
    kind: str
    response_time_s: float
    risk_underestimated: bool | None = None
    risk_listed_at: datetime | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    imported_id: str | None = None


@dataclass(frozen=True, slots=True)
class RiskStation:
    """A station on the list of a moment. imported_id: of the list, in the original."""

    listed_at: datetime
    station_code: str
    station_name: str
    source: str
    imported_id: str | None = None


def put_users(connection: Connection, new: Sequence[User]) -> None:
    """Add users whose folded names are not there yet."""
    rows = [{**as_row(user), "username_folded": username_key(user.username)} for user in new]
    _add(connection, users, rows)


def set_initial_password(connection: Connection, user_id: str, password_hash: str) -> bool:
    """Store it, unless the account has one. Returns: whether it had none."""
    without = update(users).where(users.c.id == user_id, users.c.password_hash.is_(None))
    return connection.execute(without.values(password_hash=password_hash)).rowcount == 1


def select_users(connection: Connection) -> list[User]:
    """Every user, by name."""
    columns = [users.c[column.name] for column in fields(User)]
    found = connection.execute(select(*columns).order_by(users.c.username_folded)).mappings()
    return [User(**row) for row in found]


def put_predictions(connection: Connection, new: Sequence[Prediction]) -> None:
    """Add predictions."""
    _add(connection, predictions, [as_row(prediction) for prediction in new])


def select_predictions(connection: Connection) -> list[Prediction]:
    """Every prediction, by time."""
    columns = [predictions.c[column.name] for column in fields(Prediction)]
    query = select(*columns).order_by(predictions.c.created_at, predictions.c.id)
    return [Prediction(**row) for row in connection.execute(query).mappings()]


def imported_predictions(connection: Connection) -> set[str]:
    """The original's ids of the predictions that are here."""
    imported_id = predictions.c.imported_id
    return set(connection.execute(select(imported_id).where(imported_id.is_not(None))).scalars())


def put_risk_stations(connection: Connection, new: Sequence[RiskStation]) -> None:
    """Add lists of risk stations."""
    _add(connection, risk_stations, [as_row(station) for station in new])


def select_risk_stations(connection: Connection) -> list[RiskStation]:
    """Every list, by its moment and by station."""
    columns = risk_stations.c
    found = connection.execute(select(risk_stations).order_by(columns.listed_at, columns.station_code))
    return [RiskStation(**row) for row in found.mappings()]


def _add(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)
