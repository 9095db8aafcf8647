"""Files and rows that `prepare` rejects or warns of (issue 11, B2, B3, B5 and B7)."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.damaged_records import Row, damaged, day_of_records, tree
from support.run_size import cases
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.errors import BadFile, TooFewRows
from londonpump.lifecycle.prepare import PrepareRequest, prepare
from londonpump.presentation.texts.prepare import Preparation, format_preparation

INCIDENTS, MOBILISATIONS = "incidents", "mobilisations"
SHORT, TIMESTAMP = "%d-%b-%y", "%d/%m/%Y %H:%M"
Prepare = Callable[..., Preparation]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return day_of_records(tmp_path_factory.mktemp("day") / "files")


@pytest.fixture
def prepared(files: dict[str, Path], tmp_path: Path) -> Prepare:
    """Run `prepare` on the day with one of its files damaged; the other is unchanged, or left out if it is None."""

    def run(
        table: str, change: Callable[[Row], Row], rows: slice = slice(None), **other: None
    ) -> Preparation:
        input_files = {INCIDENTS: files[INCIDENTS], MOBILISATIONS: files[MOBILISATIONS], **other}
        input_files[table] = damaged(files[table], tmp_path / f"{table}.csv", change, rows)
        named: dict[str, Any] = {name: (file,) for name, file in input_files.items() if file is not None}
        return prepare(PrepareRequest(**named, out=tmp_path / "data"))

    return run


def month_first(row: Row) -> Row:
    return row | {"DateOfCall": datetime.strptime(row["DateOfCall"], SHORT).strftime("%m/%d/%Y")}


def another_day(row: Row) -> Row:
    day = datetime.strptime(row["DateOfCall"], SHORT) + timedelta(days=2)
    return row | {"DateOfCall": day.strftime(SHORT)}


def mobilised_later(row: Row, days: int = 92) -> Row:
    at = datetime.strptime(row["DateAndTimeMobilised"], TIMESTAMP) + timedelta(days=days)
    return row | {"DateAndTimeMobilised": at.strftime(TIMESTAMP)}


def mobilised_month_first(row: Row) -> Row:
    times = {
        name: datetime.strptime(text, TIMESTAMP).strftime("%m/%d/%Y %H:%M")
        for name, text in row.items()
        if name.startswith("DateAndTime") and re.fullmatch(r"\d\d/\d\d/\d{4} \d\d:\d\d", text)
    }
    return row | times


def other_group(row: Row) -> Row:
    return row | {"IncidentGroup": "Brand", "SpecialServiceType": ""}


def swap_coordinates(row: Row) -> Row:
    exact = {"Easting_m": row["Northing_m"], "Northing_m": row["Easting_m"]}
    return (
        row | exact | {"Easting_rounded": row["Northing_rounded"], "Northing_rounded": row["Easting_rounded"]}
    )


def test_b2_month_first_dates_are_refused_with_the_number_as_witness(prepared: Prepare) -> None:
    with pytest.raises(BadFile, match="DateOfCall contradicts the date in IncidentNumber") as caught:
        prepared(INCIDENTS, month_first)
    assert re.search(r"data row 1: \d{6}-05062023 is read as a call of 2023-05-06", str(caught.value))
    assert "Month first?" in str(caught.value)


def test_b2_three_dates_that_deny_their_numbers_refuse_a_small_file(prepared: Prepare) -> None:
    with pytest.raises(BadFile, match=r"in 3 of \d+ rows") as caught:
        prepared(INCIDENTS, another_day, slice(3))
    assert "Month first?" not in str(caught.value)


def test_b2_a_single_date_that_denies_its_number_is_rejected_by_a_rule_of_its_own(prepared: Prepare) -> None:
    report = prepared(INCIDENTS, another_day, slice(2))
    assert report.tables[INCIDENTS].rejected["date_not_of_number"] == 2
    assert report.tables[MOBILISATIONS].rejected["incident_rejected"] >= 1


def test_b2_mobilisations_months_after_their_calls_are_refused(prepared: Prepare) -> None:
    with pytest.raises(BadFile, match="DateAndTimeMobilised lies more than 24 h from the call") as caught:
        prepared(MOBILISATIONS, mobilised_later)
    assert "data row 1: mobilised 2023-09-" in str(caught.value)
    assert "Month first?" not in str(caught.value)


def test_b2_month_first_mobilisations_are_refused_as_such(prepared: Prepare) -> None:
    with pytest.raises(BadFile, match=r"DateAndTimeMobilised .*Month first"):
        prepared(MOBILISATIONS, mobilised_month_first)


def test_b2_a_single_mobilisation_far_from_its_call_is_rejected_by_a_rule_of_its_own(
    prepared: Prepare,
) -> None:
    report = prepared(MOBILISATIONS, mobilised_later, slice(2))
    assert report.tables[MOBILISATIONS].rejected["mobilised_far_from_call"] == 2


DISPATCH_TIMES = {
    "DateAndTimeMobile": "mobile_far_from_mobilised",
    "DateAndTimeArrived": "arrived_far_from_mobilised",
    "DateAndTimeLeft": "left_far_from_mobilised",
}


def month_later(*columns: str) -> Callable[[Row], Row]:
    def change(row: Row) -> Row:
        moved = {
            name: (datetime.strptime(row[name], TIMESTAMP) + timedelta(days=30)).strftime(TIMESTAMP)
            for name in columns
            if row[name]
        }
        return row | moved

    return change


def swapped_dispatch_times(row: Row) -> Row:
    mobilised = row["DateAndTimeMobilised"]
    return mobilised_month_first(row) | {"DateAndTimeMobilised": mobilised}


@pytest.mark.parametrize("column", cases(DISPATCH_TIMES, slow=list(DISPATCH_TIMES)[1:]))
def test_b2_a_time_of_a_run_a_month_after_its_mobilisation_refuses_the_file(
    prepared: Prepare, column: str
) -> None:
    with pytest.raises(
        BadFile, match=rf"{column} lies more than 24 h .* first in data row 1: 2023-07"
    ) as bad:
        prepared(MOBILISATIONS, month_later(column))
    assert "Month first?" not in str(bad.value)


def test_b2_times_of_runs_with_day_and_month_exchanged_are_refused_as_such(prepared: Prepare) -> None:
    with pytest.raises(BadFile, match=r"DateAndTime(Mobile|Arrived|Left) lies .*Month first"):
        prepared(MOBILISATIONS, swapped_dispatch_times)


def test_b2_a_single_time_far_from_its_mobilisation_is_taken_as_missing(prepared: Prepare) -> None:
    report = prepared(MOBILISATIONS, month_later(*DISPATCH_TIMES), slice(2))
    repaired = report.tables[MOBILISATIONS].repaired
    assert [repaired[name] for name in DISPATCH_TIMES.values()] == [2, 2, 2]


def unknown_station(row: Row) -> Row:
    return row | {
        "FirstPumpArriving_DeployedFromStation": "Atlantis",
        "SecondPumpArriving_DeployedFromStation": "",
    }


@pytest.mark.parametrize("change", [swap_coordinates, unknown_station], ids=["no incident", "no example"])
def test_b3_earlier_data_stays_where_nothing_is_kept(
    prepared: Prepare, files: dict[str, Path], tmp_path: Path, change: Callable[[Row], Row]
) -> None:
    prepare(PrepareRequest(incidents=(files[INCIDENTS],), out=tmp_path / "data"))
    before = tree(tmp_path / "data")
    with pytest.raises(TooFewRows):
        prepared(INCIDENTS, change, mobilisations=None)
    assert tree(tmp_path / "data") == before


def test_b3_the_command_ends_with_2_where_no_example_comes_out(
    files: dict[str, Path], tmp_path: Path
) -> None:
    file = damaged(files[INCIDENTS], tmp_path / "incidents.csv", unknown_station)
    done = CliRunner().invoke(app, ["prepare", "--incidents", str(file), "--out", str(tmp_path / "data")])
    assert (done.exit_code, (tmp_path / "data").exists()) == (2, False)
    assert "unknown_station" in done.output
    assert "FirstPumpArriving_DeployedFromStation 'Atlantis' in data row" in " ".join(done.output.split())


def test_b7_where_no_incident_is_usable_rule_count_column_and_example_are_named(prepared: Prepare) -> None:
    with pytest.raises(TooFewRows, match="No incident record is usable") as caught:
        prepared(INCIDENTS, swap_coordinates)
    text = str(caught.value)
    assert re.search(r"incidents\.csv: \d+ of \d+ incidents rejected by impossible_location", text)
    assert re.search(r"Easting_rounded '1\d{5}', Northing_rounded '5\d{5}' in data row \d+", text)
    assert "are easting and northing exchanged?" in text


TEXTS = {
    INCIDENTS: (
        "IncidentGroup",
        "StopCodeDescription",
        "SpecialServiceType",
        "PropertyCategory",
        "PropertyType",
        "AddressQualifier",
        "Postcode_district",
        "IncGeo_BoroughCode",
        "FRS",
        "IncidentStationGround",
        "FirstPumpArriving_DeployedFromStation",
        "SecondPumpArriving_DeployedFromStation",
    ),
    MOBILISATIONS: (
        "Resource_Code",
        "DeployedFromStation_Code",
        "DeployedFromStation_Name",
        "DeployedFromLocation",
        "DelayCode_Description",
    ),
}
NUMBERS = {
    INCIDENTS: (
        "IncidentNumber",
        "DateOfCall",
        "TimeOfCall",
        "Easting_rounded",
        "FirstPumpArriving_AttendanceTime",
    ),
    MOBILISATIONS: ("IncidentNumber", "DateAndTimeMobilised", "TurnoutTimeSeconds"),
}
DAMAGED: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "small letters": str.lower,
    "no-break spaces": lambda text: "\u00a0" + text.replace(" ", "\u00a0") + "\u00a0",
    "tabs and blanks without a width": lambda text: f"\t{text}\u200b",
}


@pytest.fixture(scope="module")
def sound(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The examples of the day, spelt as published."""
    out = tmp_path_factory.mktemp("sound") / "data"
    prepare(PrepareRequest(incidents=(files[INCIDENTS],), mobilisations=(files[MOBILISATIONS],), out=out))
    return pq.read_table(out / "examples")


@pytest.mark.parametrize("how", cases(DAMAGED, slow=("small letters", "tabs and blanks without a width")))
def test_b5_blanks_and_case_make_no_difference(
    files: dict[str, Path], sound: Any, tmp_path: Path, how: str
) -> None:
    def change(table: str) -> Callable[[Row], Row]:
        columns = TEXTS[table] if how in ("capitals", "small letters") else (*TEXTS[table], *NUMBERS[table])
        return lambda row: row | {name: DAMAGED[how](row[name]) for name in columns if row[name]}

    input_files: dict[str, Any] = {
        table: (damaged(files[table], tmp_path / f"{table}.csv", change(table)),)
        for table in (INCIDENTS, MOBILISATIONS)
    }
    prepare(PrepareRequest(**input_files, out=tmp_path / "data"))
    assert pq.read_table(tmp_path / "data/examples").equals(sound)


def test_b5_a_station_list_in_capitals_fits_the_records(files: dict[str, Path], tmp_path: Path) -> None:
    stations = damaged(
        files["stations"], tmp_path / "stations.csv", lambda row: row | {"name": row["name"].upper()}
    )
    report = prepare(PrepareRequest(incidents=(files[INCIDENTS],), stations=stations, out=tmp_path / "data"))
    assert "unknown_station" not in report.tables["pumps"].rejected
    assert pq.read_table(tmp_path / "data/examples")["recorded_ground_code"].null_count == 0


def test_b5_a_rule_that_rejects_over_a_fiftieth_of_a_file_is_warned_of(
    prepared: Prepare, tmp_path: Path
) -> None:
    report = prepared(INCIDENTS, other_group, slice(2))
    report_text = format_preparation(report, tmp_path)
    assert re.search(r"WARNING: incidents\.csv: 2 of \d+ incidents rejected by no_incident_type", report_text)
    assert "IncidentGroup 'Brand', SpecialServiceType '' in data row 1" in report_text.replace(
        "is empty", "''"
    )


def test_b5_a_rule_that_rejects_less_is_not_warned_of(prepared: Prepare, tmp_path: Path) -> None:
    report = prepared(INCIDENTS, other_group, slice(1))
    assert report.tables[INCIDENTS].rejected["no_incident_type"] == 1
    assert "no_incident_type, for" not in format_preparation(report, tmp_path)
