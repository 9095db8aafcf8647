"""A small csv file that a person wrote: its header and its rows, every doubt named."""

import csv
import re
from datetime import date
from pathlib import Path

from londonpump.brigade.errors import BadFile

Row = dict[str, str]
FORMS_OF_DAY = (
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})", re.ASCII),
    re.compile(r"(?P<day>\d{2})/(?P<month>\d{2})/(?P<year>\d{4})", re.ASCII),
)


def read_rows(path: Path) -> tuple[list[str], list[Row]]:
    """Column names and rows, their texts without spaces around. Raises: BadFile if it is no such file."""
    reader = csv.reader(_text(path).splitlines(), strict=True)
    try:
        lines = [[cell.strip() for cell in line] for line in reader]
    except csv.Error as error:
        raise BadFile(path, f"cannot be read as csv ({error})", f"Mend line {reader.line_num}.") from error
    lines = [line for line in lines if any(line)]
    if not lines:
        raise BadFile(path, "cannot be read as csv (it is empty)", "Give a comma-separated UTF-8 file.")
    header, *rows = lines
    for name in header:
        if header.count(name) > 1:
            raise BadFile(path, f"has two columns {name}", "Keep one.")
    for number, row in enumerate(rows, 1):
        if len(row) != len(header):
            problem = f"has {len(row)} fields in row {number} and {len(header)} in its header"
            raise BadFile(path, problem, "Mend that row.")
    if not rows:
        raise BadFile(path, "has no rows", "Give the file with its rows.")
    return header, [dict(zip(header, row, strict=True)) for row in rows]


def need_columns(path: Path, header: list[str], columns: tuple[str, ...], advice: str) -> None:
    """Raises: BadFile naming the first column that is not there."""
    for name in columns:
        if name not in header:
            raise BadFile(path, f"has no column {name}", advice)


def day_of(path: Path, number: int, column: str, text: str) -> date:
    """2022-05-30 or 30/05/2022. Raises: BadFile naming the row and the column."""
    for form in FORMS_OF_DAY:
        if found := form.fullmatch(text):
            try:
                return date(int(found["year"]), int(found["month"]), int(found["day"]))
            except ValueError:
                break
    raise BadFile(
        path,
        f"column {column} is {text!r} in row {number}, which is no day",
        "Write 2022-05-30 or 30/05/2022.",
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise BadFile(path, "is not there", "Check the path.") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise BadFile(
            path, f"cannot be read as csv ({reason})", "Give a comma-separated UTF-8 file."
        ) from error
