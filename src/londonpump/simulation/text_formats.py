"""Columns of text as the published files write them, and files with the same bytes for the same columns.

A column is an Arrow array of strings with nulls. Dates and times are looked up, because formatting them one by one is
slow. Timestamps are seconds since 1970, in UTC and on the London clock.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from londonpump.domain.errors import BadFile
from londonpump.domain.london_clock import LONDON, london_us

Ints = NDArray[np.int64]
DAY_S, HOUR_S = 86_400, 3_600


def london_seconds(utc_s: Ints) -> Ints:
    """Convert UTC timestamps to the London clock, both in seconds since 1970."""
    return london_us(utc_s * 1_000_000) // 1_000_000


def midnight_utc_s(day: date) -> int:
    """Return the start of a London day in seconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=LONDON).timestamp())


def day_number(day: date) -> int:
    """Return the number of days since 1970."""
    return (day - date(1970, 1, 1)).days


def year_of(day: Ints) -> Ints:
    """Return the calendar years of day numbers."""
    return day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


# An Arrow array of strings.
TextColumn = Any
Flags = NDArray[np.bool_]

DATE_STYLES = {
    "01 Jan 2009": "%d %b %Y",
    "28-Mar-23": "%d-%b-%y",
    "2025-01-31": "%Y-%m-%d",
    "01/01/2009": "%d/%m/%Y",
    "01012009": "%d%m%Y",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
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


def look_up_text(vocabulary: Sequence[str | None], row: Ints) -> TextColumn:
    """Return the texts at rows of a vocabulary; the row -1 is null."""
    index = pa.array(row, mask=row < 0) if (row < 0).any() else pa.array(row)
    return pa.array(vocabulary, pa.string()).take(index)


def format_whole(number: Ints, is_null: Flags | None = None, ending: str = "") -> TextColumn:
    """Return whole numbers as text: `416`, or `416.0` with an ending."""
    text = pa.array(number, mask=is_null).cast(pa.string())
    return pc.binary_join_element_wise(text, ending, "") if ending else text


def format_padded(number: Ints, digits: int) -> TextColumn:
    """Return whole numbers with leading zeros, such as `000416`."""
    return pc.utf8_lpad(pa.array(number).cast(pa.string()), digits, "0")


def format_decimals(
    number: NDArray[np.float64], n_decimals: int, is_null: Flags, *, is_trimmed: bool
) -> TextColumn:
    """Return numbers with `n_decimals` decimals; `is_trimmed` drops zeros at the end."""
    shown = [f"{x:.{n_decimals}f}" for x in number[~is_null].tolist()]
    column = pa.array([s.rstrip("0") for s in shown] if is_trimmed else shown, pa.string())
    # the position of each value among those that are not null
    row = np.cumsum(~is_null) - 1
    return column.take(pa.array(row, mask=is_null))


def join_text(*parts: TextColumn | str, separator: str = "") -> TextColumn:
    """Concatenate columns and constants; null if any part is null."""
    return pc.binary_join_element_wise(*parts, separator)


def format_dates(day: Ints, style: str) -> TextColumn:
    """Return day numbers (days since 1970) in one of DATE_STYLES."""
    if len(day) == 0:
        return pa.array([], pa.string())
    first = int(day.min())
    return look_up_text(_days(first, int(day.max()) - first + 1, style), day - first)


def format_times(second: Ints) -> TextColumn:
    """Return seconds of the day as `HH:MM:SS`."""
    return look_up_text(_clock()[0], second)


def format_minutes(second: Ints) -> TextColumn:
    """Return seconds of the day as `HH:MM`, rounded down."""
    return look_up_text(_clock()[1], second // 60)


def format_timestamps(at: Ints, style: str, is_null: Flags | None = None) -> TextColumn:
    """Return timestamps (seconds since 1970) as `dd/mm/yyyy HH:MM[:SS]`. style: `seconds` or `minutes`."""
    clock = format_times(at % DAY_S) if style == "seconds" else format_minutes(at % DAY_S)
    text = join_text(format_dates(at // DAY_S, "01/01/2009"), clock, separator=" ")
    return text if is_null is None else pc.if_else(pa.array(is_null), pa.scalar(None, pa.string()), text)


def replace_rows(column: TextColumn, row: Ints, value: Sequence[str | None]) -> TextColumn:
    """Return a column with other values in some rows. row: in ascending order."""
    mask = np.zeros(len(column), dtype=bool)
    mask[row] = True
    return pc.replace_with_mask(column, pa.array(mask), pa.array(value, pa.string()))


@cache
def _clock() -> tuple[list[str], list[str]]:
    of_minute = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(1440)]
    return [f"{start}:{second:02}" for start in of_minute for second in range(60)], of_minute


@cache
def _days(first: int, n_days: int, style: str) -> list[str]:
    start = date(1970, 1, 1) + timedelta(days=first)
    pattern = DATE_STYLES[style]
    days = [start + timedelta(days=i) for i in range(n_days)]
    if "%b" not in pattern:
        return [day.strftime(pattern) for day in days]
    # strftime would write month names in the language of the machine
    return [day.strftime(pattern.replace("%b", _MONTHS[day.month - 1])) for day in days]


def write_atomically(path: Path, content: Iterable[bytes]) -> None:
    """Write a file completely or not at all."""
    # synced before the rename, so that a power cut cannot leave an empty file under the final name
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.writelines(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def write_json(path: Path, content: object) -> None:
    """Write indented JSON."""
    write_atomically(path, [(json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()])


def csv_chunks(
    columns: Mapping[str, TextColumn], null: str = "", *, has_mark: bool = False
) -> Iterator[bytes]:
    """Yield a CSV file in UTF-8 in chunks, with quotes only where needed and `null` for nulls."""
    yield (BYTE_ORDER_MARK if has_mark else b"") + (",".join(columns) + "\n").encode()
    rows = len(next(iter(columns.values())))
    for start in range(0, rows, PART_ROWS):
        shown = [_quoted(column.slice(start, PART_ROWS)) for column in columns.values()]
        null_filled = [pc.fill_null(column, null) for column in shown]
        # Arrow stores strings end to end: with a newline in each, the buffer is the text of the file
        lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*null_filled, ","), "\n", "")
        first, last = (int(edge) for edge in np.frombuffer(lines.buffers()[1], np.int32)[[0, len(lines)]])
        yield lines.buffers()[2].slice(first, last - first).to_pybytes()


def write_spreadsheet(path: Path, columns: Mapping[str, TextColumn]) -> None:
    """Write the table as an xlsx file with numbers and dates as such; what cannot be parsed stays text.

    Raises: BadFile if XlsxWriter is missing, which only spreadsheets need.
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
