"""Dates as people write them on pages: 22 Oct 2018(Mon), Mon, 23 Oct 2023, Monday 23rd October 2023, 23/10/2023."""

import re
from datetime import date

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
    """The dates in a text, in its order.

    Raises: ValueError in words for a day that is none, or whose weekday is another than the one beside it.
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
