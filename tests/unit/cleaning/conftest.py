"""An engine, and the cleaning of a few hand-made rows on it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import ibis
import pytest
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table
from support.compiled_once import CompiledOnce
from support.typed_rows import INCIDENT, MOBILISATION, Row, in_order_of_the_file, stations, typed

from londonpump.cleaning.incidents import clean_incidents
from londonpump.cleaning.mobilisations import clean_mobilisations
from londonpump.cleaning.pump_counts import with_attendance
from londonpump.cleaning.rules import StoreStep, is_kept

Clean = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def connection() -> Iterator[Backend]:
    engine = ibis.duckdb.connect()
    yield engine
    engine.disconnect()


@pytest.fixture(scope="session")
def incidents(connection: Backend) -> Clean:
    """Clean incidents that differ from the sound one as given: every column of each."""

    def build(tables: Mapping[str, Table], _: StoreStep) -> Table:
        return in_order_of_the_file(clean_incidents(tables["typed"], tables["stations"]))

    cleaned = CompiledOnce(connection, "incidents", build)
    return lambda *changes: cleaned(
        typed=typed("incidents", INCIDENT, changes), stations=stations()
    ).to_pylist()


@pytest.fixture(scope="session")
def mobilisations(connection: Backend) -> Clean:
    """Clean mobilisations of the sound incident (`of` changes it) that differ from the sound one as given."""
    return _joined(CompiledOnce(connection, "mobilisations", _join))


@pytest.fixture(scope="session")
def attended(connection: Backend) -> Clean:
    """As `mobilisations`, with what follows from all the pumps of an incident; kept rows only."""

    def build(tables: Mapping[str, Table], keep: StoreStep) -> Table:
        table = keep(_join(tables, keep), "joined")
        return in_order_of_the_file(
            with_attendance(table.filter(is_kept(table)).mutate(row_id=table.source_row))
        )

    return _joined(CompiledOnce(connection, "attended", build))


def _join(tables: Mapping[str, Table], keep: StoreStep) -> Table:
    cleaned = keep(clean_incidents(tables["incidents"], tables["stations"]), "cleaned")
    return in_order_of_the_file(
        clean_mobilisations(tables["mobilisations"], cleaned, tables["stations"], keep)
    )


def _joined(compiled: CompiledOnce) -> Clean:
    def clean(*changes: Row, of: tuple[Row, ...] = ({},)) -> list[dict[str, Any]]:
        rows = compiled(
            incidents=typed("incidents", INCIDENT, of),
            mobilisations=typed("mobilisations", MOBILISATION, changes),
            stations=stations(),
        )
        return rows.to_pylist()

    return clean
