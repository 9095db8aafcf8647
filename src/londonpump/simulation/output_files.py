"""Writing files whole or not at all, the same bytes each time."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from londonpump.domain.errors import BadFile
from londonpump.simulation.text_formats import TextColumn

PART_ROWS = 100_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NUMERIC = {
    "CalYear", "HourOfCall", "UPRN", "USRN", "Easting_m", "Northing_m", "Easting_rounded", "Northing_rounded",
    "Latitude", "Longitude", "FirstPumpArriving_AttendanceTime", "SecondPumpArriving_AttendanceTime",
    "NumStationsWithPumpsAttending", "NumPumpsAttending", "PumpCount", "PumpMinutesRounded", "PumpHoursRoundUp",
    "Notional Cost (£)", "NumCalls", "ResourceMobilisationId", "TurnoutTimeSeconds", "TravelTimeSeconds",
    "AttendanceTimeSeconds", "PumpOrder", "DelayCodeId",
}  # fmt: skip
_DATE_PATTERNS = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d %b %Y", "%d-%b-%y", "%Y-%m-%d")
_CREATED = datetime(2026, 1, 1)  # noqa: DTZ001 - a spreadsheet has no time zone, and its bytes must not change


def write_atomically(path: Path, content: Iterable[bytes]) -> None:
    """Put parts of bytes in a file so that it is there whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.writelines(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def write_json(path: Path, content: object) -> None:
    """JSON with a stable order, for people to read as well."""
    write_atomically(path, [(json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()])


def csv_chunks(
    columns: Mapping[str, TextColumn], null: str = "", *, has_mark: bool = False
) -> Iterator[bytes]:
    """A comma-separated file in UTF-8, part by part: quotes only where needed, `null` for nulls."""
    yield (BYTE_ORDER_MARK if has_mark else b"") + (",".join(columns) + "\n").encode()
    rows = len(next(iter(columns.values())))
    for start in range(0, rows, PART_ROWS):
        shown = [_quoted(column.slice(start, PART_ROWS)) for column in columns.values()]
        null_filled = [pc.fill_null(column, null) for column in shown]
        # an array of strings holds them end to end: with a line end on each, its buffer is the file
        lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*null_filled, ","), "\n", "")
        first, last = (int(edge) for edge in np.frombuffer(lines.buffers()[1], np.int32)[[0, len(lines)]])
        yield lines.buffers()[2].slice(first, last - first).to_pybytes()


def write_spreadsheet(path: Path, columns: Mapping[str, TextColumn]) -> None:
    """The same table as an xlsx file: numbers as numbers, dates as dates, what does not parse as text.

    Raises: BadFile without XlsxWriter, which only spreadsheets need.
    """
    try:
        xlsxwriter = import_module("xlsxwriter")
    except ImportError as missing:
        advice = "Install XlsxWriter or ask for csv"
        raise BadFile(path, "the library that writes spreadsheets is missing", advice) from missing
    part = path.with_name(f".{path.name}.part")
    book = xlsxwriter.Workbook(str(part), {"constant_memory": True, "strings_to_urls": False})
    book.set_properties({"created": _CREATED})
    day, timestamp_format = (
        book.add_format({"num_format": shown}) for shown in ("dd/mm/yyyy", "dd/mm/yyyy hh:mm:ss")
    )
    sheet = book.add_worksheet("Sheet1")
    sheet.write_row(0, 0, list(columns))
    column_types = [
        (name in NUMERIC, name.startswith("DateAndTime"), name == "DateOfCall") for name in columns
    ]
    for row, values in enumerate(zip(*(c.to_pylist() for c in columns.values()), strict=True), start=1):
        for column_index, (value, (is_number, is_timestamp, is_day)) in enumerate(
            zip(values, column_types, strict=True)
        ):
            if value is None:
                continue
            cell = _cell(value, is_number=is_number, is_date=is_timestamp or is_day)
            if isinstance(cell, datetime):
                sheet.write_datetime(row, column_index, cell, day if is_day else timestamp_format)
            elif isinstance(cell, float):
                sheet.write_number(row, column_index, cell)
            else:
                sheet.write_string(row, column_index, cell)
    book.close()
    part.replace(path)


def _cell(value: str, *, is_number: bool, is_date: bool) -> str | float | datetime:
    if is_number:
        try:
            return float(value)
        except ValueError:
            return value
    if is_date:
        for pattern in _DATE_PATTERNS:
            try:
                return datetime.strptime(value, pattern)  # noqa: DTZ007 - a spreadsheet has no time zone
            except ValueError:
                continue
    return value


def _quoted(column: TextColumn) -> Any:
    needs = pc.match_substring_regex(column, '[",\r\n]')
    if not pc.any(needs).as_py():
        return column
    doubled = pc.replace_substring(column, '"', '""')
    return pc.if_else(needs, pc.binary_join_element_wise('"', doubled, '"', ""), column)
