"""Tables of holidays or terms on a web page: which they are, and how their headings tell first and last days."""

import re
from dataclasses import dataclass

from bs4 import BeautifulSoup, ParserRejectedMarkup, Tag

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
    """rows: their cells, the name first. is_of_school_days: a row names the last day of school before a holiday
    and the first after it (School closes, Reopens), not the holiday's own days. has_one_date: a row names a day."""

    rows: list[list[str]]
    is_of_school_days: bool
    has_one_date: bool


def term_tables(html: str) -> list[TermTable]:
    """The tables whose heading speaks of holidays or terms, and of when they begin and end or of dates.

    A table that holds another only lays out the page; reading such ones too takes minutes where they nest deep.
    Raises: ValueError in words if it is no page that can be read.
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
    for table in page.find_all("table"):
        if table.find("table"):
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
