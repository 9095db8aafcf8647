"""Text to values: one row in, one row out, and the name of the first column that did not parse."""

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
    """The known columns under the product's names, trimmed, null markers as null, numbers with points.

    Args: rows: text, with source_file and source_row. found: {product's name: name in rows}. decimal: the
    decimal mark of the number columns among specs. is_every_blank: take every blank of Unicode for an ordinary
    one, which costs more and is needed by few files.
    """
    columns = {name: _text(rows[published], is_every_blank) for name, published in found.items()}
    if decimal == COMMA:
        numbers = [spec.name for spec in specs if spec.dtype in (INTEGER, REAL, INCIDENT_NUMBER)]
        columns |= {name: columns[name].replace(COMMA, POINT) for name in numbers if name in columns}
    return rows.select("source_file", "source_row", **columns)


def value_of(text: StringValue, dtype: str, written: Format | None) -> Value:
    """The value of a text of that kind; null where it does not parse.

    Args: written: the format of a date, clock or moment; None where the whole column is empty.
    """
    if written is not None:
        return _guarded(text, written.pattern, written.value(text))
    if dtype == TEXT:
        is_error = text.startswith("#") & text.re_search(f"^{EXCEL_ERROR}$")
        return is_error.ifelse(ibis.null("string"), text)
    if dtype == INTEGER:
        return _guarded(text, _WHOLE, text.try_cast("float64").try_cast("int64"))
    if dtype == REAL:
        return _guarded(text, COORDINATE, text.try_cast("float64"))
    if dtype == INCIDENT_NUMBER:
        return _guarded(text, _INCIDENT, text.re_replace(r"\.0*$", ""))
    return ibis.null(TYPES[dtype])


def typed_rows(
    texts: ibis.Table, specs: tuple[PublishedColumn, ...], formats: dict[str, Format]
) -> ibis.Table:
    """Every column of the table under its type, null where the file has none, and `unreadable`.

    Args: texts: from column_texts. formats: of the dates, clocks and moments that are not empty.
    Returns: one row a row of texts: source_file, source_row, the columns of specs, unreadable (the first
    of them whose text is there but did not parse; null where all is well).
    """
    present = [spec for spec in specs if spec.name in texts.columns]
    values = {spec.name: value_of(texts[spec.name], spec.dtype, formats.get(spec.name)) for spec in present}
    failed = [(texts[spec.name].notnull() & values[spec.name].isnull(), spec.name) for spec in present]
    absent = {spec.name: ibis.null(TYPES[spec.dtype]) for spec in specs if spec.name not in values}
    columns = {spec.name: values.get(spec.name, absent.get(spec.name)) for spec in specs}
    unreadable = ibis.cases(*failed, else_=ibis.null("string"))
    return texts.select("source_file", "source_row", **columns, unreadable=unreadable)


def has_odd_blanks(texts: ibis.Table) -> bool:
    """Whether any text holds a blank that is no ordinary one."""
    names = [name for name in texts.columns if name not in ("source_file", "source_row")]
    found = [texts[name].re_search(_ODD_BLANK).any().fill_null(False) for name in names]
    return bool(names) and bool(texts.aggregate(has=reduce(or_, found))["has"].to_pyarrow()[0].as_py())


def _text(column: StringValue, is_every_blank: bool) -> StringValue:
    # most texts have no blanks to trim, and one expression is quicker than a comparison with each marker
    has_blanks = column.startswith(" ") | column.endswith(" ")
    trimmed = has_blanks.ifelse(column.strip(), column)
    if is_every_blank:
        trimmed = column.re_replace(_ODD_BLANK, " ").strip()
    return trimmed.re_search(_MARKER).ifelse(ibis.null("string"), trimmed)


def _guarded(text: StringValue, pattern: str, value: Value) -> Value:
    return text.re_search(f"^(?:{pattern})$").ifelse(value, ibis.null(value.type()))


TRIMMED = " \t\n\r\v\f"
"""What Ibis trims."""
MAX_BRANCHES = 300
"""So many changes are one expression, which compares each row with each of them. More are looked up in a table."""
_OLD, _NEW = "spelt_in_file", "spelt_as_published"


def with_published_spelling(
    texts: ibis.Table, rows: ibis.Table, found: Mapping[str, str], specs: Sequence[PublishedColumn]
) -> ibis.Table:
    """The same texts, those of every text column as the Brigade publishes them.

    Args: texts: of `column_texts`, from `rows` and `found`: asking the rows as they came is three times as fast.
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
    """The new text of every text that is spelt otherwise; None where nothing but blanks is left of it."""
    spelled = spelling_normaliser(column)
    changes: dict[str, str | None] = {}
    for text in found_texts:
        if text is None:
            continue
        trimmed = strip_blanks(text)
        new = None if trimmed.casefold() in NULL_MARKERS else spelled(trimmed)
        # column_texts makes null of null markers already
        as_read = {old for old in _as_column_texts(text) if old.casefold() not in NULL_MARKERS}
        changes |= {old: new for old in as_read if old != new}
    return changes


def _as_column_texts(text: str) -> set[str]:
    """What `column_texts` makes of a text, without and with the trimming of every blank."""
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
    """The same texts, one column replaced by a join."""
    mapping = {_OLD: pa.array(change.keys(), pa.string()), _NEW: pa.array(change.values(), pa.string())}
    table = ibis.memtable(pa.table(mapping))
    joined = texts.left_join(table, texts[name] == table[_OLD])
    value = joined[_OLD].isnull().ifelse(joined[name], joined[_NEW])
    return joined.mutate(**{name: value}).select(*texts.columns)
