"""Rules and repairs of incident records, each on a row or two."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from ibis.backends.duckdb import Backend
from support.compiled_once import CompiledOnce
from support.typed_rows import INCIDENT, MOBILISATION, in_order_of_the_file, stations, typed

from londonpump.cleaning.incidents import clean_incidents

Clean = Callable[..., list[dict[str, Any]]]
EXACT = {"easting_m": 530_071.5, "northing_m": 175_012.0}
MARCH, OCTOBER = date(2023, 3, 26), date(2023, 10, 29)
HALF_PAST_ONE_S = 90 * 60


def test_a_sound_record_is_kept_as_it_is(incidents: Clean) -> None:
    (row,) = incidents({})
    assert (row["rule"], row["repairs"]) == (None, "")
    assert (row["ground_code"], row["incident_type"]) == ("H21", "Local Emergencies")


BROKEN: list[tuple[str, dict[str, Any]]] = [
    ("unreadable_call_date", {"unreadable": "call_date"}),
    ("no_incident_number", {"incident_number": None}),
    ("bad_incident_number", {"incident_number": "000001-1001202"}),
    ("no_call_date", {"call_date": None}),
    ("no_call_time", {"call_time": None}),
    ("hour_does_not_exist", {"call_date": MARCH, "call_time": HALF_PAST_ONE_S}),
    ("over_the_border", {"frs": "OverTheBorder"}),
    ("over_the_border", {"borough_code": "E00000000"}),
    ("no_location", {"easting_rounded_m": None}),
    ("impossible_location", {"easting_rounded_m": 611_150.0, "northing_rounded_m": 302_450.0}),
    ("incomplete_incident_group", {"incident_group": None}),
    ("no_incident_type", {"special_service_type": "Tea party"}),
    ("no_incident_type", {"special_service_type": None}),
    ("incomplete_property_category", {"property_category": None}),
    ("incomplete_property_type", {"property_type": None}),
    ("incomplete_address_qualifier", {"address_qualifier": None}),
    ("incomplete_station_ground", {"station_ground": None}),
]


def test_a_record_is_set_aside_by_the_rule_it_breaks(incidents: Clean) -> None:
    rows = incidents(
        *[
            {"incident_number": f"{number:06}-10012023", **change}
            for number, (_, change) in enumerate(BROKEN, start=100)
        ]
    )
    assert [row["rule"] for row in rows] == [rule for rule, _ in BROKEN]


def test_the_first_rule_that_a_record_breaks_is_the_one_named(incidents: Clean) -> None:
    (row,) = incidents({"call_date": None, "property_type": None})
    assert row["rule"] == "no_call_date"


@pytest.mark.parametrize("number", ["1091", "235138081", "000123-01012023"])
def test_every_spelling_of_an_incident_number_is_good(incidents: Clean, number: str) -> None:
    (row,) = incidents({"incident_number": number, "call_date": date(2023, 1, 1)})
    assert row["rule"] is None


@pytest.mark.parametrize(
    ("call_date", "rule"),
    [
        (date(2023, 1, 9), None),
        (date(2023, 1, 11), None),
        (date(2023, 1, 12), "date_not_of_number"),
        (date(2023, 10, 1), "date_not_of_number"),
    ],
)
def test_b2_a_call_more_than_a_day_from_the_date_in_its_number_is_rejected(
    incidents: Clean, call_date: date, rule: str | None
) -> None:
    (row,) = incidents({"call_date": call_date})
    assert row["rule"] == rule


@pytest.mark.parametrize("number", ["235138081", "000001-31022023", "000001-10132023"])
def test_b2_a_number_without_a_date_denies_none(incidents: Clean, number: str) -> None:
    (row,) = incidents({"incident_number": number, "call_date": date(2009, 5, 6)})
    assert row["rule"] is None


def test_the_same_record_again_is_an_exact_duplicate(incidents: Clean) -> None:
    assert [row["rule"] for row in incidents({}, {})] == [None, "exact_duplicate"]


def test_another_record_of_the_same_number_is_a_conflicting_duplicate(incidents: Clean) -> None:
    assert [row["rule"] for row in incidents({}, {"call_time": 1})] == [None, "conflicting_duplicate"]


def test_a_record_that_is_set_aside_does_not_make_the_next_one_a_duplicate(incidents: Clean) -> None:
    assert [row["rule"] for row in incidents({"call_date": None}, {})] == ["no_call_date", None]


def test_duplicates_are_found_across_files(incidents: Clean) -> None:
    rows = incidents({"source_file": 0, "source_row": 1}, {"source_file": 1, "source_row": 1})
    assert [row["rule"] for row in rows] == [None, "exact_duplicate"]


def test_the_exact_place_is_used_where_it_is_published(incidents: Clean) -> None:
    exact, rounded = incidents(EXACT, {"incident_number": "000002-10012023"})
    assert (exact["easting_m"], exact["northing_m"], exact["is_exact_location"]) == (
        530_071.5,
        175_012.0,
        True,
    )
    assert (rounded["easting_m"], rounded["is_exact_location"]) == (530_050.0, False)


def test_an_exact_place_without_its_northing_is_none(incidents: Clean) -> None:
    (row,) = incidents({"easting_m": 530_071.5})
    assert (row["easting_m"], row["is_exact_location"]) == (530_050.0, False)


def test_an_exact_place_far_from_london_gives_way_to_the_cell(incidents: Clean) -> None:
    (row,) = incidents({"easting_m": 5_300.0, "northing_m": 175_012.0})
    assert (row["rule"], row["repairs"], row["easting_m"]) == (None, "exact_location_ignored", 530_050.0)


@pytest.mark.parametrize(
    "cell", [{"easting_rounded_m": 611_150.0, "northing_rounded_m": 302_450.0}, {"easting_rounded_m": None}]
)
def test_a_cell_that_does_not_hold_the_exact_place_is_worked_out_from_it(
    incidents: Clean, cell: dict[str, Any]
) -> None:
    (row,) = incidents({**EXACT, **cell})
    assert (row["rule"], row["repairs"]) == (None, "cell_from_exact_location")
    assert (row["easting_rounded_m"], row["northing_rounded_m"]) == (530_050.0, 175_050.0)


def test_a_latitude_of_zero_is_ignored(incidents: Clean) -> None:
    (row,) = incidents({**EXACT, "latitude": 0.0, "longitude": 0.0})
    assert (row["repairs"], row["easting_m"]) == ("zero_latitude_ignored", 530_071.5)


def test_the_special_operations_room_is_a_special_service_by_its_stop_code(incidents: Clean) -> None:
    (row,) = incidents({"special_service_type": None, "stop_code": "Use of Special Operations Room"})
    assert row["special_service_type"] == "Use of Special Operations Room"
    assert (row["repairs"], row["rule"]) == ("special_service_from_stop_code", "no_incident_type")


@pytest.mark.parametrize("group", ["Fire", "False Alarm"])
def test_every_fire_and_false_alarm_is_a_fire(incidents: Clean, group: str) -> None:
    (row,) = incidents({"incident_group": group, "special_service_type": None})
    assert (row["incident_type"], row["special_service_type"]) == ("Fire", "Not Special Service")


def test_a_call_in_summer_is_an_hour_earlier_in_gmt(incidents: Clean) -> None:
    (row,) = incidents({"call_date": date(2023, 7, 1)})
    assert row["call_at"] == datetime(2023, 7, 1, 11)


def test_of_an_hour_that_the_clocks_show_twice_the_first_is_meant(incidents: Clean) -> None:
    (row,) = incidents(
        {"incident_number": "000001-29102023", "call_date": OCTOBER, "call_time": HALF_PAST_ONE_S}
    )
    assert row["call_at"] == datetime(2023, 10, 29, 0, 30)
    assert (row["rule"], row["repairs"]) == (None, "clock_shown_twice")


FIRST_SHOWING, SECOND_SHOWING = datetime(2023, 10, 29, 0, 30), datetime(2023, 10, 29, 1, 30)


@pytest.fixture(scope="module")
def incidents_with_runs(connection: Backend) -> CompiledOnce:
    """The cleaning of incidents whose mobilisations are known."""
    return CompiledOnce(
        connection,
        "incidents_with_runs",
        lambda tables, _: in_order_of_the_file(
            clean_incidents(tables["typed"], tables["stations"], tables["runs"])
        ).select("call_at", "repairs", "rule"),
    )


@pytest.mark.parametrize(
    ("sent_at", "call_at"),
    [
        (["2023-10-29 00:30:00"], FIRST_SHOWING),
        (["2023-10-29 00:32:10"], FIRST_SHOWING),
        (["2023-10-29 01:28:59"], FIRST_SHOWING),
        (["2023-10-29 01:29:00"], SECOND_SHOWING),
        (["2023-10-29 01:30:00"], SECOND_SHOWING),
        (["2023-10-29 01:33:20"], SECOND_SHOWING),
        (["2023-10-29 01:45:00", "2023-10-29 00:31:00"], FIRST_SHOWING),
        ([], FIRST_SHOWING),
        ([None], FIRST_SHOWING),
    ],
)
def test_a_call_of_the_hour_shown_twice_takes_the_reading_that_agrees_with_its_first_pump(
    incidents_with_runs: CompiledOnce, sent_at: list[str | None], call_at: datetime
) -> None:
    """Issue 11, B12."""
    number, noon = "000001-29102023", "000002-29102023"
    calls = typed(
        "incidents",
        INCIDENT,
        [
            {"incident_number": number, "call_date": OCTOBER, "call_time": HALF_PAST_ONE_S},
            {"incident_number": noon, "call_date": OCTOBER},
            {"incident_number": None, "call_date": OCTOBER, "call_time": HALF_PAST_ONE_S},
        ],
    )
    sent = [
        {"incident_number": number, "mobilised_at": None if at is None else datetime.fromisoformat(at)}
        for at in sent_at
    ]
    runs = typed("mobilisations", MOBILISATION, [*sent, {"incident_number": noon}])
    first, second, third = incidents_with_runs(typed=calls, stations=stations(), runs=runs).to_pylist()
    repairs = "clock_shown_twice"
    if call_at == SECOND_SHOWING:
        repairs += ";second_showing_from_mobilisation"
    assert first == {"call_at": call_at, "repairs": repairs, "rule": None}
    assert second == {"call_at": datetime(2023, 10, 29, 12), "repairs": "", "rule": None}
    assert (third["call_at"], third["rule"]) == (FIRST_SHOWING, "no_incident_number")


def test_a_ground_that_no_station_is_named_after_has_no_code(incidents: Clean) -> None:
    (row,) = incidents({"station_ground": "Atlantis"})
    assert (row["rule"], row["ground_code"]) == (None, None)


def test_b5_a_ground_is_found_whatever_the_case_of_its_name(incidents: Clean) -> None:
    (row,) = incidents({"station_ground": "BRIXTON"})
    assert row["ground_code"] == "H21"
