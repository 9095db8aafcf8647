"""Issue 11, "What it must show": every field case comes to the right result, by the points B1 to B13, else by log.md.

The cases lie beside the repository. Where a point decides nothing and the log calls a case arguable, a clear refusal
or the better answer passes.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from support.datastore import Datastore, Listed
from support.field_cases import CASES, link_files, run_case, run_in_process
from support.field_expectations import (
    ANY,
    SAME,
    Expectation,
    KeepsResults,
    Rejects,
    Undamaged,
    answered,
    either,
    rejects,
)
from support.publisher_server import Publisher

from londonpump.lifecycle.fetch import fetch_records
from londonpump.settings import Settings
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the field cases are not beside the repository")

SAME_MOBILISED = KeepsResults(incidents=60, mobilisations=82, like="mobilised")
SAME_ATTENDING = KeepsResults(incidents=60, examples=77, like="attending")
ALL_SAME = answered(SAME, SAME, SAME)


def weather_joined(examples: list) -> str:
    """Every example has its hour of the file."""
    return "" if all(row["temp_c"] is not None for row in examples) else "an example has no weather"


def no_station_named_na(examples: list) -> str:
    """`NA` is no station and no value of any other column."""
    return "NA was taken for a value" if any("NA" in row.values() for row in examples) else ""


def call_just_before_its_mobilisation(examples: list) -> str:
    """The call is of the same minute as its first mobilisation, or a little before or after."""
    apart = [abs((row["mobilised_at"] - row["call_at"]).total_seconds()) for row in examples]
    return "" if max(apart) < 1_800 else f"a mobilisation lies {max(apart):.0f} s from its call"


WITH_WEATHER = KeepsResults(incidents=60, examples=77, holds=weather_joined)

JOINED_VINTAGES: dict[str, Expectation] = {  # A, point B1
    "same_rows_in_two_vintages": KeepsResults(
        incidents=60, examples=77, like="attending", rejected={"incidents.exact_duplicate": 60}
    ),
    "csv_plus_xlsx_sim": KeepsResults(
        incidents=180, mobilisations=169, rejected={"mobilisations.later_wave": 9}
    ),
    "mob_csv_plus_xlsx": KeepsResults(
        incidents=120,
        mobilisations=169,
        rejected={"mobilisations.incident_not_found": 88},
        says=("incident_not_found",),
    ),
    "two_xlsx_one_with_gap": KeepsResults(incidents=119, rejected={"incidents.incomplete_incident_group": 1}),
    "two_xlsx_sim": KeepsResults(incidents=140, mobilisations=190, rejected={"mobilisations.later_wave": 12}),
    "x_both_tables_in_one_book": SAME_MOBILISED,
    "mobs_in_two_files": KeepsResults(
        incidents=60, mobilisations=82, like="mobilised", rejected={"mobilisations.exact_duplicate": 3}
    ),
}
CONTRADICTED_DATES: dict[str, Expectation] = {  # B, point B2
    "us_dates_day_below_13": rejects("DateOfCall", r"\d{6}-05062023", "month first"),
    "us_dates_day_below_13_incidents": rejects("DateOfCall", r"\d{6}-05062023", "month first"),
    "mobilised_three_months_after_call": rejects(r"mobilisations\.csv", "DateAndTimeMobilised", r"row \d"),
}
NOTHING_USABLE_LEFT: dict[str, Expectation] = {  # C and E, points B3, B5 and B7
    "good_data_replaced_by_nothing": either(
        SAME_ATTENDING, Rejects(("unknown_station",), is_earlier_result_kept=True)
    ),
    "station_code_lower": SAME_MOBILISED,
    "coords_swapped": rejects("impossible_location", "60", "Easting", r"\d{3},?\d{3}"),
    "coords_zero": rejects("impossible_location", "60", "Easting", r"\b0\b"),
    "frs_upper": SAME_ATTENDING,
}
BLANKS_AND_CASE: dict[str, Expectation] = {  # D, point B5
    "nbsp_in_values": SAME_MOBILISED,
    "tab_in_group": SAME_ATTENDING,
    "groups_lower": SAME_ATTENDING,
    "station_names_upper": SAME_ATTENDING,
    "station_names_lower_half": SAME_ATTENDING,
    "nbsp_number": SAME_MOBILISED,
    "nbsp_header": SAME_ATTENDING,
    "inc_number_trailing_space_tab": SAME_MOBILISED,
    "resource_code_lower_only": SAME_MOBILISED,
    "station_renamed_new": KeepsResults(
        incidents=60,
        mobilisations=81,
        rejected={"mobilisations.unknown_station": 3},
        says=("unknown_station", "DeployedFromStation", "A99|New Covent Garden"),
    ),
    "station_staines_dartford": KeepsResults(
        incidents=60, mobilisations=79, rejected={"mobilisations.dartford": 3}
    ),
    "only_mobs_no_incidents_of_month": KeepsResults(
        incidents=30,
        mobilisations=45,
        rejected={"mobilisations.incident_not_found": 41},
        says=("incident_not_found", "IncidentNumber", r"\d{6}-\d{8}"),
    ),
    "visitor_c_codes": KeepsResults(incidents=60, mobilisations=82),
    "dup_resource_mob_id": SAME_MOBILISED,
    "coords_swapped_three": KeepsResults(
        incidents=57,
        mobilisations=78,
        rejected={"incidents.impossible_location": 3, "mobilisations.incident_rejected": 6},
        says=("impossible_location", "Easting"),
    ),
    "coords_zero_three": KeepsResults(
        incidents=57,
        examples=73,
        rejected={"incidents.impossible_location": 3},
        says=("impossible_location", "Easting"),
    ),
}
ERROR_CELLS: dict[str, Expectation] = {  # F, point B4
    "x_error_first_pump_time": rejects("20 of 60", "FirstPumpArriving_AttendanceTime", "#VALUE!"),
    "csv_error_text_first_pump_time": rejects("20 of 60", "FirstPumpArriving_AttendanceTime", "#VALUE!"),
    "x_error_place": rejects("5 of 60", "Easting_rounded", "#REF!"),
}
UNLISTED_NULL = either(SAME_MOBILISED, rejects("SecondPumpArriving_AttendanceTime", "row 2"))
NULLS: dict[str, Expectation] = {  # G, point B6
    "null_R_NA": SAME_MOBILISED,
    "null_R_NA_textonly": SAME_MOBILISED,
    "null_NslashA": SAME_MOBILISED,
    "null_mysql_N": SAME_MOBILISED,
    "null_dash": SAME_MOBILISED,
    "null_station_NA": KeepsResults(incidents=60, mobilisations=82, holds=no_station_named_na),
    "NA_mobilisations_only": SAME_MOBILISED,
    "null_oracle_null": UNLISTED_NULL,
    "null_pivot_blank": UNLISTED_NULL,
    "null_sas_dot": UNLISTED_NULL,
    "weather_NA": WITH_WEATHER,
    "calls_NA": ALL_SAME,
}
MOBILISED_UNREAD = rejects(r"mobilisations\.csv", "DateAndTimeMobilised", r"'20|'0|'45")
TIMES: dict[str, Expectation] = {  # H and P, points B9 and B12
    "moment_R_readr_Z": SAME_MOBILISED,
    "moment_bigquery_utc": SAME_MOBILISED,
    "R_midnight_without_time": either(SAME_MOBILISED, MOBILISED_UNREAD),
    "ampm_times": either(SAME_MOBILISED, MOBILISED_UNREAD),
    "moment_arcgis": either(SAME_MOBILISED, MOBILISED_UNREAD),
    "moment_pandas_tz_bst": MOBILISED_UNREAD,
    "excel_serial_mobilisations": either(SAME_MOBILISED, MOBILISED_UNREAD),
    "dst_second_showing_known_from_mobilisation": KeepsResults(
        incidents=60, mobilisations=88, holds=call_just_before_its_mobilisation
    ),
}
DATE_UNREAD = rejects("DateOfCall", r"'45082|'2023-06-05|'05")
DATES: dict[str, Expectation] = {  # K, L: dates in another form are read, or refused with column and value
    "excel_serial_date_only": either(SAME_ATTENDING, DATE_UNREAD),
    "excel_serial_incidents": either(SAME_ATTENDING, DATE_UNREAD),
    "dateofcall_with_time_csv": either(SAME_ATTENDING, DATE_UNREAD),
    "x_dateofcall_with_time": either(SAME_ATTENDING, DATE_UNREAD),
    "x_dates_half_text": either(SAME_ATTENDING, DATE_UNREAD),
    "mixed_dates_one_file": either(SAME_ATTENDING, rejects("DateOfCall", "05 Jun 2023", "05-Jun-23")),
    "x_1904": either(SAME_ATTENDING, rejects("TimeOfCall", "1904-01-01")),
}
BY_HAND: dict[str, Expectation] = {  # I and O, point B8
    "calls_base": ALL_SAME,
    "calls_trailing_empty_columns": ALL_SAME,
    "calls_trailing_comma_rows": ALL_SAME,
    "calls_header_case_space": ALL_SAME,
    "calls_blank_lines": ALL_SAME,
    "calls_cr_only": ALL_SAME,
    "calls_mixed_eol": ALL_SAME,
    "calls_nbsp_station": ALL_SAME,
    "calls_space_time_no_zone": ALL_SAME,
    "calls_one_trailing_comma": answered(SAME, SAME, SAME, says_not=(r"not used: *\n",)),
    "calls_dup_ids": answered(SAME, SAME, SAME, ids=("1", "1", "3")),
    "calls_ids_excel": answered(SAME, SAME, SAME, ids=("000123-01012023", "1.23E+12", "=1+1")),
    "calls_utf16": ALL_SAME,
    "calls_cp1252_comment": ALL_SAME,
    "calls_semicolon_utf8bom": ALL_SAME,
    "calls_sep_line": ALL_SAME,
    "calls_repeated_header": answered(*[SAME] * 6),
    "calls_gz": either(ALL_SAME, rejects(r"calls\.csv\.gz")),
    "calls_xlsx": rejects(r"calls\.xlsx"),
    "calls_latlon_columns": rejects(r"calls\.csv", "easting_m"),
    "calls_total_row": answered(SAME, SAME, SAME, "mobilised_at '3'"),
    "calls_kind_case": answered(*[(SAME, "incident_type '(fire|LOCAL)")] * 3),
    "calls_kind_LFBgroup": answered("incident_type 'False", "incident_type 'False", "incident_type 'Special"),
    "calls_station_names": answered((SAME, "Wembley"), (SAME, "PADDINGTON"), (SAME, "Old Kent Road")),
    "calls_station_codes_messy": answered(SAME, "station_code 'A211'", (SAME, "station_code 'E 36'")),
    "calls_visitor_station": answered(ANY, ANY, "station_code 'C12'"),
    "calls_ukexcel_dates": answered(*[(SAME, "mobilised_at '25/01/2023")] * 3),
    "calls_excel_serial": answered((SAME, "mobilised_at '44951"), SAME, SAME),
    "calls_compact_offset": answered(SAME, SAME, "mobilised_at '1674667800'"),
    "calls_pumps_out_float": answered((ANY, "appliance '1.0'"), ANY, "appliance 'A211'|is_home_station 'Y'"),
    "calls_thousands": answered((SAME, "easting_m '518,650'"), SAME, SAME),
    "calls_nul": either(answered("incident_type|zero byte|NUL", SAME, SAME), rejects(r"calls\.csv")),
    "stations_base": SAME_ATTENDING,
    "stations_bom_caps": SAME_ATTENDING,
    "stations_trailing_empty_rows": SAME_ATTENDING,
    "stations_lower_codes": either(SAME_ATTENDING, rejects(r"stations\.csv", "code", "'a21'")),
    "stations_eastings": rejects(r"stations\.csv", "latitude"),
    "stations_latlon_swapped": rejects(r"stations\.csv", "latitude", "row 1"),
    "weather_trailing_empty_columns": WITH_WEATHER,
    "weather_excel_dates": either(WITH_WEATHER, rejects(r"weather\.csv", "date", "05/06/2023 00:00")),
}
FAR_AWAY = r"\d km from the nearest station"
LOCATIONS: dict[str, Expectation] = {  # J and M, point B10
    "calls_swapped": answered(FAR_AWAY, SAME, SAME),
    "calls_negative_zero_east": answered(FAR_AWAY, SAME, SAME),
    "calls_zero_zero": answered("easting_m|" + FAR_AWAY, SAME, SAME),
    "calls_latlon_in_eastings": answered("easting_m '51.5634'", SAME, SAME),
    "calls_scientific": answered(r"northing_m '1\.86E\+05'", SAME, SAME),
    "cli_km": rejects(FAR_AWAY),
    "cli_swapped": rejects(FAR_AWAY),
    "cli_latlon": rejects("easting_m", "51.5634", "degrees"),
    "cli_comma_thousands": rejects("easting_m", "518,650"),
    "cli_lower_station_ukdate": rejects("25/01/2023 08:00"),
    "easting_scientific_lossy": rejects("Easting", r"5\.\d\dE\+05"),
    "easting_scientific": SAME_ATTENDING,
    "uprn_scientific": SAME_ATTENDING,
    "thousands_eastings": either(SAME_ATTENDING, rejects("Easting_rounded", "'520,850'")),
}
EUROPEAN: dict[str, Expectation] = {  # K, point B9
    "eu_semicolon_comma_decimals": SAME_ATTENDING,
    "eu_semicolon_only": SAME_ATTENDING,
    "eu_dots_dates_commafile": SAME_ATTENDING,
    "sep_line_first": SAME_ATTENDING,
    "excel_unicode_text_utf16_tab": SAME_ATTENDING,
    "utf16_comma": SAME_ATTENDING,
}
SEVERAL_YEARS: dict[str, Expectation] = {  # L, point B9
    "concat_two_headers_3parts": SAME_ATTENDING,
    "concat_repeated_header": SAME_MOBILISED,
    "concat_bom_middle": SAME_ATTENDING,
    "bom_middle_no_header": either(
        SAME_ATTENDING,
        KeepsResults(incidents=59, examples=76, rejected={"incidents.unreadable_incident_number": 1}),
    ),
    "mixed_line_ends": either(SAME_ATTENDING, rejects(r"incidents\.csv", "lines end in more than one way")),
    "trailing_source_note": either(SAME_ATTENDING, rejects(r"incidents\.csv", "line 6[23]")),
    "ctrl_z_end": either(SAME_ATTENDING, rejects(r"incidents\.csv", "line 62")),
    "trailing_total": SAME_ATTENDING,
    "x_total_row": SAME_ATTENDING,
    "trailing_empty_comma_rows": SAME_MOBILISED,
    "x_two_year_sheets": either(SAME_ATTENDING, rejects(r"incidents\.xlsx", "2022", "2023")),
    "title_line_first": either(SAME_ATTENDING, rejects(r"incidents\.csv", "header")),
    "x_merged_title": either(SAME_ATTENDING, rejects(r"incidents\.xlsx", "header")),
}
OTHER_SPELLINGS: dict[str, Expectation] = {  # N, and what passed
    "00_base": SAME_MOBILISED,
    "janitor_snake_names": either(SAME_MOBILISED, rejects("IncGeo_BoroughCode", "missing")),
    "spaced_names": either(SAME_ATTENDING, rejects("IncidentNumber", "missing")),
    "R_dotted_cost_name": SAME_ATTENDING,
    "columns_reordered": SAME_MOBILISED,
    "cr_only": SAME_ATTENDING,
    "gzip_csv": SAME_ATTENDING,
    "newline_in_field": KeepsResults(incidents=60, examples=77),
    "pound_cost": SAME_ATTENDING,
    "quote_all": SAME_MOBILISED,
    "thousands_cost_only": SAME_ATTENDING,
    "trailing_comma_rows_not_header": SAME_ATTENDING,
    "trailing_empty_columns": SAME_ATTENDING,
    "unnamed0": SAME_MOBILISED,
    "unnamed0_and_level": SAME_ATTENDING,
    "upper_names": SAME_ATTENDING,
    "x_base_typed": SAME_ATTENDING,
    "x_blank_first_row": SAME_ATTENDING,
    "x_formatted_blank_rows": SAME_ATTENDING,
}
NUMBER_UNREAD = rejects("IncidentNumber", "row 1")
REJECTED: dict[str, Expectation] = {  # what no one can read for certain
    "inc_number_apostrophe": either(SAME_MOBILISED, NUMBER_UNREAD),
    "inc_number_formula": either(SAME_MOBILISED, NUMBER_UNREAD),
    "old_sci_2digits": rejects("IncidentNumber", r"'1\.53E\+07'"),
    "old_sci_incident_number": rejects("IncidentNumber", r"'1\.52571E\+07'"),
    "old_sci_incident_number_lossless": either(KeepsResults(incidents=60), NUMBER_UNREAD),
    "old_thousands_incident_number": either(KeepsResults(incidents=60), NUMBER_UNREAD),
    "nul_bytes_padding": rejects(r"incidents\.csv", "zero bytes"),
    "nul_in_field": rejects(r"incidents\.csv", "zero bytes"),
    "parquet": rejects(r"incidents\.parquet"),
    "zip_one_csv": rejects(r"incidents\.zip", "Unpack"),
    "swapped_options": rejects(r"incidents\.csv", "these are mobilisations"),
    "truncated_download": rejects(r"incidents\.csv", "line 37"),
    "train_until_uk": rejects("--until", "20/01/2023"),
    "evaluate_from_uk": rejects("--from", "25/01/2023"),
}
EXPECTED: dict[str, Expectation] = {
    **JOINED_VINTAGES,
    **CONTRADICTED_DATES,
    **NOTHING_USABLE_LEFT,
    **BLANKS_AND_CASE,
    **ERROR_CELLS,
    **NULLS,
    **TIMES,
    **DATES,
    **BY_HAND,
    **LOCATIONS,
    **EUROPEAN,
    **SEVERAL_YEARS,
    **OTHER_SPELLINGS,
    **REJECTED,
}
ELSEWHERE = {"api_requests": "test_field_requests.py", "fetch_then_prepare_mixed": "below"}

BY_REAL_COMMAND = {"00_base", "calls_base", "cli_km", "coords_swapped"}
"""Run as a process each: files that are used and refused, calls answered and refused. The others run in this process."""


@pytest.fixture(scope="module")
def input_paths(small_brigade) -> dict[str, Path]:
    """BUNDLE and DATA: of the small Brigade that other tests use too."""
    return {"BUNDLE": small_brigade.bundle, "DATA": small_brigade.data}


@pytest.fixture(scope="module")
def undamaged(input_paths, tmp_path_factory) -> Undamaged:
    """What the base files give."""
    folder = tmp_path_factory.mktemp("unspoilt")
    mobilised = run_case("00_base", folder / "mobilised", input_paths)
    link_files(CASES / "00_base", folder / "attending")
    alone = ["prepare", "--incidents", "incidents.csv", "--out", str(folder / "attending" / "OUT")]
    attending = run_in_process([alone], folder / "attending")
    calls = run_case("calls_base", folder / "calls", input_paths)
    for outcome in (mobilised, attending, calls):
        assert outcome.exit_code == 0, outcome.text
    means = tuple(row["mean_s"] for row in calls.answers or [])
    return Undamaged(mobilised.examples, attending.examples, means)


# Every fifth case in every run, the rest with the slow proofs: each reads, cleans and joins whole files.
IN_EVERY_RUN = set(sorted(EXPECTED)[::5])


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in IN_EVERY_RUN else pytest.mark.slow) for name in sorted(EXPECTED)],
)
def test_a_field_case_comes_to_its_right_result(name, input_paths, undamaged, tmp_path) -> None:
    outcome = run_case(name, tmp_path / name, input_paths, is_real_command=name in BY_REAL_COMMAND)
    assert EXPECTED[name].faults(outcome, undamaged) == []


def test_every_field_case_has_an_expectation() -> None:
    found = {folder.name for folder in CASES.iterdir() if folder.is_dir()}
    assert found - set(EXPECTED) == set(ELSEWHERE)


def simulated_files(start: date, written_as: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Incidents and mobilisations of eight days, each in its own kind of file."""
    files = {}
    for table, ending in written_as.items():
        plan = SimulationPlan(incidents=400, days=8, start=start, seed=5, file_format=ending)
        files[table] = write_simulation(plan, folder / f"{start.year}{ending}").files[table]
    return files


def test_fetched_years_as_csv_and_xlsx_are_prepared_together(publisher: Publisher, tmp_path) -> None:
    """The case `fetch_then_prepare_mixed`: what the Datastore lists is never of one kind."""
    years = [
        (date(2022, 12, 20), {"incidents": "csv", "mobilisations": "xlsx"}),
        (date(2023, 1, 4), {"incidents": "xlsx", "mobilisations": "csv"}),
    ]
    listed = [
        Listed(
            table,
            f"58m{start.year}{table}",
            f"LFB {table[:-1]} data {start.year}{file.suffix}",
            file.read_bytes(),
        )
        for start, written_as in years
        for table, file in simulated_files(start, written_as, tmp_path / "simulated").items()
    ]
    Datastore(tuple(listed)).opens_at(publisher)
    settings = Settings(home=tmp_path / "home", datastore_url=publisher.url)
    fetch_records(settings, date(2022, 12, 20), at=datetime(2023, 1, 20, tzinfo=UTC))
    outcome = run_in_process([["prepare", "--out", str(tmp_path / "OUT")]], tmp_path)
    assert (outcome.exit_code, outcome.crash) == (0, ""), outcome.text
    counted = outcome.counts("incidents")
    assert counted is not None
    # each file has 400 calls, some of which a simulated defect takes out
    assert counted[0] >= 780
    assert counted[1] > 780
    days = {row["call_at"].date() for row in outcome.examples}
    assert {date(2022, 12, 22), date(2023, 1, 6)} <= days
