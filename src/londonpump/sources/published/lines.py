"""Lines that are no data: a header again where files were joined, and lines of empty fields. And decimal marks."""

from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from pathlib import Path

import ibis

from londonpump.brigade.errors import BadFile
from londonpump.brigade.published_names import BLANKS
from londonpump.sources.published.header import Header, is_header_of
from londonpump.sources.text_table import (
    COMMA,
    NUMBER_FORMS,
    POINT,
    Layout,
    decimal_mark,
    is_header_again,
)
from londonpump.tables.published import INTEGER, NUMBER, REAL, TABLES

MOST_LOOKED_AT = 1000
"""So many rows whose number does not begin with a digit are looked at. More is no file of records."""
_BEGINS_WITH_DIGIT = f"^[{BLANKS}]*[0-9]"


@dataclass(frozen=True, slots=True)
class DataLines:
    """The rows of a file that are data, and how many others there were."""

    rows: ibis.Table
    n_headers: int
    n_empty: int


def without_extra_lines(path: Path, rows: ibis.Table, header: Header, table: str) -> DataLines:
    """Leave out repeated headers and lines of empty fields. Rows keep their numbers.

    Raises: BadFile where another header stands among the rows: the columns below it may be others.
    """
    number = rows[header.found["incident_number"]]
    # Where every row has a number, as published, this one column is all that is looked at.
    strange = rows.filter(number.isnull() | (number < "0") | (number >= ":"))
    if not strange.count().to_pyarrow().as_py():
        return DataLines(rows, 0, 0)
    # A number may have blanks before it, of any kind, in every row.
    strange = strange.filter(number.isnull() | ~number.re_search(_BEGINS_WITH_DIGIT))
    is_empty = reduce(and_, (_is_blank(rows[name]) for name in header.published))
    n_empty = strange.filter(is_empty).count().to_pyarrow().as_py()
    if n_empty:
        rows, strange = rows.filter(~is_empty), strange.filter(~is_empty)
    places = _repeated_headers(path, strange, header, table)
    if places:
        rows = rows.filter(rows.source_row.notin(places))
    return DataLines(rows, len(places), n_empty)


def _repeated_headers(path: Path, strange: ibis.Table, header: Header, table: str) -> list[int]:
    places = []
    for row in strange.order_by("source_row").limit(MOST_LOOKED_AT).to_pyarrow().to_pylist():
        cells = [row[name] for name in header.published]
        if is_header_again(cells, header.published):
            places.append(row["source_row"])
        elif is_header_of([cell or "" for cell in cells], table):
            problem = (
                f"another header stands in data row {row['source_row']}, with its columns in other places"
            )
            raise BadFile(path, problem, "Give each part as a file of its own")
    return places


def decimal_of(path: Path, rows: ibis.Table, header: Header, table: str, layout: Layout) -> str:
    """Find the decimal mark of a file. Between commas, only a point can be one.

    Raises: BadFile where it is not clear.
    """
    kinds = {spec.name: spec.kind for spec in TABLES[table]}
    columns = [stored for name, stored in header.found.items() if kinds[name] in (INTEGER, REAL, NUMBER)]
    if layout.separator == COMMA:
        return POINT
    return decimal_mark(path, {form: _example(rows, columns, form) for form in NUMBER_FORMS})


def _example(rows: ibis.Table, columns: list[str], form: str) -> str | None:
    """The first text of a form, with its place."""
    fits = {name: _fits(rows[name].strip(), *NUMBER_FORMS[form]) for name in columns}
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
