"""An engine, and the cleaning of a few hand-made rows on it."""

from collections.abc import Callable, Iterator
from typing import Any

import ibis
import pytest
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table
from support.typed_rows import INCIDENT, MOBILISATION, Row, rows_of, stations, typed

from londonpump.cleaning.incidents import clean_incidents
from londonpump.cleaning.mobilisations import clean_mobilisations
from londonpump.cleaning.pump_counts import with_attendance
from londonpump.cleaning.rules import is_kept


@pytest.fixture(scope="session")
def connection() -> Iterator[Backend]:
    engine = ibis.duckdb.connect()
    yield engine
    engine.disconnect()


@pytest.fixture
def incidents(connection: Backend) -> Callable[..., list[dict[str, Any]]]:
    """Clean incidents that differ from the sound one as given: every column of each."""

    def clean(*changes: Row) -> list[dict[str, Any]]:
        table = clean_incidents(typed(connection, "incidents", INCIDENT, changes), stations(connection))
        return rows_of(table, *table.columns)

    return clean


@pytest.fixture
def mobilisations(connection: Backend) -> Callable[..., list[dict[str, Any]]]:
    """Clean mobilisations of the sound incident (`of` changes it) that differ from the sound one as given."""

    def clean(*changes: Row, of: tuple[Row, ...] = ({},)) -> list[dict[str, Any]]:
        table = _joined(connection, changes, of)
        return rows_of(table, *table.columns)

    return clean


@pytest.fixture
def attended(connection: Backend) -> Callable[..., list[dict[str, Any]]]:
    """As `mobilisations`, with what follows from all the pumps of an incident; kept rows only."""

    def clean(*changes: Row, of: tuple[Row, ...] = ({},)) -> list[dict[str, Any]]:
        table = _joined(connection, changes, of)
        table = with_attendance(table.filter(is_kept(table)).mutate(row_id=table.source_row))
        return rows_of(table, *table.columns)

    return clean


def _joined(connection: Backend, changes: tuple[Row, ...], of: tuple[Row, ...]) -> Table:
    def keep(table: Table, name: str) -> Table:
        return connection.create_table(name, table, temp=True, overwrite=True)

    cleaned = keep(
        clean_incidents(typed(connection, "incidents", INCIDENT, of), stations(connection)), "cleaned"
    )
    runs = typed(connection, "mobilisations", MOBILISATION, changes)
    return keep(clean_mobilisations(runs, cleaned, stations(connection), keep), "joined")
