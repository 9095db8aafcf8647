"""Workbooks with real Excel dates, times and numbers."""

from datetime import date, datetime, time
from pathlib import Path

import pytest
import xlsxwriter

from londonpump.domain.errors import BadFile

DAY, CLOCK, TIMESTAMP = "dd-mmm-yy", "hh:mm:ss", "dd/mm/yyyy hh:mm:ss"
INCIDENT_CELLS = {
    "DateOfCall": (date(2023, 3, 9), DAY),
    "TimeOfCall": (time(14, 11, 51), CLOCK),
    "CalYear": (2023, None),
    "HourOfCall": (14, None),
    "IncidentNumber": (235138081, None),
    "FirstPumpArriving_AttendanceTime": (416.0, None),
    "Latitude": (51.6305447441, None),
}
MOBILISATION_CELLS = {
    "DateAndTimeMobilised": (datetime(2024, 3, 9, 23, 43, 21), TIMESTAMP),
    "DateAndTimeMobile": (datetime(2024, 3, 9, 23, 59, 59), "dd/mm/yyyy hh:mm"),
    "DateAndTimeArrived": (datetime(2024, 3, 10), TIMESTAMP),
    "DateAndTimeLeft": (None, None),
    "CalYear": (2024, None),
}


def workbook(
    path: Path, base: dict[str, str], cells: dict[str, tuple[object, str | None]], sheet: str
) -> None:
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Notes").write(0, 0, "About these records")
        rows = book.add_worksheet(sheet)
        for column, name in enumerate(base):
            value, number_format = cells.get(name, (base[name], None))
            rows.write(0, column, name)
            style = book.add_format({"num_format": number_format}) if number_format else None
            rows.write(1, column, value, style) if style else rows.write(1, column, value)


@pytest.fixture
def sound_row(write, read, rows_of):
    def row(table: str) -> dict[str, str]:
        names = {"source_file", "source_row"}
        raw = rows_of(read(table, write(table, {})).raw)[0]
        return {name: text for name, text in raw.items() if name not in names}

    return row


def test_excel_dates_times_and_numbers_are_read_as_they_are(tmp_path, sound_row, read, rows_of):
    path = tmp_path / "incidents.xlsx"
    workbook(path, sound_row("incidents"), INCIDENT_CELLS, "Incidents")

    published = read("incidents", path)

    row = rows_of(published.typed)[0]
    assert row["incident_number"] == "235138081"
    assert row["call_date"] == date(2023, 3, 9)
    assert row["call_time"] == 51_111
    assert row["first_attendance_s"] == 416
    assert row["latitude"] == pytest.approx(51.6305447441, abs=1e-8)
    assert published.files[0].formats == {
        "call_date": "yyyy-mm-dd 00:00:00",
        "call_time": "1899-12-31 HH:MM:SS",
    }


def test_excel_moments_keep_their_seconds_and_midnight(tmp_path, sound_row, read, rows_of):
    path = tmp_path / "mobilisations.xlsx"
    workbook(path, sound_row("mobilisations"), MOBILISATION_CELLS, "Data")

    row = rows_of(read("mobilisations", path).typed)[0]

    assert row["mobilised_at"] == datetime(2024, 3, 9, 23, 43, 21)
    assert row["mobile_at"] == datetime(2024, 3, 9, 23, 59, 59)
    assert row["arrived_at"] == datetime(2024, 3, 10)
    assert row["left_at"] is None


def test_the_sheet_with_the_header_is_taken(tmp_path, sound_row, read):
    path = tmp_path / "notes_first.xlsx"
    workbook(path, sound_row("mobilisations"), MOBILISATION_CELLS, "Data")
    assert read("mobilisations", path).files[0].rows == 1


def test_a_workbook_with_two_fitting_sheets_is_refused_and_both_are_named(tmp_path, sound_row, read):
    path, names = tmp_path / "years.xlsx", list(sound_row("incidents"))
    with xlsxwriter.Workbook(path) as book:
        for year in ("2022", "2023"):
            book.add_worksheet(year).write_row(0, 0, names)
    with pytest.raises(BadFile, match=r"more than one sheet holds incidents \(2022, 2023\)"):
        read("incidents", path)


def test_a_workbook_without_a_fitting_sheet_lists_its_sheets(tmp_path, sound_row, read):
    path = tmp_path / "wrong.xlsx"
    workbook(path, {"Vehicle": "Pump"}, {}, "Fleet")
    with pytest.raises(BadFile, match=r"no sheet \(Notes, Fleet\) begins with the columns of the incidents"):
        read("incidents", path)


def test_a_workbook_of_one_sheet_says_what_its_header_lacks(tmp_path, read):
    path = tmp_path / "one.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Fleet").write(0, 0, "Vehicle")
    with pytest.raises(BadFile, match="required columns of the incidents are missing"):
        read("incidents", path)


def test_an_empty_workbook(tmp_path, read):
    path = tmp_path / "empty.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Data")
    with pytest.raises(BadFile, match="required columns of the incidents are missing"):
        read("incidents", path)


def test_a_workbook_with_a_header_and_no_row(tmp_path, sound_row, read):
    path = tmp_path / "header.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Data").write_row(0, 0, list(sound_row("incidents")))
    with pytest.raises(BadFile, match="a header but no row below it"):
        read("incidents", path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"PK\x03\x04 cut short", "the workbook is damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a workbook of the old .xls kind"),
    ],
)
def test_a_broken_or_old_workbook(tmp_path, read, content, problem):
    path = tmp_path / "bad.xlsx"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=problem):
        read("incidents", path)


def test_a_zip_archive_is_no_workbook(tmp_path, read):
    import zipfile

    path = tmp_path / "incidents.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("incidents.csv", "IncidentNumber\n1\n")
    with pytest.raises(BadFile, match="a zip archive, not a workbook"):
        read("incidents", path)


def test_a_workbook_whose_parts_are_missing(tmp_path, read):
    import zipfile

    path = tmp_path / "hollow.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/styles.xml", "<styles/>")
    with pytest.raises(BadFile, match="the workbook cannot be read"):
        read("incidents", path)
