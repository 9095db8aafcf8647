"""The London clock as an expression, held to the zone database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ibis.backends.duckdb import Backend
from support.run_size import examples

from londonpump.cleaning import incidents
from londonpump.domain.london_clock import exists_in_london, is_ambiguous_in_london

LONDON = ZoneInfo("Europe/London")
FIRST, LAST = datetime(2008, 1, 1), datetime(2040, 12, 31)
FEW = settings(
    max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
timestamps = st.lists(st.datetimes(FIRST, LAST), min_size=1, max_size=200)


@pytest.fixture(scope="module")
def engine() -> Iterator[Backend]:
    connection = ibis.duckdb.connect()
    yield connection
    connection.disconnect()


@given(timestamps)
@FEW
def test_gmt_to_london_is_what_the_zone_database_says(engine: Backend, drawn: list[datetime]) -> None:
    _assert_to_london(engine, drawn)


@given(timestamps)
@FEW
def test_london_to_gmt_is_what_the_zone_database_says(engine: Backend, drawn: list[datetime]) -> None:
    _assert_to_utc(engine, drawn)


@pytest.mark.parametrize("year", range(2009, 2041))
def test_every_half_hour_around_both_clock_changes_is_right(engine: Backend, year: int) -> None:
    around = [
        datetime(year, month, 31) - timedelta(minutes=30 * step)
        for month in (3, 10)
        for step in range(-48, 48 * 8)
    ]
    _assert_to_london(engine, around)
    _assert_to_utc(engine, around)


def _assert_to_london(engine: Backend, utc: list[datetime]) -> None:
    table = _table(engine, utc)
    found = table.order_by("i").mutate(wall=incidents.to_london(table.at)).wall.to_pyarrow().to_pylist()
    assert found == [at.replace(tzinfo=UTC).astimezone(LONDON).replace(tzinfo=None) for at in utc]


def _assert_to_utc(engine: Backend, walls: list[datetime]) -> None:
    """Of an hour shown twice the first is meant; an hour never shown is only reported."""
    table = _table(engine, walls)
    rows = table.order_by("i").mutate(
        utc=incidents.to_utc(table.at),
        never=incidents.is_skipped_hour(table.at),
        twice=incidents.is_repeated_hour(table.at),
    )
    columns = rows.to_pyarrow()
    assert columns["never"].to_pylist() == [not exists_in_london(wall) for wall in walls]
    assert columns["twice"].to_pylist() == [is_ambiguous_in_london(wall) for wall in walls]
    london_times = [
        (utc, wall)
        for utc, wall in zip(columns["utc"].to_pylist(), walls, strict=True)
        if exists_in_london(wall)
    ]
    assert [utc for utc, _ in london_times] == [
        wall.replace(tzinfo=LONDON, fold=0).astimezone(UTC).replace(tzinfo=None) for _, wall in london_times
    ]


def _table(engine: Backend, timestamps: list[datetime]) -> ibis.Table:
    values = {"i": pa.array(range(len(timestamps))), "at": pa.array(timestamps, pa.timestamp("us"))}
    return engine.create_table("moments", pa.table(values), temp=True, overwrite=True)
