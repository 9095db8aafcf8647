"""The folder of CSV files and the workbook of a report."""

import csv
from pathlib import Path

import openpyxl
import pytest

from londonpump.domain.errors import BadFile
from londonpump.lifecycle.table_files import require_own_tables, write_tables
from londonpump.presentation.report.sheets import Sheet

MONTHS = Sheet("months", "By month", ["month", "mean_s"], [["2017-01", 320.5], ["2017-02", None]])
FORMULA = Sheet("formula", "A text like a formula", ["text"], [["=1+1"]])


def test_csv_and_workbook_hold_the_same(tmp_path: Path) -> None:
    write_tables(tmp_path / "tables", [MONTHS, FORMULA])
    with (tmp_path / "tables/months.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [["month", "mean_s"], ["2017-01", "320.5"], ["2017-02", ""]]
    book = openpyxl.load_workbook(tmp_path / "tables/tables.xlsx")
    assert [[cell.value for cell in row] for row in book["months"]] == [
        ["month", "mean_s"],
        ["2017-01", 320.5],
        ["2017-02", None],
    ]


def test_a_text_like_a_formula_stays_a_text(tmp_path: Path) -> None:
    write_tables(tmp_path / "tables", [FORMULA])
    cell = openpyxl.load_workbook(tmp_path / "tables/tables.xlsx")["formula"]["A2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_tables(tmp_path / name, [MONTHS])
    assert (tmp_path / "a/tables.xlsx").read_bytes() == (tmp_path / "b/tables.xlsx").read_bytes()


def test_tables_of_an_earlier_report_are_replaced_as_a_whole(tmp_path: Path) -> None:
    write_tables(tmp_path / "tables", [MONTHS, FORMULA])
    write_tables(tmp_path / "tables", [MONTHS])
    names = sorted(file.name for file in (tmp_path / "tables").iterdir())
    assert names == ["contents.csv", "months.csv", "tables.xlsx"]


@pytest.mark.parametrize("name", ["notes.txt", "contents.csv"])
def test_a_folder_with_anything_else_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine,1\nkeep.txt,2\n")
    with pytest.raises(BadFile):
        require_own_tables(tmp_path)
    with pytest.raises(BadFile):
        write_tables(tmp_path, [MONTHS])
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_file_that_was_added_to_the_tables_is_not_deleted(tmp_path: Path) -> None:
    write_tables(tmp_path / "tables", [MONTHS])
    (tmp_path / "tables/mine.txt").write_text("x")
    with pytest.raises(BadFile, match=r"mine\.txt"):
        write_tables(tmp_path / "tables", [MONTHS])
    assert (tmp_path / "tables/mine.txt").read_text() == "x"
