"""Tables of text as other programs write them: Excel in Europe, R, pandas, BigQuery, MySQL, concatenation."""

import csv
import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import xlsxwriter

Rows = list[dict[str, str]]
Change = Callable[[str], str]


@dataclass(frozen=True)
class Written:
    """Format of a csv file.

    top: text before the header. bottom: text after the last row. header: what becomes of each column's name.
    again: the header stands again before these rows (from 0). wider: empty columns at the end.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"
    top: str = ""
    bottom: str = ""
    header: Change = str
    again: tuple[int, ...] = ()
    wider: int = 0
    quoting: Literal[0, 1, 2, 3] = csv.QUOTE_MINIMAL


PLAIN = Written()


def write_csv(rows: Rows, path: Path, how: Written = PLAIN) -> str:
    """Write the rows. Returns: the path as an argument."""
    text = io.StringIO(newline="")
    text.write(how.top)
    lines = csv.writer(text, delimiter=how.delimiter, lineterminator=how.line_end, quoting=how.quoting)
    filler = [""] * how.wider
    header = [how.header(name) for name in rows[0]] + filler
    lines.writerow(header)
    for number, row in enumerate(rows):
        if number in how.again:
            lines.writerow(header)
        lines.writerow([*row.values(), *filler])
    text.write(how.bottom)
    path.write_bytes(text.getvalue().encode(how.encoding))
    return str(path)


def write_xlsx(rows: Rows, path: Path, errors: dict[str, tuple[str, int]] | None = None) -> str:
    """Write the rows as texts and numbers. errors: {column: (error cell, in so many first rows)}."""
    book = xlsxwriter.Workbook(str(path), {"strings_to_numbers": False})
    sheet = book.add_worksheet("Sheet1")
    header = list(rows[0])
    sheet.write_row(0, 0, header)
    for number, row in enumerate(rows):
        for position, name in enumerate(header):
            error, many = (errors or {}).get(name, ("", 0))
            if number < many:
                sheet.write_formula(number + 1, position, "=1/0", None, error)
            elif row[name]:
                _write_cell(sheet, number + 1, position, row[name])
    book.close()
    return str(path)


def _write_cell(sheet: xlsxwriter.worksheet.Worksheet, row: int, position: int, text: str) -> None:
    # "nan" is a text here: a workbook has no such number
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        sheet.write_number(row, position, number)
    else:
        sheet.write_string(row, position, text)


def changed(
    rows: Rows, column: str | Iterable[str], change: Change, only: Iterable[int] | None = None
) -> Rows:
    """Return the rows with the filled cells of some columns changed. only: change these rows only."""
    columns = {column} if isinstance(column, str) else set(column)
    chosen = range(len(rows)) if only is None else set(only)
    return [
        {
            name: change(text) if name in columns and text and number in chosen else text
            for name, text in row.items()
        }
        for number, row in enumerate(rows)
    ]


def filled(rows: Rows, markers: tuple[str, ...], columns: Iterable[str]) -> Rows:
    """Return the rows with null markers in the empty cells of the columns, each marker in turn."""
    names = set(columns)
    return [
        {
            name: markers[(number + position) % len(markers)] if name in names and not text else text
            for position, (name, text) in enumerate(row.items())
        }
        for number, row in enumerate(rows)
    ]


def without(rows: Rows, *columns: str) -> Rows:
    """Return the rows without some columns."""
    return [{name: text for name, text in row.items() if name not in columns} for row in rows]


def emptied(rows: Rows, *columns: str) -> Rows:
    """Return the rows with empty cells in these columns."""
    return changed(rows, columns, lambda _: "")


def exchanged(rows: Rows, one: str, other: str, only: Iterable[int] | None = None) -> Rows:
    """Return the rows with two columns exchanged."""
    chosen = range(len(rows)) if only is None else set(only)
    return [
        {**row, one: row[other], other: row[one]} if number in chosen else row
        for number, row in enumerate(rows)
    ]
