"""Pumps out and ground pumps available: exactly what brute force counts, whatever the ties."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ibis.backends.duckdb import Backend
from support import brute_force_counts
from support.brute_force_counts import Stream
from support.compiled_once import CompiledOnce
from support.run_size import examples

from londonpump.cleaning.pump_counts import FLEET_KNOWN_AFTER_DAYS, with_ground_pumps, with_pumps_out

START = datetime(2023, 1, 1)
FEW = settings(
    max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One mobilisation. start, lasts: in ticks of a few hours, so that many begin and end together."""

    incident: int
    pump: str
    start: int
    lasts: int
    is_from_home: bool
    ground: str | None


runs = st.lists(
    st.builds(
        Dispatch,
        incident=st.integers(0, 6),
        pump=st.sampled_from(["H211", "H212", "H221", "E351"]),
        start=st.integers(0, 60),
        lasts=st.integers(-1, 12),
        is_from_home=st.booleans(),
        ground=st.sampled_from(["H21", "H22", "A99", None]),
    ),
    min_size=1,
    max_size=40,
)
TOUCHING = [
    Dispatch(0, "H211", 55, 2, True, "H21"),
    Dispatch(1, "H211", 57, 2, True, "H21"),
    Dispatch(2, "H221", 57, 1, True, "H21"),
]
NOWHERE = [Dispatch(0, "H211", 0, 1, True, "H21"), Dispatch(1, "H211", 57, 1, True, None)]
OLD = [Dispatch(0, "H211", 0, 1, True, "H21"), Dispatch(1, "H221", 56, 1, True, "H21")]


@pytest.fixture(scope="module")
def engine() -> Iterator[Backend]:
    connection = ibis.duckdb.connect()
    yield connection
    connection.disconnect()


@pytest.fixture(scope="module")
def pumps_out(engine: Backend) -> CompiledOnce:
    return CompiledOnce(
        engine, "pumps_out", lambda tables, _: with_pumps_out(tables["runs"]).order_by("row_id")
    )


@pytest.fixture(scope="module")
def ground_pumps(engine: Backend) -> CompiledOnce:
    return CompiledOnce(
        engine, "ground_pumps", lambda tables, _: with_ground_pumps(tables["runs"]).order_by("row_id")
    )


@pytest.fixture(scope="module")
def counts(engine: Backend) -> CompiledOnce:
    return CompiledOnce(
        engine,
        "counts",
        lambda tables, _: with_ground_pumps(with_pumps_out(tables["runs"])).order_by("row_id"),
    )


@given(runs)
@example(TOUCHING)
@FEW
def test_pumps_out_is_what_brute_force_counts(pumps_out: CompiledOnce, drawn: list[Dispatch]) -> None:
    rows = _rows(drawn)
    found = pumps_out(runs=rows)["pumps_out"].to_numpy()
    stream = _stream(rows)
    np.testing.assert_array_equal(
        found, brute_force_counts.pumps_out(stream, stream.incident, stream.start_us)
    )


@given(runs)
@example(TOUCHING)
@example(OLD)
@example(NOWHERE)
@FEW
def test_ground_pumps_available_is_what_brute_force_counts(
    ground_pumps: CompiledOnce, drawn: list[Dispatch]
) -> None:
    rows = _rows(drawn)
    found = ground_pumps(runs=rows)["ground_pumps_available"].to_pylist()
    stream, ground = _stream(rows), np.array([dispatch.ground for dispatch in drawn], object)
    stationed = brute_force_counts.pumps_stationed(stream, ground, stream.start_us)
    away = brute_force_counts.pumps_away(stream, ground, stream.start_us)
    known_from_us = stream.start_us.min() + FLEET_KNOWN_AFTER_DAYS * brute_force_counts.DAY_US
    is_known = (stream.start_us >= known_from_us) & (ground != None)  # noqa: E711 - of each element
    expected = np.where(is_known, np.maximum(stationed - away, 0), -1)
    assert [-1 if value is None else value for value in found] == expected.tolist()


@given(runs, st.integers(0, 60))
@FEW
def test_what_happens_later_changes_no_count(counts: CompiledOnce, drawn: list[Dispatch], cut: int) -> None:
    before = [dispatch for dispatch in drawn if dispatch.start <= cut]
    counted = [_counts(counts, some) for some in (before, drawn) if some]
    kept_rows = [i for i, dispatch in enumerate(drawn) if dispatch.start <= cut]
    if before:
        assert counted[0] == [counted[1][i] for i in kept_rows]


def _counts(counts: CompiledOnce, drawn: list[Dispatch]) -> list[tuple[int, int | None]]:
    table = counts(runs=_rows(drawn))
    return list(zip(table["pumps_out"].to_pylist(), table["ground_pumps_available"].to_pylist(), strict=True))


def _rows(drawn: list[Dispatch]) -> pa.Table:
    """As the cleaning hands it on; a tick is 12 h for the fleet's sake: 60 ticks are a month and two days."""
    starts = [START + timedelta(hours=12 * dispatch.start) for dispatch in drawn]
    ends = [START + timedelta(hours=12 * (dispatch.start + dispatch.lasts)) for dispatch in drawn]
    waves = [
        1 + len({o.start for o in drawn if o.incident == r.incident and o.start < r.start}) for r in drawn
    ]
    values = {
        "row_id": pa.array(range(len(drawn)), pa.int64()),
        "incident_number": [str(dispatch.incident) for dispatch in drawn],
        "resource_code": [dispatch.pump for dispatch in drawn],
        "home_station_code": [dispatch.pump[:3] for dispatch in drawn],
        "station_code": [dispatch.pump[:3] for dispatch in drawn],
        "deployed_from": ["Home Station" if dispatch.is_from_home else "Other Station" for dispatch in drawn],
        "ground_code": pa.array([dispatch.ground for dispatch in drawn], pa.string()),
        "mobilised_at": pa.array(starts, pa.timestamp("us")),
        "left_at": pa.array(ends, pa.timestamp("us")),
        "wave": pa.array(waves, pa.int64()),
    }
    return pa.table(
        {
            name: pa.array(column, pa.string()) if isinstance(column, list) else column
            for name, column in values.items()
        }
    )


def _stream(rows: pa.Table) -> Stream:
    start_us, left_us = (rows[name].cast(pa.int64()).to_numpy() for name in ("mobilised_at", "left_at"))
    return Stream(
        incident=np.array(rows["incident_number"].to_pylist(), object),
        pump=np.array(rows["resource_code"].to_pylist(), object),
        home=np.array(rows["home_station_code"].to_pylist(), object),
        is_from_home=np.array(
            [location == "Home Station" for location in rows["deployed_from"].to_pylist()], bool
        ),
        start_us=start_us,
        left_us=left_us,
    )
