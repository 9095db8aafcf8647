"""Issue 11, B5, B6, B9 and B12: the same records in other programs' spelling, made by code from a simulated day."""

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest
from support.field_cases import run_in_process
from support.field_damage import (
    COORDINATES,
    COUNTS,
    DECIMALS,
    MARKERS,
    SAME_ATTENDING,
    SAME_MOBILISED,
    STATION_NAMES,
    TIMES,
    Variant,
    as_date,
    as_timestamp,
    comma,
    in_time,
    near_its_call,
    one_spelling,
    padded,
)
from support.field_expectations import KeepsResults, either, rejects
from support.field_files import Rows, Written, changed, filled
from support.field_month import Month, N
from support.run_size import cases

SPELLINGS_OF_RECORDS = {  # B5
    "odd_blanks_around_every_text": Variant(
        lambda m: m.damaged(
            changed(
                m.incidents,
                (*STATION_NAMES, "IncidentGroup", "SpecialServiceType", "FRS", "DateOfCall"),
                padded,
            ),
            mobilisations=changed(
                m.mobilisations,
                (
                    "DeployedFromLocation",
                    "DeployedFromStation_Code",
                    "Resource_Code",
                    "TravelTimeSeconds",
                    *TIMES,
                ),
                padded,
            ),
        ),
        SAME_MOBILISED,
    ),
    "capitals_everywhere": Variant(
        lambda m: m.damaged(
            changed(
                m.incidents,
                (
                    "IncidentGroup",
                    "SpecialServiceType",
                    "StopCodeDescription",
                    "FRS",
                    "IncidentStationGround",
                ),
                str.upper,
            ),
            mobilisations=changed(
                m.mobilisations, ("DeployedFromLocation", "DeployedFromStation_Name"), str.upper
            ),
        ),
        SAME_MOBILISED,
    ),
    "small_letters_in_codes": Variant(
        lambda m: m.damaged(
            changed(
                m.incidents, ("IncGeo_BoroughCode", "Postcode_district", "IncidentStationGround"), str.lower
            ),
            mobilisations=changed(
                m.mobilisations,
                ("Resource_Code", "DeployedFromStation_Code", "DeployedFromLocation"),
                str.lower,
            ),
        ),
        SAME_MOBILISED,
    ),
    "half_of_a_category_in_capitals": Variant(
        lambda m: m.alone(changed(m.incidents, "PropertyCategory", str.upper, only=range(0, N, 2))),
        KeepsResults(incidents=N, like="attending", holds=one_spelling("property_category")),
    ),
    "half_of_the_boroughs_in_small_letters": Variant(
        lambda m: m.alone(changed(m.incidents, "IncGeo_BoroughName", str.lower, only=range(0, N, 2))),
        KeepsResults(incidents=N, like="attending", holds=one_spelling("borough_name")),
    ),
    "unknown_stations_are_shown": Variant(
        lambda m: m.damaged(
            mobilisations=changed(
                changed(m.mobilisations, "DeployedFromStation_Code", lambda _: "Q77", only=range(8)),
                "DeployedFromStation_Name",
                lambda _: "Depot Nine",
                only=range(8),
            )
        ),
        KeepsResults(
            incidents=N, says=("WARNING", "unknown_station", "DeployedFromStation", "Q77|Depot Nine")
        ),
    ),
    "unknown_groups_are_shown": Variant(
        lambda m: m.alone(
            changed(
                changed(m.incidents, "IncidentGroup", lambda _: "Alarme", only=range(4)),
                "SpecialServiceType",
                lambda _: "",
                only=range(4),
            )
        ),
        KeepsResults(incidents=N - 4, says=("WARNING", "no_incident_type", "IncidentGroup", "Alarme")),
    ),
    "missing_grounds_are_shown": Variant(
        lambda m: m.alone(changed(m.incidents, "IncidentStationGround", lambda _: "", only=range(5))),
        KeepsResults(incidents=N - 5, says=("WARNING", "incomplete_station_ground", "IncidentStationGround")),
    ),
}
EMPTY_SOMEWHERE = (
    *("SpecialServiceType", "Postcode_full", "Latitude", "Longitude"),
    *("Easting_m", "Northing_m", "FirstPumpArriving_AttendanceTime", "SecondPumpArriving_AttendanceTime"),
    *STATION_NAMES,
)


def null_timestamps(month: Month, marker: str) -> list[str]:
    """A pump whose departure is not known, written with a marker."""
    return month.damaged(
        mobilisations=changed(
            month.mobilisations, ("DateAndTimeMobile", "TurnoutTimeSeconds"), lambda _: marker, (5,)
        )
    )


NULLS = {  # B6
    "every_marker_in_every_column": Variant(
        lambda m: m.alone(filled(m.incidents, MARKERS, EMPTY_SOMEWHERE)), SAME_ATTENDING
    ),
    "every_marker_in_a_workbook": Variant(
        lambda m: m.prepare(incidents=m.xlsx(filled(m.incidents, MARKERS, EMPTY_SOMEWHERE), "i.xlsx")),
        SAME_ATTENDING,
    ),
    "markers_in_quotes": Variant(
        lambda m: m.alone(filled(m.incidents, MARKERS, EMPTY_SOMEWHERE), Written(quoting=csv.QUOTE_ALL)),
        SAME_ATTENDING,
    ),
    "markers_in_mobilisations": Variant(
        lambda m: m.damaged(
            mobilisations=filled(
                m.mobilisations, MARKERS, ("DelayCodeId", "DelayCode_Description", "DateAndTimeReturned")
            )
        ),
        SAME_MOBILISED,
    ),
    **{
        f"{marker}_for_a_moment": Variant(
            partial(null_timestamps, marker=marker),
            KeepsResults(
                incidents=N,
                holds=lambda rows: "" if any(r["repairs"] for r in rows) else "nothing was repaired",
            ),
        )
        for marker in ("NA", "#N/A", r"\N", "-")
    },
    "NA_group_is_a_gap_not_a_category": Variant(
        lambda m: m.alone(changed(m.incidents, "PropertyType", lambda _: "NA", only=range(4))),
        KeepsResults(incidents=N - 4, rejected={"incidents.incomplete_property_type": 4}),
    ),
}
GERMAN = Written(delimiter=";", encoding="utf-8-sig", line_end="\r\n")


def german(rows: Rows) -> Rows:
    """The rows as a German Excel saves them."""
    rows = changed(rows, DECIMALS, comma)
    rows = changed(
        rows, ("FirstPumpArriving_AttendanceTime", "SecondPumpArriving_AttendanceTime", *COUNTS), comma
    )
    return changed(rows, "DateOfCall", as_date("%d.%m.%Y"))


def german_mobilisations(rows: Rows) -> Rows:
    """The same of mobilisations."""
    return changed(rows, TIMES, as_timestamp("%d.%m.%Y %H:%M"))


EVERYTHING = Written(
    delimiter=";",
    encoding="utf-16",
    line_end="\r\n",
    top="sep=;\r\n",
    header=lambda name: f" {name.upper()}\u00a0",
    again=(20, 40),
    wider=2,
    bottom="\r\n\r\n",
)
EUROPEAN = {  # B9
    "german_excel_both_tables": Variant(
        lambda m: m.damaged(german(m.incidents), GERMAN, german_mobilisations(m.mobilisations)),
        KeepsResults(incidents=N, like="mobilised", reports=(";|semicolon", r"dd\.mm\.yyyy")),
    ),
    "german_excel_in_cp1252": Variant(
        lambda m: m.alone(german(m.incidents), Written(delimiter=";", encoding="cp1252", line_end="\r\n")),
        SAME_ATTENDING,
    ),
    "semicolons_and_commas_in_texts": Variant(
        lambda m: m.alone(
            changed(german(m.incidents), "IncGeo_WardName", lambda text: f"{text}, lower, {text}"), GERMAN
        ),
        SAME_ATTENDING,
    ),
    "tabs_in_utf8": Variant(lambda m: m.damaged(how=Written(delimiter="\t")), SAME_MOBILISED),
    "utf16_without_a_tab": Variant(
        lambda m: m.damaged(how=Written(delimiter=";", encoding="utf-16")),
        KeepsResults(incidents=N, like="mobilised", reports=("utf-?16",)),
    ),
    "sep_line_of_semicolons": Variant(
        lambda m: m.damaged(how=Written(delimiter=";", top="sep=;\r\n", line_end="\r\n")), SAME_MOBILISED
    ),
    "sep_line_after_a_byte_order_mark": Variant(
        lambda m: m.damaged(how=Written(top="sep=,\n", encoding="utf-8-sig")), SAME_MOBILISED
    ),
    "thousands_with_points": Variant(
        lambda m: m.alone(
            changed(m.incidents, COORDINATES, lambda text: f"{float(text):,.0f}".replace(",", ".")), GERMAN
        ),
        either(SAME_ATTENDING, rejects("Easting")),
    ),
    "header_again_in_both_tables": Variant(
        lambda m: m.damaged(how=Written(again=(10, 30, 50))),
        KeepsResults(incidents=N, like="mobilised", reports=("header",)),
    ),
    "header_again_in_other_case": Variant(
        lambda m: m.damaged(how=Written(again=(5, 6), header=str.upper)), SAME_MOBILISED
    ),
    "header_again_in_a_workbook": Variant(
        lambda m: m.prepare(
            incidents=m.xlsx([*m.incidents[:9], {n: n for n in m.incidents[0]}, *m.incidents[9:]], "i.xlsx")
        ),
        SAME_ATTENDING,
    ),
    "all_of_it_at_once": Variant(
        lambda m: m.damaged(
            filled(german(m.incidents), MARKERS, EMPTY_SOMEWHERE),
            EVERYTHING,
            german_mobilisations(m.mobilisations),
        ),
        SAME_MOBILISED,
    ),
    **{
        f"moments_as_{name}": Variant(partial(in_time, form=form), SAME_MOBILISED)
        for name, form in {
            "pandas_writes_them": "%Y-%m-%d %H:%M:%S+00:00",
            "javascript_writes_them": "%Y-%m-%dT%H:%M:%S.000Z",
            "bigquery_shows_them": "%Y-%m-%d %H:%M:%S.000000 UTC",
            "iso_without_seconds": "%Y-%m-%dT%H:%MZ",
            "iso_without_seconds_or_zone": "%Y-%m-%d %H:%M",
            "slashes_with_a_z": "%d/%m/%Y %H:%M:%SZ",
        }.items()
    },
    "another_zone_is_refused_or_moved": Variant(
        lambda m: m.damaged(
            mobilisations=changed(
                m.mobilisations, TIMES, as_timestamp("%Y-%m-%d %H:%M:%S+01:00", timedelta(hours=1))
            )
        ),
        either(SAME_MOBILISED, rejects("DateAndTimeMobilised", r"\+01:00")),
    ),
}


def in_the_doubled_hour(
    month: Month, of_second: Callable[[int], bool], is_mobilised: bool = True
) -> list[str]:
    """All calls at 01:MM of 29 October, each mobilised a minute later in the first or the second of the two hours."""
    minutes = {row["IncidentNumber"]: number % 50 for number, row in enumerate(month.incidents)}
    seconds = {row["IncidentNumber"]: of_second(number) for number, row in enumerate(month.incidents)}
    calls = [
        {
            **row,
            "IncidentNumber": row["IncidentNumber"][:7] + "29102023",
            "DateOfCall": "29-Oct-23",
            "TimeOfCall": f"01:{minutes[row['IncidentNumber']]:02d}:00",
            "HourOfCall": "1",
        }
        for row in month.incidents
    ]
    sent = []
    for row in month.mobilisations:
        at = datetime(2023, 10, 29, seconds[row["IncidentNumber"]], minutes[row["IncidentNumber"]] + 1)
        at_mobile, at_arrived, at_left = (at + timedelta(minutes=n) for n in (1, 6, 30))
        texts = [f"{one:%d/%m/%Y %H:%M}" for one in (at, at_mobile, at_arrived, at_left)]
        sent.append(
            {
                **row,
                "IncidentNumber": row["IncidentNumber"][:7] + "29102023",
                "HourOfCall": "1",
                **dict(zip(TIMES, texts, strict=True)),
            }
        )
    return month.damaged(calls, mobilisations=sent) if is_mobilised else month.alone(calls)


DOUBLED_HOUR = {  # B12
    "all_in_the_second_hour": Variant(
        lambda m: in_the_doubled_hour(m, lambda _: True), KeepsResults(incidents=N, holds=near_its_call)
    ),
    "all_in_the_first_hour": Variant(
        lambda m: in_the_doubled_hour(m, lambda _: False), KeepsResults(incidents=N, holds=near_its_call)
    ),
    "every_other_in_the_second_hour": Variant(
        lambda m: in_the_doubled_hour(m, lambda number: number % 2 == 1),
        KeepsResults(incidents=N, holds=near_its_call),
    ),
    "without_mobilisations": Variant(
        lambda m: in_the_doubled_hour(m, lambda _: True, is_mobilised=False),
        KeepsResults(incidents=N, says=("clock_shown_twice",)),
    ),
}
VARIANTS = {**SPELLINGS_OF_RECORDS, **NULLS, **EUROPEAN, **DOUBLED_HOUR}


ORDINARY = frozenset(
    (
        "half_of_a_category_in_capitals",
        "small_letters_in_codes",
        "unknown_stations_are_shown",
        "every_marker_in_every_column",
        "NA_for_a_moment",
        "NA_group_is_a_gap_not_a_category",
        "german_excel_both_tables",
        "utf16_without_a_tab",
        "all_of_it_at_once",
        "header_again_in_a_workbook",
        "moments_as_pandas_writes_them",
        "another_zone_is_refused_or_moved",
        "every_other_in_the_second_hour",
    )
)
"""Variants of each kind; `make test-slow` runs the others."""


@pytest.mark.parametrize("name", cases(VARIANTS, slow=VARIANTS.keys() - ORDINARY))
def test_a_file_in_another_spelling_comes_to_its_right_result(name, month, undamaged_month, tmp_path) -> None:
    variant = VARIANTS[name]
    here = month.here(tmp_path / "files")
    outcome = run_in_process([variant.write(here)], here.folder)
    assert variant.right.faults(outcome, undamaged_month) == []
