"""The command that keeps context fresh: refresh context, to be run every hour."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from londonpump.cli import application
from londonpump.cli.application import (
    DAY,
    SOURCE_FAILED,
    app,
    as_date,
    report_errors,
    settings,
    show_progress,
)

fetch_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Bring the Brigade's published records.",
)
app.add_typer(fetch_app, name="fetch")


@fetch_app.callback()
def fetch() -> None:
    """Bring the Brigade's published records."""


@fetch_app.command("records")
def records(
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=[DAY],
            metavar="DATE",
            help="From this day on. Default: three years before 1 January of this year.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Bring incident and mobilisation records; a second run brings only what is new. Exit code 3: not had."""
    from londonpump.lifecycle.fetch import fetch_records

    with report_errors(), show_progress() as progress, application.open_http() as http:
        fetched = fetch_records(settings(), as_date(since), progress, http)
    typer.echo(fetched.to_text())


refresh_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Bring what is known of now: weather, calendars, traffic.",
)
app.add_typer(refresh_app, name="refresh")


class Publisher(StrEnum):
    """Who gives the weather."""

    OPEN_METEO = "open-meteo"
    VISUAL_CROSSING = "visual-crossing"


class Only(StrEnum):
    """Parts that can be asked alone."""

    WEATHER = "weather"
    HISTORY = "weather-history"
    BANK_HOLIDAYS = "bank-holidays"
    SCHOOL_HOLIDAYS = "school-holidays"
    TRAFFIC = "traffic"


@refresh_app.callback()
def refresh() -> None:
    """Bring what is known of now: weather, calendars, traffic."""


@refresh_app.command("context")
def refresh_context_command(
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=[DAY], metavar="DATE", help="Also past weather from this day on.", show_default=False
        ),
    ] = None,
    source: Annotated[Publisher, typer.Option(help="Of the weather.")] = Publisher.OPEN_METEO,
    only: Annotated[Only | None, typer.Option(help="This part alone.", show_default=False)] = None,
) -> None:
    """Ask every source of context and store what comes; run it hourly. Exit code 3 if one of them fails."""
    from londonpump.lifecycle.refresh import Part, RefreshRequest, refresh_context
    from londonpump.storage.database import open_database

    request = RefreshRequest(as_date(since), source.value, None if only is None else Part(only.value))
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
        raise typer.Exit(SOURCE_FAILED)


@app.command()
def context(
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="2024-01-15T08:00Z, or London time without Z. Default: now.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As json, for machines.")] = False,
) -> None:
    """Show weather, calendar and traffic as the database knew them at a moment, with source and age."""
    import json as json_format

    from londonpump.lifecycle.calls_file import parse_timestamp
    from londonpump.lifecycle.context_store import format_context_at, read_context

    with report_errors():
        timestamp = parse_timestamp(at, "--at")[0] if at else datetime.now(UTC)
        found = read_context(settings().database, timestamp)
    typer.echo(json_format.dumps(found.to_json(), indent=2) if json else format_context_at(found))
