"""The command that keeps context fresh: refresh context, to be run every hour."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from londonpump.cli import application
from londonpump.cli.application import DAY, SOURCE_FAILED, app, as_date, report_errors, settings

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
def context(
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
