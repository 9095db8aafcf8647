"""Issue 11, B4: an error of Excel is unreadable and counted in a workbook as in csv. #N/A is null."""

import re
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from londonpump.domain.errors import BadFile
from londonpump.domain.published_columns import EXCEL_ERROR
from londonpump.ingest.published.input_files import read_workbook

ERRORS = ["#VALUE!", "#REF!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"]
ERRORS_OF_OTHER_PROGRAMS = ["#SPILL!", "#CALC!", "#GETTING_DATA", "#WERT!", "#¡VALOR!", "########"]
NO_ERRORS = ["#1 Example House", "#Shop!", "Flat # 2!", "#N/A", "#NV", "#"]
TIME, TYPE = "FirstPumpArriving_AttendanceTime", "PropertyType"


@pytest.fixture
def workbook(write, tmp_path):
    """Write a workbook of sound incidents, with the error of a formula in some cells of one column."""

    def write_workbook(column: str, errors: dict[int, str], n_rows: int = 4) -> Path:
        header, row = (line.split(",") for line in write("incidents", {}).read_text().splitlines())
        path = tmp_path / "incidents.xlsx"
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet("Data")
            sheet.write_row(0, 0, header)
            for number in range(1, n_rows + 1):
                sheet.write_row(number, 0, row)
                if number in errors:
                    sheet.write_formula(number, header.index(column), "=1/0", None, errors[number])
        return path

    return write_workbook


def test_every_error_comes_out_of_a_workbook_as_excel_shows_it(workbook):
    errors = dict(enumerate([*ERRORS, "#N/A"], start=2))
    header, cells = read_workbook(workbook(TIME, errors, 9), "incidents")
    texts = cells.column(header.index(TIME)).to_pylist()
    assert texts == ["181.0", *errors.values(), "181.0"]


@pytest.mark.parametrize("column", [TIME, TYPE, "DateOfCall"])
def test_errors_in_a_workbook_refuse_it_and_are_named(read, workbook, column):
    with pytest.raises(BadFile, match="2 of 4 rows cannot be read") as caught:
        read("incidents", workbook(column, {2: "#REF!", 3: "#VALUE!"}))
    assert f"{column}: '#REF!' in data row 2" in caught.value.problem
    assert "error of Excel" in caught.value.advice


@pytest.mark.parametrize("column", [TIME, TYPE])
def test_errors_in_a_csv_refuse_it_and_are_named(read, write, column):
    path = write("incidents", {}, {column: "#REF!"}, {column: "#SPILL!"}, {})
    with pytest.raises(BadFile, match="2 of 4 rows cannot be read") as caught:
        read("incidents", path)
    assert f"{column}: '#REF!' in data row 2" in caught.value.problem


def test_one_error_is_counted_as_an_unreadable_row(read, workbook, rows_of):
    rows = rows_of(read("incidents", workbook(TIME, {2: "#VALUE!"})).typed)
    assert [row["unreadable"] for row in rows] == [None, "first_attendance_s", None, None]
    assert [row["first_attendance_s"] for row in rows] == [181, None, 181, 181]


def test_not_available_is_null_in_a_workbook(read, workbook, rows_of):
    rows = rows_of(read("incidents", workbook(TIME, dict.fromkeys(range(1, 5), "#N/A"))).typed)
    assert {(row["first_attendance_s"], row["unreadable"]) for row in rows} == {(None, None)}


def test_an_error_that_the_reader_does_not_know_refuses_the_workbook_by_name(read, workbook, tmp_path):
    path, other = workbook(TIME, {2: "#VALUE!"}), tmp_path / "other.xlsx"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b"#VALUE!", b"#SPILL!"))
    with pytest.raises(BadFile, match="a cell holds the error #SPILL!"):
        read("incidents", other)


def test_errors_of_every_language_are_known_and_no_other_text_is_one():
    assert [text for text in ERRORS + ERRORS_OF_OTHER_PROGRAMS if not re.fullmatch(EXCEL_ERROR, text)] == []
    assert [text for text in NO_ERRORS if re.fullmatch(EXCEL_ERROR, text)] == []


def test_a_text_with_a_number_sign_is_kept(read, write, rows_of):
    rows = rows_of(read("incidents", write("incidents", *({TYPE: text} for text in NO_ERRORS[:3]))).typed)
    assert [(row["property_type"], row["unreadable"]) for row in rows] == [
        (text, None) for text in NO_ERRORS[:3]
    ]
