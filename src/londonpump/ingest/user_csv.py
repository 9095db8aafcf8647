"""Reader of a user's small csv file: its header and its rows, with an error for everything ambiguous."""

import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from londonpump.domain.canonical_spelling import strip_blanks
from londonpump.domain.errors import BadFile
from londonpump.domain.published_columns import EXCEL_ERROR, NULL_MARKERS
from londonpump.domain.text_files import COMMA, POINT, TextFormat
from londonpump.ingest.csv_dialect import (
    Layout,
    decimal_mark,
    drop_sep_line,
    find_layout,
    is_repeated_header,
    number_examples,
    text_format_of,
)
from londonpump.ingest.file_type import BYTE_ORDER_MARK, UTF16, XLSX, DetectedFile, chunks, detect_file

Row = dict[str, str]
Lines = list[list[str]]
DAY_PATTERNS = (
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", re.ASCII),
    re.compile(r"(?P<day>\d{2})/(?P<month>\d{2})/(?P<year>\d{4})", re.ASCII),
    re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})", re.ASCII),
)
_BLANK_LINES_ABOVE = re.compile(r"\A(?:[ \t]*(?:\r\n|\r|\n))+")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
"""The form of a number. Python's float() also accepts nan, inf and 518_650."""


@dataclass(frozen=True, slots=True)
class UserTable:
    """A table as it was written."""

    header: tuple[str, ...]
    """The column names in lower case."""
    rows: Lines
    """The unchanged cells. A row may have another length than the header."""
    found: TextFormat


def read_table(path: Path, numbers: Collection[str] = ()) -> UserTable:
    """Read a table with any separator, encoding and decimal mark.

    Empty lines, empty columns at the end and repeated headers are skipped. Decimal commas become points.

    Args: numbers: the columns that hold numbers. Returns: a table that may have no rows.
    Raises: BadFile if it is not a csv file.
    """
    detected, text = _text(path)
    # Blank lines above the header would hide the sep= line, which must be dropped as well.
    text = _BLANK_LINES_ABOVE.sub("", text)
    layout, _ = find_layout(path, text)
    lines = _lines(path, drop_sep_line(text), layout)
    filled_lines = [line for line in lines if any(cell.strip() for cell in line)]
    if not filled_lines:
        raise BadFile(path, "cannot be read as csv (it is empty)", "Give a file with a header and rows.")
    header, rows = _named(path, filled_lines[0], filled_lines[1:])
    n_rows = len(rows)
    rows = [row for row in rows if not is_repeated_header(row, header)]
    indexes = [index for index, name in enumerate(header) if name in numbers]
    decimal = _decimal(path, header, rows, indexes, layout)
    if decimal == COMMA:
        rows = [_with_points(row, indexes) for row in rows]
    found = text_format_of(detected, layout, decimal, n_rows - len(rows), len(lines) - len(filled_lines))
    return UserTable(header, rows, found)


def read_rows(path: Path, numbers: Collection[str] = ()) -> tuple[list[str], list[Row]]:
    """Return column names and rows, with texts trimmed and null markers empty.

    Raises: BadFile if it is not a csv file, a row has another length than the header, or a cell is an Excel error.
    """
    table = read_table(path, numbers)
    require_rows(path, table.rows)
    for number, row in enumerate(table.rows, 1):
        if len(row) != len(table.header):
            problem = f"has {len(row)} fields in row {number} and {len(table.header)} in its header"
            raise BadFile(path, problem, "Correct that row.")
    rows = [
        {name: cell_text(cell) for name, cell in zip(table.header, row, strict=True)} for row in table.rows
    ]
    _reject_excel_errors(path, rows)
    return list(table.header), rows


def require_rows(path: Path, rows: Lines) -> None:
    """Raise BadFile if a header has no rows below it."""
    if not rows:
        raise BadFile(path, "has no rows", "Give the file with its rows.")


def cell_text(cell: str) -> str:
    """Return the trimmed text of a cell; empty for a null marker."""
    text = strip_blanks(cell)
    return "" if text.casefold() in NULL_MARKERS else text


def is_excel_error(text: str) -> bool:
    """Return whether a cell holds an Excel error such as #VALUE!."""
    return text.startswith("#") and re.fullmatch(EXCEL_ERROR, text) is not None


def require_columns(path: Path, header: Sequence[str], columns: tuple[str, ...], advice: str) -> None:
    """Raise BadFile naming the first missing column."""
    for name in columns:
        if name not in header:
            raise BadFile(path, f"has no column {name}", advice)


def parse_day(path: Path, number: int, column: str, text: str) -> date:
    """Parse 2022-05-30, 30/05/2022 or 30.05.2022. Raises: BadFile naming the row and the column."""
    for pattern in DAY_PATTERNS:
        if found := pattern.fullmatch(text):
            try:
                return date(int(found["year"]), int(found["month"]), int(found["day"]))
            except ValueError:
                break
    raise BadFile(
        path,
        f"column {column} is {text!r} in row {number}, which is no day",
        "Write 2022-05-30 or 30/05/2022.",
    )


def _reject_excel_errors(path: Path, rows: list[Row]) -> None:
    for number, row in enumerate(rows, 1):
        for name, text in row.items():
            if is_excel_error(text):
                problem = f"column {name} is {text!r} in row {number}, an error of Excel"
                raise BadFile(path, problem, "Correct the formula.")


def _text(path: Path) -> tuple[DetectedFile, str]:
    if not path.exists():
        raise BadFile(path, "cannot be read: it is not there", "Check the path.")
    if path.is_dir():
        raise BadFile(path, "cannot be read: it is a folder", "Check the path.")
    if not path.read_bytes().strip():
        raise BadFile(path, "cannot be read as csv (it is empty)", "Give a file with a header and rows.")
    detected = detect_file(path, allow_zeros=True)
    if detected.container == XLSX:
        raise BadFile(path, "cannot be read as csv (it is a workbook)", "Save its sheet as csv.")
    text = b"".join(chunks(path, is_gzip=detected.is_gzip)).decode(detected.encoding)
    # UTF-16 without a byte order mark has a zero in every second byte.
    if detected.encoding != UTF16 and text.count("\x00") > len(text) // 4:
        raise BadFile(path, "cannot be read as csv (it holds zero bytes)", "Save it as CSV UTF-8.")
    return detected, text.replace(BYTE_ORDER_MARK, "")


def _lines(path: Path, text: str, layout: Layout) -> Lines:
    """Return lines of at least one field. After an unclosed quote no row is certain, so the whole file is rejected."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=layout.separator, strict=True)
    try:
        return [line for line in reader if line]
    except csv.Error as error:
        problem = f"cannot be read as csv: line {reader.line_num} is not CSV ({error})"
        raise BadFile(path, problem, "Correct its quotes.") from error


def _named(path: Path, names: list[str], rows: Lines) -> tuple[tuple[str, ...], Lines]:
    """Remove columns without a name: an index at the start, and empty ones at the end."""
    header = [strip_blanks(name).casefold() for name in names]
    start = 0 if header[0] else 1
    end = max(index for index, name in enumerate(header, 1) if name)
    for index, name in enumerate(header[start:end], start + 1):
        if not name:
            raise BadFile(path, f"column {index} has no name", "Name it or remove it.")
        if header.count(name) > 1:
            raise BadFile(path, f"has two columns {name}", "Keep one.")
    cut = [row[start:end] if not any(cell.strip() for cell in row[end:]) else row[start:] for row in rows]
    return tuple(header[start:end]), cut


def _with_points(row: list[str], indexes: list[int]) -> list[str]:
    return [cell.replace(COMMA, POINT) if index in indexes else cell for index, cell in enumerate(row)]


def _decimal(path: Path, header: tuple[str, ...], rows: Lines, indexes: list[int], layout: Layout) -> str:
    """Find the decimal mark. If commas separate fields, only a point is possible."""
    if layout.separator == COMMA:
        return POINT
    cells = (
        (row[index].strip(), lambda name=header[index], number=number: f"column {name}, row {number}")
        for number, row in enumerate(rows, 1)
        for index in indexes
        if index < len(row)
    )
    return decimal_mark(path, number_examples(cells))
