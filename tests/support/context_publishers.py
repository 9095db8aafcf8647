"""All publishers of context on one loopback server, with valid responses, and the rows that the database holds of them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from support import weather_responses
from support.publisher_server import Publisher, Reply, as_json, as_text

from londonpump.ingest.tomtom import PATH as TOMTOM_PATH
from londonpump.persistence.repositories import context
from londonpump.settings import Settings

FORECAST, ARCHIVE, ARCHIVED = "/v1/forecast", "/v1/archive", "/v1/historical-forecast"
TIMELINE = "/VisualCrossingWebServices/rest/services/timeline/LONDON"
GOVUK, TERMS = "/bank-holidays.json", "/terms"
KEY = "a-very-secret-key"
BANK_DAYS = ("01-01", "04-03", "04-06", "05-04", "05-25", "08-31", "12-25", "12-28")


def settings_for(publisher: Publisher, **more: Any) -> Settings:
    """Return settings with the address of the server and a key for every publisher."""
    return Settings(**{name.lower(): value for name, value in addresses(publisher).items()} | more)


def addresses(publisher: Publisher) -> dict[str, str]:
    """Return the settings by name, without their prefix."""
    names = ("OPEN_METEO_URL", "VISUAL_CROSSING_URL", "GOVUK_URL", "TOMTOM_URL")
    urls = dict.fromkeys(names, publisher.url) | {"SCHOOL_TERMS_URL": publisher.url + TERMS}
    return urls | {"VISUAL_CROSSING_KEY": KEY, "TOMTOM_KEY": KEY}


def all_is_well(publisher: Publisher) -> None:
    """Set valid responses for every publisher, for the present day."""
    publisher.answers(FORECAST, weather_responses.forecast_of_now)
    publisher.answers(ARCHIVE, weather_responses.days_of_open_meteo)
    publisher.answers(ARCHIVED, weather_responses.days_of_open_meteo)
    publisher.answers(GOVUK, bank_holidays())
    publisher.answers(TERMS, terms_page())
    publisher.answers(TOMTOM_PATH, flow())


def bank_holidays() -> Reply:
    """Return eight bank holidays of 2026."""
    events = [{"title": "A day", "date": f"2026-{day}", "notes": "", "bunting": True} for day in BANK_DAYS]
    return as_json({"england-and-wales": {"division": "england-and-wales", "events": events}})


def flow() -> Reply:
    """Return a road at three quarters of its free-flow speed."""
    return as_json({"flowSegmentData": {"currentSpeed": 32, "freeFlowSpeed": 40, "roadClosure": False}})


def terms_page() -> Reply:
    """Return a page of three school years, which cover two whole calendar years."""
    year = datetime.now(UTC).year
    return as_text("".join(_table(first) for first in (year - 1, year, year + 1)), "text/html")


def everything(engine: Engine) -> list[Any]:
    """Return all rows of context, to compare before and after."""
    first, end = datetime(1990, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=100)
    return [
        context.read_weather(engine, first, end),
        context.read_traffic(engine, first, end),
        context.read_school_holidays(engine),
        context.school_years(engine),
        context.read_bank_holidays(engine),
    ]


def _table(year: int) -> str:
    holidays = (
        ("Autumn Half Term", date(year, 10, 23), date(year, 10, 27)),
        ("Winter Holidays", date(year, 12, 21), date(year + 1, 1, 3)),
        ("Spring Half Term", date(year + 1, 2, 13), date(year + 1, 2, 17)),
        ("Easter Holidays", date(year + 1, 4, 3), date(year + 1, 4, 14)),
        ("Summer Half Term", date(year + 1, 5, 29), date(year + 1, 6, 2)),
        ("Summer Holidays", date(year + 1, 7, 24), date(year + 1, 9, 1)),
    )
    rows = "".join(
        f"<tr><td>{name}</td><td>{first:%-d %b %Y}</td><td>{last:%-d %b %Y}</td></tr>"
        for name, first, last in holidays
    )
    return f"<table><tr><th>School Holidays</th><th>Starts</th><th>Finishes</th></tr>{rows}</table>"
