"""Context by join (training), by columns and for one moment (serving) against the rule worked out row by row."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis.backends.duckdb import Backend
from support.context_rows import HOUR, VALUES, known_row_by_row, us
from support.run_size import examples

from londonpump.cleaning.examples import with_context
from londonpump.domain.columns import SchoolHoliday, TrafficReading, WeatherHour
from londonpump.features.context import ContextTables, columns_at, context_at, spells
from londonpump.lifecycle.prepare_context import spells_as_arrow

NIGHTS = (
    datetime(2023, 3, 26, tzinfo=UTC),  # the clocks go forward at 01:00 UTC
    datetime(2023, 10, 29, tzinfo=UTC),  # and back at 01:00 UTC
    datetime(2022, 12, 31, 22, tzinfo=UTC),
    datetime(2023, 7, 3, 20, tzinfo=UTC),  # London's day is an hour ahead
)
JOINED: tuple[str, ...] = (
    *VALUES,
    "weather_source",
    "weather_age_h",
    "is_weather_imputed",
    "congestion_rate",
)
JOINED += ("is_school_holiday", "is_working_day")
SPAN_MIN = 16 * 60
MINUTES = st.integers(-SPAN_MIN, SPAN_MIN)


def gappy(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | values


@st.composite
def cases(draw: st.DrawFn) -> tuple[ContextTables, list[WeatherHour], list[datetime]]:
    """Weather in vintages with gaps, traffic, days; and moments among them, often at an edge."""
    night = draw(st.sampled_from(NIGHTS))
    numbers = st.integers(0, 30).map(float)
    weather = []
    for hour in draw(st.lists(st.integers(-10, 10), max_size=14)):
        observed = night + hour * HOUR
        available = observed + draw(st.sampled_from((0, -90, -1, 1, 25, 60, 61, 600))) * timedelta(minutes=1)
        values: list[Any] = [draw(gappy(numbers)) for _ in range(5)]
        values += [draw(gappy(st.sampled_from(("Clear", "Rain")))), draw(st.sampled_from("ab"))]
        weather.append(WeatherHour(observed, available, *values))
    weather = list({(row.observed_at, row.available_at, row.source): row for row in weather}.values())
    traffic = [
        TrafficReading(
            night + minute * timedelta(minutes=1), night + minute * timedelta(minutes=1), 0.01 * i, "t"
        )
        for i, minute in enumerate(draw(st.lists(MINUTES, max_size=5, unique=True)))
    ]
    days = [
        SchoolHoliday(night.date() + timedelta(days=one), "by hand")
        for one in draw(st.lists(st.integers(-1, 1), max_size=2))
    ]
    tables = ContextTables.of(weather, traffic, (days, draw(st.sampled_from(((), (2023,), (2022, 2023))))))
    edges = [row.available_at for row in weather] + [row.observed_at for row in weather]
    some = MINUTES.map(lambda minute: night + minute * timedelta(minutes=1))
    timestamps = draw(st.lists(st.sampled_from(edges) | some if edges else some, min_size=1, max_size=12))
    shifts = draw(st.lists(st.integers(-1, 1), min_size=len(timestamps), max_size=len(timestamps)))
    timestamps = [
        at + shift * timedelta(microseconds=1) for at, shift in zip(timestamps, shifts, strict=True)
    ]
    return tables, weather, timestamps


@pytest.fixture(scope="module")
def engine() -> Iterator[Backend]:
    connection = ibis.duckdb.connect()
    yield connection
    connection.disconnect()


@given(cases())
@settings(max_examples=examples(200), deadline=None)
def test_the_weather_known_at_a_moment_is_that_of_the_rule_read_row_by_row(case) -> None:
    tables, weather, timestamps = case
    found = columns_at(tables, np.array([us(at) for at in timestamps]))
    for i, at in enumerate(timestamps):
        expected = known_row_by_row(weather, at)
        ours = {name: _plain(found[name][i]) for name in VALUES}
        assert ours == expected.values
        assert _plain(found["weather_age_h"][i]) == expected.age_h
        assert (found["weather_source"][i], found["is_weather_imputed"][i]) == (
            expected.source,
            expected.is_imputed,
        )


@given(cases())
@settings(max_examples=examples(60), deadline=None)
def test_training_by_the_join_knows_what_serving_knows_of_each_moment(engine: Backend, case) -> None:
    tables, _, timestamps = case
    joined = _joined(engine, tables, timestamps)
    for i, at in enumerate(timestamps):
        served = {one.name: one.value for one in context_at(tables, at).values}
        assert {name: joined[i][name] for name in served} == served


@given(cases())
@settings(max_examples=examples(60), deadline=None)
def test_the_join_gives_every_column_as_it_was_known_at_each_moment(engine: Backend, case) -> None:
    tables, _, timestamps = case
    joined = _joined(engine, tables, timestamps)
    known = columns_at(tables, np.array([us(at) for at in timestamps]))
    for i in range(len(timestamps)):
        expected = {name: _plain(known[name][i]) for name in JOINED}
        if expected["weather_source"] is None:
            expected["is_weather_imputed"] = None
        assert {name: joined[i][name] for name in JOINED} == expected


def _joined(engine: Backend, tables: ContextTables, timestamps: list[datetime]) -> list[dict[str, object]]:
    at_us = [us(at) for at in timestamps]
    found = spells_as_arrow(spells(tables, min(at_us), max(at_us) + 1), list(JOINED))
    runs = pa.table({"row": range(len(timestamps)), "mobilised_at": pa.array(at_us, pa.timestamp("us"))})
    table = with_context(
        engine.create_table("runs", runs, temp=True, overwrite=True),
        engine.create_table("spells", found, temp=True, overwrite=True),
    )
    rows = table.order_by("row").to_pyarrow().to_pylist()
    assert len(rows) == len(timestamps)
    return rows


def _plain(value: object) -> object:
    return None if isinstance(value, float) and np.isnan(value) else value
