"""The command that brings published records: fetch records."""

from datetime import datetime
from typing import Annotated

import typer

from londonpump.cli import application
from londonpump.cli.application import DAY, app, as_date, report_errors, settings, show_progress

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
