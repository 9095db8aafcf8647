"""Tables of pages as cells of CSV and XLSX."""

import csv
from io import StringIO

from londonpump.presentation.report.pages import Cell, Table
from londonpump.presentation.report.sheets import sheet_of


def test_times_become_seconds_and_intervals_columns_of_their_own() -> None:
    table = Table(
        "Months",
        ["Month", "First pump", "Arrivals"],
        [("Jan", [Cell("5:17", "5:10 to 5:24"), Cell("8,571")])],
    )
    sheet = sheet_of("months", table)
    assert list(sheet.head) == ["Month", "First pump, s", "First pump, low", "First pump, high", "Arrivals"]
    assert list(sheet.rows[0]) == ["Jan", 317, 310, 324, 8571]


def test_signs_units_and_dashes_are_read() -> None:
    cells = [Cell("−1.2 s", "−3.4 to +1.0"), Cell("+0.4 points"), Cell("96.7"), Cell("–"), Cell("met")]
    sheet = sheet_of("x", Table("X", ["A", "b", "c", "d", "e", "f"], [("row", cells)]))
    assert list(sheet.rows[0]) == ["row", -1.2, -3.4, 1.0, 0.4, 96.7, None, "met"]


def test_a_row_without_an_interval_leaves_its_columns_empty() -> None:
    rows = [("a", [Cell("5:00", "4:50 to 5:10")]), ("b", [Cell("6:00", "few")])]
    sheet = sheet_of("x", Table("X", ["Place", "Time"], rows))
    assert [list(row) for row in sheet.rows] == [["a", 300, 290, 310], ["b", 360, None, None]]


def test_csv_reads_back_as_it_was() -> None:
    table = Table("X", ["Place", "Note"], [('a "b", c', [Cell("one, two")])])
    read = list(csv.reader(StringIO(sheet_of("x", table).to_csv())))
    assert read == [["Place", "Note"], ['a "b", c', "one, two"]]


def test_a_table_of_many_columns_is_wide_and_one_of_two_is_not() -> None:
    narrow = Table("X", ["Place", "Time"], [("Camden", [Cell("5:00", "4:50 to 5:10")])])
    wide = Table("X", ["Place", *"abcdefgh"], [("Camden", [Cell("5:00", "4:50 to 5:10")] * 8)])
    assert (narrow.is_wide, wide.is_wide) == (False, True)
