"""School holidays from a user's csv file.

The file has one day per row (`date` or `true_london_date`), or spans: `kind, start, end` with both ends without school
(kind `holiday` or `half_term`), or `term_end` and `term_start` with the last and the first day of school. Days are
London days, 2022-05-30 or 30/05/2022. Weekends are ignored. A missing day cannot be distinguished from a school day,
so only calendar years that the file covers completely are returned.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from londonpump.domain.context_records import SchoolHoliday
from londonpump.domain.errors import BadFile
from londonpump.domain.london_clock import FIRST_YEAR, LAST_YEAR
from londonpump.ingest.school_holidays import (
    DAY,
    SATURDAY,
    Holiday,
    InvalidDates,
    SchoolHolidays,
    school_holidays_of,
)
from londonpump.ingest.user_csv import Row, parse_day, read_rows, require_columns

SOURCE = "by hand"
DATE_COLUMNS = ("date", "true_london_date")
SPAN_COLUMNS = ("kind", "start", "end")
HOLIDAYS = ("holiday", "half_term")
TERM_END, TERM_START = "term_end", "term_start"
ADVICE = "Put the school year before or after into the same file: a calendar year needs both."


@dataclass(frozen=True, slots=True)
class SchoolHolidayFile:
    """The contents of a file of school holidays."""

    holidays: list[SchoolHoliday]
    """Holidays of the complete years, in order."""
    years: tuple[int, ...]
    """The complete years."""
    incomplete_years: tuple[int, ...]
    """Years with some days, which are not complete."""
    n_weekend_days: int
    """Ignored days on weekends."""


def read_calendar(path: Path) -> SchoolHolidayFile:
    """Read the file. Raises: BadFile if it has another format, a wrong date, or no complete calendar year."""
    header, rows = read_rows(path)
    column = next((name for name in DATE_COLUMNS if name in header), None)
    if column is None:
        require_columns(path, header, SPAN_COLUMNS, "It needs date, or kind, start, end.")
    try:
        school = school_holidays_of(_listed(path, rows, column)) if column else _spans(path, rows)
    except InvalidDates as error:
        raise BadFile(path, str(error), "Mend that date.") from None
    years = school.complete_years()
    if not years:
        raise BadFile(path, school.incomplete_reason(), ADVICE)
    touched = {day.year for day in school.days}
    weekend = [h for h in _listed(path, rows, column) if h.first_date.weekday() >= SATURDAY] if column else []
    return SchoolHolidayFile(
        [SchoolHoliday(day, SOURCE) for day in school.days if day.year in years],
        years,
        tuple(sorted(touched - set(years))),
        len(weekend),
    )


def _listed(path: Path, rows: list[Row], column: str) -> list[Holiday]:
    days = [_day(path, number, column, row) for number, row in enumerate(rows, 1)]
    return [Holiday(f"row {number}", day, day) for number, day in enumerate(days, 1)]


def _spans(path: Path, rows: list[Row]) -> SchoolHolidays:
    holidays: list[Holiday] = []
    edges: list[tuple[str, date]] = []
    for number, row in enumerate(rows, 1):
        span_type, start = row["kind"].casefold(), _day(path, number, "start", row)
        end = _day(path, number, "end", row) if row["end"] else None
        if span_type in HOLIDAYS:
            holidays.append(Holiday(f"the {span_type} of row {number}", start, end))
        elif span_type in (TERM_END, TERM_START):
            edges.append((span_type, start))
        else:
            allowed = ", ".join((*HOLIDAYS, TERM_END, TERM_START))
            problem = f"column kind is {row['kind']!r} in row {number}"
            raise BadFile(path, problem, f"Write one of {allowed}.")
    return _with_edges(holidays, sorted(edges, key=lambda edge: edge[1]))


def _day(path: Path, number: int, column: str, row: Row) -> date:
    """Parse a day. A year outside the supported range is a typing error that would extend the covered span."""
    day = parse_day(path, number, column, row[column])
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        problem = f"column {column} is {row[column]!r} in row {number}, outside {FIRST_YEAR} to {LAST_YEAR}"
        raise BadFile(path, problem, "Mend that date.")
    return day


def _with_edges(holidays: list[Holiday], edges: list[tuple[str, date]]) -> SchoolHolidays:
    """Add the holidays between the end of a term and the start of the next; an end alone leaves the holiday open."""
    following = [*edges[1:], (TERM_END, date.max)]
    for (span_type, day), (next_type, next_day) in zip(edges, following, strict=False):
        if span_type == TERM_END:
            last = next_day - DAY if next_type == TERM_START else None
            holidays.append(Holiday(f"the holiday after {day:%d %B %Y}", day + DAY, last))
    return school_holidays_of(holidays)
