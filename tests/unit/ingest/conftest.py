"""Small published files to read, written row by row."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ibis
import pytest

from londonpump.ingest.published import PublishedTable, read_published

SHARED_DATA = Path(__file__).resolve().parents[3] / "../shared/data"

MOBILISATION = {
    "IncidentNumber": "000004-01022025",
    "CalYear": "2025",
    "BoroughName": "HARINGEY",
    "WardName": "Muswell Hill",
    "HourOfCall": "7",
    "ResourceMobilisationId": "6862256",
    "Resource_Code": "A321",
    "PerformanceReporting": "1",
    "DateAndTimeMobilised": "01/02/2025 07:02",
    "DateAndTimeMobile": "01/02/2025 07:03",
    "DateAndTimeArrived": "01/02/2025 07:08",
    "TurnoutTimeSeconds": "48",
    "TravelTimeSeconds": "133",
    "AttendanceTimeSeconds": "181",
    "DateAndTimeLeft": "01/02/2025 07:57",
    "DateAndTimeReturned": "NULL",
    "DeployedFromStation_Code": "A32",
    "DeployedFromStation_Name": "Hornsey",
    "DeployedFromLocation": "Home Station",
    "PumpOrder": "1",
    "PlusCode_Code": "Initial",
    "PlusCode_Description": "Initial Mobilisation",
    "DelayCodeId": "NULL",
    "DelayCode_Description": "NULL",
}
INCIDENT = {
    "IncidentNumber": "000004-01022025",
    "DateOfCall": "01-Feb-25",
    "CalYear": "2025",
    "TimeOfCall": "07:02:11",
    "HourOfCall": "7",
    "IncidentGroup": "Fire",
    "StopCodeDescription": "Primary Fire",
    "SpecialServiceType": "",
    "PropertyCategory": "Dwelling",
    "PropertyType": "House - single occupancy ",
    "AddressQualifier": "Correct incident location",
    "IncGeo_BoroughCode": "E09000014",
    "IncGeo_BoroughName": "HARINGEY",
    "Easting_m": "",
    "Northing_m": "",
    "Easting_rounded": "528650",
    "Northing_rounded": "189950",
    "Latitude": "",
    "Longitude": "",
    "FRS": "London",
    "IncidentStationGround": "Hornsey",
    "FirstPumpArriving_AttendanceTime": "181.0",
    "FirstPumpArriving_DeployedFromStation": "Hornsey",
    "SecondPumpArriving_AttendanceTime": "",
    "SecondPumpArriving_DeployedFromStation": "",
    "NumStationsWithPumpsAttending": "1.0",
    "NumPumpsAttending": "1.0",
}
ROWS = {"mobilisations": MOBILISATION, "incidents": INCIDENT}

Writer = Callable[..., Path]
Reader = Callable[..., PublishedTable]


@pytest.fixture
def connection() -> Iterator[ibis.BaseBackend]:
    connection = ibis.duckdb.connect(threads=1)
    yield connection
    connection.disconnect()


@pytest.fixture
def read(connection: ibis.BaseBackend) -> Reader:
    def read_files(table: str, *files: Path) -> PublishedTable:
        return read_published(connection, table, files)

    return read_files


@pytest.fixture
def shared_data() -> Path:
    if not SHARED_DATA.exists():
        pytest.skip("the real records are not beside this checkout")
    return SHARED_DATA


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Write a csv of one table: one line a dict of what differs from a sound row."""

    def write_csv(
        table: str,
        *changes: dict[str, str],
        name: str = "file.csv",
        delimiter: str = ",",
        encoding: str = "utf-8",
    ) -> Path:
        path = tmp_path / name
        with path.open("w", newline="", encoding=encoding) as stream:
            rows = csv.DictWriter(stream, list(ROWS[table]), delimiter=delimiter, lineterminator="\n")
            rows.writeheader()
            rows.writerows(ROWS[table] | change for change in changes)
        return path

    return write_csv


@pytest.fixture
def rows_of() -> Callable[[ibis.Table], list[dict[str, Any]]]:
    return _rows_of


def _rows_of(table: ibis.Table) -> list[dict[str, Any]]:
    ordered = table.order_by("source_file", "source_row")
    rows: list[dict[str, Any]] = ordered.to_pyarrow().to_pylist()
    return rows
