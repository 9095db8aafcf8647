"""Every vintage that exists beside the checkout, one row of each compared value by value."""

from datetime import date, datetime

import pytest

from londonpump.domain.errors import BadFile

SLASH_SECONDS = dict.fromkeys(("mobilised_at", "mobile_at", "arrived_at", "left_at"), "dd/mm/yyyy HH:MM:SS")
SLASH_MINUTES = dict.fromkeys(SLASH_SECONDS, "dd/mm/yyyy HH:MM")
EXCEL_MINUTES = dict.fromkeys(SLASH_SECONDS, "d/m/yyyy H:MM")
ISO_SECONDS = dict.fromkeys(SLASH_SECONDS, "yyyy-mm-dd HH:MM:SS")


def call_formats(day: str) -> dict[str, str]:
    return {"call_date": day, "call_time": "HH:MM:SS"}


CASES = {
    "vintages/mobilisations_2009_head.csv": (
        20,
        SLASH_SECONDS,
        1,
        {
            "incident_number": "235138081",
            "cal_year": 2009,
            "call_hour": 0,
            "mobilisation_id": 38426,
            "resource_code": "H271",
            "mobilised_at": datetime(2009, 1, 1, 0, 2, 27),
            "mobile_at": None,
            "arrived_at": datetime(2009, 1, 1, 0, 7, 46),
            "left_at": datetime(2009, 1, 1, 0, 16, 46),
            "turnout_s": None,
            "travel_s": None,
            "attendance_s": 319,
            "station_code": "H27",
            "station_name": "Battersea",
            "deployed_from": "Home Station",
            "pump_order": 1,
            "delay_description": None,
            "unreadable": None,
        },
    ),
    "vintages/mobilisations_2020_head.csv": (
        5,
        SLASH_SECONDS,
        1,
        {
            "incident_number": "000003-01012020",
            "mobilised_at": datetime(2020, 1, 1, 0, 6, 30),
            "turnout_s": 78,
            "travel_s": 246,
            "attendance_s": 324,
        },
    ),
    "vintages/mobilisations_2021_csv_head.csv": (
        5,
        SLASH_MINUTES,
        2,
        {
            "incident_number": "000005-01012021",
            "mobilised_at": datetime(2021, 1, 1, 0, 7),
            "left_at": datetime(2021, 1, 1, 0, 18),
            "turnout_s": 114,
            "station_name": "Woodford",
            "delay_description": None,
        },
    ),
    "vintages/mobilisations_2024_xlsx_tail.csv": (
        10,
        ISO_SECONDS,
        2,
        {
            "incident_number": "067894-30042024",
            "call_hour": 0,
            "mobilised_at": datetime(2024, 4, 29, 23, 44, 1),
            "mobile_at": datetime(2024, 4, 29, 23, 46, 14),
            "left_at": datetime(2024, 4, 30, 1, 33, 8),
            "turnout_s": 133,
            "delay_description": "Traffic, roadworks, etc",
        },
    ),
    "vintages/mobilisations_2025_csv_head.csv": (
        10,
        SLASH_MINUTES,
        2,
        {
            "resource_code": "G261",
            "arrived_at": datetime(2025, 1, 1, 0, 12),
            "left_at": datetime(2025, 1, 1, 0, 38),
            "travel_s": 552,
            "station_code": "G36",
            "deployed_from": "Other Station",
            "delay_description": "Not held up",
        },
    ),
    "vintages/mobilisations_2025_excel_resaved_head.csv": (
        10,
        EXCEL_MINUTES,
        2,
        {
            "resource_code": "G261",
            "arrived_at": datetime(2025, 1, 1, 0, 12),
            "left_at": datetime(2025, 1, 1, 0, 38),
            "travel_s": 552,
            "deployed_from": "Other Station",
        },
    ),
    "vintages/joined_2016_head.csv": (
        10,
        SLASH_SECONDS | {"mobilised_at": "yyyy-mm-dd HH:MM:SS"},
        10,
        {
            "incident_number": "000009-01012016",
            "cal_year": None,
            "mobilised_at": datetime(2016, 1, 1, 0, 10, 18),
            "mobile_at": datetime(2016, 1, 1, 0, 12, 25),
            "turnout_s": 127,
            "station_code": "F28",
        },
    ),
    "parity/mobilisations.csv.gz": (
        14_992,
        SLASH_SECONDS,
        14_992,
        {
            "incident_number": "010000-31052022",
            "mobilised_at": datetime(2022, 5, 31, 22, 47, 41),
            "left_at": datetime(2022, 5, 31, 23, 0, 31),
            "turnout_s": 50,
            "travel_s": 183,
        },
    ),
    "vintages/incidents_2009_head.csv": (
        20,
        call_formats("dd Mon yyyy"),
        1,
        {
            "incident_number": "235138081",
            "call_date": date(2009, 1, 1),
            "call_time": 37,
            "call_hour": 0,
            "property_type": "Car",
            "easting_m": 528652.0,
            "latitude": 51.4758117319,
            "first_attendance_s": 319,
            "first_station": "Battersea",
            "second_attendance_s": 342,
            "stations_attending": 2,
        },
    ),
    "vintages/incidents_2020_head.csv": (
        5,
        call_formats("dd-Mon-yy"),
        5,
        {
            "incident_number": "000009-01012020",
            "call_date": date(2020, 1, 1),
            "call_time": 676,
            "special_service_type": None,
            "property_type": "Small refuse/rubbish container",
            "easting_rounded_m": 535350.0,
            "first_attendance_s": 426,
            "second_attendance_s": None,
        },
    ),
    "incidents_real_sample.csv": (
        5002,
        call_formats("yyyy-mm-dd"),
        1,
        {
            "incident_number": "038967-19032023",
            "call_date": date(2023, 3, 19),
            "call_time": 51_111,
            "property_type": "Woodland/forest - conifers/softwood",
            "northing_m": 193865.0,
            "longitude": -0.2491579844,
            "first_attendance_s": 416,
            "pumps_attending": 1,
        },
    ),
    "incidents_real_sample_b.csv": (
        4969,
        call_formats("dd-Mon-yy"),
        1,
        {
            "incident_number": "144295-18092023",
            "call_date": date(2023, 9, 18),
            "call_time": 29_946,
            "easting_m": None,
            "second_attendance_s": 358,
            "second_station": "Kensington",
        },
    ),
    "incidents_2017_jan_feb.csv": (
        15_558,
        call_formats("yyyy-mm-dd"),
        3,
        {
            "incident_number": "000005-01012017",
            "call_date": date(2017, 1, 1),
            "call_time": 394,
            "borough_code": "E09000019",
            "latitude": None,
            "frs": "London",
            "station_ground": "Euston",
            "first_attendance_s": 237,
            "first_station": "Euston",
        },
    ),
    "parity/incidents.csv.gz": (
        10_004,
        call_formats("dd Mon yyyy"),
        10_004,
        {
            "incident_number": "010000-31052022",
            "call_date": date(2022, 5, 31),
            "call_time": 85_616,
            "first_attendance_s": 233,
        },
    ),
}


def table_of(name: str) -> str:
    return "incidents" if "incidents" in name else "mobilisations"


@pytest.mark.parametrize("name", CASES)
def test_a_row_of_every_vintage_reads_as_it_was_written(name, shared_data, read):
    n_rows, formats, row_number, expected = CASES[name]

    published = read(table_of(name), shared_data / name)

    row = published.typed.filter(published.typed.source_row == row_number).to_pyarrow().to_pylist()[0]
    assert {column: row[column] for column in expected} == expected
    assert published.files[0].rows == n_rows
    assert published.files[0].formats == formats


@pytest.mark.parametrize("name", CASES)
def test_every_row_of_every_vintage_is_readable(name, shared_data, read):
    published = read(table_of(name), shared_data / name)

    assert published.typed.count().to_pyarrow().as_py() == CASES[name][0]
    assert published.typed.unreadable.count().to_pyarrow().as_py() == 0


def test_the_joined_pairs_of_2023_name_the_columns_they_lack(shared_data, read):
    with pytest.raises(BadFile, match="missing: Resource_Code, DeployedFromLocation"):
        read("mobilisations", shared_data / "vintages/bst_pairs_2023.csv")


def test_the_joined_rows_of_2016_are_no_incidents_for_want_of_coordinates(shared_data, read):
    with pytest.raises(BadFile, match="these are mobilisations, not incidents"):
        read("incidents", shared_data / "vintages/joined_2016_head.csv")


def test_the_whole_hash_of_a_file_is_kept(shared_data, read):
    published = read("incidents", shared_data / "incidents_real_sample.csv")

    assert published.files[0].sha256.startswith("858edc6a86d020db")


def test_the_two_samples_and_the_stream_of_2017_are_one_stream(shared_data, read):
    names = ("incidents_real_sample.csv", "incidents_real_sample_b.csv", "incidents_2017_jan_feb.csv")

    published = read("incidents", *(shared_data / name for name in names))

    counts = published.typed.group_by("source_file").aggregate(n=lambda rows: rows.count())
    assert sorted(counts.to_pyarrow().to_pylist(), key=lambda row: row["source_file"]) == [
        {"source_file": 0, "n": 5002},
        {"source_file": 1, "n": 4969},
        {"source_file": 2, "n": 15_558},
    ]
    assert published.raw.count().to_pyarrow().as_py() == 25_529
