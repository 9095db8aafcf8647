"""Issue 11, B6, B8 and B10: files made by hand in other programs' ways of writing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from support.field_cases import run_in_process
from support.field_expectations import (
    ANY,
    SAME,
    Examples,
    Expectation,
    KeepsResults,
    Undamaged,
    answered,
    rejects,
)
from support.field_files import Rows, Written, changed
from support.field_month import Month, N
from support.run_size import cases

CALLS: Rows = [
    {
        "id": str(number),
        "mobilised_at": at,
        "station_code": station,
        "easting_m": easting,
        "northing_m": northing,
        "incident_type": incident_type,
        "property_category": "Dwelling",
        "temp_c": "4.5",
        "pumps_out": "",
    }
    for number, (at, station, easting, northing, incident_type) in enumerate(
        [
            ("2023-03-25T08:00Z", "G30", "518650", "186250", "Fire"),
            ("2023-03-25T04:00Z", "A21", "526900", "181300", "Fire"),
            ("2023-03-25T17:30Z", "E36", "534800", "176100", "Local Emergencies"),
        ],
        start=1,
    )
]
NUMBERS = ("easting_m", "northing_m", "temp_c")
ALL_SAME = answered(SAME, SAME, SAME)
FAR_AWAY = r"\d km from the nearest station"


@dataclass(frozen=True)
class ByHand:
    """rows: of CALLS.csv. how: it is written. right: what it must come to."""

    rows: Rows
    how: Written
    right: Expectation


def comma(text: str) -> str:
    """A number with a decimal comma."""
    return text.replace(".", ",")


def put(column: str, *texts: str) -> Rows:
    """The calls with the first of them changed in a column."""
    return changed(CALLS, column, lambda _: texts[0], only=(0,))


PLAIN = Written()
GERMAN = Written(delimiter=";", encoding="utf-8-sig", line_end="\r\n")
WRITTEN = {  # B8
    "german_excel": ByHand(changed(CALLS, NUMBERS, comma), GERMAN, ALL_SAME),
    "german_excel_with_decimals": ByHand(
        changed(changed(CALLS, ("easting_m", "northing_m"), lambda text: text + ",0"), "temp_c", comma),
        Written(delimiter=";", encoding="cp1252", top="sep=;\r\n", line_end="\r\n"),
        ALL_SAME,
    ),
    "unicode_text_of_excel": ByHand(
        CALLS, Written(delimiter="\t", encoding="utf-16", line_end="\r\n"), ALL_SAME
    ),
    "header_in_capitals_and_blanks": ByHand(
        CALLS, Written(encoding="utf-8-sig", header=lambda name: f"\u00a0{name.upper()} "), ALL_SAME
    ),
    "header_as_people_write_it": ByHand(CALLS, Written(header=str.title, wider=3), ALL_SAME),
    "empty_columns_and_lines_of_semicolons": ByHand(
        CALLS, Written(delimiter=";", wider=2, bottom=";;;;;;;;;\n;;;;;;;;;\n"), ALL_SAME
    ),
    "header_again": ByHand(CALLS, Written(again=(1, 2)), ALL_SAME),
    "odd_blanks_around_values": ByHand(
        changed(
            CALLS,
            ("mobilised_at", "station_code", "easting_m", "incident_type"),
            lambda text: f"\u2003{text}\t",
        ),
        PLAIN,
        ALL_SAME,
    ),
    **{
        f"{marker}_is_nothing": ByHand(
            [
                {**row, "pumps_out": marker, "congestion_rate": marker, "station_ground_code": marker}
                for row in CALLS
            ],
            PLAIN,
            ALL_SAME,
        )
        for marker in ("NA", "N/A", "#N/A", "<NA>", "nan", r"\N", "-")
    },
    "categories_in_capitals": ByHand(
        changed(CALLS, ("incident_type", "property_category"), str.upper), PLAIN, ALL_SAME
    ),
    "error_cell_is_an_error_of_its_row": ByHand(
        put("temp_c", "#VALUE!"), PLAIN, answered("temp_c '#VALUE!'", SAME, SAME)
    ),
    "no_easting_in_one_row": ByHand(put("easting_m", "NA"), PLAIN, answered("easting_m", SAME, SAME)),
}
LOCATIONS = {  # B10
    "manchester": ByHand(
        changed(put("easting_m", "383000"), "northing_m", lambda _: "398000", only=(0,)),
        PLAIN,
        answered(FAR_AWAY, SAME, SAME),
    ),
    "kilometres_in_every_row": ByHand(
        changed(CALLS, ("easting_m", "northing_m"), lambda text: f"{float(text) / 1000}"),
        PLAIN,
        answered(*[f"{FAR_AWAY}|easting_m"] * 3),
    ),
    "kilometres_by_a_german": ByHand(
        changed(
            changed(CALLS, ("easting_m", "northing_m"), lambda text: comma(f"{float(text) / 1000}")),
            "temp_c",
            comma,
        ),
        GERMAN,
        answered(*[f"{FAR_AWAY}|easting_m"] * 3),
    ),
    "exchanged_in_the_first_row": ByHand(
        changed(put("easting_m", "186250"), "northing_m", lambda _: "518650", only=(0,)),
        PLAIN,
        answered(FAR_AWAY, SAME, SAME),
    ),
    "rounded_by_excel": ByHand(
        put("easting_m", "5.19E+05"), PLAIN, answered(r"easting_m '5\.19E\+05'", SAME, SAME)
    ),
    "rounded_in_small_letters": ByHand(
        put("northing_m", "1.9e5"), PLAIN, answered(r"northing_m '1\.9e5'", SAME, SAME)
    ),
    "without_loss": ByHand(
        changed(put("easting_m", "5.18650E+05"), "northing_m", lambda _: "1.86250E+05", only=(0,)),
        PLAIN,
        ALL_SAME,
    ),
    "millimetres_of_a_survey": ByHand(put("easting_m", "518650.123"), PLAIN, answered(ANY, SAME, SAME)),
}
BY_HAND = {**WRITTEN, **LOCATIONS}


def predicted(rows: Rows, how: Written, month: Month, bundle: Path) -> list[str]:
    """`predict` over calls."""
    calls = month.csv(rows, "calls.csv", how)
    return ["predict", str(bundle), "--input", calls, "--out", str(month.folder / "OUT.csv")]


@pytest.fixture(scope="module")
def answers(month, small_brigade, tmp_path_factory) -> Undamaged:
    """The answers to the calls as they are."""
    here = month.here(tmp_path_factory.mktemp("answers"))
    outcome = run_in_process([predicted(CALLS, PLAIN, here, small_brigade.bundle)], here.folder)
    assert outcome.exit_code == 0, outcome.text
    return Undamaged([], [], tuple(row["mean_s"] for row in outcome.answers or []))


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_calls_by_hand_are_answered_row_by_row(name, month, small_brigade, answers, tmp_path) -> None:
    case = BY_HAND[name]
    here = month.here(tmp_path / "files")
    outcome = run_in_process([predicted(case.rows, case.how, here, small_brigade.bundle)], here.folder)
    assert case.right.faults(outcome, answers) == []


PREDICT_ONE = ["predict", "--station", "G30", "--at", "2023-03-25T08:00Z"]
PREDICTED_LOCATIONS = {
    "rounded": (["--easting", "5.19E+05", "--northing", "186250"], (r"easting_m", r"5\.19E\+05")),
    "kilometres": (["--easting", "518.650", "--northing", "186.250"], (FAR_AWAY,)),
    "the_sea": (["--easting", "650000", "--northing", "186250"], (FAR_AWAY,)),
    "exchanged": (["--easting", "186250", "--northing", "518650"], (FAR_AWAY,)),
}


@pytest.mark.parametrize("name", sorted(PREDICTED_LOCATIONS))
def test_a_question_at_an_impossible_place_is_refused(name, small_brigade, tmp_path) -> None:
    """Issue 11, B10: as the API does."""
    options, says = PREDICTED_LOCATIONS[name]
    outcome = run_in_process([[*PREDICT_ONE, str(small_brigade.bundle), *options]], tmp_path)
    assert rejects(*says).faults(outcome, Undamaged([], [], ())) == []


def weathered(examples: Examples) -> str:
    """Every example has the weather of its hour."""
    gaps = [row for row in examples if row["temp_c"] is None]
    return f"{len(gaps)} examples have no weather" if gaps else ""


def on_holiday(examples: Examples) -> str:
    """Every example falls on a school holiday."""
    return "" if all(row["is_school_holiday"] for row in examples) else "the holiday was not joined"


def in_traffic(examples: Examples) -> str:
    """Every example has its congestion."""
    return "" if all(row["congestion_rate"] is not None for row in examples) else "no congestion"


def holidays(month: Month, form: str, column: str = "date") -> Rows:
    """The day of the records and the day before, which London has in common with GMT at midnight."""
    return [{column: f"{date(2023, 6, day):{form}}"} for day in (4, 5)]


def stations_with_notes(month: Month) -> Rows:
    """The list of stations with a column of notes."""
    return [{**row, "note": "café"} for row in month.context["stations"]]


CONTEXT: dict[str, tuple[Callable[[Month], list[str]], KeepsResults]] = {  # B8, B6
    "stations_of_a_german": (
        lambda m: [
            "--stations",
            m.csv(changed(m.context["stations"], ("latitude", "longitude"), comma), "s.csv", GERMAN),
        ],
        KeepsResults(incidents=N),
    ),
    "stations_in_utf16": (
        lambda m: [
            "--stations",
            m.csv(m.context["stations"], "s.csv", Written(delimiter="\t", encoding="utf-16")),
        ],
        KeepsResults(incidents=N),
    ),
    "stations_in_cp1252": (
        lambda m: ["--stations", m.csv(stations_with_notes(m), "s.csv", Written(encoding="cp1252", wider=1))],
        KeepsResults(incidents=N),
    ),
    "stations_with_sep_and_capitals": (
        lambda m: [
            "--stations",
            m.csv(
                m.context["stations"],
                "s.csv",
                Written(top="sep=,\n", header=lambda n: f" {n.upper()} ", bottom=",,,\n"),
            ),
        ],
        KeepsResults(incidents=N),
    ),
    "stations_without_closing_days": (
        lambda m: [
            "--stations",
            m.csv(
                [{**row, "closed_date": "NA", "opened_date": "-"} for row in m.context["stations"]], "s.csv"
            ),
        ],
        KeepsResults(incidents=N),
    ),
    "weather_of_a_german": (
        lambda m: [
            "--weather",
            m.csv(
                changed(m.context["weather_hourly"], ("temp", "precip", "cloudcover", "visibility"), comma),
                "w.csv",
                GERMAN,
            ),
        ],
        KeepsResults(incidents=N, holds=weathered),
    ),
    "weather_with_capitals_and_nulls": (
        lambda m: [
            "--weather",
            m.csv(
                changed(m.context["weather_hourly"], "precip", lambda _: "-"),
                "w.csv",
                Written(
                    encoding="utf-8-sig", header=lambda name: f"{name.upper()} ", wider=2, bottom=",,\n" * 0
                ),
            ),
        ],
        KeepsResults(incidents=N, holds=weathered),
    ),
    "weather_in_utf16_with_sep": (
        lambda m: [
            "--weather",
            m.csv(m.context["weather_hourly"], "w.csv", Written(top="sep=,\r\n", encoding="utf-16")),
        ],
        KeepsResults(incidents=N, holds=weathered),
    ),
    "holidays_of_excel": (
        lambda m: [
            "--school-holidays",
            m.csv(
                holidays(m, "%d/%m/%Y"),
                "h.csv",
                Written(encoding="utf-8-sig", header=str.title, wider=1, bottom=",\n,\n"),
            ),
        ],
        KeepsResults(incidents=N, holds=on_holiday),
    ),
    "holidays_of_a_german": (
        lambda m: [
            "--school-holidays",
            m.csv([{**row, "name": "x"} for row in holidays(m, "%Y-%m-%d")], "h.csv", GERMAN),
        ],
        KeepsResults(incidents=N, holds=on_holiday),
    ),
    "traffic_of_a_german": (
        lambda m: [
            "--traffic",
            m.csv(changed(m.context["traffic_index"], "congestion", comma), "t.csv", GERMAN),
        ],
        KeepsResults(incidents=N, holds=in_traffic),
    ),
    "traffic_with_capitals": (
        lambda m: [
            "--traffic",
            m.csv(m.context["traffic_index"], "t.csv", Written(header=str.upper, wider=1, bottom="\n\n")),
        ],
        KeepsResults(incidents=N, holds=in_traffic),
    ),
}


ORDINARY_CONTEXT = {
    "stations_of_a_german",
    "weather_with_capitals_and_nulls",
    "holidays_of_excel",
    "traffic_of_a_german",
}


@pytest.mark.parametrize("name", cases(CONTEXT, slow=CONTEXT.keys() - ORDINARY_CONTEXT))
def test_context_by_hand_is_read_as_published_files_are(name, month, tmp_path) -> None:
    """Issue 11, B8: one reader for all."""
    options, right = CONTEXT[name]
    here = month.here(tmp_path / "files")
    outcome = run_in_process([here.prepare(*options(here))], here.folder)
    assert right.faults(outcome, Undamaged([], [], ())) == []


IMPORTED = {
    "calendar": Written(
        delimiter=";", encoding="utf-8-sig", header=str.title, wider=1, line_end="\r\n", bottom=";;;\r\n"
    ),
    "calendar_in_utf16": Written(delimiter="\t", encoding="utf-16", header=str.upper, line_end="\r\n"),
}


@pytest.mark.parametrize("name", sorted(IMPORTED))
def test_a_calendar_by_hand_is_imported_as_excel_writes_it(name, month, tmp_path) -> None:
    """Issue 11, B8."""
    spans = [
        ("2022-12-17", "2023-01-02"),
        ("2023-02-11", "2023-02-19"),
        ("2023-04-01", "2023-04-16"),
        ("2023-05-27", "2023-06-04"),
        ("2023-07-22", "2023-09-03"),
        ("2023-10-21", "2023-10-29"),
        ("2023-12-16", "2024-01-02"),
    ]
    rows = [{"kind": "holiday", "start": first, "end": last} for first, last in spans]
    here = month.here(tmp_path / "files")
    plain = run_in_process([["calendar", "import", here.csv(rows, "plain.csv")]], here.folder / "..")
    outcome = run_in_process([["calendar", "import", here.csv(rows, "c.csv", IMPORTED[name])]], here.folder)
    assert (outcome.exit_code, outcome.crash) == (plain.exit_code, ""), outcome.text
    assert plain.exit_code == 0, plain.text


def test_a_list_of_stations_by_hand_is_imported_as_excel_writes_it(month, tmp_path) -> None:
    """Issue 11, B8."""
    here = month.here(tmp_path / "files")
    rows = changed(here.context["stations"], ("latitude", "longitude"), comma)
    file = here.csv(
        rows, "s.csv", Written(delimiter=";", encoding="utf-16", header=str.title, bottom=";;;\r\n")
    )
    outcome = run_in_process([["stations", "import", file]], here.folder)
    assert (outcome.exit_code, outcome.crash) == (0, ""), outcome.text


def test_predictions_of_a_file_without_a_usable_column_leave_the_earlier_ones(
    month, small_brigade, tmp_path
) -> None:
    """Issue 11, B3: no command replaces a good result by a failed one."""
    here = month.here(tmp_path / "files")
    bad = [{name: text for name, text in row.items() if name != "easting_m"} for row in CALLS]
    (here.folder / "OUT.csv").write_text("earlier")
    outcome = run_in_process([predicted(bad, PLAIN, here, small_brigade.bundle)], here.folder)
    assert (outcome.exit_code, outcome.crash) == (2, ""), outcome.text
    assert (here.folder / "OUT.csv").read_text() == "earlier"
