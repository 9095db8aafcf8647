"""Workbooks: the sheet that holds the table, every cell as text, an error as Excel shows it."""

import re
from collections.abc import Sequence
from pathlib import Path

import fastexcel
import pyarrow as pa

from londonpump.domain.errors import BadFile
from londonpump.ingest.published.header import is_header_of

ERRORS = {
    "Value": "#VALUE!",
    "Ref": "#REF!",
    "Div0": "#DIV/0!",
    "Name": "#NAME?",
    "Num": "#NUM!",
    "Null": "#NULL!",
    "NA": "#N/A",
}
"""The reader's name of an error in a cell: what Excel shows, and writes into a csv."""
_ERROR = re.compile(r"'Error\((\w+)\)'")
_OTHER_ERROR = re.compile(r"cell error value '([^']*)'")


def read_workbook(path: Path, table: str) -> tuple[tuple[str, ...], pa.Table]:
    """The header and the rows of the one sheet whose first row is one of that table.

    A workbook of one sheet is taken as it is, so that the header itself can be complained about.
    Dates come as "2023-03-19 00:00:00", times of day as "1899-12-31 00:08:54", numbers as "416".

    Returns: the names as they stand, and one nullable text column a name, in that order.
    Raises: BadFile where the workbook cannot be opened, is empty, or no sheet fits.
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
        return BadFile(path, f"a cell holds the error {other[1]}", "Mend that cell, or save the sheet as csv")
    problem = f"the workbook cannot be read ({message.splitlines()[0]})"
    return BadFile(path, problem, "Open it and save it again as .xlsx, without a password")


def _cells(reader: fastexcel.ExcelReader, name: str) -> pa.Table:
    """Return every cell as text. All columns may hold nulls, so that any two files can be put together."""
    batch, errors = reader.load_sheet(name, header_row=None, dtypes="string").to_arrow_with_errors()
    schema = pa.schema([(column, pa.string()) for column in batch.schema.names])
    cells = pa.table([column.cast(pa.string()) for column in batch.columns], schema=schema)
    return _with_errors(cells, errors.errors if errors else ())


def _with_errors(cells: pa.Table, errors: Sequence[fastexcel.CellError]) -> pa.Table:
    """Put the texts of errors where the reader left nulls: an error is no empty cell."""
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
