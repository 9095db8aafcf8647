"""School holidays of the borough of Barking and Dagenham, parsed from the tables of its web page.

The page has one table per school year, with the headings School Holidays, Starts, Finishes and rows such as Winter
Holidays, 21 Dec 2018(Fri), 2 Jan 2019(Wed): first and last day WITHOUT school. The last summer may lack its end. A row
whose name contains term, but neither half-term nor holiday, is a term; holidays lie between terms. Days outside the
tables are unknown, so only completely covered calendar years are used.
"""

import re
from dataclasses import dataclass, field
from datetime import date

from bs4 import BeautifulSoup, ParserRejectedMarkup, Tag

from londonpump.domain.columns import SchoolHoliday
from londonpump.domain.errors import SourceFailed
from londonpump.ingest.http import Http
from londonpump.ingest.school_holidays import (
    DAY,
    Holiday,
    InvalidDates,
    SchoolHolidays,
    holidays_between_terms,
    school_holidays_of,
)
from londonpump.settings import Settings

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY = rf"(?:{'|'.join(WEEKDAYS)})[a-z]*"
_NAMED_MONTH_DATE = re.compile(
    rf"(?:(?P<before>\b{_WEEKDAY})\.?,?\s*)?"
    rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{'|'.join(MONTHS)})[a-z]*\.?,?\s+(?P<year>\d{{4}})\b"
    rf"(?:\s*\(\s*(?P<after>{_WEEKDAY})\.?\s*\))?",
    re.IGNORECASE | re.ASCII,
)
_NUMERIC_DATE = re.compile(
    r"\b(?:(?P<iso>\d{4}-\d{2}-\d{2})|(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4}))\b", re.ASCII
)


def find_dates(text: str) -> list[date]:
    """Return the dates in a text, in order. Formats: 22 Oct 2018(Mon), Mon, 23 Oct 2023, 23rd October 2023, 23/10/2023.

    Raises: ValueError for an impossible day, or one that contradicts the weekday beside it.
    """
    found = [(match.start(), _from_named_month(match)) for match in _NAMED_MONTH_DATE.finditer(text)]
    found += [(match.start(), _from_numbers(match)) for match in _NUMERIC_DATE.finditer(text)]
    return [day for _, day in sorted(found)]


def _from_named_month(match: re.Match[str]) -> date:
    month = MONTHS.index(match["month"][:3].lower()) + 1
    day = _day(match[0], int(match["year"]), month, int(match["day"]))
    for weekday in (match["before"], match["after"]):
        if weekday and weekday[:3].lower() != WEEKDAYS[day.weekday()]:
            raise ValueError(f"{match[0].strip()!r} is a {day:%A}")
    return day


def _from_numbers(match: re.Match[str]) -> date:
    if match["iso"]:
        return _day(match[0], *(int(part) for part in match["iso"].split("-")))
    return _day(match[0], int(match["year"]), int(match["month"]), int(match["day"]))


def _day(text: str, *parts: int) -> date:
    try:
        return date(*parts)
    except ValueError:
        raise ValueError(f"{text.strip()!r} is no day") from None


MAX_PAGE_CHARACTERS = 2_000_000
ABOUT = re.compile(r"\b(holiday|term|break|vacation)", re.IGNORECASE)
BEGINS = re.compile(r"\b(start|begin|from\b|first|date|open|reopen|return|back)", re.IGNORECASE)
ENDS = re.compile(r"\b(finish|end|to\b|until|last|date|close|break)", re.IGNORECASE)
CLOSES = re.compile(r"\b(close|break|term\s+end|last\s+day\s+of\s+(term|school))", re.IGNORECASE)
REOPENS = re.compile(
    r"\b(open|reopen|return|back|term\s+(start|begin)|first\s+day\s+of\s+(term|school))", re.I
)


@dataclass(frozen=True, slots=True)
class TermTable:
    """A table of holidays or terms."""

    rows: list[list[str]]
    """The cells of each row, the name first."""
    is_of_school_days: bool
    """Whether dates are the last day of school before a holiday and the first after it (School closes, Reopens)."""
    has_one_date: bool
    """Whether each row names a single day."""


def term_tables(html: str) -> list[TermTable]:
    """Return the tables whose heading mentions holidays or terms, and beginnings and ends or dates.

    Tables that contain tables are skipped: they only lay out the page, and deep nesting would take minutes to parse.
    Raises: ValueError if the page cannot be parsed.
    """
    if len(html) > MAX_PAGE_CHARACTERS:
        raise ValueError(
            f"it has {len(html):,} characters, and no such page has more than {MAX_PAGE_CHARACTERS:,}"
        )
    try:
        page = BeautifulSoup(html, "html.parser")
    except ParserRejectedMarkup:
        raise ValueError("its markup cannot be read") from None
    found = []
    tables = page.find_all("table")
    # Searching each table for an inner one would be quadratic in the depth of a hostile page; parents are near.
    with_inner_tables = {id(table.find_parent("table")) for table in tables}
    for table in tables:
        if id(table) in with_inner_tables:
            continue
        rows = [row for row in map(_cells, table.find_all("tr")) if any(row)]
        if rows and _is_of_terms(rows[0], table):
            found.append(_term_table(rows))
    return found


def _term_table(rows: list[list[str]]) -> TermTable:
    heading = [cell for cell in rows[0][1:] if BEGINS.search(cell) or ENDS.search(cell)]
    has_one_date = len(heading) == 1
    is_of_school_days = (
        not has_one_date and bool(CLOSES.search(heading[0])) and bool(REOPENS.search(heading[1]))
    )
    return TermTable(rows[1:], is_of_school_days, has_one_date)


def _is_of_terms(heading: list[str], table: Tag) -> bool:
    caption = table.find("caption")
    about = f"{heading[0]} {caption.get_text(' ') if caption else ''}"
    return bool(
        ABOUT.search(about)
        and any(BEGINS.search(cell) for cell in heading[1:])
        and any(ENDS.search(cell) for cell in heading[1:])
    )


def _cells(row: Tag) -> list[str]:
    return [" ".join(cell.get_text(" ").split()) for cell in row.find_all(["th", "td"])]


PUBLISHER = "School terms page of Barking and Dagenham"
SOURCE = "borough page"
ADVICE = "Years stored before stay in use. Import others with londonpump calendar import FILE."
MIN_ROWS = 3
"""The fewest rows of a table: half of the six holidays of a school year."""
YEARS_BACK, YEARS_AHEAD = 12, 4
NOT_YET = ("", "-", "–", "tba", "tbc", "to be announced", "to be confirmed")
TERM = re.compile(r"\bterm\b|\b(first|second)\s+half\b", re.IGNORECASE)
HOLIDAY = re.compile(r"(?<!first )(?<!second )\bhalf[\s-]*term|holiday|break|vacation", re.IGNORECASE)
STARTS = re.compile(r"\b(start|begin|open|return)", re.IGNORECASE)


@dataclass(slots=True)
class ParsedRows:
    """The holidays and terms in the rows of the tables."""

    holidays: list[Holiday] = field(default_factory=list)
    terms: list[tuple[str, date, date]] = field(default_factory=list)
    started: date | None = None
    """The first day of a term whose last day comes in a later row."""


def fetch_school_holidays(http: Http, settings: Settings, today: date) -> list[SchoolHoliday]:
    """Fetch the completely covered calendar years. Raises: SourceFailed as `parse_school_terms`."""
    return parse_school_terms(http.get(PUBLISHER, settings.school_terms_url).text, today)


def parse_school_terms(html: str, today: date) -> list[SchoolHoliday]:
    """Return the weekdays without school of each completely covered calendar year, in order.

    Raises: SourceFailed if there is no table of dates, a date is impossible, a table has less than half of a school year,
    or no calendar year is complete.
    """
    parsed = ParsedRows()
    for table in _tables(html):
        _read_table(table, today, parsed)
    if not parsed.holidays and not parsed.terms:
        raise _failed("it has no table of school holidays or terms with dates")
    school = _school_days(parsed)
    years = school.complete_years()
    if not years:
        raise _failed(school.incomplete_reason())
    return [SchoolHoliday(day, SOURCE) for day in school.days if day.year in years]


def _tables(html: str) -> list[TermTable]:
    try:
        return term_tables(html)
    except ValueError as error:
        raise _failed(str(error)) from None


def _read_table(table: TermTable, today: date, parsed: ParsedRows) -> None:
    """Add the contents of the rows. Raises: SourceFailed."""
    before, count = date.min, 0
    for cells in table.rows:
        dates = _dates(cells, today)
        if not dates:
            continue
        # Dates that go backwards show a wrong year or a column in another order.
        if dates[0] < before:
            raise _failed(f"its dates go backwards at {cells[0]!r}, {dates[0]:%d %B %Y}")
        before, count = dates[0], count + 1
        if TERM.search(cells[0]) and not HOLIDAY.search(cells[0]):
            _read_term(cells[0], dates, parsed)
        else:
            parsed.holidays.append(_holiday(cells[0], dates, table))
    # A page with a wrong table is rejected as a whole: a missing holiday would look like school.
    if count < MIN_ROWS:
        problem = (
            f"a table of it has {count} rows with dates, where a school year has {2 * MIN_ROWS} holidays"
        )
        raise _failed(problem)


def _holiday(name: str, dates: list[date], table: TermTable) -> Holiday:
    if table.has_one_date and len(dates) == 1:
        return Holiday(name, dates[0], dates[0])
    last = dates[1] if len(dates) > 1 else None
    if table.is_of_school_days:
        return Holiday(name, dates[0] + DAY, last and last - DAY)
    return Holiday(name, dates[0], last)


def _read_term(name: str, dates: list[date], parsed: ParsedRows) -> None:
    """Add a term that has one row, or its start in one row and its end in a later one."""
    if len(dates) > 1:
        parsed.terms.append((name, dates[0], dates[1]))
    elif STARTS.search(name):
        parsed.started = dates[0]
    else:
        parsed.terms.append((name, parsed.started or dates[0], dates[0]))
        parsed.started = None


def _dates(cells: list[str], today: date) -> list[date]:
    """Return the dates of a row; none if the row is a note, or its dates are not published yet."""
    try:
        found = [find_dates(cell) for cell in cells[1:]]
    except ValueError as error:
        raise _failed(f"in the row {cells[0]!r} {error}") from None
    dates = [day for days in found for day in days]
    for cell, days in zip(cells[1:3], found, strict=False):
        if dates and not days and cell.lower() not in NOT_YET:
            raise _failed(f"in the row {cells[0]!r} {cell!r} is no date of a form that is known")
    for day in dates:
        if not today.year - YEARS_BACK <= day.year <= today.year + YEARS_AHEAD:
            raise _failed(f"in the row {cells[0]!r} {day:%d %B %Y} is far from today")
    return dates


def _school_days(parsed: ParsedRows) -> SchoolHolidays:
    try:
        holidays = [*parsed.holidays, *holidays_between_terms(parsed.terms)]
        edges = [day for _, first, last in parsed.terms for day in (first, last)]
        return school_holidays_of(holidays, (min(edges), max(edges)) if edges else None)
    except InvalidDates as error:
        raise _failed(str(error)) from None


def _failed(problem: str) -> SourceFailed:
    return SourceFailed(PUBLISHER, problem, ADVICE)
