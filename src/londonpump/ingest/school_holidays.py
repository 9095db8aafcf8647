"""Days without school from a published list or a user's csv file, and the spans of dates that it covers.

A list gives holidays by their first and last day, or terms by theirs, with holidays between them. Days before its
first date and after its last date are unknown; they do not count as school days.

A csv file has one day per row (`date` or `true_london_date`), or spans: `kind, start, end` with both ends without
school (kind `holiday` or `half_term`), or `term_end` and `term_start` with the last and the first day of school. Days
are London days. Weekends are ignored. A missing day cannot be distinguished from a school day, so only calendar years
that the file covers completely are used.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from londonpump.domain.columns import SchoolHoliday
from londonpump.domain.errors import BadFile
from londonpump.domain.london_clock import FIRST_YEAR, LAST_YEAR
from londonpump.ingest.user_csv import Row, parse_day, read_rows, require_columns

DAY = timedelta(days=1)
SATURDAY = 5
MAX_SUMMER_HOLIDAY_DAYS, MAX_OTHER_HOLIDAY_DAYS = 70, 30
"""Longest plausible holidays. A summer has about 40 days, any other at most 17; more is a wrong date, or a term."""
SEASONS = {
    "winter, January": ((1, 1), (1, 10)),
    "February half-term": ((2, 5), (3, 5)),
    "spring": ((3, 20), (5, 1)),
    "May half-term": ((5, 18), (6, 10)),
    "summer": ((7, 10), (9, 10)),
    "October half-term": ((10, 10), (11, 10)),
    "winter, December": ((12, 15), (12, 31)),
}
"""London's usual holidays. Each calendar year has a day off in each of these spans (first and last day)."""


class InvalidDates(ValueError):
    """Impossible dates. The message names them and becomes part of the source's error."""


@dataclass(frozen=True, slots=True)
class Holiday:
    """One holiday."""

    name: str
    first_date: date
    last_date: date | None
    """The last day without school; None if it is not published yet."""


@dataclass(frozen=True, slots=True)
class SchoolHolidays:
    """Days without school, and the covered spans."""

    days: tuple[date, ...]
    """Weekdays without school, sorted."""
    spans: tuple[tuple[date, date], ...]
    """Covered spans as (first, last) dates, both included."""

    def complete_years(self) -> tuple[int, ...]:
        """Return the calendar years in which every weekday is covered and no usual holiday is missing."""
        years = range(self.spans[0][0].year, self.spans[-1][1].year + 1) if self.spans else range(0)
        return tuple(year for year in years if self._covers_year(year) and not self.missing(year))

    def missing(self, year: int) -> tuple[str, ...]:
        """Return the names of the usual holidays that have no day in that calendar year."""
        return tuple(
            name
            for name, (first, last) in SEASONS.items()
            if not any(date(year, *first) <= day <= date(year, *last) for day in self.days)
        )

    def incomplete_reason(self) -> str:
        """Describe the covered spans, and the usual holidays missing from each year."""
        spans = " and ".join(f"{first:%d %B %Y} to {last:%d %B %Y}" for first, last in self.spans)
        years = range(self.spans[0][0].year, self.spans[-1][1].year + 1) if self.spans else range(0)
        lacking = [f"{year} lacks {', '.join(names)}" for year in years if (names := self.missing(year))]
        return "; ".join([f"it covers {spans}, but no complete calendar year", *lacking])

    def _covers_year(self, year: int) -> bool:
        return any(
            first <= _weekday_from(year) and last >= _weekday_until(year) for first, last in self.spans
        )


def school_holidays_of(
    holidays: Sequence[Holiday], known_span: tuple[date, date] | None = None
) -> SchoolHolidays:
    """Return the days and spans of holidays in any order. A holiday without a last day ends a covered span.

    Args: known_span: first and last covered day, if that is more than the holidays' own.
    Raises: InvalidDates if there is no holiday, or if one ends before it begins or is too long.
    """
    if not holidays:
        raise InvalidDates("no holiday is given")
    days: set[date] = set()
    spans: list[tuple[date, date]] = []
    is_broken = True
    for holiday in sorted(holidays, key=lambda holiday: holiday.first_date):
        first, last = holiday.first_date, holiday.last_date or holiday.first_date
        _validate_holiday(holiday.name, first, last)
        days.update(weekdays(first, last))
        if is_broken:
            spans.append((first, last))
        else:
            spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
        # A holiday without an end leaves the days after it unknown, so the next one begins a new span.
        is_broken = holiday.last_date is None
    if known_span:
        spans[0] = (min(known_span[0], spans[0][0]), spans[0][1])
        spans[-1] = (spans[-1][0], max(known_span[1], spans[-1][1]))
    return SchoolHolidays(tuple(sorted(days)), tuple(spans))


def holidays_between_terms(terms: Iterable[tuple[str, date, date]]) -> list[Holiday]:
    """Return the holidays between terms given as (name, first day of school, last day of school).

    Raises: InvalidDates if a term ends before it begins, or two overlap.
    """
    ordered = sorted(terms, key=lambda term: term[1])
    for name, first, last in ordered:
        if last < first:
            raise InvalidDates(f"{name} ends on {last:%d %B %Y}, before it begins on {first:%d %B %Y}")
    holidays = []
    for (name, _, last), (next_name, first, _) in pairwise(ordered):
        if first <= last:
            raise InvalidDates(f"{next_name} begins on {first:%d %B %Y}, before {name} ends")
        if weekdays(last + DAY, first - DAY):
            holidays.append(Holiday(f"between {name} and {next_name}", last + DAY, first - DAY))
    return holidays


def weekdays(first: date, last: date) -> list[date]:
    """Return Monday to Friday from first to last, both included."""
    every = (first + DAY * n for n in range((last - first).days + 1))
    return [day for day in every if day.weekday() < SATURDAY]


def _validate_holiday(name: str, first: date, last: date) -> None:
    if last < first:
        raise InvalidDates(f"{name} ends on {last:%d %B %Y}, before it begins on {first:%d %B %Y}")
    is_summer = first <= date(last.year, 8, 1) <= last
    max_days = MAX_SUMMER_HOLIDAY_DAYS if is_summer else MAX_OTHER_HOLIDAY_DAYS
    if (last - first).days >= max_days:
        raise InvalidDates(
            f"{name} lasts from {first:%d %B %Y} to {last:%d %B %Y}, more than {max_days} days"
        )


def _weekday_from(year: int) -> date:
    return weekdays(date(year, 1, 1), date(year, 1, 7))[0]


def _weekday_until(year: int) -> date:
    return weekdays(date(year, 12, 25), date(year, 12, 31))[-1]


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
        raise BadFile(path, str(error), "Correct that date.") from None
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
        raise BadFile(path, problem, "Correct that date.")
    return day


def _with_edges(holidays: list[Holiday], edges: list[tuple[str, date]]) -> SchoolHolidays:
    """Add the holidays between the end of a term and the start of the next; an end alone leaves the holiday open."""
    following = [*edges[1:], (TERM_END, date.max)]
    for (span_type, day), (next_type, next_day) in zip(edges, following, strict=False):
        if span_type == TERM_END:
            last = next_day - DAY if next_type == TERM_START else None
            holidays.append(Holiday(f"the holiday after {day:%d %B %Y}", day + DAY, last))
    return school_holidays_of(holidays)
