"""Columns of text, exactly as the published files spell them: numbers, dates, times, names, nulls.

A column is an Arrow array of strings with nulls. Dates and times are looked up, not formatted one by one.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from londonpump.simulation.timestamps import DAY_S

TextColumn = Any
"""An Arrow array of strings."""
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

DATE_STYLES = {
    "01 Jan 2009": "%d %b %Y",
    "28-Mar-23": "%d-%b-%y",
    "2025-01-31": "%Y-%m-%d",
    "01/01/2009": "%d/%m/%Y",
    "01012009": "%d%m%Y",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def look_up_text(vocabulary: Sequence[str | None], row: Ints) -> TextColumn:
    """The words at some rows of a vocabulary; a row of -1 is null."""
    index = pa.array(row, mask=row < 0) if (row < 0).any() else pa.array(row)
    return pa.array(vocabulary, pa.string()).take(index)


def format_whole(number: Ints, is_null: Flags | None = None, ending: str = "") -> TextColumn:
    """Whole numbers, `416`, or with an ending, `416.0`."""
    text = pa.array(number, mask=is_null).cast(pa.string())
    return pc.binary_join_element_wise(text, ending, "") if ending else text


def format_padded(number: Ints, digits: int) -> TextColumn:
    """Whole numbers with leading zeros, `000416`."""
    return pc.utf8_lpad(pa.array(number).cast(pa.string()), digits, "0")


def format_decimals(
    number: NDArray[np.float64], n_decimals: int, is_null: Flags, *, is_trimmed: bool
) -> TextColumn:
    """Numbers with so many decimals; trimmed, without zeros at the end."""
    shown = [f"{x:.{n_decimals}f}" for x in number[~is_null].tolist()]
    column = pa.array([s.rstrip("0") for s in shown] if is_trimmed else shown, pa.string())
    row = np.cumsum(~is_null) - 1
    return column.take(pa.array(row, mask=is_null))


def join_text(*parts: TextColumn | str, separator: str = "") -> TextColumn:
    """Columns and constants side by side; null if any is."""
    return pc.binary_join_element_wise(*parts, separator)


def format_dates(day: Ints, style: str) -> TextColumn:
    """Day numbers (days since 1970) in one of DATE_STYLES."""
    if len(day) == 0:
        return pa.array([], pa.string())
    first = int(day.min())
    return look_up_text(_days(first, int(day.max()) - first + 1, style), day - first)


def format_times(second: Ints) -> TextColumn:
    """Seconds of the day as `HH:MM:SS`."""
    return look_up_text(_clock()[0], second)


def format_minutes(second: Ints) -> TextColumn:
    """Seconds of the day as `HH:MM`, the seconds cut."""
    return look_up_text(_clock()[1], second // 60)


def format_timestamps(at: Ints, style: str, is_null: Flags | None = None) -> TextColumn:
    """Instants (seconds since 1970) as `dd/mm/yyyy HH:MM[:SS]`. style: `seconds` or `minutes`."""
    clock = format_times(at % DAY_S) if style == "seconds" else format_minutes(at % DAY_S)
    text = join_text(format_dates(at // DAY_S, "01/01/2009"), clock, separator=" ")
    return text if is_null is None else pc.if_else(pa.array(is_null), pa.scalar(None, pa.string()), text)


def replace_rows(column: TextColumn, row: Ints, value: Sequence[str | None]) -> TextColumn:
    """A column with other values in some rows, which stand in rising order."""
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
    # the names of months must not follow the language of the machine
    return [day.strftime(pattern.replace("%b", _MONTHS[day.month - 1])) for day in days]
