"""The bank holidays of England from the `holidays` library, checked against GOV.UK.

GOV.UK lists only the days off. The library also lists the day itself where a holiday falls on a weekend (25
December on a Saturday, with its substitute on the Monday). Only Mondays to Fridays are compared, because a weekend
is never a working day. Where the two differ, GOV.UK is right.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import holidays

from londonpump.domain.columns import BankHoliday
from londonpump.domain.errors import SourceFailed
from londonpump.domain.london_clock import FIRST_YEAR, LAST_YEAR
from londonpump.ingest.http import Http
from londonpump.settings import Settings

PUBLISHER = "GOV.UK bank holidays"
GOVUK, LIBRARY = "govuk", "holidays library"
PATH = "/bank-holidays.json"
DIVISION = "england-and-wales"
MIN_DAYS_PER_YEAR = 8
"""England has had eight or more per year since 1978. Fewer are part of a year, or belong to another division."""
SATURDAY = 5
ADVICE = "Ask again later; until then the library's days are used."


@dataclass(frozen=True, slots=True)
class BankHolidayCheck:
    """The merged bank holidays and their differences."""

    days: list[BankHoliday]
    """Days in order: GOV.UK's for the years that it lists completely, the library's for the others."""
    differences: list[str]
    """One line per working day on which GOV.UK and the library differ."""

    @property
    def announced(self) -> list[BankHoliday]:
        """Return GOV.UK's own days. They are stored, because GOV.UK drops old years and the library may lack one-off holidays."""
        return [day for day in self.days if day.source == GOVUK]


def fetch_bank_holidays(http: Http, settings: Settings) -> BankHolidayCheck:
    """Ask GOV.UK and compare the library with it. Raises: SourceFailed if it cannot be reached or read."""
    response = http.get(PUBLISHER, settings.govuk_url + PATH)
    return check_bank_holidays(parse_govuk(response.json()), library_days())


def library_days() -> list[BankHoliday]:
    """Return the library's days from 2008 to 2040, including weekends."""
    found = holidays.country_holidays("GB", subdiv="ENG", years=range(FIRST_YEAR, LAST_YEAR + 1))
    return [BankHoliday(day, title, LIBRARY) for day, title in sorted(found.items())]


def parse_govuk(value: Any) -> list[BankHoliday]:
    """Return the days of England and Wales. Raises: SourceFailed for an unexpected format, or too few days."""
    days = {_event(entry) for entry in _events(value)}
    by_day = {day.day: day for day in days}
    if not any(_complete_years(by_day)):
        problem = f"it lists {len(by_day)} days of {DIVISION} and no year of {MIN_DAYS_PER_YEAR} or more"
        raise SourceFailed(PUBLISHER, problem, ADVICE)
    return [by_day[day] for day in sorted(by_day)]


def check_bank_holidays(listed: list[BankHoliday], library: list[BankHoliday]) -> BankHolidayCheck:
    """Merge GOV.UK and the library, and list their differences. A year that GOV.UK lists in part only adds days."""
    complete_years = _complete_years(day.day for day in listed)
    listed_by_day = {day.day: day for day in listed}
    library_by_day = {day.day: day for day in library}
    # Only Mondays to Fridays are compared: other differences change no working day.
    differences = [
        f"{day.day:%A %d %B %Y}: GOV.UK has {day.title}, the library does not know it; taken as a bank holiday"
        for day in listed
        if day.day not in library_by_day and day.day.weekday() < SATURDAY
    ] + [
        f"{day.day:%A %d %B %Y}: the library has {day.title}, GOV.UK does not list it; taken as a working day"
        for day in library
        if day.day.year in complete_years and day.day not in listed_by_day and day.day.weekday() < SATURDAY
    ]
    # GOV.UK lists a few years only; the library has all others.
    library_only = {day: row for day, row in library_by_day.items() if day.year not in complete_years}
    merged = {**library_only, **listed_by_day}
    return BankHolidayCheck([merged[day] for day in sorted(merged)], differences)


def _events(value: Any) -> list[Any]:
    division = value.get(DIVISION) if isinstance(value, dict) else None
    events = division.get("events") if isinstance(division, dict) else None
    if not isinstance(events, list):
        raise SourceFailed(PUBLISHER, f"its answer has no list of events of {DIVISION}", ADVICE)
    return events


def _event(entry: Any) -> BankHoliday:
    try:
        day, title = date.fromisoformat(entry["date"]), " ".join(entry["title"].split())
        if not title.isprintable():  # Databases reject surrogates, and screens may obey control characters.
            raise ValueError  # noqa: TRY301
    except (AttributeError, KeyError, TypeError, ValueError):
        raise SourceFailed(PUBLISHER, "it lists an event without a date or a title", ADVICE) from None
    return BankHoliday(day, title, GOVUK)


def _complete_years(days: Iterable[date]) -> set[int]:
    years = [day.year for day in days]
    return {year for year in years if years.count(year) >= MIN_DAYS_PER_YEAR}
