"""Issue 11, B9, B6 and B10: published files as a European Excel, R and joined files write them."""

import csv
import gzip
import re
from datetime import date, datetime

import ibis
import pyarrow as pa
import pytest

from londonpump.domain.errors import BadFile
from londonpump.domain.national_grid import COORDINATE
from londonpump.domain.published_columns import NULL_MARKERS, TIMESTAMP
from londonpump.ingest.published.parsing import FORMATS, value_of

MOBILISATIONS = "mobilisations"
LOCATION = {"Easting_m": "528652.5", "Northing_m": "190011.25", "Latitude": "51.5", "Longitude": "-0.125"}


def with_commas(change: dict[str, str]) -> dict[str, str]:
    return {name: text.replace(".", ",") for name, text in change.items()}


@pytest.mark.parametrize(("delimiter", "encoding"), [(";", "utf-8-sig"), (";", "cp1252"), ("\t", "utf-16")])
def test_decimal_commas_are_read_and_reported(read, write, rows_of, delimiter, encoding):
    change = with_commas(LOCATION) | {"FirstPumpArriving_AttendanceTime": "181,0", "DateOfCall": "01.02.2025"}
    change |= with_commas({"NumStationsWithPumpsAttending": "1.0", "NumPumpsAttending": "1.0"})
    change |= {"PropertyType": "Café, closed"}
    published = read("incidents", write("incidents", change, change, delimiter=delimiter, encoding=encoding))
    row = rows_of(published.typed)[1]
    assert (row["easting_m"], row["latitude"], row["first_attendance_s"]) == (528652.5, 51.5, 181)
    assert (row["call_date"], row["property_type"]) == (date(2025, 2, 1), "Café, closed")
    found = published.files[0].read_as
    assert (found.separator, found.decimal) == (delimiter, ",")
    assert found.encoding == ("utf-8" if encoding == "utf-8-sig" else encoding)


def test_semicolons_with_decimal_points_are_read(read, write, rows_of):
    published = read("incidents", write("incidents", LOCATION, delimiter=";"))
    assert rows_of(published.typed)[0]["easting_m"] == 528652.5
    assert published.files[0].read_as.decimal == "."


AMBIGUOUS = {
    "thousands or decimals": (
        {"Easting_rounded": "528,650", "Northing_rounded": "189,950"},
        "'528,650' in column",
    ),
    "points that may be thousands": (
        {"Easting_rounded": "528.650", "Northing_rounded": "189.950"},
        "'528.650' in column Easting_rounded, data row 1 holds a decimal mark or separates thousands",
    ),
    "both marks": (
        {"Easting_m": "528.650", "Latitude": "51,5"},
        "some numbers have a decimal comma ('51,5' in column Latitude, data row 1), and '528.650' in column Easting_m",
    ),
}
WHOLE = {
    "FirstPumpArriving_AttendanceTime": "181",
    "NumStationsWithPumpsAttending": "1",
    "NumPumpsAttending": "1",
}


@pytest.mark.parametrize(("change", "problem"), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_mark_that_may_mean_two_things_refuses_the_file(read, write, change, problem):
    with pytest.raises(BadFile) as caught:
        read("incidents", write("incidents", WHOLE | change, delimiter=";"))
    assert problem in caught.value.problem


def test_a_header_that_two_separators_explain_refuses_the_file(read, write):
    path = write(MOBILISATIONS, {})
    text = path.read_text()
    path.write_text(text.replace(",", ";", text.split("\n")[0].count(",") // 2))
    with pytest.raises(BadFile, match="it is not clear whether its fields are separated by"):
        read(MOBILISATIONS, path)


@pytest.mark.parametrize(
    ("delimiter", "start"), [(",", "sep={}\n"), (";", "\ufeffsep={}\n"), ("\t", '"sep={}"\n')]
)
def test_a_separator_line_is_skipped(read, write, rows_of, delimiter, start):
    path = write(MOBILISATIONS, {}, {}, delimiter=delimiter)
    path.write_text(start.format(delimiter) + path.read_text(), encoding="utf-8", newline="")
    published = read(MOBILISATIONS, path)
    assert [row["attendance_s"] for row in rows_of(published.typed)] == [181, 181]
    assert published.files[0].read_as.is_separator_stated


def test_a_separator_line_that_denies_the_header_refuses_the_file(read, write):
    path = write(MOBILISATIONS, {})
    path.write_text("sep=;\n" + path.read_text())
    with pytest.raises(BadFile, match="its first line says sep=';' and its header is separated by commas"):
        read(MOBILISATIONS, path)


@pytest.mark.parametrize(("mark", "is_gzip"), [("", False), ("\ufeff", False), ("\ufeff", True)])
def test_joined_files_are_read_without_their_second_header(read, write, rows_of, mark, is_gzip):
    path = write(MOBILISATIONS, {}, {})
    text = path.read_text()
    path.write_text(mark + text + mark + text + mark + text, encoding="utf-8")
    if is_gzip:
        path.write_bytes(gzip.compress(path.read_bytes()))
    published = read(MOBILISATIONS, path)
    assert [row["source_row"] for row in rows_of(published.typed)] == [1, 2, 4, 5, 7, 8]
    assert (published.files[0].rows, published.files[0].read_as.n_headers) == (6, 2)
    assert published.typed.unreadable.count().to_pyarrow().as_py() == 0


def test_a_mark_in_the_middle_without_a_header_is_no_part_of_the_number(read, write, rows_of):
    path = write(MOBILISATIONS, {})
    row = path.read_text().splitlines()[1]
    path.write_text(path.read_text() + "\ufeff" + row + "\n", encoding="utf-8")
    assert [one["incident_number"] for one in rows_of(read(MOBILISATIONS, path).typed)] == [
        "000004-01022025"
    ] * 2


def test_joined_files_with_columns_in_other_places_are_refused(read, write):
    path = write(MOBILISATIONS, {}, {})
    header = path.read_text().splitlines()[0].split(",")
    header[0], header[1] = header[1], header[0]
    path.write_text(path.read_text() + ",".join(header) + "\n")
    with pytest.raises(BadFile, match="data row 3 is another header, with its columns in another order"):
        read(MOBILISATIONS, path)


def test_lines_of_empty_fields_are_left_out_and_counted(read, write, rows_of):
    path = write(MOBILISATIONS, {}, {})
    path.write_text(path.read_text() + "," * 23 + "\n" + " ," * 23 + "\n")
    published = read(MOBILISATIONS, path)
    assert (len(rows_of(published.typed)), published.files[0].rows) == (2, 2)
    assert published.files[0].read_as.n_empty == 2


ZONES = ["", "Z", "+00:00", "-00:00", "+0000", "+00", " UTC", " GMT"]
TIMESTAMP_FORMATS = {
    "yyyy-mm-dd HH:MM:SS": "2025-02-01T07:02:00",
    "yyyy-mm-dd HH:MM": "2025-02-01 07:02",
    "dd/mm/yyyy HH:MM:SS": "01/02/2025 07:02:00",
    "d/m/yyyy H:MM": "1/2/2025 7:02",
    "dd.mm.yyyy HH:MM": "01.02.2025 07:02",
    "d.m.yyyy H:MM:SS": "1.2.2025 7:02:00",
}


@pytest.mark.parametrize(("name", "text"), TIMESTAMP_FORMATS.items())
def test_a_moment_that_says_it_is_utc_is_gmt(name, text):
    form = next(form for form in FORMATS[TIMESTAMP] if form.name == name)
    table = ibis.memtable(pa.table({"text": [text + zone for zone in ZONES]}))
    values = ibis.duckdb.connect(threads=1).to_pyarrow(table.select(at=value_of(table.text, TIMESTAMP, form)))
    assert values["at"].to_pylist() == [datetime(2025, 2, 1, 7, 2)] * len(ZONES)


def test_a_file_of_moments_in_utc_is_read(read, write, rows_of):
    texts = ("2025-02-01T07:02:30Z", "2025-02-01T07:03:30Z")
    path = write(MOBILISATIONS, *({"DateAndTimeMobilised": text} for text in texts))
    rows = rows_of(read(MOBILISATIONS, path).typed)
    assert [row["mobilised_at"] for row in rows] == [datetime(2025, 2, 1, 7, m, 30) for m in (2, 3)]


def test_a_moment_of_another_zone_is_refused(read, write):
    with pytest.raises(BadFile, match=r"cannot be read: '2025-02-01 07:02:00\+01:00'"):
        read(MOBILISATIONS, write(MOBILISATIONS, {"DateAndTimeMobilised": "2025-02-01 07:02:00+01:00"}))


MARKERS = ["NA", "N/A", "n/a", "#N/A", "#NV", "<NA>", "<na>", "nan", "NULL", "null", r"\N", "-", " NA "]


def test_what_programs_write_for_nothing_is_null_in_every_kind_of_column(read, write, rows_of):
    names = {
        "Easting_m": "easting_m",
        "SecondPumpArriving_AttendanceTime": "second_attendance_s",
        "SpecialServiceType": "special_service_type",
        "PropertyType": "property_type",
        "FRS": "frs",
        "CalYear": "cal_year",
        "TimeOfCall": "call_time",
    }
    path = write("incidents", *(dict.fromkeys(names, marker) for marker in MARKERS))
    rows = rows_of(read("incidents", path).typed)
    assert {tuple(row[name] for name in (*names.values(), "unreadable")) for row in rows} == {(None,) * 8}


def test_no_real_value_is_a_null_marker(shared_data):
    path = shared_data / "incidents_real_sample.csv"
    with path.open(encoding="utf-8-sig", newline="") as stream:
        texts = {text.strip() for row in csv.reader(stream) for text in row if text.strip()}
    assert {text for text in texts if text.casefold() in NULL_MARKERS} <= {"NULL", "NaN", "nan"}


EXACT = ["5.18650E+05", "5.1865e+05", "5.186500E+5", "518650", "518650.0", "518.650E+03", "+5.18650e05"]
ROUNDED_PROBLEM = ["5.21E+05", "5E+05", "5.187E+05", "521E+03"]


def test_a_coordinate_with_all_its_digits_is_read(read, write, rows_of):
    rows = rows_of(read("incidents", write("incidents", *({"Easting_m": text} for text in EXACT))).typed)
    assert {row["easting_m"] for row in rows} == {518_650.0}


def test_a_coordinate_rounded_by_scientific_notation_is_unreadable(read, write, rows_of):
    rows = rows_of(read("incidents", write("incidents", {"Easting_m": ROUNDED_PROBLEM[0]}, {})).typed)
    assert (rows[0]["unreadable"], rows[0]["easting_m"]) == ("easting_m", None)
    path = write("incidents", *({"Easting_m": text} for text in ROUNDED_PROBLEM), {}, name="more.csv")
    with pytest.raises(BadFile, match="4 of 5 rows cannot be read") as caught:
        read("incidents", path)
    assert "rounded by scientific notation" in caught.value.advice


def test_degrees_in_scientific_notation_need_four_decimals():
    exact = ["5.1507400E+01", "5.15074E+01", "-1.278E-01", "1e-05", "-1.2E-04"]
    rounded = ["5.1507E+01", "-1.28E-01", "2E-03", "5E+01"]
    assert [text for text in exact if not re.fullmatch(COORDINATE, text)] == []
    assert [text for text in rounded if re.fullmatch(COORDINATE, text)] == []
