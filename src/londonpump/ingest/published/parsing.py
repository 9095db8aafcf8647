"""Conversion of text to typed values, row by row, and to the published spelling.

A text column has a few hundred different texts at most. Each is examined once, so that a file in the published
spelling costs one query and no work on its rows.
"""

import re
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_

import ibis
import pyarrow as pa
from ibis import Value
from ibis.expr.types import StringValue

from londonpump.domain.canonical_spelling import BLANKS, spelling_normaliser, strip_blanks
from londonpump.domain.national_grid import COORDINATE
from londonpump.domain.published_columns import (
    DATE,
    EXCEL_ERROR,
    INCIDENT_NUMBER,
    INTEGER,
    NULL_MARKERS,
    REAL,
    TEXT,
    TIME_OF_DAY,
    TIMESTAMP,
    PublishedColumn,
)
from londonpump.ingest.csv_dialect import COMMA, POINT
from londonpump.ingest.published.formats import Format

TYPES = {
    TEXT: "string",
    INTEGER: "int64",
    REAL: "float64",
    DATE: "date",
    TIME_OF_DAY: "int32",
    TIMESTAMP: "timestamp",
    INCIDENT_NUMBER: "string",
}
_WHOLE = r"[-+]?[0-9]{1,15}(?:\.0*)?"
_INCIDENT = r"[0-9]+(?:-[0-9]{8}|\.0*)?"
_ODD_BLANK = f"[{BLANKS.replace(' ', '')}]"
_MARKER = f"(?i)^(?:{'|'.join(re.escape(marker) for marker in NULL_MARKERS)})$"


def column_texts(
    rows: ibis.Table,
    found: dict[str, str],
    decimal: str = POINT,
    specs: tuple[PublishedColumn, ...] = (),
    *,
    is_every_blank: bool = False,
) -> ibis.Table:
    """Return the known columns under the product's names, trimmed, with null markers as null and decimal points.

    Args: rows: text, with source_file and source_row. found: {product's name: name in rows}. decimal: the
    decimal mark of the number columns among specs. is_every_blank: trim every Unicode blank, which is slow and needed by
    few files.
    """
    columns = {name: _text(rows[published], is_every_blank) for name, published in found.items()}
    if decimal == COMMA:
        numbers = [spec.name for spec in specs if spec.dtype in (INTEGER, REAL, INCIDENT_NUMBER)]
        columns |= {name: columns[name].replace(COMMA, POINT) for name in numbers if name in columns}
    return rows.select("source_file", "source_row", **columns)


def value_of(text: StringValue, dtype: str, written: Format | None) -> Value:
    """Return the value of a text of that type; null if it does not parse.

    Args: written: the format of a date, time of day or timestamp; None if the whole column is empty.
    """
    if written is not None:
        return _guarded(text, written.pattern, written.value(text))
    if dtype == TEXT:
        is_error = text.startswith("#") & text.re_search(f"^{EXCEL_ERROR}$")
        return is_error.ifelse(ibis.null("string"), text)
    if dtype == INTEGER:
        # Whole numbers are also published as 416.0, which a direct cast to an integer rejects.
        return _guarded(text, _WHOLE, text.try_cast("float64").try_cast("int64"))
    if dtype == REAL:
        return _guarded(text, COORDINATE, text.try_cast("float64"))
    if dtype == INCIDENT_NUMBER:
        return _guarded(text, _INCIDENT, text.re_replace(r"\.0*$", ""))
    return ibis.null(TYPES[dtype])


def typed_rows(
    texts: ibis.Table, specs: tuple[PublishedColumn, ...], formats: dict[str, Format]
) -> ibis.Table:
    """Return every column of the table with its type, null if the file lacks it, and `unreadable`.

    Args: texts: from column_texts. formats: those of dates and times that are not empty.
    Returns: one row per row of texts: source_file, source_row, the columns of specs, unreadable (the first
    of them with a text that did not parse; null if all parsed).
    """
    present = [spec for spec in specs if spec.name in texts.columns]
    values = {spec.name: value_of(texts[spec.name], spec.dtype, formats.get(spec.name)) for spec in present}
    failed = [(texts[spec.name].notnull() & values[spec.name].isnull(), spec.name) for spec in present]
    absent = {spec.name: ibis.null(TYPES[spec.dtype]) for spec in specs if spec.name not in values}
    columns = {spec.name: values.get(spec.name, absent.get(spec.name)) for spec in specs}
    unreadable = ibis.cases(*failed, else_=ibis.null("string"))
    return texts.select("source_file", "source_row", **columns, unreadable=unreadable)


def has_odd_blanks(texts: ibis.Table) -> bool:
    """Return whether any text contains an unusual blank."""
    names = [name for name in texts.columns if name not in ("source_file", "source_row")]
    found = [texts[name].re_search(_ODD_BLANK).any().fill_null(False) for name in names]
    return bool(names) and bool(texts.aggregate(has=reduce(or_, found))["has"].to_pyarrow()[0].as_py())


def _text(column: StringValue, is_every_blank: bool) -> StringValue:
    # Most texts have no blanks to trim, and one regular expression is faster than a comparison with each marker.
    has_blanks = column.startswith(" ") | column.endswith(" ")
    trimmed = has_blanks.ifelse(column.strip(), column)
    if is_every_blank:
        trimmed = column.re_replace(_ODD_BLANK, " ").strip()
    return trimmed.re_search(_MARKER).ifelse(ibis.null("string"), trimmed)


def _guarded(text: StringValue, pattern: str, value: Value) -> Value:
    # Engines differ in what their casts accept, so the pattern alone decides what is valid.
    return text.re_search(f"^(?:{pattern})$").ifelse(value, ibis.null(value.type()))


TRIMMED = " \t\n\r\v\f"
"""The characters that Ibis trims."""
MAX_BRANCHES = 300
"""Up to this number of changes are one CASE expression. More are looked up by a join."""
_OLD, _NEW = "spelt_in_file", "spelt_as_published"


def with_published_spelling(
    texts: ibis.Table, rows: ibis.Table, found: Mapping[str, str], specs: Sequence[PublishedColumn]
) -> ibis.Table:
    """Return the same texts with every text column in the published spelling.

    Args: texts: the result of `column_texts` for `rows` and `found`; querying the raw rows is three times as fast.
    """
    names = [spec.name for spec in specs if spec.dtype == TEXT and spec.name in found]
    if not names:
        return texts
    distinct = rows.aggregate(**{name: rows[found[name]].collect(distinct=True) for name in names})
    found_texts = distinct.to_pyarrow().to_pylist()[0]
    changes = {name: _changes(name, found_texts[name] or []) for name in names}
    few = {name: change for name, change in changes.items() if 0 < len(change) <= MAX_BRANCHES}
    texts = texts.mutate(**{name: _replaced(texts[name], change) for name, change in few.items()})
    for name, change in changes.items():
        if len(change) > MAX_BRANCHES:
            texts = _looked_up(texts, name, change)
    return texts


def _changes(column: str, found_texts: Sequence[str | None]) -> Mapping[str, str | None]:
    """Return the new text of every text that is spelt differently; None if only blanks remain."""
    spelled = spelling_normaliser(column)
    changes: dict[str, str | None] = {}
    for text in found_texts:
        if text is None:
            continue
        trimmed = strip_blanks(text)
        new = None if trimmed.casefold() in NULL_MARKERS else spelled(trimmed)
        # column_texts already turns null markers into null.
        # Compared as `column_texts` returns it, for both ways of trimming.
        as_read = {old for old in _as_column_texts(text) if old.casefold() not in NULL_MARKERS}
        changes |= {old: new for old in as_read if old != new}
    return changes


def _as_column_texts(text: str) -> set[str]:
    """Return what `column_texts` makes of a text, without and with trimming of every blank."""
    has_blanks = text.startswith(" ") or text.endswith(" ")
    ordinary = text.translate(dict.fromkeys(map(ord, BLANKS), " "))
    return {text.strip(TRIMMED) if has_blanks else text, ordinary.strip(TRIMMED)}


def _replaced(column: ibis.Value, change: Mapping[str, str | None]) -> ibis.Value:
    pairs = [
        (old, ibis.null("string") if new is None else ibis.literal(new))
        for old, new in sorted(change.items())
    ]
    return column.cases(*pairs, else_=column)


def _looked_up(texts: ibis.Table, name: str, change: Mapping[str, str | None]) -> ibis.Table:
    """Return the same texts, with one column replaced by a join."""
    mapping = {_OLD: pa.array(change.keys(), pa.string()), _NEW: pa.array(change.values(), pa.string())}
    table = ibis.memtable(pa.table(mapping))
    joined = texts.left_join(table, texts[name] == table[_OLD])
    value = joined[_OLD].isnull().ifelse(joined[name], joined[_NEW])
    return joined.mutate(**{name: value}).select(*texts.columns)
