"""Every listed fault is in the file, at the listed row."""

import csv
import json
import re

import pytest

from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

BLANK = {"", "NULL"}
TIME = re.compile(r"\d\d/\d\d/\d{4} \d\d:\d\d(:\d\d)?")


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _same(row, twin, *but):
    return {k: v for k, v in row.items() if k not in but} == {k: v for k, v in twin.items() if k not in but}


def _blank(*names):
    return lambda row, before: all(row[name] in BLANK for name in names)


EXPECTED_FAULTS = {
    ("mobilisations", "missing_turnout"): _blank(
        "DateAndTimeMobile", "TurnoutTimeSeconds", "TravelTimeSeconds"
    ),
    ("mobilisations", "mobile_after_arrived"): lambda row, before: (
        _stamp(row["DateAndTimeMobile"]) > _stamp(row["DateAndTimeArrived"])
        and row["TravelTimeSeconds"] in BLANK
    ),
    ("mobilisations", "mobile_equals_arrived"): lambda row, before: (
        row["DateAndTimeMobile"] == row["DateAndTimeArrived"] and row["TravelTimeSeconds"] in BLANK
    ),
    ("mobilisations", "missing_station"): _blank("DeployedFromStation_Code", "DeployedFromStation_Name"),
    ("mobilisations", "missing_location"): _blank("DeployedFromLocation"),
    ("mobilisations", "missing_area"): _blank("BoroughName", "WardName"),
    ("mobilisations", "resource_code_ending"): lambda row, before: row["Resource_Code"].endswith("3"),
    ("mobilisations", "visitor_resource_code"): lambda row, before: row["Resource_Code"].startswith("C"),
    ("mobilisations", "missing_left_time"): _blank("DateAndTimeLeft"),
    ("mobilisations", "left_before_arrived"): lambda row, before: (
        _stamp(row["DateAndTimeLeft"]) < _stamp(row["DateAndTimeArrived"])
    ),
    ("mobilisations", "unparsable_time"): lambda row, before: row["DateAndTimeArrived"] == "31/02/2023 25:61",
    ("mobilisations", "mixed_null_marker"): lambda row, before: row["DelayCodeId"] in BLANK,
    ("mobilisations", "incident_number_with_decimals"): lambda row, before: row["IncidentNumber"].endswith(
        ".00"
    ),
    ("mobilisations", "duplicate_mobilisation"): lambda row, before: row == before,
    ("mobilisations", "conflicting_mobilisation"): lambda row, before: (
        _same(row, before, "TravelTimeSeconds", "AttendanceTimeSeconds") and row != before
    ),
    ("mobilisations", "dartford_attended"): lambda row, before: row["DeployedFromStation_Name"] == "Dartford",
    ("mobilisations", "border_station"): lambda row, before: (
        row["DeployedFromStation_Name"] in {"Godstone", "Esher", "Staines", "Watford"}
    ),
    ("mobilisations", "border_station_unknown"): lambda row, before: (
        row["DeployedFromStation_Name"] in {"Cheshunt", "Essex", "Buckinghamshire"}
    ),
    ("incidents", "missing_call_date"): _blank("DateOfCall"),
    ("incidents", "missing_incident_group"): _blank("IncidentGroup", "StopCodeDescription"),
    ("incidents", "missing_property"): _blank("PropertyCategory", "PropertyType"),
    ("incidents", "missing_address_qualifier"): _blank("AddressQualifier"),
    ("incidents", "missing_special_service_type"): lambda row, before: (
        row["SpecialServiceType"] in BLANK and row["IncidentGroup"] == "Special Service"
    ),
    ("incidents", "wild_coordinates"): lambda row, before: row["Easting_rounded"] == "611150",
    ("incidents", "latitude_zero"): lambda row, before: row["Latitude"] == "0.0" and row["Easting_m"] != "",
    ("incidents", "missing_ward"): _blank("IncGeo_WardCode"),
    ("incidents", "mixed_null_marker"): _blank("Postcode_full"),
    ("incidents", "unparsable_time"): lambda row, before: row["TimeOfCall"] == "24:61:00",
    ("incidents", "over_the_border"): lambda row, before: row["FRS"] == "OverTheBorder",
    ("incidents", "duplicate_incident"): lambda row, before: row == before,
}


def _stamp(text):
    assert TIME.fullmatch(text)
    day, clock = text.split(" ")
    return day[6:] + day[3:5] + day[:2] + clock


@pytest.fixture
def files(spoiled):
    folder = spoiled[0]
    listed = json.loads((folder / "faults.json").read_text("utf-8"))
    return {name: rows_of(folder / f"{name}.csv") for name in ("incidents", "mobilisations")}, listed


def test_every_listed_fault_is_in_the_file_at_its_row(files):
    tables, listed = files
    checked = [fault for fault in listed["faults"] if (fault["file"], fault["fault_type"]) in EXPECTED_FAULTS]
    absent = [
        fault
        for fault in checked
        if not EXPECTED_FAULTS[fault["file"], fault["fault_type"]](
            tables[fault["file"]][fault["row"] - 1], tables[fault["file"]][fault["row"] - 2]
        )
    ]
    assert absent == []
    assert len(checked) > 50


def test_every_listed_fault_gives_the_number_that_stands_at_its_row(files):
    tables, listed = files
    wrong = [
        fault
        for fault in listed["faults"]
        if tables[fault["file"]][fault["row"] - 1]["IncidentNumber"] != fault["IncidentNumber"]
    ]
    assert wrong == []


def test_orphans_have_no_incident_and_bare_incidents_no_mobilisation(files):
    tables, listed = files
    spelled = {
        name: {row["IncidentNumber"].removesuffix(".00") for row in rows} for name, rows in tables.items()
    }
    orphans = _numbers(listed, "mobilisation_without_incident")
    bare = _numbers(listed, "incident_without_mobilisation")
    assert orphans == spelled["mobilisations"] - spelled["incidents"]
    assert bare
    assert bare.isdisjoint(spelled["mobilisations"])


def _numbers(listed, fault_type):
    return {
        f["IncidentNumber"].removesuffix(".00") for f in listed["faults"] if f["fault_type"] == fault_type
    }


def test_counts_add_up_to_the_list(files):
    _, listed = files
    assert sum(listed["counts"].values()) == len(listed["faults"])


def test_no_row_carries_two_faults_but_for_visits_to_the_same_incident(files):
    _, listed = files
    fault_rows = [(fault["file"], fault["row"]) for fault in listed["faults"]]
    assert len(fault_rows) == len(set(fault_rows))


def test_every_kind_of_fault_happens_in_a_file_of_some_thousands(spoiled):
    always = {fault_type for _, fault_type in EXPECTED_FAULTS} - {
        "over_the_border", "incident_number_with_decimals", "missing_area", "dartford_attended",
        "border_station", "border_station_unknown",
    }  # fmt: skip
    assert always <= set(spoiled[1].fault_counts)


def test_a_clean_simulation_has_no_fault(tmp_path):
    report = write_simulation(SimulationPlan(incidents=3_000, days=10, is_clean=True), tmp_path)
    assert report.fault_counts == {}
    assert json.loads((tmp_path / "faults.json").read_text("utf-8")) == {"counts": {}, "faults": []}


def test_a_clean_simulation_lacks_nothing(clean_month):
    filled = (
        "DateAndTimeMobile",
        "DateAndTimeLeft",
        "DeployedFromStation_Code",
        "DeployedFromLocation",
        "WardName",
    )
    assert [clean_month.mobilisations[name].null_count for name in filled] == [0] * len(filled)
    assert set(clean_month.mobilisations["IncidentNumber"].to_pylist()) <= set(
        clean_month.incidents["IncidentNumber"].to_pylist()
    )
