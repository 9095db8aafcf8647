"""Commands for data from publishers: fetch records, fetch roads, refresh context, context."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated

import typer

from londonpump.cli import application, options
from londonpump.cli.application import app, report_errors, settings, show_progress, show_result

fetch_app = typer.Typer(
    no_args_is_help=True,
    help="Download the published records of the London Fire Brigade, or the roads.",
)
app.add_typer(fetch_app, name="fetch")


@fetch_app.callback()
def fetch() -> None:
    """Download the published records of the London Fire Brigade, or the roads."""


@fetch_app.command("records", epilog=options.example("fetch records --since 2024-01-01"))
def records(
    since: Annotated[
        date | None,
        options.day("Download records from this day on. Default: three years before 1 January of this year."),
    ] = None,
) -> None:
    """Download incident and mobilisation records. A second run downloads only what is new.

    The exit code is 3 if the publisher cannot be reached.
    """
    from londonpump.lifecycle.fetch import fetch_records

    with report_errors(), show_progress() as progress, application.open_http() as http:
        fetched = fetch_records(settings(), since, progress, http)
    typer.echo(fetched.to_text())


@fetch_app.command("roads", epilog=options.example("fetch roads"))
def roads() -> None:
    """Download the map of London's roads: the OpenStreetMap extract of Greater London.

    A second run downloads only a newer map. `londonpump roads import` makes it usable. The exit code is 3 if the
    publisher cannot be reached.
    """
    from londonpump.lifecycle.roads import fetch_roads

    with report_errors(), application.open_http() as http:
        typer.echo(fetch_roads(settings(), http))


refresh_app = typer.Typer(
    no_args_is_help=True,
    help="Download current weather, calendars and traffic.",
)
app.add_typer(refresh_app, name="refresh")


class Publisher(StrEnum):
    """Publishers of weather."""

    OPEN_METEO = "open-meteo"
    VISUAL_CROSSING = "visual-crossing"


# A copy of `lifecycle.refresh.Part`, which would load the database for every --help.
class Only(StrEnum):
    """Parts that can be refreshed alone."""

    WEATHER = "weather"
    HISTORY = "weather-history"
    BANK_HOLIDAYS = "bank-holidays"
    SCHOOL_HOLIDAYS = "school-holidays"
    TRAFFIC = "traffic"


@refresh_app.callback()
def refresh() -> None:
    """Download current weather, calendars and traffic."""


@refresh_app.command("context", epilog=options.example("refresh context --only weather"))
def refresh_context_command(
    since: Annotated[
        date | None, options.day("Also download past weather from this day on. Default: no past weather.")
    ] = None,
    source: Annotated[
        Publisher,
        typer.Option(
            metavar="PUBLISHER", help="Choose the publisher of weather: open-meteo, or visual-crossing."
        ),
    ] = Publisher.OPEN_METEO,
    only: Annotated[
        Only | None,
        options.value(
            "PART",
            "Refresh this part only: weather, weather-history, bank-holidays, school-holidays or traffic. "
            "Default: every part.",
        ),
    ] = None,
) -> None:
    """Store current weather, calendars and traffic in the database.

    Run it every hour. The exit code is 3 if a source fails; the other sources are stored all the same.
    """
    from londonpump.lifecycle.refresh import Part, RefreshRequest, refresh_context
    from londonpump.persistence.database import open_database

    request = RefreshRequest(since, source.value, None if only is None else Part(only.value))
    with report_errors():
        config = settings()
        engine = open_database(config.database)
        try:
            with application.open_http() as http:
                refreshed = refresh_context(config, engine, http, datetime.now(UTC), request)
        finally:
            engine.dispose()
    typer.echo(refreshed.to_text())
    if refreshed.has_failed:
        raise typer.Exit(application.SOURCE_FAILED)


@app.command(epilog=options.example("context --at 2025-06-01T11:00Z"))
def context(
    at: Annotated[
        str | None,
        options.value(
            "TIME",
            "Show the context at this time, such as 2024-01-15T08:00Z; without Z it is London time. Default: now.",
        ),
    ] = None,
    json: options.JsonFile = None,
) -> None:
    """Show weather, calendar and traffic at a time.

    Each value is what the database knew then, with its source and age.
    """
    from londonpump.lifecycle.calls_file import parse_timestamp
    from londonpump.lifecycle.context_store import format_context_at, read_context

    with report_errors():
        timestamp = parse_timestamp(at, "--at")[0] if at else datetime.now(UTC)
        found = read_context(settings().database, timestamp)
        show_result(found.to_json(), format_context_at(found), json)
