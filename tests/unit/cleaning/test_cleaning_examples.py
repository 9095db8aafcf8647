"""The last step: the columns of an example."""

from typing import Any

import ibis
import pyarrow as pa
import pytest
from ibis.backends.duckdb import Backend
from support.typed_rows import NOON

from londonpump.cleaning.examples import as_examples
from londonpump.domain.columns import EXAMPLES

SOUND: dict[str, Any] = {
    "incident_number": "000001-10012023",
    "source_file": 0,
    "source_row": 1,
    "ground_code": "H21",
    "easting_m": 530_000.0,
    "northing_m": 175_000.0,
    "station_easting_m": 531_000.0,
    "station_northing_m": 175_000.0,
    "travel_s": 60,
    "pump_order": 1,
    "mobilised_at": NOON,
}


def made(connection: Backend, *changes: dict[str, Any]) -> list[dict[str, Any]]:
    table = pa.Table.from_pylist([SOUND | change for change in changes])
    table = table.append_column("rule", pa.nulls(len(changes), pa.string()))
    rows = connection.create_table(ibis.util.gen_name("kept"), table, temp=True)
    return as_examples(rows).to_pyarrow().to_pylist()


def test_every_column_of_the_schema_is_there_and_unknown_where_the_records_cannot_tell(
    connection: Backend,
) -> None:
    (row,) = made(connection, {})
    assert list(row) == [column.name for column in EXAMPLES]
    assert (row["recorded_ground_code"], row["turnout_s"], row["pumps_out"]) == ("H21", None, None)


@pytest.mark.parametrize(("travel_s", "is_over"), [(59, True), (61, False), (0, True)])
def test_a_run_over_60_kmh_is_flagged_and_kept(connection: Backend, travel_s: int, is_over: bool) -> None:
    (row,) = made(connection, {"travel_s": travel_s})  # one kilometre in a minute is 60 km/h
    assert row["is_over_60_kmh"] is is_over


@pytest.mark.parametrize(("order", "pump"), [(1, "first"), (2, "second"), (3, "later"), (9, "later")])
def test_the_order_of_arrival_has_a_name(connection: Backend, order: int, pump: str) -> None:
    (row,) = made(connection, {"pump_order": order})
    assert row["pump"] == pump


def test_examples_stand_in_the_order_of_time_then_of_the_files(connection: Backend) -> None:
    rows = made(
        connection,
        {"source_row": 3},
        {"source_row": 2},
        {"incident_number": "000000-10012023", "source_row": 9},
    )
    assert [row["source_row"] for row in rows] == [9, 2, 3]
