"""A file that is not what it was given for: one message with the file, the problem and what to do."""

import gzip
from pathlib import Path

import pytest

from londonpump.domain.errors import BadFile, BadValue
from londonpump.ingest.published import read_published

MOBILISATIONS = "mobilisations"


def error_of(read, path: Path, table: str = MOBILISATIONS) -> BadFile:
    with pytest.raises(BadFile) as caught:
        read(table, path)
    assert caught.value.file == str(path)
    assert caught.value.advice
    return caught.value


def changed_text(path: Path, old: str, new: str) -> Path:
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return path


def test_a_missing_file(read, tmp_path):
    assert error_of(read, tmp_path / "absent.csv").problem == "there is no such file"


def test_a_folder(read, tmp_path):
    assert error_of(read, tmp_path).problem == "this is a folder"


def test_a_file_of_no_bytes(read, tmp_path):
    path = tmp_path / "empty.csv"
    path.touch()
    assert error_of(read, path).problem == "the file is empty"


def test_a_file_of_blanks(read, tmp_path):
    path = tmp_path / "blank.csv"
    path.write_text("\n  \n")
    assert error_of(read, path).problem == "there is nothing but blanks in it"


@pytest.mark.parametrize("above", ["\n", "  \n\n", ",,\n"])
def test_a_blank_line_above_the_header(read, write, above):
    path = write(MOBILISATIONS, {})
    path.write_text(above + path.read_text())
    assert error_of(read, path).problem == "its first line is blank"


def test_a_header_without_rows(read, write):
    assert error_of(read, write(MOBILISATIONS)).problem == "there is a header but no row below it"


def test_another_delimiter_is_named(read, write):
    error = error_of(read, write(MOBILISATIONS, {}, delimiter="|"))
    assert error.problem == "its columns are separated by bars, not by commas"
    assert error.advice == "Save it again as comma separated csv"


def test_a_web_page_instead_of_the_download(read, tmp_path):
    path = tmp_path / "page.csv"
    path.write_text("\ufeff\n<!DOCTYPE html><html><body>Too many requests</body></html>", encoding="utf-8")
    assert error_of(read, path).problem == "this is a web page, not a table"


def test_utf_16_without_a_byte_order_mark(read, write):
    assert "UTF-8" in error_of(read, write(MOBILISATIONS, {}, encoding="utf-16-le")).advice


def test_utf_16_that_is_cut_short(read, write):
    path = write(MOBILISATIONS, {}, encoding="utf-16")
    path.write_bytes(path.read_bytes()[:-1])
    assert error_of(read, path).problem == "its text begins as UTF-16 and cannot be decoded"


def test_bytes_that_are_no_text(read, tmp_path):
    path = tmp_path / "binary.csv"
    path.write_bytes(b"PAR1\x00\x01\x02")
    assert error_of(read, path).problem == "this is no text: it holds zero bytes"


def test_text_in_no_encoding_of_the_brigade(read, write):
    path = write(MOBILISATIONS, {})
    path.write_bytes(path.read_bytes().replace(b"HARINGEY", b"\x81\x8d"))
    assert error_of(read, path).problem == "its text is neither UTF-8 nor Windows-1252"


def test_a_gzip_file_cut_short(read, write, tmp_path):
    packed = tmp_path / "cut.csv.gz"
    packed.write_bytes(gzip.compress(write(MOBILISATIONS, *[{}] * 50).read_bytes())[:-20])
    assert "the gzip file is damaged" in error_of(read, packed).problem


def test_a_workbook_inside_a_gzip_file(read, tmp_path):
    packed = tmp_path / "records.xlsx.gz"
    packed.write_bytes(gzip.compress(b"PK\x03\x04 and so on"))
    assert error_of(read, packed).problem == "a workbook lies inside the gzip file"


def test_a_line_longer_than_any_record(read, write):
    path = write(MOBILISATIONS, {}, {"WardName": "x" * 3_000_000})
    assert error_of(read, path).problem == "line 3 is longer than any record"


def test_incidents_given_as_mobilisations(read, write):
    error = error_of(read, write("incidents", {}))
    assert error.problem == "these are incidents, not mobilisations"
    assert error.advice == "Give the file as incidents"


def test_mobilisations_given_as_incidents(read, write):
    error = error_of(read, write(MOBILISATIONS, {}), table="incidents")
    assert error.problem == "these are mobilisations, not incidents"


def test_a_missing_column_is_named(read, write):
    path = changed_text(write(MOBILISATIONS, {}), "AttendanceTimeSeconds", "Attendance")
    assert error_of(read, path).problem.endswith("are missing: AttendanceTimeSeconds")


def test_a_table_of_something_else_shows_its_first_line(read, tmp_path):
    path = tmp_path / "fleet.csv"
    path.write_text("Vehicle,Registration\nPump,A1\n")
    problem = error_of(read, path).problem
    assert (
        "its first line is not the header of the mobilisations (it reads: Vehicle, Registration)" in problem
    )
    assert problem.endswith("and 8 more")


@pytest.mark.parametrize(
    ("line", "fields"),
    [("000005-01022025,2025", 2), (",".join(["x"] * 26), "more")],
    ids=["too few", "too many"],
)
def test_a_line_with_another_number_of_fields_is_named(read, write, line, fields):
    path = write(MOBILISATIONS, {}, {})
    path.write_text(path.read_text() + line + "\n")
    assert error_of(read, path).problem == f"line 4 has {fields} fields, the header has 24"


def test_a_quote_that_is_never_closed(read, write):
    path = changed_text(write(MOBILISATIONS, {}, {}), "HARINGEY", '"HARINGEY')
    assert error_of(read, path).problem == "line 2 opens a quote and never closes it"


def test_lines_that_end_in_two_ways(read, write):
    path = write(MOBILISATIONS, {}, {}, {})
    first, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(first + b"\r\n" + rest)
    assert error_of(read, path).problem == "its lines end in more than one way"


def test_a_column_that_stands_twice(read, write):
    path = changed_text(write(MOBILISATIONS, {}), "WardName", " boroughname")
    assert error_of(read, path).problem == "the column BoroughName stands twice in the header"


def test_two_names_of_one_column(read, write):
    path = changed_text(write(MOBILISATIONS, {}), "WardName", "resource_code_").resolve()
    path = changed_text(path, "resource_code_", "ResourceCode")
    assert error_of(read, path).problem == "the columns ResourceCode and Resource_Code mean the same"


def test_a_column_with_a_name_of_our_own(read, write):
    path = changed_text(write(MOBILISATIONS, {}), "WardName", "source_row")
    assert error_of(read, path).problem == "the name of the column source_row is reserved"


def test_the_same_file_twice(connection, write):
    path = write(MOBILISATIONS, {})
    again = path.with_name("copy.csv")
    again.write_bytes(path.read_bytes())
    with pytest.raises(BadFile, match=r"copy\.csv: it has the same content as .*file\.csv"):
        read_published(connection, MOBILISATIONS, [path, again])


def test_no_file_at_all(connection):
    with pytest.raises(BadFile, match="no file was given"):
        read_published(connection, MOBILISATIONS, [])


def test_another_table(connection, write):
    with pytest.raises(BadValue, match="is none of incidents, mobilisations"):
        read_published(connection, "stations", [write(MOBILISATIONS, {})])
