"""Issue 11, B1 to B4, B7 and B10: files that contradict, err or lose, made by code from a simulated day.

More of the kinds of the field cases: other columns, other tables and mixtures; only those whose right result follows
from the issue.
"""

import gzip
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.field_cases import run_in_process
from support.field_damage import (
    COORDINATES,
    SAME_ATTENDING,
    SAME_MOBILISED,
    STATION_NAMES,
    TIMES,
    Variant,
    as_date,
    as_timestamp,
    in_time,
    near_its_call,
    scientific,
)
from support.field_expectations import KeepsResults, Rejects, Undamaged, rejects
from support.field_files import Rows, changed, emptied, exchanged, filled, without
from support.field_month import Month, N
from support.run_size import cases


def in_two(rows: Rows) -> tuple[Rows, Rows]:
    """The first and the second half."""
    return rows[: len(rows) // 2], rows[len(rows) // 2 :]


def gzipped(month: Month, rows: Rows, name: str) -> str:
    """A gzipped csv."""
    path = Path(month.csv(rows, "packed.csv"))
    packed = path.with_name(name)
    packed.write_bytes(gzip.compress(path.read_bytes()))
    return str(packed)


def joined_files(month: Month) -> list[str]:
    """Every kind of file together, both options given more than once."""
    first, second = in_two(month.incidents)
    third, fourth = in_two(second)
    early, late = in_two(month.mobilisations)
    return [
        *["prepare", "--incidents", month.csv(first, "a.csv"), "--incidents", month.xlsx(third, "b.xlsx")],
        *["--incidents", gzipped(month, fourth, "c.csv.gz")],
        *["--mobilisations", month.xlsx(early, "d.xlsx"), month.csv(late, "e.csv")],
        *["--out", str(month.folder / "OUT")],
    ]


SECOND_PUMP = ("SecondPumpArriving_AttendanceTime", "SecondPumpArriving_DeployedFromStation")


def with_gaps(month: Month) -> list[str]:
    """Two workbooks and a csv, in each of which another column is empty or absent."""
    first, second = in_two(month.incidents)
    third, fourth = in_two(second)
    files = (
        month.xlsx(emptied(first, *SECOND_PUMP), "a.xlsx"),
        month.xlsx(without(emptied(third, "Easting_m", "Northing_m"), "Latitude", "Longitude"), "b.xlsx"),
        month.csv(without(fourth, "Postcode_district", "CalYear"), "c.csv"),
    )
    return ["prepare", "--incidents", *files, "--out", str(month.folder / "OUT")]


def vintages(month: Month) -> list[str]:
    """Records of 2012 as csv and of 2023 as workbooks, in one stream."""
    incidents, mobilisations = month.old
    return [
        *[
            "prepare",
            "--incidents",
            month.csv(incidents, "2012.csv"),
            month.xlsx(month.incidents, "2023.xlsx"),
        ],
        *[
            "--mobilisations",
            month.xlsx(month.mobilisations, "m2023.xlsx"),
            month.csv(mobilisations, "m2012.csv"),
        ],
        *["--out", str(month.folder / "OUT")],
    ]


def duplicated_rows(month: Month) -> list[str]:
    """The same content under two names."""
    twice = month.csv(month.incidents, "a.csv"), month.csv(month.incidents, "b.csv")
    return ["prepare", "--incidents", *twice, "--out", str(month.folder / "OUT")]


JOINED = {  # B1
    "every_kind_of_file_together": Variant(joined_files, SAME_MOBILISED),
    "another_column_empty_in_each_file": Variant(with_gaps, KeepsResults(incidents=N)),
    "two_vintages_and_two_kinds": Variant(vintages, KeepsResults(incidents=2 * N)),
    "mobilisations_xlsx_with_csv_incidents": Variant(
        lambda m: m.prepare(mobilisations=m.xlsx(m.mobilisations, "m.xlsx")), SAME_MOBILISED
    ),
    "the_same_content_twice": Variant(duplicated_rows, rejects("same content", r"[ab]\.csv")),
}
MONTH_FIRST = rejects("DateOfCall", r"\d{6}-05062023", "month first")


def dates_exchanged_late_mobilisations(month: Month) -> list[str]:
    """Records of 2012, whose numbers carry no date: only the mobilisations contradict."""
    incidents, mobilisations = month.old
    us = changed(
        incidents, "DateOfCall", lambda text: datetime.strptime(text, "%d %b %Y").strftime("%m/%d/%Y")
    )
    return month.damaged(us, mobilisations=mobilisations)


CONTRADICTED = {  # B2
    "month_first_with_zeros": Variant(
        lambda m: m.alone(changed(m.incidents, "DateOfCall", as_date("%m/%d/%Y"))), MONTH_FIRST
    ),
    "iso_with_the_day_before_the_month": Variant(
        lambda m: m.alone(changed(m.incidents, "DateOfCall", as_date("%Y-%d-%m"))), MONTH_FIRST
    ),
    "month_first_in_a_workbook": Variant(
        lambda m: m.prepare(
            incidents=m.xlsx(changed(m.incidents, "DateOfCall", as_date("%m/%d/%Y")), "incidents.xlsx")
        ),
        MONTH_FIRST,
    ),
    "month_first_in_mobilisations_alone": Variant(
        lambda m: in_time(m, "%m/%d/%Y %H:%M"),
        rejects(r"mobilisations\.csv", "DateAndTimeMobilised", "month first"),
    ),
    "month_first_where_numbers_carry_no_date": Variant(
        dates_exchanged_late_mobilisations, rejects("DateOfCall|DateAndTimeMobilised", "month first")
    ),
    "dates_of_another_year": Variant(
        lambda m: m.alone(
            changed(
                changed(m.incidents, "DateOfCall", lambda text: text.replace("-23", "-22")),
                "CalYear",
                lambda _: "2022",
            )
        ),
        rejects("DateOfCall", r"\d{6}-05062023"),
    ),
    "a_third_row_is_too_much": Variant(
        lambda m: m.alone(changed(m.incidents, "DateOfCall", as_date("%d-%b-22"), only=(1, 20, 40))),
        rejects("DateOfCall|CalYear", "row 2|05-Jun-22|-05062023"),
    ),
    "one_wrong_date_is_one_row": Variant(
        lambda m: m.alone(changed(m.incidents, "DateOfCall", lambda _: "25-Jun-23", only=(7,))),
        KeepsResults(incidents=N - 1),
    ),
    "two_mobilisations_two_days_late_are_two_rows": Variant(
        lambda m: m.damaged(
            mobilisations=changed(
                m.mobilisations, TIMES, as_timestamp("%d/%m/%Y %H:%M", timedelta(days=2)), only=(3, 30)
            )
        ),
        KeepsResults(incidents=N, holds=near_its_call),
    ),
    "the_number_of_the_next_day_is_no_contradiction": Variant(
        lambda m: m.alone(changed(m.incidents, "DateOfCall", lambda _: "04-Jun-23", only=(0,))),
        KeepsResults(incidents=N),
    ),
}
ERRORS = {  # B4
    "div_0_in_mobilisations": Variant(
        lambda m: m.prepare(
            mobilisations=m.xlsx(m.mobilisations, "m.xlsx", {"AttendanceTimeSeconds": ("#DIV/0!", 20)})
        ),
        rejects(r"m\.xlsx", "AttendanceTimeSeconds", "#DIV/0!", r"20 of \d+"),
    ),
    "name_in_a_column_of_text": Variant(
        lambda m: m.prepare(incidents=m.xlsx(m.incidents, "i.xlsx", {"IncidentGroup": ("#NAME?", 5)})),
        rejects(r"i\.xlsx", "IncidentGroup", r"#NAME\?", f"5 of {N}"),
    ),
    "ref_in_a_column_of_text_of_csv": Variant(
        lambda m: m.alone(changed(m.incidents, "PropertyCategory", lambda _: "#REF!", only=range(5))),
        rejects(r"incidents\.csv", "PropertyCategory", "#REF!", f"5 of {N}"),
    ),
    "num_in_csv_mobilisations": Variant(
        lambda m: m.damaged(
            mobilisations=changed(m.mobilisations, "TravelTimeSeconds", lambda _: "#NUM!", only=range(9))
        ),
        rejects(r"mobilisations\.csv", "TravelTimeSeconds", "#NUM!"),
    ),
    "value_in_the_date": Variant(
        lambda m: m.prepare(incidents=m.xlsx(m.incidents, "i.xlsx", {"DateOfCall": ("#VALUE!", 8)})),
        rejects(r"i\.xlsx", "DateOfCall", "#VALUE!"),
    ),
    "one_error_cell_is_counted": Variant(
        lambda m: m.prepare(incidents=m.xlsx(m.incidents, "i.xlsx", {"Easting_rounded": ("#VALUE!", 1)})),
        KeepsResults(incidents=N - 1, rejected={"incidents.unreadable_easting_rounded_m": 1}),
    ),
    "na_cells_of_a_lookup_are_nothing": Variant(
        lambda m: m.prepare(
            incidents=m.xlsx(m.incidents, "i.xlsx", {"Latitude": ("#N/A", N), "Longitude": ("#N/A", N)})
        ),
        SAME_ATTENDING,
    ),
    "na_of_a_lookup_is_nothing": Variant(
        lambda m: m.prepare(
            incidents=m.xlsx(
                filled(m.incidents, ("#N/A",), ("SpecialServiceType", *STATION_NAMES, "Easting_m")), "i.xlsx"
            )
        ),
        SAME_ATTENDING,
    ),
}


def swapped_coordinates(rows: Rows) -> Rows:
    """Eastings where northings belong."""
    return exchanged(exchanged(rows, "Easting_rounded", "Northing_rounded"), "Easting_m", "Northing_m")


NOTHING_USABLE = {  # B7
    "no_group_anywhere": Variant(
        lambda m: m.alone(emptied(m.incidents, "IncidentGroup")),
        rejects("incomplete_incident_group", str(N), "IncidentGroup"),
    ),
    "kilometres": Variant(
        lambda m: m.alone(changed(m.incidents, COORDINATES, lambda text: f"{float(text) / 1000:.2f}")),
        rejects("impossible_location", str(N), "Easting", r"5\d\d\.\d"),
    ),
    "no_coordinates": Variant(
        lambda m: m.alone(emptied(m.incidents, *COORDINATES)), rejects("no_location", str(N), "Easting")
    ),
    "two_rules_share_them": Variant(
        lambda m: m.alone(
            changed(
                swapped_coordinates(m.incidents),
                "FRS",
                lambda _: "Essex",
                only=range(20),
            )
        ),
        rejects("over_the_border", "20", "FRS", "Essex", "impossible_location", "Easting"),
    ),
    "numbers_of_another_service": Variant(
        lambda m: m.damaged(
            mobilisations=changed(m.mobilisations, "IncidentNumber", lambda text: "9" + text[1:])
        ),
        rejects("incident_not_found", "IncidentNumber", r"9\d{5}-05062023"),
    ),
}
LOSSY = {  # B10 in incident records
    "one_place_rounded_by_excel": Variant(
        lambda m: m.alone(
            changed(
                emptied(m.incidents, "Easting_m", "Northing_m", "Latitude", "Longitude"),
                "Northing_rounded",
                scientific,
                only=(4,),
            )
        ),
        KeepsResults(incidents=N - 1),
    ),
    "northings_rounded_by_excel": Variant(
        lambda m: m.alone(changed(m.incidents, ("Northing_m", "Northing_rounded"), scientific)),
        rejects("Northing", r"1\.\d\dE\+05"),
    ),
    "scientific_without_loss": Variant(
        lambda m: m.alone(
            changed(m.incidents, ("Easting_rounded", "Northing_rounded"), lambda text: f"{float(text):.5E}")
        ),
        SAME_ATTENDING,
    ),
}
VARIANTS = {**JOINED, **CONTRADICTED, **ERRORS, **NOTHING_USABLE, **LOSSY}


REPEATED = (
    "every_kind_of_file_together",
    "another_column_empty_in_each_file",
    "two_vintages_and_two_kinds",
    "month_first_in_mobilisations_alone",
    "month_first_where_numbers_carry_no_date",
    "two_mobilisations_two_days_late_are_two_rows",
    "the_number_of_the_next_day_is_no_contradiction",
    "div_0_in_mobilisations",
    "name_in_a_column_of_text",
    "value_in_the_date",
    "na_of_a_lookup_is_nothing",
    "one_place_rounded_by_excel",
    "numbers_of_another_service",
)
"""Variants of a kind of which the ordinary run has another."""


@pytest.mark.parametrize("name", cases(VARIANTS, slow=REPEATED))
def test_a_spoilt_file_comes_to_its_right_result(name, month, undamaged_month, tmp_path) -> None:
    variant = VARIANTS[name]
    here = month.here(tmp_path / "files")
    outcome = run_in_process([variant.write(here)], here.folder)
    assert variant.right.faults(outcome, undamaged_month) == []


KEEPS_NOTHING: dict[str, Callable[[Month], list[str]]] = {
    "stations_of_another_city": lambda m: m.alone(
        changed(m.incidents, STATION_NAMES, lambda text: f"Depot {text}")
    ),
    "no_group": lambda m: m.alone(emptied(m.incidents, "IncidentGroup")),
    "mobilisations_of_another_month": lambda m: m.damaged(
        mobilisations=changed(m.mobilisations, "IncidentNumber", lambda text: "8" + text[1:])
    ),
    "mobilisations_without_times": lambda m: m.damaged(
        mobilisations=emptied(m.mobilisations, "AttendanceTimeSeconds")
    ),
    "coordinates_exchanged": lambda m: m.alone(swapped_coordinates(m.incidents)),
}


@pytest.mark.parametrize("name", cases(KEEPS_NOTHING, slow=KEEPS_NOTHING.keys() - {"coordinates_exchanged"}))
def test_records_that_keep_nothing_leave_the_earlier_data(name, month, tmp_path) -> None:
    """Issue 11, B3: exit code 2, and the earlier OUT stands as it was."""
    here = month.here(tmp_path / "files")
    good = run_in_process([here.alone()], here.folder)
    assert good.exit_code == 0, good.text
    before = {path: path.read_bytes() for path in (here.folder / "OUT").rglob("*") if path.is_file()}
    outcome = run_in_process([KEEPS_NOTHING[name](here)], here.folder)
    assert Rejects((), is_earlier_result_kept=True).faults(outcome, Undamaged([], [], ())) == []
    after = {path: path.read_bytes() for path in (here.folder / "OUT").rglob("*") if path.is_file()}
    assert after == before
