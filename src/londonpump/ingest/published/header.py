"""The columns of a file under today's, older and BigQuery names; extra lines without data; the decimal mark."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from pathlib import Path

import ibis

from londonpump.domain.canonical_spelling import BLANKS, strip_blanks
from londonpump.domain.errors import BadFile
from londonpump.domain.published_columns import INCIDENT_NUMBER, INTEGER, REAL, TABLES, PublishedColumn
from londonpump.domain.text_files import COMMA, POINT
from londonpump.ingest.csv_dialect import NUMBER_FORMS, Layout, decimal_mark, is_repeated_header

OWN_COLUMNS = ("source_file", "source_row")
MAX_NAMES_LISTED = 4
"""The number of names listed in a message; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of one file, left to right, and the product's columns among them."""

    stored: tuple[str, ...]
    """A unique name for every column of the file, including an unnamed index."""
    published: tuple[str, ...]
    """The stored names to keep."""
    found: dict[str, str]
    """The stored name of each of the product's columns."""


def parse_header(path: Path, names: tuple[str, ...], table: str) -> Header:
    """Match the names on the first line, ignoring case and surrounding blanks.

    A first column without a name is an index written by some program; it is dropped.

    Raises: BadFile if a required column is missing, a name is repeated, or two names mean the same.
    """
    stored = tuple(strip_blanks(name) or f"unnamed_{i}" for i, name in enumerate(names, start=1))
    _require_unique_names(path, stored)
    _require_known_columns(path, stored, table)
    published = stored[1:] if names and not strip_blanks(names[0]) else stored
    return Header(stored, published, _found(path, published, table))


def is_header_of(names: Iterable[str], table: str) -> bool:
    """Return whether half of the required columns are present, so that the row is meant as the header."""
    # Half of the columns suffice, so that a header with errors is reported by its missing columns.
    required = [spec for spec in TABLES[table] if spec.is_required]
    return 2 * len(_missing(names, table)) <= len(required)


def _found(path: Path, published: tuple[str, ...], table: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for spec in TABLES[table]:
        spellings = _spellings(spec)
        matches = [name for name in published if name.casefold() in spellings]
        if len(matches) > 1:
            problem = f"the columns {' and '.join(matches)} mean the same"
            raise BadFile(path, problem, "Remove one of them")
        if matches:
            found[spec.name] = matches[0]
    return found


def _spellings(spec: PublishedColumn) -> set[str]:
    return {name.casefold() for name in (spec.published, *spec.aliases)}


def _missing(names: Iterable[str], table: str) -> list[str]:
    present = {strip_blanks(name).casefold() for name in names}
    return [spec.published for spec in TABLES[table] if spec.is_required and not present & _spellings(spec)]


def _require_unique_names(path: Path, stored: tuple[str, ...]) -> None:
    counts = Counter(name.casefold() for name in stored)
    doubled = [name for name in stored if counts[name.casefold()] > 1]
    if doubled:
        raise BadFile(path, f"the column {doubled[0]} stands twice in the header", "Remove one of them")
    taken = [name for name in stored if name.casefold() in OWN_COLUMNS]
    if taken:
        raise BadFile(path, f"the name of the column {taken[0]} is reserved", "Rename or remove the column")


def _require_known_columns(path: Path, stored: tuple[str, ...], table: str) -> None:
    missing = _missing(stored, table)
    if not missing:
        return
    for other in TABLES:
        if other != table and not _missing(stored, other):
            raise BadFile(path, f"these are {other}, not {table}", f"Give the file as {other}")
    names = ", ".join(missing[:MAX_NAMES_LISTED]) + (
        f" and {len(missing) - MAX_NAMES_LISTED} more" if len(missing) > MAX_NAMES_LISTED else ""
    )
    problem = f"required columns of the {table} are missing: {names}"
    if not is_header_of(stored, table):
        begins = ", ".join(stored[:MAX_NAMES_LISTED])
        problem = f"its first line is not the header of the {table} (it reads: {begins}); {problem}"
    raise BadFile(path, problem, "Use the file as published, with its header as the first line")


MAX_EXAMINED_ROWS = 1000
"""The most rows examined whose number does not begin with a digit. A file with more is not a file of records."""
_BEGINS_WITH_DIGIT = f"^[{BLANKS}]*[0-9]"


@dataclass(frozen=True, slots=True)
class DataLines:
    """The data rows of a file, and the number of other lines."""

    rows: ibis.Table
    n_headers: int
    n_empty: int


def drop_extra_lines(path: Path, rows: ibis.Table, header: Header, table: str) -> DataLines:
    """Drop repeated headers and lines of empty fields. Rows keep their numbers.

    Raises: BadFile if there is a different header among the rows: the columns below it may differ.
    """
    number = rows[header.found["incident_number"]]
    # Every row of a published file has a number, so usually only this one column is read.
    suspect = rows.filter(number.isnull() | (number < "0") | (number >= ":"))
    if not suspect.count().to_pyarrow().as_py():
        return DataLines(rows, 0, 0)
    # Numbers may have leading blanks of any kind.
    suspect = suspect.filter(number.isnull() | ~number.re_search(_BEGINS_WITH_DIGIT))
    is_empty = reduce(and_, (_is_blank(rows[name]) for name in header.published))
    n_empty = suspect.filter(is_empty).count().to_pyarrow().as_py()
    if n_empty:
        rows, suspect = rows.filter(~is_empty), suspect.filter(~is_empty)
    header_rows = _repeated_headers(path, suspect, header, table)
    if header_rows:
        rows = rows.filter(rows.source_row.notin(header_rows))
    return DataLines(rows, len(header_rows), n_empty)


def _repeated_headers(path: Path, suspect: ibis.Table, header: Header, table: str) -> list[int]:
    header_rows = []
    for row in suspect.order_by("source_row").limit(MAX_EXAMINED_ROWS).to_pyarrow().to_pylist():
        cells = [row[name] for name in header.published]
        if is_repeated_header(cells, header.published):
            header_rows.append(row["source_row"])
        elif is_header_of([cell or "" for cell in cells], table):
            problem = f"data row {row['source_row']} is another header, with its columns in another order"
            raise BadFile(path, problem, "Give each part as a file of its own")
    return header_rows


def detect_decimal_mark(path: Path, rows: ibis.Table, header: Header, table: str, layout: Layout) -> str:
    """Find the decimal mark of a file. If commas separate fields, only a point is possible.

    Raises: BadFile if it is ambiguous.
    """
    dtypes = {spec.name: spec.dtype for spec in TABLES[table]}
    columns = [
        stored for name, stored in header.found.items() if dtypes[name] in (INTEGER, REAL, INCIDENT_NUMBER)
    ]
    if layout.separator == COMMA:
        return POINT
    return decimal_mark(
        path, {number_form: _example(rows, columns, number_form) for number_form in NUMBER_FORMS}
    )


def _example(rows: ibis.Table, columns: list[str], number_form: str) -> str | None:
    """Return the first text of a form, with its position."""
    fits = {name: _fits(rows[name].strip(), *NUMBER_FORMS[number_form]) for name in columns}
    found = rows.filter(reduce(or_, fits.values())).order_by("source_row").limit(1)
    texts = found.select(
        "source_row", **{f"n_{i}": fits[name].ifelse(rows[name], None) for i, name in enumerate(columns)}
    )
    for row in texts.to_pyarrow().to_pylist():
        column = next(i for i in range(len(columns)) if row[f"n_{i}"] is not None)
        return f"{row[f'n_{column}'].strip()!r} in column {columns[column]}, data row {row['source_row']}"
    return None


def _fits(text: ibis.expr.types.StringValue, pattern: str, other: str | None) -> ibis.expr.types.BooleanValue:
    fits = text.re_search(f"^(?:{pattern})$")
    return fits if other is None else fits & ~text.re_search(f"^(?:{other})$")


def _is_blank(text: ibis.expr.types.StringValue) -> ibis.expr.types.BooleanValue:
    return text.isnull() | (text.strip() == "")
