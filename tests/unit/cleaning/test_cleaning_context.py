"""The join of context: each mobilisation gets the spell that it lies in."""

from datetime import datetime
from typing import Any

import ibis
import pyarrow as pa
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from londonpump.cleaning.examples import weather_counts, with_context

NINE, QUARTER_PAST, TEN = datetime(2022, 1, 9, 9), datetime(2022, 1, 9, 9, 15), datetime(2022, 1, 9, 10)
ELEVEN = datetime(2022, 1, 9, 11)


def made(connection: Backend, **columns: Any) -> Table:
    return connection.create_table(ibis.util.gen_name("made"), pa.table(columns), temp=True)


def runs(connection: Backend, *timestamps: datetime) -> Table:
    return made(connection, mobilised_at=pa.array(timestamps, pa.timestamp("us")))


def spells(connection: Backend, **more: Any) -> Table:
    edges = [
        pa.array(at, pa.timestamp("us")) for at in ((NINE, QUARTER_PAST, TEN), (QUARTER_PAST, TEN, ELEVEN))
    ]
    return made(connection, from_at=edges[0], until_at=edges[1], **{"temp_c": [1.0, 2.0, 3.0], **more})


def temperatures(connection: Backend, *timestamps: datetime) -> list[float | None]:
    joined = with_context(runs(connection, *timestamps), spells(connection))
    return joined.order_by("mobilised_at").temp_c.to_pyarrow().to_pylist()


def test_a_spell_begins_with_its_first_instant_and_ends_before_its_last(connection: Backend) -> None:
    almost = datetime(2022, 1, 9, 9, 14, 59, 999_999)
    assert temperatures(connection, NINE, almost, QUARTER_PAST, TEN) == [1.0, 1.0, 2.0, 3.0]


def test_a_moment_in_no_spell_stays_and_knows_nothing(connection: Backend) -> None:
    assert temperatures(connection, datetime(2022, 1, 9, 8, 59), ELEVEN) == [None, None]


def test_the_join_adds_no_row(connection: Backend) -> None:
    assert len(temperatures(connection, NINE, NINE, TEN)) == 3


def test_only_columns_that_the_spells_have_are_added(connection: Backend) -> None:
    joined = with_context(runs(connection, NINE), spells(connection, congestion_rate=[0.1, 0.2, 0.3]))
    assert joined.columns == ("mobilised_at", "temp_c", "congestion_rate")


def test_the_counts_tell_an_hour_of_its_own_from_one_that_was_filled(connection: Backend) -> None:
    examples = made(
        connection,
        weather_source=["file", "file", "file", None],
        weather_age_h=[0.0, 0.0, 2.0, None],
        is_weather_imputed=[False, True, True, None],
    )
    found = {(row["weather_source"], row["is_own_hour"]): row["rows"] for row in
             weather_counts(examples).to_pyarrow().to_pylist()}  # fmt: skip
    assert found == {("file", True): 1, ("file", False): 2, (None, None): 1}
