"""Rules and repairs of mobilisation records, each on a row or two."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from support.typed_rows import NOON

Clean = Callable[..., list[dict[str, Any]]]
SECOND = {"resource_code": "H212", "source_row": 2}
GONE = {"mobile_at": None, "turnout_s": None, "travel_s": None}


def at(seconds: int) -> Any:
    return NOON + timedelta(seconds=seconds)


def rules(rows: list[dict[str, Any]]) -> list[str | None]:
    return [row["rule"] for row in rows]


def test_a_sound_record_is_kept_as_it_is(mobilisations: Clean) -> None:
    (row,) = mobilisations({})
    assert (row["rule"], row["repairs"]) == (None, "")
    assert (row["appliance"], row["home_station_code"], row["station_easting_m"]) == (
        "Pump Dual Ladder",
        "H21",
        530_900.0,
    )


BROKEN: list[tuple[str, dict[str, Any]]] = [
    ("unreadable_arrived_at", {"unreadable": "arrived_at"}),
    ("no_incident_number", {"incident_number": None}),
    ("incomplete_mobilised_at", {"mobilised_at": None}),
    ("incomplete_resource_code", {"resource_code": None}),
    ("incident_not_found", {"incident_number": "000009-10012023"}),
    ("mobilised_far_from_call", {"mobilised_at": at(24 * 3600 + 1)}),
    ("mobilised_far_from_call", {"mobilised_at": at(-24 * 3600 - 1)}),
    ("no_attendance_time", {"attendance_s": None}),
    ("no_turnout", {"turnout_s": None}),
    ("no_travel", {"travel_s": None, "mobile_at": at(300)}),
    ("no_travel", {"travel_s": None}),
    ("impossible_time", {"travel_s": -5}),
    ("impossible_time", {"attendance_s": 1201}),
    ("dartford", {"station_code": "K21"}),
    ("dartford", {"resource_code": "K211"}),
    ("unknown_station", {"station_code": "Z99"}),
]


def test_a_record_is_set_aside_by_the_rule_it_breaks(mobilisations: Clean) -> None:
    rows = mobilisations(
        *[
            {"incident_number": f"{number:06}-10012023", **change}
            for number, (_, change) in enumerate(BROKEN, start=100)
        ],
        of=tuple({"incident_number": f"{number:06}-10012023"} for number in range(100, 100 + len(BROKEN))),
    )
    assert [row["rule"] for row in rows] == [rule for rule, _ in BROKEN]


def test_a_mobilisation_of_an_incident_that_is_set_aside_goes_with_it(mobilisations: Clean) -> None:
    assert rules(mobilisations({}, of=({"property_type": None},))) == ["incident_rejected"]


def test_an_incident_that_is_published_twice_does_not_double_its_mobilisations(mobilisations: Clean) -> None:
    assert rules(mobilisations({}, of=({}, {}))) == [None]


def test_the_same_record_again_is_an_exact_duplicate(mobilisations: Clean) -> None:
    assert rules(mobilisations({}, {})) == [None, "exact_duplicate"]


def test_a_record_that_says_something_else_of_the_same_run_is_a_conflicting_duplicate(
    mobilisations: Clean,
) -> None:
    assert rules(mobilisations({}, {"attendance_s": 307, "travel_s": 247})) == [None, "conflicting_duplicate"]


def test_the_same_pump_sent_again_later_is_another_run(mobilisations: Clean) -> None:
    assert rules(mobilisations({}, {"mobilised_at": at(900)})) == [None, None]


@pytest.mark.parametrize(
    ("rule", "change"), [("no_travel", {"travel_s": None}), ("no_turnout", {"turnout_s": None}), ("dartford", {"station_code": "K21"})]
)  # fmt: skip
def test_some_rules_take_the_whole_incident(mobilisations: Clean, rule: str, change: dict[str, Any]) -> None:
    assert rules(mobilisations({}, {**SECOND, **change})) == [rule, rule]


@pytest.mark.parametrize("change", [{"travel_s": -5}, {"station_code": "Z99"}])
def test_other_rules_take_the_row_alone(mobilisations: Clean, change: dict[str, Any]) -> None:
    assert rules(mobilisations({}, {**SECOND, **change}))[0] is None


def test_a_missing_turnout_is_its_share_of_the_attendance_time(mobilisations: Clean) -> None:
    _, row = mobilisations({}, {**SECOND, **GONE, "attendance_s": 400})
    share = 60 / ((300 + 400) / 2)
    assert (row["turnout_s"], row["travel_s"]) == (round(400 * share), 400 - round(400 * share))
    assert row["repairs"] == "turnout_from_attendance"


def test_the_share_is_not_taken_from_rows_that_are_set_aside(mobilisations: Clean) -> None:
    *_, row = mobilisations(
        {}, {"turnout_s": 1000, "incident_number": "000009-10012023"}, {**SECOND, **GONE, "source_row": 3}
    )
    assert row["turnout_s"] == 60


def test_departure_and_arrival_the_wrong_way_round_are_exchanged(mobilisations: Clean) -> None:
    (row,) = mobilisations(
        {"mobile_at": at(300), "arrived_at": at(60), "turnout_s": 300, "attendance_s": 60, "travel_s": None}
    )
    assert (row["turnout_s"], row["travel_s"], row["attendance_s"]) == (60, 240, 300)
    assert (row["mobile_at"], row["arrived_at"], row["repairs"]) == (
        at(60),
        at(300),
        "mobile_and_arrived_exchanged",
    )


def test_an_exchange_that_gives_a_negative_time_is_set_aside(mobilisations: Clean) -> None:
    (row,) = mobilisations(
        {"mobile_at": at(300), "arrived_at": at(60), "turnout_s": 60, "attendance_s": 300, "travel_s": None}
    )
    assert row["rule"] == "impossible_time"


def test_a_missing_station_is_the_one_that_is_named(mobilisations: Clean) -> None:
    (row,) = mobilisations({"station_code": None, "station_name": "Lambeth"})
    assert (row["station_code"], row["repairs"]) == ("H22", "station_from_its_name")


def test_a_missing_station_without_a_name_is_the_pumps_home(mobilisations: Clean) -> None:
    (row,) = mobilisations({"station_code": None, "station_name": None, "deployed_from": None})
    assert (row["station_code"], row["deployed_from"]) == ("H21", "Home Station")
    assert row["repairs"] == "station_from_resource_code;location_from_codes"


def test_a_missing_location_is_other_where_the_station_is_not_the_pumps(mobilisations: Clean) -> None:
    (row,) = mobilisations({"station_code": "H22", "deployed_from": None})
    assert (row["deployed_from"], row["repairs"]) == ("Other Station", "location_from_codes")


def test_a_pump_code_of_another_ending_has_no_appliance_and_is_counted(mobilisations: Clean) -> None:
    (row,) = mobilisations({"resource_code": "H213"})
    assert (row["rule"], row["appliance"], row["repairs"]) == (None, None, "appliance_unknown")


@pytest.mark.parametrize(
    ("name", "repair", "after_h"),
    [
        ("mobile_at", "mobile_far_from_mobilised", 24),
        ("arrived_at", "arrived_far_from_mobilised", 24),
        ("left_at", "left_far_from_mobilised", 7 * 24),
    ],
)
def test_b2_a_time_of_a_run_beyond_its_limits_is_missing(
    mobilisations: Clean, name: str, repair: str, after_h: int
) -> None:
    edges = [at(-24 * 3600), at(after_h * 3600)]
    beyond = [at(-24 * 3600 - 1), at(after_h * 3600 + 1)]
    rows = mobilisations(*[{"resource_code": f"H21{n}", name: edge} for n, edge in enumerate(edges + beyond)])
    assert [row[name] for row in rows] == [*edges, None, None]
    assert [repair in row["repairs"] for row in rows] == [False, False, True, True]
