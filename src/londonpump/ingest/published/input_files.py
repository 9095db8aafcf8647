"""Raw text of csv files and workbooks: the header, and every cell as text, without guessing types."""

import codecs
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

import duckdb
import fastexcel
import ibis
import pyarrow as pa

from londonpump.domain.errors import BadFile
from londonpump.domain.text_files import UTF8
from londonpump.ingest.csv_dialect import Layout, drop_sep_line, find_layout
from londonpump.ingest.file_type import BYTE_ORDER_MARK, DetectedFile, chunks, open_bytes
from londonpump.ingest.published.header import is_header_of

HEADER_LIMIT = 1 << 16
_READ = """
    CREATE TABLE {table} AS SELECT {selected} FROM read_csv(
        $path, columns = $columns, header = true, delim = $separator, skip = 0, quote = '"', escape = '"',
        auto_detect = false, strict_mode = true, null_padding = false, compression = $compression
    )"""


@contextmanager
def as_utf8(detected: DetectedFile, layout: Layout) -> Iterator[DetectedFile]:
    """Yield the same file in UTF-8 without inner marks and `sep=` line: the file itself, or a temporary copy.

    DuckDB could skip that line itself, but reads no rows if its line ending differs from the others.
    """
    if detected.encoding == UTF8 and not detected.has_inner_mark and not layout.has_sep_line:
        yield detected
        return
    pieces = codecs.iterdecode(chunks(detected.path, is_gzip=detected.is_gzip), detected.encoding)
    with NamedTemporaryFile("w", suffix=".csv", encoding=UTF8, newline="") as copy:
        start = next(pieces, "")
        copy.write(drop_sep_line(start) if layout.has_sep_line else start.replace(BYTE_ORDER_MARK, ""))
        copy.writelines(piece.replace(BYTE_ORDER_MARK, "") for piece in pieces)
        copy.flush()
        yield DetectedFile(Path(copy.name), detected.sha256, detected.container)


def csv_header(detected: DetectedFile) -> tuple[tuple[str, ...], Layout]:
    """Return the names on the header line and the separator.

    Raises: BadFile for a blank line, bars, or ambiguous separators.
    """
    with open_bytes(detected.path, is_gzip=detected.is_gzip) as stream:
        text = (
            stream.read(HEADER_LIMIT).decode(detected.encoding, errors="ignore").replace(BYTE_ORDER_MARK, "")
        )
    layout, names = find_layout(detected.path, text)
    if not "".join(names).strip():
        raise BadFile(detected.path, "its first line is blank", "Remove what stands above the header")
    if "".join(names).count("|") >= max(len(names), 2):
        problem = "its columns are separated by bars, not by commas"
        raise BadFile(detected.path, problem, "Save it again as comma separated csv")
    return names, layout


def load_csv(
    connection: ibis.BaseBackend,
    detected: DetectedFile,
    utf8: DetectedFile,
    columns: tuple[str, ...],
    layout: Layout,
    table: str,
) -> ibis.Table:
    """Load every row as text, in the order of the file, blanks as null.

    Raises: BadFile naming the line with too many or too few fields, or a quote that is never closed.
    """
    try:
        read_into(connection, utf8, columns, layout, table)
    except duckdb.InvalidInputException as error:
        raise _explained(detected.path, str(error), n_above=int(layout.has_sep_line)) from error
    return connection.table(table)


def read_into(
    connection: ibis.BaseBackend,
    utf8: DetectedFile,
    columns: tuple[str, ...],
    layout: Layout,
    table: str,
    selected: str = "*",
) -> None:
    """Create a table of the rows. `selected` is a SQL select list. Raises: duckdb.InvalidInputException."""
    values = {
        "columns": dict.fromkeys(columns, "VARCHAR"),
        "separator": layout.separator,
        "compression": "gzip" if utf8.is_gzip else "none",
    }
    with TemporaryDirectory(prefix="londonpump-") as folder:
        # DuckDB treats brackets, stars and backslashes in a path as a pattern; the link has a plain name.
        link = Path(folder) / "rows"
        link.symlink_to(utf8.path.resolve())
        connection.con.execute(_READ.format(table=table, selected=selected), {"path": str(link), **values})


def _explained(path: Path, message: str, n_above: int) -> BadFile:
    """Explain DuckDB's error. `n_above` is the number of lines of the file that DuckDB did not see."""
    line = re.search(r"CSV Error on Line: (\d+)", message)
    where = f"line {int(line[1]) + n_above}" if line else "a line"
    count = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    if count:
        # DuckDB stops counting at the first surplus field.
        found = "more" if int(count[2]) > int(count[1]) else count[2]
        problem = f"{where} has {found} fields, the header has {count[1]}"
        return BadFile(path, problem, "Look for a comma that is not in quotes, or a line cut in two")
    if "unterminated quote" in message:
        return BadFile(path, f"{where} opens a quote and never closes it", "Correct the quotes of that line")
    if "Maximum line size" in message:
        return BadFile(path, f"{where} is longer than any record", "Look for a quote that is never closed")
    if "state machine" in message:
        problem = "its lines end in more than one way"
        return BadFile(path, problem, "Save it again as csv so that all lines end alike")
    first = message.splitlines()[0]
    return BadFile(path, f"{where} is no csv ({first})", "Fetch the file again, or save it again as csv")


ERRORS = {
    "Value": "#VALUE!",
    "Ref": "#REF!",
    "Div0": "#DIV/0!",
    "Name": "#NAME?",
    "Num": "#NUM!",
    "Null": "#NULL!",
    "NA": "#N/A",
}
"""Excel's text of each cell error, by the reader's name of it."""
_ERROR = re.compile(r"'Error\((\w+)\)'")
_OTHER_ERROR = re.compile(r"cell error value '([^']*)'")


def read_workbook(path: Path, table: str) -> tuple[tuple[str, ...], pa.Table]:
    """Return the header and the rows of the one sheet whose first row is a header of that table.

    A workbook of one sheet is accepted with any header, so that later checks can name its problem.
    Dates are read as "2023-03-19 00:00:00", times of day as "1899-12-31 00:08:54", numbers as "416".

    Returns: the names, and one nullable text column per name, in that order.
    Raises: BadFile if the workbook cannot be opened, is empty, or no sheet fits.
    """
    try:
        reader = fastexcel.read_excel(path)
        fitting = []
        for name in reader.sheet_names:
            cells = _cells(reader, name)
            header = _first_row(cells)
            if len(reader.sheet_names) == 1 or is_header_of(header, table):
                fitting.append((name, header, cells.slice(1)))
    except fastexcel.FastExcelError as error:
        raise _unreadable(path, str(error)) from error
    if len(fitting) > 1:
        problem = f"more than one sheet holds {table} ({', '.join(name for name, _, _ in fitting)})"
        raise BadFile(path, problem, "Save each sheet as a file of its own and give them all")
    if fitting:
        return fitting[0][1:]
    sheets = ", ".join(reader.sheet_names)
    problem = f"no sheet ({sheets}) begins with the columns of the {table}"
    raise BadFile(path, problem, "Put the published header on the first row of its sheet")


def _unreadable(path: Path, message: str) -> BadFile:
    other = _OTHER_ERROR.search(message)
    if other:
        return BadFile(
            path, f"a cell holds the error {other[1]}", "Correct that cell, or save the sheet as csv"
        )
    problem = f"the workbook cannot be read ({message.splitlines()[0]})"
    return BadFile(path, problem, "Open it and save it again as .xlsx, without a password")


def _cells(reader: fastexcel.ExcelReader, name: str) -> pa.Table:
    """Return every cell as text. All columns are nullable, so that any two files can be combined."""
    batch, errors = reader.load_sheet(name, header_row=None, dtypes="string").to_arrow_with_errors()
    schema = pa.schema([(column, pa.string()) for column in batch.schema.names])
    cells = pa.table([column.cast(pa.string()) for column in batch.columns], schema=schema)
    return _with_errors(cells, errors.errors if errors else ())


def _with_errors(cells: pa.Table, errors: Sequence[fastexcel.CellError]) -> pa.Table:
    """Insert the texts of errors where the reader left nulls: an error is not an empty cell."""
    by_column: dict[int, dict[int, str]] = {}
    for error in errors:
        row, column = error.offset_position
        found = _ERROR.search(error.detail)
        text = ERRORS.get(found[1], "#ERROR!") if found else "#ERROR!"
        by_column.setdefault(column, {})[row] = text
    for column, texts in by_column.items():
        values = cells.column(column).to_pylist()
        for row, text in texts.items():
            values[row] = text
        cells = cells.set_column(column, cells.schema.field(column), pa.array(values, pa.string()))
    return cells


def _first_row(cells: pa.Table) -> tuple[str, ...]:
    if cells.num_rows == 0:
        return ()
    return tuple(column[0].as_py() or "" for column in cells.columns)
