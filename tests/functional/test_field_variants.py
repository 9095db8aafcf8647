"""Issue 11, B1 to B9 and B12: more files of the kinds of the field cases, spoilt by code from a simulated day.

Other columns, other tables, other programs' ways of writing and mixtures of them; only those whose right result
follows from the issue.
"""

import csv
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.field_cases import Outcome, run_in_process
from support.field_expectations import Examples, Expectation, Kept, Refused, Unspoilt, either, refused
from support.field_files import Rows, Written, changed, emptied, exchanged, filled, without
from support.field_month import Month, N, simulated_month

SAME_MOBILISED = Kept(incidents=N, like="mobilised")
SAME_ATTENDING = Kept(incidents=N, like="attending")
TIMES = ("DateAndTimeMobilised", "DateAndTimeMobile", "DateAndTimeArrived", "DateAndTimeLeft")
ODD_BLANKS = ("\u00a0", "\t", "\u2003", "\u3000", "\u202f", "\u2009")
MARKERS = ("NA", "N/A", "#N/A", "<NA>", "nan", "null", r"\N", "-")
STATION_NAMES = ("FirstPumpArriving_DeployedFromStation", "SecondPumpArriving_DeployedFromStation")
COORDINATES = ("Easting_m", "Northing_m", "Easting_rounded", "Northing_rounded")
DECIMALS = (*COORDINATES, "Latitude", "Longitude", "UPRN")
COUNTS = ("NumPumpsAttending", "NumStationsWithPumpsAttending", "NumCalls")


@dataclass(frozen=True)
class Variant:
    """write: the files, and the arguments of the command. right: what it must come to."""

    write: Callable[[Month], list[str]]
    right: Expectation


def as_date(form: str) -> Callable[[str], str]:
    """A published date (05-Jun-23) in another form."""
    return lambda text: datetime.strptime(text, "%d-%b-%y").strftime(form)


def as_moment(form: str, later: timedelta = timedelta(0)) -> Callable[[str], str]:
    """A published moment (05/06/2023 01:17) in another form, or moved."""
    return lambda text: (datetime.strptime(text, "%d/%m/%Y %H:%M") + later).strftime(form)


def padded(text: str) -> str:
    """A text between two blanks that are no spaces."""
    first = len(text) % len(ODD_BLANKS)
    return ODD_BLANKS[first] + text + ODD_BLANKS[first - 1]


def comma(text: str) -> str:
    """A number with a decimal comma."""
    return text.replace(".", ",")


def scientific(text: str) -> str:
    """A number as Excel shows a wide one: 520850 is 5.21E+05."""
    return f"{float(text):.2E}"


def in_time(month: Month, form: str) -> list[str]:
    """Both tables, the moments in another form."""
    return month.spoilt(mobilisations=changed(month.mobilisations, TIMES, as_moment(form)))


def one_spelling(column: str) -> Callable[[Examples], str]:
    """Values that differ in case alone are one value."""

    def check(examples: Examples) -> str:
        values = {row[column] for row in examples if row[column] is not None}
        return (
            ""
            if len(values) == len({value.casefold() for value in values})
            else f"{column}: {sorted(values)}"
        )

    return check


def near_its_call(examples: Examples) -> str:
    """Each pump left within minutes of its call."""
    apart = max(abs((row["mobilised_at"] - row["call_at"]).total_seconds()) for row in examples)
    return "" if apart <= 1_800 else f"a mobilisation lies {apart:.0f} s from its call"


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


def with_gaps(month: Month) -> list[str]:
    """Two workbooks and a csv, in each of which another column is empty or absent."""
    first, second = in_two(month.incidents)
    third, fourth = in_two(second)
    files = (
        month.xlsx(emptied(first, "SpecialServiceType"), "a.xlsx"),
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


def given_twice(month: Month) -> list[str]:
    """The same content under two names."""
    twice = month.csv(month.incidents, "a.csv"), month.csv(month.incidents, "b.csv")
    return ["prepare", "--incidents", *twice, "--out", str(month.folder / "OUT")]


JOINED = {  # B1
    "every_kind_of_file_together": Variant(joined_files, SAME_MOBILISED),
    "another_column_empty_in_each_file": Variant(with_gaps, Kept(incidents=N)),
    "two_vintages_and_two_kinds": Variant(vintages, Kept(incidents=2 * N)),
    "mobilisations_xlsx_with_csv_incidents": Variant(
        lambda m: m.prepare(mobilisations=m.xlsx(m.mobilisations, "m.xlsx")), SAME_MOBILISED
    ),
    "the_same_content_twice": Variant(given_twice, refused("same content", r"[ab]\.csv")),
}
MONTH_FIRST = refused("DateOfCall", r"\d{6}-05062023", "month first")


def dates_exchanged_late_mobilisations(month: Month) -> list[str]:
    """Records of 2012, whose numbers carry no date: only the mobilisations contradict."""
    incidents, mobilisations = month.old
    us = changed(
        incidents, "DateOfCall", lambda text: datetime.strptime(text, "%d %b %Y").strftime("%m/%d/%Y")
    )
    return month.spoilt(us, mobilisations=mobilisations)


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
        refused(r"mobilisations\.csv", "DateAndTimeMobilised", "month first"),
    ),
    "month_first_where_numbers_carry_no_date": Variant(
        dates_exchanged_late_mobilisations, refused("DateOfCall|DateAndTimeMobilised", "month first")
    ),
    "dates_of_another_year": Variant(
        lambda m: m.alone(
            changed(
                changed(m.incidents, "DateOfCall", lambda text: text.replace("-23", "-22")),
                "CalYear",
                lambda _: "2022",
            )
        ),
        refused("DateOfCall", r"\d{6}-05062023"),
    ),
    "a_third_row_is_too_much": Variant(
        lambda m: m.alone(changed(m.incidents, "DateOfCall", as_date("%d-%b-22"), only=(1, 20, 40))),
        refused("DateOfCall|CalYear", "05-Jun-22|2022"),
    ),
    "one_wrong_date_is_one_row": Variant(
        lambda m: m.alone(changed(m.incidents, "DateOfCall", lambda _: "25-Jun-23", only=(7,))),
        Kept(incidents=N - 1),
    ),
    "two_mobilisations_two_days_late_are_two_rows": Variant(
        lambda m: m.spoilt(
            mobilisations=changed(
                m.mobilisations, TIMES, as_moment("%d/%m/%Y %H:%M", timedelta(days=2)), only=(3, 30)
            )
        ),
        Kept(incidents=N, holds=near_its_call),
    ),
    "the_number_of_the_next_day_is_no_contradiction": Variant(
        lambda m: m.alone(changed(m.incidents, "DateOfCall", lambda _: "04-Jun-23", only=(0,))),
        Kept(incidents=N),
    ),
}
ERRORS = {  # B4
    "div_0_in_mobilisations": Variant(
        lambda m: m.prepare(
            mobilisations=m.xlsx(m.mobilisations, "m.xlsx", {"AttendanceTimeSeconds": ("#DIV/0!", 20)})
        ),
        refused(r"m\.xlsx", "AttendanceTimeSeconds", "#DIV/0!", r"20 of \d+"),
    ),
    "name_in_a_column_of_text": Variant(
        lambda m: m.prepare(incidents=m.xlsx(m.incidents, "i.xlsx", {"IncidentGroup": ("#NAME?", 5)})),
        refused(r"i\.xlsx", "IncidentGroup", r"#NAME\?", f"5 of {N}"),
    ),
    "ref_in_a_column_of_text_of_csv": Variant(
        lambda m: m.alone(changed(m.incidents, "PropertyCategory", lambda _: "#REF!", only=range(5))),
        refused(r"incidents\.csv", "PropertyCategory", "#REF!", f"5 of {N}"),
    ),
    "num_in_csv_mobilisations": Variant(
        lambda m: m.spoilt(
            mobilisations=changed(m.mobilisations, "TravelTimeSeconds", lambda _: "#NUM!", only=range(9))
        ),
        refused(r"mobilisations\.csv", "TravelTimeSeconds", "#NUM!"),
    ),
    "value_in_the_date": Variant(
        lambda m: m.prepare(incidents=m.xlsx(m.incidents, "i.xlsx", {"DateOfCall": ("#VALUE!", 8)})),
        refused(r"i\.xlsx", "DateOfCall", "#VALUE!"),
    ),
    "one_error_cell_is_counted": Variant(
        lambda m: m.prepare(incidents=m.xlsx(m.incidents, "i.xlsx", {"Easting_rounded": ("#VALUE!", 1)})),
        Kept(incidents=N - 1, rejected={"incidents.unreadable_easting_rounded_m": 1}),
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
SPELT = {  # B5
    "odd_blanks_around_every_text": Variant(
        lambda m: m.spoilt(
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
        lambda m: m.spoilt(
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
        lambda m: m.spoilt(
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
        Kept(incidents=N, like="attending", holds=one_spelling("property_category")),
    ),
    "half_of_the_boroughs_in_small_letters": Variant(
        lambda m: m.alone(changed(m.incidents, "IncGeo_BoroughName", str.lower, only=range(0, N, 2))),
        Kept(incidents=N, like="attending", holds=one_spelling("borough_name")),
    ),
    "unknown_stations_are_shown": Variant(
        lambda m: m.spoilt(
            mobilisations=changed(
                changed(m.mobilisations, "DeployedFromStation_Code", lambda _: "Q77", only=range(8)),
                "DeployedFromStation_Name",
                lambda _: "Depot Nine",
                only=range(8),
            )
        ),
        Kept(incidents=N, says=("WARNING", "unknown_station", "DeployedFromStation", "Q77|Depot Nine")),
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
        Kept(incidents=N - 4, says=("WARNING", "no_incident_type", "IncidentGroup", "Alarme")),
    ),
    "missing_grounds_are_shown": Variant(
        lambda m: m.alone(changed(m.incidents, "IncidentStationGround", lambda _: "", only=range(5))),
        Kept(incidents=N - 5, says=("WARNING", "incomplete_station_ground", "IncidentStationGround")),
    ),
}
EMPTY_SOMEWHERE = (
    *("SpecialServiceType", "Postcode_full", "Latitude", "Longitude"),
    *("Easting_m", "Northing_m", "FirstPumpArriving_AttendanceTime", "SecondPumpArriving_AttendanceTime"),
    *STATION_NAMES,
)


def null_moments(month: Month, marker: str) -> list[str]:
    """A pump whose departure is not known, written with a marker."""
    return month.spoilt(
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
        lambda m: m.spoilt(
            mobilisations=filled(
                m.mobilisations, MARKERS, ("DelayCodeId", "DelayCode_Description", "DateAndTimeReturned")
            )
        ),
        SAME_MOBILISED,
    ),
    **{
        f"{marker}_for_a_moment": Variant(
            lambda m, marker=marker: null_moments(m, marker),
            Kept(
                incidents=N,
                holds=lambda rows: "" if any(r["repairs"] for r in rows) else "nothing was repaired",
            ),
        )
        for marker in ("NA", "#N/A", r"\N", "-")
    },
    "NA_group_is_a_gap_not_a_category": Variant(
        lambda m: m.alone(changed(m.incidents, "PropertyType", lambda _: "NA", only=range(4))),
        Kept(incidents=N - 4, rejected={"incidents.incomplete_property_type": 4}),
    ),
}
NOTHING_USABLE = {  # B7
    "no_group_anywhere": Variant(
        lambda m: m.alone(emptied(m.incidents, "IncidentGroup")),
        refused("incomplete_incident_group", str(N), "IncidentGroup"),
    ),
    "kilometres": Variant(
        lambda m: m.alone(changed(m.incidents, COORDINATES, lambda text: f"{float(text) / 1000:.2f}")),
        refused("impossible_place", str(N), "Easting", r"5\d\d\.\d"),
    ),
    "no_coordinates": Variant(
        lambda m: m.alone(emptied(m.incidents, *COORDINATES)), refused("no_place", str(N), "Easting")
    ),
    "two_rules_share_them": Variant(
        lambda m: m.alone(
            changed(
                exchanged(m.incidents, "Easting_rounded", "Northing_rounded"),
                "FRS",
                lambda _: "Essex",
                only=range(20),
            )
        ),
        refused("over_the_border", "20", "FRS", "Essex", "impossible_place", "Easting"),
    ),
    "numbers_of_another_service": Variant(
        lambda m: m.spoilt(
            mobilisations=changed(m.mobilisations, "IncidentNumber", lambda text: "9" + text[1:])
        ),
        refused("incident_not_found", "IncidentNumber", r"9\d{5}-05062023"),
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
    return changed(rows, TIMES, as_moment("%d.%m.%Y %H:%M"))


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
        lambda m: m.spoilt(german(m.incidents), GERMAN, german_mobilisations(m.mobilisations)),
        Kept(incidents=N, like="mobilised", reports=(";|semicolon", r"dd\.mm\.yyyy")),
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
    "tabs_in_utf8": Variant(lambda m: m.spoilt(how=Written(delimiter="\t")), SAME_MOBILISED),
    "utf16_without_a_tab": Variant(
        lambda m: m.spoilt(how=Written(delimiter=";", encoding="utf-16")),
        Kept(incidents=N, like="mobilised", reports=("utf-?16",)),
    ),
    "sep_line_of_semicolons": Variant(
        lambda m: m.spoilt(how=Written(delimiter=";", top="sep=;\r\n", line_end="\r\n")), SAME_MOBILISED
    ),
    "sep_line_after_a_byte_order_mark": Variant(
        lambda m: m.spoilt(how=Written(top="sep=,\n", encoding="utf-8-sig")), SAME_MOBILISED
    ),
    "thousands_with_points": Variant(
        lambda m: m.alone(
            changed(m.incidents, COORDINATES, lambda text: f"{float(text):,.0f}".replace(",", ".")), GERMAN
        ),
        either(SAME_ATTENDING, refused("Easting")),
    ),
    "header_again_in_both_tables": Variant(
        lambda m: m.spoilt(how=Written(again=(10, 30, 50))),
        Kept(incidents=N, like="mobilised", reports=("header",)),
    ),
    "header_again_in_other_case": Variant(
        lambda m: m.spoilt(how=Written(again=(5, 6), header=str.upper)), SAME_MOBILISED
    ),
    "header_again_in_a_workbook": Variant(
        lambda m: m.prepare(
            incidents=m.xlsx([*m.incidents[:9], {n: n for n in m.incidents[0]}, *m.incidents[9:]], "i.xlsx")
        ),
        SAME_ATTENDING,
    ),
    "all_of_it_at_once": Variant(
        lambda m: m.spoilt(
            filled(german(m.incidents), MARKERS, EMPTY_SOMEWHERE),
            EVERYTHING,
            german_mobilisations(m.mobilisations),
        ),
        SAME_MOBILISED,
    ),
    **{
        f"moments_as_{name}": Variant(lambda m, form=form: in_time(m, form), SAME_MOBILISED)
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
        lambda m: m.spoilt(
            mobilisations=changed(
                m.mobilisations, TIMES, as_moment("%Y-%m-%d %H:%M:%S+01:00", timedelta(hours=1))
            )
        ),
        either(SAME_MOBILISED, refused("DateAndTimeMobilised", r"\+01:00")),
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
    return month.spoilt(calls, mobilisations=sent) if is_mobilised else month.alone(calls)


DOUBLED_HOUR = {  # B12
    "all_in_the_second_hour": Variant(
        lambda m: in_the_doubled_hour(m, lambda _: True), Kept(incidents=N, holds=near_its_call)
    ),
    "all_in_the_first_hour": Variant(
        lambda m: in_the_doubled_hour(m, lambda _: False), Kept(incidents=N, holds=near_its_call)
    ),
    "every_other_in_the_second_hour": Variant(
        lambda m: in_the_doubled_hour(m, lambda number: number % 2 == 1),
        Kept(incidents=N, holds=near_its_call),
    ),
    "without_mobilisations": Variant(
        lambda m: in_the_doubled_hour(m, lambda _: True, is_mobilised=False),
        Kept(incidents=N, says=("clock_shown_twice",)),
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
        Kept(incidents=N - 1),
    ),
    "northings_rounded_by_excel": Variant(
        lambda m: m.alone(changed(m.incidents, ("Northing_m", "Northing_rounded"), scientific)),
        refused("Northing", r"1\.\d\dE\+05"),
    ),
    "scientific_without_loss": Variant(
        lambda m: m.alone(
            changed(m.incidents, ("Easting_rounded", "Northing_rounded"), lambda text: f"{float(text):.5E}")
        ),
        SAME_ATTENDING,
    ),
}
VARIANTS = {
    **JOINED,
    **CONTRADICTED,
    **ERRORS,
    **SPELT,
    **NULLS,
    **NOTHING_USABLE,
    **EUROPEAN,
    **DOUBLED_HOUR,
    **LOSSY,
}


@pytest.fixture(scope="module")
def month(tmp_path_factory) -> Month:
    """A simulated day."""
    return simulated_month(tmp_path_factory.mktemp("month"))


@pytest.fixture(scope="module")
def unspoilt(month, tmp_path_factory) -> Unspoilt:
    """What the day gives before it is spoilt."""
    outcomes: list[Outcome] = []
    for name, is_mobilised in (("mobilised", True), ("attending", False)):
        here = month.here(tmp_path_factory.mktemp(name))
        command = here.spoilt() if is_mobilised else here.alone()
        outcomes.append(run_in_process([command], here.folder))
        assert outcomes[-1].exit_code == 0, outcomes[-1].text
    return Unspoilt(outcomes[0].examples, outcomes[1].examples, ())


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_a_spoilt_file_comes_to_its_right_result(name, month, unspoilt, tmp_path) -> None:
    variant = VARIANTS[name]
    here = month.here(tmp_path / "files")
    outcome = run_in_process([variant.write(here)], here.folder)
    assert variant.right.faults(outcome, unspoilt) == []


KEEPS_NOTHING: dict[str, Callable[[Month], list[str]]] = {
    "stations_of_another_city": lambda m: m.alone(
        changed(m.incidents, STATION_NAMES, lambda text: f"Depot {text}")
    ),
    "no_group": lambda m: m.alone(emptied(m.incidents, "IncidentGroup")),
    "mobilisations_of_another_month": lambda m: m.spoilt(
        mobilisations=changed(m.mobilisations, "IncidentNumber", lambda text: "8" + text[1:])
    ),
    "mobilisations_without_times": lambda m: m.spoilt(
        mobilisations=emptied(m.mobilisations, "AttendanceTimeSeconds")
    ),
    "coordinates_exchanged": lambda m: m.alone(
        exchanged(exchanged(m.incidents, "Easting_rounded", "Northing_rounded"), "Easting_m", "Northing_m")
    ),
}


@pytest.mark.parametrize("name", sorted(KEEPS_NOTHING))
def test_records_that_keep_nothing_leave_the_earlier_data(name, month, tmp_path) -> None:
    """Issue 11, B3: exit code 2, and the earlier OUT stands as it was."""
    here = month.here(tmp_path / "files")
    good = run_in_process([here.alone()], here.folder)
    assert good.exit_code == 0, good.text
    before = {path: path.read_bytes() for path in (here.folder / "OUT").rglob("*") if path.is_file()}
    outcome = run_in_process([KEEPS_NOTHING[name](here)], here.folder)
    assert Refused((), is_kept_before=True).faults(outcome, Unspoilt([], [], ())) == []
    after = {path: path.read_bytes() for path in (here.folder / "OUT").rglob("*") if path.is_file()}
    assert after == before
