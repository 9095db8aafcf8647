"""What the tests of the words of the subject read from the published records."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

PUBLISHED = Path(__file__).resolve().parents[3] / "../shared/data"
STREAM = ("incidents_2017_jan_feb.csv",)
SAMPLES = ("incidents_real_sample.csv", "incidents_real_sample_b.csv")

Row = dict[str, str]


@dataclass(frozen=True)
class PublishedLocations:
    """Where published incidents were: metres (the cell of 100 m where no exact place is published)."""

    easting_m: np.ndarray
    northing_m: np.ndarray
    borough: np.ndarray
    ward: np.ndarray


def published_file(name: str) -> Path:
    """A published file, or the test is skipped."""
    path = PUBLISHED / name
    if not path.exists():
        pytest.skip(f"no published records: {name} is not beside the repository")
    return path


def rows_of(name: str) -> list[Row]:
    """Rows of a published csv file."""
    with published_file(name).open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def _locations(row: Row) -> Iterator[tuple[float, float, str, str]]:
    easting = row["easting_m"] or row["easting_rounded"]
    northing = row["northing_m"] or row["northing_rounded"]
    if row["borough_name"].strip() not in ("", "NOT GEO-CODED", "Not geo-coded"):
        yield float(easting), float(northing), row["borough_name"].upper(), row["ward_name"].upper()


@pytest.fixture(scope="session")
def published_locations() -> PublishedLocations:
    """Every incident of January and February 2017 and of the samples of 2023 that has a borough."""
    rows = [row for name in STREAM for row in rows_of(name)]
    for name in SAMPLES:
        rows += [
            {key.lower().removeprefix("incgeo_"): value for key, value in row.items()}
            | {"borough_name": row["IncGeo_BoroughName"], "ward_name": row["IncGeo_WardName"]}
            for row in rows_of(name)
        ]
    easting, northing, borough, ward = zip(
        *(ward_row for row in rows for ward_row in _locations(row)), strict=True
    )
    return PublishedLocations(np.array(easting), np.array(northing), np.array(borough), np.array(ward))


@pytest.fixture(scope="session")
def sampled_incidents() -> list[Row]:
    """The incidents of the samples of 2023, as published."""
    return [row for name in SAMPLES for row in rows_of(name)]


@pytest.fixture(scope="session")
def published_stations() -> list[Row]:
    """The compiled list of stations, latitude and longitude included."""
    return rows_of("stations.csv")


@pytest.fixture(scope="session")
def summer_time_records() -> list[Row]:
    """Three records of the first hours of 1 April 2023: call in London time, mobilisation in GMT."""
    return rows_of("vintages/bst_pairs_2023.csv")


@pytest.fixture(scope="session")
def special_services_seen(sampled_incidents: list[Row]) -> set[str]:
    """Every special-service type of the published incidents at hand."""
    seen = {row["SpecialServiceType"] for row in sampled_incidents}
    seen |= {row["special_service_type"] for row in rows_of(STREAM[0])}
    return seen - {""}
