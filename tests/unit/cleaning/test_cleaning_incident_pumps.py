"""Mobilisations out of an incident file alone."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table
from support.compiled_once import CompiledOnce
from support.typed_rows import INCIDENT, in_order_of_the_file, stations, typed

from londonpump.cleaning.incidents import clean_incidents
from londonpump.cleaning.mobilisations import pumps_of_incidents
from londonpump.cleaning.rules import StoreStep

FIRST = {"first_attendance_s": 300, "first_station": "Brixton"}
BOTH = {**FIRST, "second_attendance_s": 420, "second_station": "Lambeth"}
Pumps = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def pumps(connection: Backend) -> Pumps:
    def build(tables: Mapping[str, Table], keep: StoreStep) -> Table:
        cleaned = keep(clean_incidents(tables["typed"], tables["stations"]), "cleaned")
        return in_order_of_the_file(pumps_of_incidents(cleaned, tables["stations"]).order_by("pump"))

    made = CompiledOnce(connection, "pumps", build)
    return lambda *changes: made(typed=typed("incidents", INCIDENT, changes), stations=stations()).to_pylist()


def test_first_and_second_pump_become_a_row_each(pumps: Pumps) -> None:
    rows = {row["pump"]: (row["station_code"], row["attendance_s"], row["rule"]) for row in pumps(BOTH)}
    assert rows == {"first": ("H21", 300, None), "second": ("H22", 420, None)}


def test_a_pump_without_an_attendance_time_is_no_row(pumps: Pumps) -> None:
    assert [row["pump"] for row in pumps(FIRST, {"incident_number": "000002-10012023"})] == ["first"]


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("impossible_time", {"first_attendance_s": 1_201}),
        ("unknown_station", {"first_station": "Atlantis"}),
        ("unknown_station", {"first_station": None}),
        ("incident_rejected", {"property_type": None}),
    ],
)
def test_a_pump_is_set_aside_by_the_rule_it_breaks(pumps: Pumps, rule: str, change: dict[str, Any]) -> None:
    assert [row["rule"] for row in pumps({**FIRST, **change})] == [rule]


def test_a_pump_of_dartford_takes_the_whole_incident(pumps: Pumps) -> None:
    assert [row["rule"] for row in pumps({**BOTH, "second_station": "Dartford"})] == ["dartford", "dartford"]
