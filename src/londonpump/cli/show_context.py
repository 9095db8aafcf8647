"""The command that shows the context of a moment: context."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from londonpump.cli.application import app, report_errors, settings


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
    from londonpump.lifecycle.show_context import format_context_at, read_context

    with report_errors():
        timestamp = parse_timestamp(at, "--at")[0] if at else datetime.now(UTC)
        found = read_context(settings().database, timestamp)
    typer.echo(json_format.dumps(found.to_json(), indent=2) if json else format_context_at(found))
