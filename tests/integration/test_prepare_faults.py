"""No row is lost: the fate of the rows of every type of fault that the simulation injects."""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import pytest

from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.simulation.plan import VINTAGES, SimulationPlan
from londonpump.simulation.simulate import write_simulation

Row = tuple[str, int]
LATER = {"later_wave", "warm_up"}
"""Rules that look at a sound row, repaired or not: only first waves after the first hours are examples."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Possible fates of a row: rejected by one of the rules, or kept with a repair ('': none), and the reason."""

    rules: frozenset[str] = frozenset()
    repair: str | None = None
    reason: str = ""


def rejecting(*rules: str, reason: str = "") -> Outcome:
    return Outcome(rules=frozenset(rules), reason=reason)


def mended(repair: str) -> Outcome:
    return Outcome(repair=repair)


def harmless(reason: str, *rules: str) -> Outcome:
    return Outcome(rules=frozenset(rules), repair="", reason=reason)


INCIDENTS, MOBILISATIONS = "incidents", "mobilisations"
TWICE_THERE = "the same visitor twice to one incident at one moment"
OUTCOMES: dict[tuple[str, str], Outcome] = {
    (INCIDENTS, "dartford_attended"): harmless("the call is sound: only its mobilisations are set aside"),
    (INCIDENTS, "duplicate_incident"): rejecting("exact_duplicate"),
    (INCIDENTS, "incident_without_mobilisation"): harmless("a call without pumps is a call all the same"),
    (INCIDENTS, "latitude_zero"): mended("zero_latitude_ignored"),
    (INCIDENTS, "missing_address_qualifier"): rejecting("incomplete_address_qualifier"),
    (INCIDENTS, "missing_call_date"): rejecting("no_call_date"),
    (INCIDENTS, "missing_incident_group"): rejecting("incomplete_incident_group"),
    (INCIDENTS, "missing_property"): rejecting("incomplete_property_category"),
    (INCIDENTS, "missing_special_service_type"): rejecting("no_incident_type"),
    (INCIDENTS, "missing_ward"): harmless("no step reads the ward"),
    (INCIDENTS, "mixed_null_marker"): harmless(
        "every marker of a gap is read as one, in a column that no step reads"
    ),
    (INCIDENTS, "over_the_border"): rejecting("over_the_border"),
    (INCIDENTS, "unparsable_time"): rejecting("unreadable_call_time"),
    (INCIDENTS, "wild_coordinates"): Outcome(
        frozenset({"impossible_location"}),
        "cell_from_exact_location",
        "the exact place, where published, is right",
    ),
    (MOBILISATIONS, "border_station"): harmless(
        "a neighbour whose station has a place", "conflicting_duplicate"
    ),
    (MOBILISATIONS, "border_station_unknown"): rejecting(
        "unknown_station", "conflicting_duplicate", reason=TWICE_THERE
    ),
    (MOBILISATIONS, "conflicting_mobilisation"): rejecting("conflicting_duplicate"),
    (MOBILISATIONS, "dartford_attended"): rejecting("dartford", "conflicting_duplicate", reason=TWICE_THERE),
    (MOBILISATIONS, "duplicate_mobilisation"): rejecting("exact_duplicate"),
    (MOBILISATIONS, "incident_number_with_decimals"): harmless("the spellings of a number are read as one"),
    (MOBILISATIONS, "left_before_arrived"): mended("left_before_arrived"),
    (MOBILISATIONS, "missing_area"): harmless("no step reads the borough and ward of a mobilisation"),
    (MOBILISATIONS, "missing_left_time"): mended("left_from_mean_on_site"),
    (MOBILISATIONS, "missing_location"): mended("location_from_codes"),
    (MOBILISATIONS, "missing_station"): mended("station_from_resource_code"),
    (MOBILISATIONS, "missing_turnout"): mended("turnout_from_attendance"),
    (MOBILISATIONS, "mixed_null_marker"): harmless("every marker of a gap is read as one: no delay"),
    (MOBILISATIONS, "mobile_after_arrived"): mended("mobile_and_arrived_exchanged"),
    (MOBILISATIONS, "mobile_equals_arrived"): rejecting("no_travel"),
    (MOBILISATIONS, "mobilisation_without_incident"): rejecting("incident_not_found"),
    (MOBILISATIONS, "resource_code_ending"): mended("appliance_unknown"),
    (MOBILISATIONS, "unparsable_time"): rejecting("unreadable_arrived_at"),
    (MOBILISATIONS, "visitor_resource_code"): harmless(
        "a visitor sent from a station of London, which has a place"
    ),
}
STARTS = {"2009-14": date(2010, 1, 4), "2021-24": date(2023, 10, 9), "2025": date(2025, 3, 10)}
ONLY_OLD = {(INCIDENTS, "over_the_border"), (MOBILISATIONS, "incident_number_with_decimals")}
NOT_OLD = {(MOBILISATIONS, "missing_area")}
CASES = [
    pytest.param(vintage, *key, id=f"{vintage}: {key[1]} of {key[0]}")
    for vintage in VINTAGES
    for key in OUTCOMES
    if key not in (NOT_OLD if vintage == "2009-14" else ONLY_OLD)
]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Result of `prepare` on a simulation. faults: rows by (file, fault type); rules, repairs: by (file, row)."""

    faults: dict[tuple[str, str], list[int]]
    rules: dict[Row, str]
    repairs: dict[Row, str]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Prepared]:
    """One simulation per vintage, made when it is first used."""
    return cache(lambda vintage: _prepare(vintage, tmp_path_factory.mktemp("simulated")))


@pytest.mark.parametrize(("vintage", "file", "table"), CASES)
def test_the_rows_of_a_fault_are_repaired_or_set_aside_by_the_rule_that_is_named(
    prepared: Callable[[str], Prepared], vintage: str, file: str, table: str
) -> None:
    data, outcome = prepared(vintage), OUTCOMES[file, table]
    found = {(data.rules.get((file, row)), data.repairs.get((file, row))) for row in data.faults[file, table]}
    assert found
    assert {pair for pair in found if not _is_expected(outcome, *pair)} == set()


@pytest.mark.parametrize("vintage", list(VINTAGES))
def test_every_kind_of_fault_that_is_injected_has_an_outcome(
    prepared: Callable[[str], Prepared], vintage: str
) -> None:
    expected = {tuple(case.values[1:]) for case in CASES if case.values[0] == vintage}
    assert set(prepared(vintage).faults) == expected


def _is_expected(outcome: Outcome, rule: str | None, repairs: str | None) -> bool:
    if rule is not None:
        return rule in outcome.rules or (outcome.repair is not None and rule in LATER)
    if outcome.repair == "":
        return repairs == ""
    return outcome.repair is not None and outcome.repair in (repairs or "").split(";")


def _prepare(vintage: str, folder: Path) -> Prepared:
    brigade, out = folder / "brigade", folder / "data"
    plan = SimulationPlan(incidents=4_500, days=14, start=STARTS[vintage], vintage=vintage, seed=3)
    files = write_simulation(plan, brigade).files
    prepare(
        PrepareRequest(
            incidents=(files[INCIDENTS],), mobilisations=(files[MOBILISATIONS],), is_complete=True, out=out
        )
    )
    faults: dict[tuple[str, str], list[int]] = defaultdict(list)
    for fault in json.loads((brigade / "faults.json").read_text(encoding="utf-8"))["faults"]:
        faults[fault["file"], fault["fault_type"]].append(fault["row"])
    return Prepared(
        faults,
        rules=_by_row(
            out / "rejected", {INCIDENTS: "incidents", MOBILISATIONS: "mobilisations"}, "rejected_by"
        ),
        repairs=_by_row(out, {INCIDENTS: "calls/calls", MOBILISATIONS: "examples/examples"}, "repairs"),
    )


def _by_row(folder: Path, files: dict[str, str], column: str) -> dict[Row, str]:
    return {
        (file, row): value
        for file, name in files.items()
        for row, value in duckdb.sql(f"SELECT source_row, {column} FROM '{folder / name}.parquet'").fetchall()  # noqa: S608
    }
