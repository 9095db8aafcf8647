"""Published files in, one typed stream out, with the text of every row beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import ibis
from ibis.util import gen_name

from londonpump.brigade.errors import BadFile, BadValue
from londonpump.sources.probe import XLSX, Probe, probe
from londonpump.sources.published.csv_file import as_utf8, csv_header, load_csv
from londonpump.sources.published.header import Header, understand_header
from londonpump.sources.published.lines import decimal_of, without_extra_lines
from londonpump.sources.published.type_file import FileText, TypedFile, type_file
from londonpump.sources.published.workbook import read_workbook
from londonpump.sources.text_table import Layout, ReadAs, read_as
from londonpump.tables.published import TABLES

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of all bytes that is done (0 to 1)."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file that was read. formats: {product's column: how its dates and times were written}.

    rows: data rows; repeated headers and lines of empty fields are counted in read_as alone.
    """

    file: str
    sha256: str
    rows: int
    table: str
    formats: dict[str, str]
    read_as: ReadAs


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """All rows of all files; nothing removed, nothing repaired. As in any table, order by what you need.

    typed: a row a data row: source_file, source_row, the columns of the table under their types,
    unreadable. raw: the same rows as text, under the names in the files. source_file (int16) counts files
    from 0, source_row (int64) the lines below the header of one file from 1.
    """

    typed: ibis.Table
    raw: ibis.Table
    files: tuple[InputFile, ...]


def read_published(
    connection: ibis.BaseBackend, table: str, files: Sequence[Path], progress: Progress | None = None
) -> PublishedTable:
    """Read csv (plain or gzipped) and xlsx files of any vintages as one stream.

    Args: connection: DuckDB; the rows stay in tables of it. table: "incidents" or "mobilisations".
    Raises: BadFile, naming file, column, row and what to do, for whatever is not the published format;
    BadValue for another table name.
    """
    if table not in TABLES:
        raise BadValue("table", table, f"is none of {', '.join(TABLES)}")
    probes = [probe(Path(file)) for file in files]
    _refuse_repeated(table, probes)
    sizes = [one.path.stat().st_size for one in probes]
    typed_files = []
    for index, one in enumerate(probes):
        if progress is not None:
            progress(f"reading {one.path.name}", sum(sizes[:index]) / sum(sizes))
        typed_files.append(type_file(_load(connection, one, table, index), connection))
    if progress is not None:
        progress(f"read {len(probes)} files of {table}", 1.0)
    inputs = tuple(_input(one, done, table) for one, done in zip(probes, typed_files, strict=True))
    return PublishedTable(
        typed=_stacked([done.typed for done in typed_files]),
        raw=_stacked(_same_columns([done.raw for done in typed_files])),
        files=inputs,
    )


def _load(connection: ibis.BaseBackend, one: Probe, table: str, index: int) -> FileText:
    name = gen_name(f"published_{table}")
    layout = Layout()
    if one.container == XLSX:
        names, cells = read_workbook(one.path, table)
        header = understand_header(one.path, names, table)
        rows = connection.create_table(name, cells.rename_columns(list(header.stored)))
    else:
        names, layout = csv_header(one)
        header = understand_header(one.path, names, table)
        with as_utf8(one, layout) as utf8:
            rows = load_csv(connection, one, utf8, header.stored, layout, name)
    data = without_extra_lines(one.path, _numbered(rows, header, index), header, table)
    decimal = decimal_of(one.path, data.rows, header, table, layout)
    found = read_as(one, layout, decimal, data.n_headers, data.n_empty)
    return FileText(one.path, name, table, data.rows, header, found)


def _numbered(rows: ibis.Table, header: Header, index: int) -> ibis.Table:
    place = {"source_file": ibis.literal(index, "int64").cast("int16"), "source_row": rows.rowid() + 1}
    return rows.select(**place, **{name: rows[name] for name in header.published})


def _input(one: Probe, done: TypedFile, table: str) -> InputFile:
    return InputFile(one.path.name, one.sha256, done.n_rows, table, done.formats, done.read_as)


def _refuse_repeated(table: str, probes: list[Probe]) -> None:
    if not probes:
        raise BadFile(table, "no file was given", "Name one or more csv or xlsx files")
    seen: dict[str, Path] = {}
    for one in probes:
        if one.sha256 in seen:
            problem = f"it has the same content as {seen[one.sha256]}"
            raise BadFile(one.path, problem, "Give each file once")
        seen[one.sha256] = one.path


def _same_columns(tables: list[ibis.Table]) -> list[ibis.Table]:
    spelled: dict[str, str] = {}
    for table in tables:
        for name in table.columns:
            spelled.setdefault(name.casefold(), name)
    return [_with_columns(table, spelled) for table in tables]


def _with_columns(table: ibis.Table, spelled: dict[str, str]) -> ibis.Table:
    own = {name.casefold(): name for name in table.columns}
    missing = ibis.null("string")
    return table.select(**{name: table[own[key]] if key in own else missing for key, name in spelled.items()})


def _stacked(tables: list[ibis.Table]) -> ibis.Table:
    return reduce(lambda upper, lower: upper.union(lower), tables)
