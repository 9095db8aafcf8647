"""The command that shows the context of a moment: context."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from londonpump.cli.screen import app, errors_told, settings


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

    from londonpump.pipelines.calls import parse_moment
    from londonpump.pipelines.show_context import context_shown, moment_in_words

    with errors_told():
        moment = parse_moment(at, "--at")[0] if at else datetime.now(UTC)
        shown = context_shown(settings().database, moment)
    typer.echo(json_format.dumps(shown.to_json(), indent=2) if json else moment_in_words(shown))
