"""Tables of a report as a folder of CSV files and one workbook, written whole or not at all."""

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import xlsxwriter

from londonpump.persistence.atomic_files import atomic_folder, require_own_folder, write_text
from londonpump.presentation.report.sheets import Sheet

CONTENTS, WORKBOOK = "contents.csv", "tables.xlsx"
HEAD = ["file", "title", "rows"]
MAX_SHEET_NAME, MAX_SHEET_ROWS = 31, 1_048_575
"""Limits of Excel; rows without the header."""


def require_own_tables(folder: Path) -> None:
    """Reject a folder that holds anything but tables of an earlier report. Raises: BadFile."""
    require_own_folder(folder, CONTENTS, _names(folder))


def write_tables(folder: Path, sheets: Sequence[Sheet]) -> None:
    """Write one CSV file per table, all tables in one workbook, and a list of them. Raises: BadFile."""
    with atomic_folder(folder, CONTENTS, _names(folder)) as part:
        for sheet in sheets:
            # The mark at the start lets Excel read UTF-8.
            write_text(part / f"{sheet.key}.csv", f"\ufeff{sheet.to_csv()}")
        (part / WORKBOOK).write_bytes(_workbook(sheets))
        rows = [(f"{sheet.key}.csv", sheet.title, len(sheet.rows)) for sheet in sheets]
        write_text(part / CONTENTS, Sheet("", "", HEAD, rows).to_csv())


def _names(folder: Path) -> frozenset[str]:
    """Return the names that an earlier report wrote into the folder, as its list says."""
    # Only listed files may be replaced: the folder may be one that somebody keeps other things in.
    names = {CONTENTS, WORKBOOK}
    if (folder / CONTENTS).is_file():
        with (folder / CONTENTS).open(encoding="utf-8", newline="") as file:
            listed = list(csv.reader(file))
        # A list of somebody else's lets nothing be replaced.
        names = names | {row[0] for row in listed[1:] if row} if listed[:1] == [HEAD] else set()
    return frozenset(names)


def _workbook(sheets: Sequence[Sheet]) -> bytes:
    content = BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_urls": False}) as book:
        # The present time would make every workbook different.
        book.set_properties({"created": datetime(2026, 1, 1, tzinfo=UTC)})
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        for sheet in sheets:
            page = book.add_worksheet(sheet.key[:MAX_SHEET_NAME])
            page.write_row(0, 0, sheet.head, bold)
            # The header and the first column stay in view while one scrolls.
            page.freeze_panes(1, 1)
            page.set_column(0, 0, 30)
            page.set_column(1, len(sheet.head), 14)
            for number, row in enumerate(sheet.rows[:MAX_SHEET_ROWS], 1):
                for column, value in enumerate(row):
                    # As text where it is text: a cell that begins with = must not become a formula.
                    if isinstance(value, str):
                        page.write_string(number, column, value)
                    elif value is not None:
                        page.write_number(number, column, value)
    return content.getvalue()
