"""Workbooks: the sheet that holds the table, every cell as text."""

from pathlib import Path

import fastexcel
import pyarrow as pa

from londonpump.brigade.errors import BadFile
from londonpump.sources.published.header import is_header_of


def read_workbook(path: Path, table: str) -> tuple[tuple[str, ...], pa.Table]:
    """The header and the rows of the one sheet whose first row is one of that table.

    A workbook of one sheet is taken as it is, so that the header itself can be complained about.
    Dates come as "2023-03-19 00:00:00", times of day as "1899-12-31 00:08:54", numbers as "416".

    Returns: the names as they stand, and one text column a name, in that order.
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
        problem = f"the workbook cannot be read ({str(error).splitlines()[0]})"
        raise BadFile(path, problem, "Open it and save it again as .xlsx, without a password") from error
    if len(fitting) > 1:
        problem = f"more than one sheet holds {table} ({', '.join(name for name, _, _ in fitting)})"
        raise BadFile(path, problem, "Save each sheet as a file of its own and give them all")
    if fitting:
        return fitting[0][1:]
    sheets = ", ".join(reader.sheet_names)
    problem = f"no sheet ({sheets}) begins with the columns of the {table}"
    raise BadFile(path, problem, "Put the published header on the first row of its sheet")


def _cells(reader: fastexcel.ExcelReader, name: str) -> pa.Table:
    sheet = reader.load_sheet(name, header_row=None, dtypes="string")
    batch = sheet.to_arrow()
    return pa.Table.from_batches([batch])


def _first_row(cells: pa.Table) -> tuple[str, ...]:
    if cells.num_rows == 0:
        return ()
    return tuple(column[0].as_py() or "" for column in cells.columns)
