"""Converts the text of one file to a typed table, after detecting its formats."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ibis

from londonpump.domain.errors import BadFile
from londonpump.domain.published_columns import TABLES, PublishedColumn
from londonpump.ingest.csv_dialect import TextFormat
from londonpump.ingest.published.format_checks import (
    FileCheck,
    count_failures,
    count_other_formats,
    counted_format,
    no_format,
    require_consistent_dates,
    require_one_format,
    require_readable,
    sampled_formats,
)
from londonpump.ingest.published.formats import FORMATS, Format
from londonpump.ingest.published.header import Header
from londonpump.ingest.published.parsing import (
    column_texts,
    has_odd_blanks,
    typed_rows,
    with_published_spelling,
)

EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class FileText:
    """A file in the database, with every column as text."""

    path: Path
    name: str
    """The name of its table, unique in the database."""
    table: str
    raw: ibis.Table
    """source_file, source_row and the published columns."""
    header: Header
    read_as: TextFormat
    is_every_blank_trimmed: bool = False
    """Whether unusual blanks, which few files have, count as ordinary ones."""


@dataclass(frozen=True, slots=True)
class TypedFile:
    """A typed file."""

    typed: ibis.Table
    raw: ibis.Table
    n_rows: int
    formats: dict[str, str]
    """The name of the format of each column of dates or times; "empty" if no row has a value."""
    read_as: TextFormat


def parse_file(text: FileText, connection: ibis.BaseBackend) -> TypedFile:
    """Find the formats, parse every row, and reject a file that contradicts itself.

    The formats come from the first rows; if a row then fails, from all rows.

    Raises: BadFile for no data rows, a column in no known format or in two, too many unreadable rows, or
    years and hours that contradict the dates and times beside them.
    """
    n_rows = text.raw.count().to_pyarrow().as_py()
    if n_rows == 0:
        raise BadFile(text.path, "there is a header but no row below it", "Fetch the file again")
    text, texts, formats, typed, unread = _read(text, connection)
    if unread is not None:
        check = FileCheck(text.path, texts, unread, formats, n_rows)
        failed = count_failures(check, TABLES[text.table])
        other_formats = count_other_formats(check, failed)
        formats = formats | _recounted(check, other_formats)
        if formats != check.formats:
            typed = _materialised(connection, text, texts, formats)
            check = replace(check, unread=_unread(connection, text, typed), formats=formats)
            failed = count_failures(check, TABLES[text.table])
            other_formats = count_other_formats(check, failed)
        for spec, counts in other_formats.items():
            require_one_format(check, spec, counts)
        require_readable(check, failed, _unreadable(typed))
    require_consistent_dates(text.path, typed, text.table, n_rows)
    return TypedFile(typed, text.raw, n_rows, _format_names(text, formats), text.read_as)


def _read(
    text: FileText, connection: ibis.BaseBackend
) -> tuple[FileText, ibis.Table, dict[str, Format], ibis.Table, ibis.Table | None]:
    """Return (text, texts, formats, typed rows, texts of the rows that did not parse; None if all did).

    If rows fail only because of unusual blanks, those blanks are trimmed too.
    """
    texts = _texts(text, text.raw)
    try:
        formats = _formats(text, texts)
        typed = _materialised(connection, text, texts, formats)
        if not _unreadable(typed):
            return text, texts, formats, typed, None
        unread = _unread(connection, text, typed)
        if not has_odd_blanks(unread):
            return text, texts, formats, typed, unread
    except BadFile:
        if not has_odd_blanks(texts):
            raise
    text = replace(text, is_every_blank_trimmed=True)
    texts = _texts(text, text.raw)
    formats = _formats(text, texts)
    typed = _materialised(connection, text, texts, formats)
    unread = _unread(connection, text, typed) if _unreadable(typed) else None
    return text, texts, formats, typed, unread


def _texts(text: FileText, rows: ibis.Table, specs: Sequence[PublishedColumn] | None = None) -> ibis.Table:
    """Return the texts of some rows, of all known columns or of some, trimmed and in the published spelling."""
    names = text.header.found if specs is None else [spec.name for spec in specs]
    found = {name: text.header.found[name] for name in names}
    table, is_every_blank = TABLES[text.table], text.is_every_blank_trimmed
    texts = column_texts(rows, found, text.read_as.decimal, table, is_every_blank=is_every_blank)
    return with_published_spelling(texts, rows, found, table)


def _formats(text: FileText, texts: ibis.Table) -> dict[str, Format]:
    specs = [spec for spec in TABLES[text.table] if spec.dtype in FORMATS and spec.name in texts.columns]
    # The first rows usually show the format of the whole column, and counting all rows is slow.
    few = _texts(text, text.raw, specs)
    formats = {}
    for spec, sampled in sampled_formats(few, specs).items():
        form = sampled or counted_format(texts, spec)
        if form is not None:
            formats[spec.name] = form
        elif texts[spec.name].count().to_pyarrow().as_py():
            raise no_format(text.path, texts, spec)
    return formats


def _unread(connection: ibis.BaseBackend, text: FileText, typed: ibis.Table) -> ibis.Table:
    """Store the texts of the few rows that did not parse, so that queries about them are cheap."""
    rows = typed.filter(typed.unreadable.notnull()).select("source_row")
    texts = _texts(text, text.raw.semi_join(rows, "source_row"))
    return _store(connection, f"unread_{text.name}", texts)


def _recounted(
    check: FileCheck, other_formats: dict[PublishedColumn, dict[Format, int]]
) -> dict[str, Format]:
    """Return the format of each column that any other format can read part of, counted over all rows.

    If no other format reads any failed text, none fits more of the column than the present one.
    """
    recounted = {
        spec.name: counted_format(check.texts, spec)
        for spec, counts in other_formats.items()
        if any(counts.values())
    }
    return {name: form for name, form in recounted.items() if form is not None}


def _materialised(
    connection: ibis.BaseBackend, text: FileText, texts: ibis.Table, formats: dict[str, Format]
) -> ibis.Table:
    rows = typed_rows(texts, TABLES[text.table], formats)
    return _store(connection, f"typed_{text.name}", rows)


def _store(connection: ibis.BaseBackend, name: str, rows: ibis.Table) -> ibis.Table:
    # `overwrite` would write every row twice; nothing reads the table of an earlier try.
    connection.drop_table(name, force=True)
    return connection.create_table(name, rows)


def _unreadable(typed: ibis.Table) -> int:
    n: int = typed.unreadable.count().to_pyarrow().as_py()
    return n


def _format_names(text: FileText, formats: dict[str, Format]) -> dict[str, str]:
    temporal_names = [
        spec.name for spec in TABLES[text.table] if spec.dtype in FORMATS and spec.name in text.header.found
    ]
    return {name: formats[name].name if name in formats else EMPTY for name in temporal_names}
