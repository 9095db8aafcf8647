"""The formats in which the Brigade, Excel and BigQuery write dates and times. The list is explicit; nothing is guessed.

With slashes or points, the order is always day, month, year; 03/19/2023 is not a date here. Times marked as UTC are
GMT, like all others.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ibis import Value
from ibis.expr.types import StringValue

from londonpump.domain.published_columns import DATE, TIME_OF_DAY, TIMESTAMP

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_Y, _M, _D = "(?:19|20)[0-9]{2}", "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
_H, _MIN, _S = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]", "[0-5][0-9]"
_ANY_M, _ANY_D, _ANY_H = "(?:0?[1-9]|1[0-2])", "(?:0?[1-9]|[12][0-9]|3[01])", "(?:[01]?[0-9]|2[0-3])"
_UTC = "(?: ?(?:Z|[+-]00(?::?00)?|UTC|GMT))?"
_NAMED_M = f"(?i:{'|'.join(_MONTHS)})"


@dataclass(frozen=True, slots=True)
class Format:
    """One format of a date, a time of day or a timestamp."""

    name: str
    pattern: str
    """A regular expression for the whole text, with the same meaning in Python, DuckDB and Spark."""
    value: Callable[[StringValue], Value]
    """Converts a fitting text to a date, seconds since midnight (int32) or a GMT timestamp; null if there is no
    such day."""


def _padded(text: StringValue) -> StringValue:
    return text.re_replace(r"\b([0-9])\b", r"0\1")


def _iso_day(text: StringValue) -> StringValue:
    return text.substr(6, 4) + "-" + text.substr(3, 2) + "-" + text.substr(0, 2)


def _slash_date(text: StringValue) -> Value:
    return _iso_day(text).try_cast("date")


def _iso_timestamp(text: StringValue) -> Value:
    # Most texts have 19 characters and no zone: the regular expression is skipped for them.
    return (text.length() == 19).ifelse(text, _without_zone(text)).try_cast("timestamp")


def _without_zone(text: StringValue) -> StringValue:
    return text.re_replace(f"{_UTC}$", "")


def _slash_timestamp(text: StringValue) -> Value:
    return (_iso_day(text) + text.substr(10)).try_cast("timestamp")


def _named_date(text: StringValue, century: str) -> Value:
    day, month, year = text.substr(0, 2), text.substr(3, 3).upper(), text.substr(7)
    numbers = [(name, f"-{number:02d}-") for number, name in enumerate(_MONTHS, start=1)]
    return (century + year + month.cases(*numbers) + day).try_cast("date")


def _seconds(text: StringValue) -> Value:
    hours, minutes, seconds = (text.substr(start, 2).try_cast("int32") for start in (0, 3, 6))
    return (hours * 3600 + minutes * 60 + seconds).cast("int32")


DATES: tuple[Format, ...] = (
    Format("yyyy-mm-dd", f"{_Y}-{_M}-{_D}", lambda text: text.try_cast("date")),
    Format(
        "yyyy-mm-dd 00:00:00",
        rf"{_Y}-{_M}-{_D}[ T]00:00:00(?:\.0+)?{_UTC}",
        lambda text: text.substr(0, 10).try_cast("date"),
    ),
    Format("dd/mm/yyyy", f"{_D}/{_M}/{_Y}", _slash_date),
    Format("d/m/yyyy", f"{_ANY_D}/{_ANY_M}/{_Y}", lambda text: _slash_date(_padded(text))),
    Format("dd.mm.yyyy", rf"{_D}\.{_M}\.{_Y}", _slash_date),
    Format("d.m.yyyy", rf"{_ANY_D}\.{_ANY_M}\.{_Y}", lambda text: _slash_date(_padded(text))),
    Format("dd Mon yyyy", f"{_ANY_D} {_NAMED_M} {_Y}", lambda text: _named_date(text.lpad(11, "0"), "")),
    Format("dd-Mon-yy", f"{_ANY_D}-{_NAMED_M}-[0-9]{{2}}", lambda text: _named_date(text.lpad(9, "0"), "20")),
)
"""Formats of dates. Two-digit years are of this century: the records begin in 2009."""


def _day_first(mark: str, shown: str) -> tuple[Format, ...]:
    """Return the timestamp formats with a mark between day, month and year, with and without seconds and padding."""
    day, any_day = f"{_D}{mark}{_M}{mark}{_Y}", f"{_ANY_D}{mark}{_ANY_M}{mark}{_Y}"
    padded, short = f"dd{shown}mm{shown}yyyy", f"d{shown}m{shown}yyyy"
    return (
        Format(
            f"{padded} HH:MM:SS",
            f"{day} {_H}:{_MIN}:{_S}{_UTC}",
            lambda text: _slash_timestamp(text.substr(0, 19)),
        ),
        Format(
            f"{padded} HH:MM",
            f"{day} {_H}:{_MIN}{_UTC}",
            lambda text: _slash_timestamp(text.substr(0, 16) + ":00"),
        ),
        Format(
            f"{short} H:MM:SS",
            f"{any_day} {_ANY_H}:{_MIN}:{_S}{_UTC}",
            lambda text: _slash_timestamp(_padded(_without_zone(text))),
        ),
        Format(
            f"{short} H:MM",
            f"{any_day} {_ANY_H}:{_MIN}{_UTC}",
            lambda text: _slash_timestamp(_padded(_without_zone(text)) + ":00"),
        ),
    )


TIMESTAMPS: tuple[Format, ...] = (
    *_day_first("/", "/"),
    Format(
        "yyyy-mm-dd HH:MM:SS",
        rf"{_Y}-{_M}-{_D}[ T]{_H}:{_MIN}:{_S}(?:\.[0-9]{{1,6}})?{_UTC}",
        _iso_timestamp,
    ),
    Format(
        "yyyy-mm-dd HH:MM",
        rf"{_Y}-{_M}-{_D}[ T]{_H}:{_MIN}{_UTC}",
        lambda text: _iso_timestamp(text.substr(0, 16) + ":00"),
    ),
    *_day_first(r"\.", "."),
)

CLOCKS: tuple[Format, ...] = (
    Format("HH:MM:SS", f"{_H}:{_MIN}:{_S}", _seconds),
    Format("HH:MM", f"{_H}:{_MIN}", lambda text: _seconds(text + ":00")),
    Format("H:MM:SS", f"{_ANY_H}:{_MIN}:{_S}", lambda text: _seconds(text.lpad(8, "0"))),
    Format("H:MM", f"{_ANY_H}:{_MIN}", lambda text: _seconds(text.lpad(5, "0") + ":00")),
    Format(
        "1899-12-31 HH:MM:SS",
        f"1899-12-3[01][ T]{_H}:{_MIN}:{_S}{_UTC}",
        lambda text: _seconds(text.substr(11, 8)),
    ),
)
"""Formats of times of day. The last is a time of day in a workbook: a fraction of Excel's day 0."""

FORMATS: dict[str, tuple[Format, ...]] = {DATE: DATES, TIMESTAMP: TIMESTAMPS, TIME_OF_DAY: CLOCKS}
