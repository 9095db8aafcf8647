"""Lines that are no data: a header again where files were joined, and lines of empty fields. And decimal marks."""

from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from pathlib import Path

import ibis

from londonpump.domain.canonical_spelling import BLANKS
from londonpump.domain.errors import BadFile
from londonpump.domain.published_columns import INCIDENT_NUMBER, INTEGER, REAL, TABLES
from londonpump.ingest.csv_dialect import (
    COMMA,
    NUMBER_FORMS,
    POINT,
    Layout,
    decimal_mark,
    is_repeated_header,
)
from londonpump.ingest.published.header import Header, is_header_of

MAX_EXAMINED_ROWS = 1000
"""So many rows whose number does not begin with a digit are looked at. More is no file of records."""
_BEGINS_WITH_DIGIT = f"^[{BLANKS}]*[0-9]"


@dataclass(frozen=True, slots=True)
class DataLines:
    """The rows of a file that are data, and how many others there were."""

    rows: ibis.Table
    n_headers: int
    n_empty: int


def drop_extra_lines(path: Path, rows: ibis.Table, header: Header, table: str) -> DataLines:
    """Leave out repeated headers and lines of empty fields. Rows keep their numbers.

    Raises: BadFile where another header stands among the rows: the columns below it may be others.
    """
    number = rows[header.found["incident_number"]]
    # Where every row has a number, as published, this one column is all that is looked at.
    suspect = rows.filter(number.isnull() | (number < "0") | (number >= ":"))
    if not suspect.count().to_pyarrow().as_py():
        return DataLines(rows, 0, 0)
    # A number may have blanks before it, of any kind, in every row.
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
            problem = (
                f"another header stands in data row {row['source_row']}, with its columns in other places"
            )
            raise BadFile(path, problem, "Give each part as a file of its own")
    return header_rows


def detect_decimal_mark(path: Path, rows: ibis.Table, header: Header, table: str, layout: Layout) -> str:
    """Find the decimal mark of a file. Between commas, only a point can be one.

    Raises: BadFile where it is not clear.
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
    """The first text of a form, with its place."""
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
