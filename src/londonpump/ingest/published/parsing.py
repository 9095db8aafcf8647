"""Conversion of text to typed values, and the formats in which the Brigade, Excel and BigQuery write dates and times.

The list of formats is explicit; nothing is guessed. With slashes or points, the order is always day, month, year;
03/19/2023 is not a date here. Times marked as UTC are GMT, like all others.

A text column has a few hundred different texts at most. Each is examined once, so that a file in the published
spelling costs one query and no work on its rows.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from londonpump.domain.text_files import COMMA, POINT

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_Y, _M, _D = "(?:19|20)[0-9]{2}", "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
_H, _MIN, _S = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]", "[0-5][0-9]"
_ANY_M, _ANY_D, _ANY_H = "(?:0?[1-9]|1[0-2])", "(?:0?[1-9]|[12][0-9]|3[01])", "(?:[01]?[0-9]|2[0-3])"
_UTC = "(?: ?(?:Z|[+-]00(?::?00)?|UTC|GMT))?"
_NAMED_M = f"(?i:{'|'.join(_MONTHS)})"


@dataclass(frozen=True, slots=True)
class Format:
    """One format of a date, a time of day or a timestamp."""

    name: str
    pattern: str
    """A regular expression for the whole text, with the same meaning in Python, DuckDB and Spark."""
    value: Callable[[StringValue], Value]
    """Converts a fitting text to a date, seconds since midnight (int32) or a GMT timestamp; null if there is no
    such day."""


def _padded(text: StringValue) -> StringValue:
    return text.re_replace(r"\b([0-9])\b", r"0\1")


def _iso_day(text: StringValue) -> StringValue:
    return text.substr(6, 4) + "-" + text.substr(3, 2) + "-" + text.substr(0, 2)


def _slash_date(text: StringValue) -> Value:
    return _iso_day(text).try_cast("date")


def _iso_timestamp(text: StringValue) -> Value:
    # Most texts have 19 characters and no zone: the regular expression is skipped for them.
    return (text.length() == 19).ifelse(text, _without_zone(text)).try_cast("timestamp")


def _without_zone(text: StringValue) -> StringValue:
    return text.re_replace(f"{_UTC}$", "")


def _slash_timestamp(text: StringValue) -> Value:
    return (_iso_day(text) + text.substr(10)).try_cast("timestamp")


def _named_date(text: StringValue, century: str) -> Value:
    day, month, year = text.substr(0, 2), text.substr(3, 3).upper(), text.substr(7)
    numbers = [(name, f"-{number:02d}-") for number, name in enumerate(_MONTHS, start=1)]
    return (century + year + month.cases(*numbers) + day).try_cast("date")


def _seconds(text: StringValue) -> Value:
    hours, minutes, seconds = (text.substr(start, 2).try_cast("int32") for start in (0, 3, 6))
    return (hours * 3600 + minutes * 60 + seconds).cast("int32")


DATES: tuple[Format, ...] = (
    Format("yyyy-mm-dd", f"{_Y}-{_M}-{_D}", lambda text: text.try_cast("date")),
    Format(
        "yyyy-mm-dd 00:00:00",
        rf"{_Y}-{_M}-{_D}[ T]00:00:00(?:\.0+)?{_UTC}",
        lambda text: text.substr(0, 10).try_cast("date"),
    ),
    Format("dd/mm/yyyy", f"{_D}/{_M}/{_Y}", _slash_date),
    Format("d/m/yyyy", f"{_ANY_D}/{_ANY_M}/{_Y}", lambda text: _slash_date(_padded(text))),
    Format("dd.mm.yyyy", rf"{_D}\.{_M}\.{_Y}", _slash_date),
    Format("d.m.yyyy", rf"{_ANY_D}\.{_ANY_M}\.{_Y}", lambda text: _slash_date(_padded(text))),
    Format("dd Mon yyyy", f"{_ANY_D} {_NAMED_M} {_Y}", lambda text: _named_date(text.lpad(11, "0"), "")),
    Format("dd-Mon-yy", f"{_ANY_D}-{_NAMED_M}-[0-9]{{2}}", lambda text: _named_date(text.lpad(9, "0"), "20")),
)
"""Formats of dates. Two-digit years are of this century: the records begin in 2009."""


def _day_first(mark: str, shown: str) -> tuple[Format, ...]:
    """Return the timestamp formats with a mark between day, month and year, with and without seconds and padding."""
    day, any_day = f"{_D}{mark}{_M}{mark}{_Y}", f"{_ANY_D}{mark}{_ANY_M}{mark}{_Y}"
    padded, short = f"dd{shown}mm{shown}yyyy", f"d{shown}m{shown}yyyy"
    return (
        Format(
            f"{padded} HH:MM:SS",
            f"{day} {_H}:{_MIN}:{_S}{_UTC}",
            lambda text: _slash_timestamp(text.substr(0, 19)),
        ),
        Format(
            f"{padded} HH:MM",
            f"{day} {_H}:{_MIN}{_UTC}",
            lambda text: _slash_timestamp(text.substr(0, 16) + ":00"),
        ),
        Format(
            f"{short} H:MM:SS",
            f"{any_day} {_ANY_H}:{_MIN}:{_S}{_UTC}",
            lambda text: _slash_timestamp(_padded(_without_zone(text))),
        ),
        Format(
            f"{short} H:MM",
            f"{any_day} {_ANY_H}:{_MIN}{_UTC}",
            lambda text: _slash_timestamp(_padded(_without_zone(text)) + ":00"),
        ),
    )


TIMESTAMPS: tuple[Format, ...] = (
    *_day_first("/", "/"),
    Format(
        "yyyy-mm-dd HH:MM:SS",
        rf"{_Y}-{_M}-{_D}[ T]{_H}:{_MIN}:{_S}(?:\.[0-9]{{1,6}})?{_UTC}",
        _iso_timestamp,
    ),
    Format(
        "yyyy-mm-dd HH:MM",
        rf"{_Y}-{_M}-{_D}[ T]{_H}:{_MIN}{_UTC}",
        lambda text: _iso_timestamp(text.substr(0, 16) + ":00"),
    ),
    *_day_first(r"\.", "."),
)

CLOCKS: tuple[Format, ...] = (
    Format("HH:MM:SS", f"{_H}:{_MIN}:{_S}", _seconds),
    Format("HH:MM", f"{_H}:{_MIN}", lambda text: _seconds(text + ":00")),
    Format("H:MM:SS", f"{_ANY_H}:{_MIN}:{_S}", lambda text: _seconds(text.lpad(8, "0"))),
    Format("H:MM", f"{_ANY_H}:{_MIN}", lambda text: _seconds(text.lpad(5, "0") + ":00")),
    Format(
        "1899-12-31 HH:MM:SS",
        f"1899-12-3[01][ T]{_H}:{_MIN}:{_S}{_UTC}",
        lambda text: _seconds(text.substr(11, 8)),
    ),
)
"""Formats of times of day. The last is a time of day in a workbook: a fraction of Excel's day 0."""

FORMATS: dict[str, tuple[Format, ...]] = {DATE: DATES, TIMESTAMP: TIMESTAMPS, TIME_OF_DAY: CLOCKS}


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
