"""The command line: one command a verb, one call into the package each.

Imports stand inside the commands, so that --help answers at once.
"""

import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from londonpump import __version__
from londonpump.brigade.errors import LondonPumpError

app = typer.Typer(
    name="londonpump",
    help="Which fire engines can reach an emergency in London, how soon and how sure.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

BAD_INPUT, SOME_ROWS_UNANSWERED = 2, 1

InFile = Annotated[list[Path], typer.Option(metavar="FILE")]


class YesNo(StrEnum):
    """Stated completeness of a stream."""

    YES = "yes"
    NO = "no"


def _fail(error: LondonPumpError) -> NoReturn:
    typer.echo(f"londonpump: {error}", err=True)
    raise typer.Exit(BAD_INPUT)


def _settings() -> Any:
    from londonpump.settings import Settings

    return Settings()


def _version(shown: bool) -> None:
    if shown:
        typer.echo(f"londonpump {__version__}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """State that no option names lives under LONDONPUMP_HOME."""
