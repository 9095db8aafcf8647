"""Reads published files into one typed table, and keeps the text of every row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import ibis
from ibis.util import gen_name

from londonpump.domain.errors import BadFile, BadValue
from londonpump.domain.published_columns import TABLES
from londonpump.ingest.csv_dialect import Layout, TextFormat, text_format_of
from londonpump.ingest.file_type import XLSX, DetectedFile, detect_file
from londonpump.ingest.published.header import Header, detect_decimal_mark, drop_extra_lines, parse_header
from londonpump.ingest.published.input_files import as_utf8, csv_header, load_csv, read_workbook
from londonpump.ingest.published.typed_file import FileText, TypedFile, parse_file

Progress = Callable[[str, float], None]
"""A callback that receives the current activity and the completed share of all bytes (0 to 1)."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file that was read."""

    file: str
    sha256: str
    rows: int
    """Data rows, without repeated headers and lines of empty fields, which `read_as` counts."""
    table: str
    formats: dict[str, str]
    """The format of each column of dates or times."""
    read_as: TextFormat


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
