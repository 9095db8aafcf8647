"""Issue 11, B1: files of any two formats and vintages are read as one stream."""

import csv
from pathlib import Path

import pytest
import xlsxwriter

pytestmark = pytest.mark.long


FORMATS = ("csv", "utf-16", "xlsx", "xlsx with an empty column")
EMPTIED = {"incidents": "SpecialServiceType", "mobilisations": "DelayCode_Description"}
OLD = {
    "incidents": {"DateOfCall": "01 Feb 2025"},
    "mobilisations": {"DateAndTimeMobilised": "2025-02-01 07:02:00"},
}
VINTAGES = {
    "incidents": ("vintages/incidents_*.csv", "incidents_real_sample*.csv"),
    "mobilisations": ("vintages/mobilisations_*.csv",),
}


def as_workbook(source: Path, emptied: str | None) -> Path:
    """Write the texts of a csv into a workbook, one column emptied."""
    with source.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    path = source.with_suffix(".xlsx")
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Data")
        sheet.write_row(0, 0, header)
        for position, row in enumerate(rows, 1):
            for column, text in enumerate(row):
                if text and header[column] != emptied:
                    sheet.write_string(position, column, text)
    return path


def saved(write, table: str, name: str, form: str, change: dict[str, str]) -> Path:
    encoding = "utf-16" if form == "utf-16" else "utf-8"
    path = write(table, change, change, name=f"{name}.csv", encoding=encoding)
    if not form.startswith("xlsx"):
        return path
    return as_workbook(path, EMPTIED[table] if "empty" in form else None)


@pytest.mark.slow
@pytest.mark.parametrize("table", ["incidents", "mobilisations"])
def test_files_of_every_format_in_either_order_are_one_stream(read, write, rows_of, table):
    forms = [*FORMATS, *reversed(FORMATS)]
    changes = [{"IncidentNumber": f"00000{i}-01022025"} | (OLD[table] if i > 3 else {}) for i in range(8)]
    files = [saved(write, table, str(i), form, changes[i]) for i, form in enumerate(forms)]

    published = read(table, *files)

    numbers = [row["incident_number"] for row in rows_of(published.typed)]
    assert numbers == [change["IncidentNumber"] for change in changes for _ in range(2)]
    assert published.typed.unreadable.count().to_pyarrow().as_py() == 0
    assert len(rows_of(published.raw)) == 16


@pytest.mark.parametrize("other", ["csv", "xlsx", "xlsx with an empty column"])
def test_a_workbook_with_an_empty_column_goes_with_any_other_file(read, write, other):
    first = saved(write, "incidents", "a", "xlsx with an empty column", {"IncidentNumber": "000001-01022025"})
    second = saved(write, "incidents", "b", other, {"IncidentNumber": "000002-01022025"})
    assert read("incidents", first, second).typed.count().to_pyarrow().as_py() == 4


@pytest.mark.slow
@pytest.mark.parametrize("table", ["incidents", "mobilisations"])
def test_all_vintages_as_csv_and_as_workbooks_are_one_stream(read, shared_data, tmp_path, table):
    files = sorted(path for pattern in VINTAGES[table] for path in shared_data.glob(pattern))
    if len(files) < 2:
        pytest.skip(f"there are no vintages of {table} beside this checkout")
    copies = []
    for number, path in enumerate(files):
        head = tmp_path / f"{number}.csv"
        head.write_text("".join(path.read_text(encoding="utf-8-sig").splitlines(keepends=True)[:6]))
        copies += [head, as_workbook(head, None)]

    published = read(table, *copies)

    assert [file.rows for file in published.files] == [5] * len(copies)
    assert published.typed.count().to_pyarrow().as_py() == 5 * len(copies)
