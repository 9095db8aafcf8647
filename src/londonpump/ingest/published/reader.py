"""Reader of published files into one typed table, with the formats of each file detected and the text of every row kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import ibis
from ibis.util import gen_name

from londonpump.domain.errors import BadFile, BadValue
from londonpump.domain.published_columns import TABLES, PublishedColumn
from londonpump.domain.text_files import InputFile, TextFormat
from londonpump.ingest.csv_dialect import Layout, text_format_of
from londonpump.ingest.file_type import XLSX, DetectedFile, detect_file
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
from londonpump.ingest.published.header import Header, detect_decimal_mark, drop_extra_lines, parse_header
from londonpump.ingest.published.input_files import as_utf8, csv_header, load_csv, read_workbook
from londonpump.ingest.published.parsing import (
    FORMATS,
    Format,
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


Progress = Callable[[str, float], None]
"""A callback that receives the current activity and the completed share of all bytes (0 to 1)."""


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """All rows of all files, with nothing removed or repaired and in no particular order.

    source_file (int16) counts files from 0, source_row (int64) counts the lines below the header of one file from 1.
    """

    typed: ibis.Table
    """One row per data row: source_file, source_row, the typed columns of the table, unreadable."""
    raw: ibis.Table
    """The same rows as text, under the names in the files."""
    files: tuple[InputFile, ...]


def read_published(
    connection: ibis.BaseBackend, table: str, files: Sequence[Path], progress: Progress | None = None
) -> PublishedTable:
    """Read csv (plain or gzipped) and xlsx files of any vintages as one table.

    Args: connection: DuckDB; the rows stay in its tables. table: "incidents" or "mobilisations".
    Raises: BadFile, naming file, column, row and remedy, for anything that is not in the published format;
    BadValue for another table name.
    """
    if table not in TABLES:
        raise BadValue("table", table, f"is none of {', '.join(TABLES)}")
    detected_files = [detect_file(Path(file)) for file in files]
    _require_distinct_files(table, detected_files)
    sizes = [detected.path.stat().st_size for detected in detected_files]
    typed_files = []
    for index, detected in enumerate(detected_files):
        if progress is not None:
            progress(f"reading {detected.path.name}", sum(sizes[:index]) / sum(sizes))
        typed_files.append(parse_file(_load(connection, detected, table, index), connection))
    if progress is not None:
        progress(f"read {len(detected_files)} files of {table}", 1.0)
    inputs = tuple(
        _input(detected, typed_file, table)
        for detected, typed_file in zip(detected_files, typed_files, strict=True)
    )
    return PublishedTable(
        typed=_stacked([typed_file.typed for typed_file in typed_files]),
        raw=_stacked(_same_columns([typed_file.raw for typed_file in typed_files])),
        files=inputs,
    )


def _load(connection: ibis.BaseBackend, detected: DetectedFile, table: str, index: int) -> FileText:
    name = gen_name(f"published_{table}")
    layout = Layout()
    if detected.container == XLSX:
        names, cells = read_workbook(detected.path, table)
        header = parse_header(detected.path, names, table)
        rows = connection.create_table(name, cells.rename_columns(list(header.stored)))
    else:
        names, layout = csv_header(detected)
        header = parse_header(detected.path, names, table)
        with as_utf8(detected, layout) as utf8:
            rows = load_csv(connection, detected, utf8, header.stored, layout, name)
    data = drop_extra_lines(detected.path, _numbered(rows, header, index), header, table)
    decimal = detect_decimal_mark(detected.path, data.rows, header, table, layout)
    found = text_format_of(detected, layout, decimal, data.n_headers, data.n_empty)
    return FileText(detected.path, name, table, data.rows, header, found)


def _numbered(rows: ibis.Table, header: Header, index: int) -> ibis.Table:
    row_columns = {"source_file": ibis.literal(index, "int64").cast("int16"), "source_row": rows.rowid() + 1}
    return rows.select(**row_columns, **{name: rows[name] for name in header.published})


def _input(detected: DetectedFile, typed_file: TypedFile, table: str) -> InputFile:
    return InputFile(
        detected.path.name, detected.sha256, typed_file.n_rows, table, typed_file.formats, typed_file.read_as
    )


def _require_distinct_files(table: str, detected_files: list[DetectedFile]) -> None:
    if not detected_files:
        raise BadFile(table, "no file was given", "Name one or more csv or xlsx files")
    seen: dict[str, Path] = {}
    for detected in detected_files:
        # The same content twice would count every incident twice.
        if detected.sha256 in seen:
            problem = f"it has the same content as {seen[detected.sha256]}"
            raise BadFile(detected.path, problem, "Give each file once")
        seen[detected.sha256] = detected.path


def _same_columns(tables: list[ibis.Table]) -> list[ibis.Table]:
    spelled: dict[str, str] = {}
    for table in tables:
        for name in table.columns:
            spelled.setdefault(name.casefold(), name)
    return [_with_columns(table, spelled) for table in tables]


def _with_columns(table: ibis.Table, spelled: dict[str, str]) -> ibis.Table:
    own = {name.casefold(): name for name in table.columns}
    # Vintages have different columns; a missing one is null.
    missing = ibis.null("string")
    return table.select(**{name: table[own[key]] if key in own else missing for key, name in spelled.items()})


def _stacked(tables: list[ibis.Table]) -> ibis.Table:
    return reduce(lambda upper, lower: upper.union(lower), tables)
