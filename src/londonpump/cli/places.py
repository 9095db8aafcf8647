"""Commands for places by their names: places import, places find, places show."""

from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli.application import app, report_errors, settings, show_progress

places_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Import gazetteers, find a place in them, or show them."
)
app.add_typer(places_app, name="places")


@places_app.callback()
def places() -> None:
    """Import gazetteers, find a place in them, or show them."""


@places_app.command("import")
def import_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Read these: OS Open Names and Code-Point Open (zip or csv), .osm.pbf, or csv with name, easting and northing.",
        ),
    ],
    licence: Annotated[
        str, typer.Option(metavar="TEXT", help="Show this licence with csv files of your own.")
    ] = "not stated",
    attribution: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="Show this text with csv files of your own. Default: the name of the file.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Make the index of all places in these files, and use it from now on in place of the one before.

    A service that runs uses it from the next request on.
    """
    from londonpump.lifecycle.places import import_places
    from londonpump.places.index import Source

    with report_errors(), show_progress() as progress:
        lines = import_places(settings(), files, Source("", licence, attribution), progress)
    typer.echo("\n".join(lines))


@places_app.command("find")
def find(
    text: Annotated[str, typer.Argument(metavar="TEXT", help='Find this place, such as "church rd acton".')],
) -> None:
    """Find a place: a station, borough, postcode, street, junction, place of interest, grid reference or coordinates.

    Without an import, stations, boroughs, postcode districts of the model, grid references and coordinates are known.
    """
    from londonpump.lifecycle.places import find_places

    with report_errors():
        lines = find_places(settings(), text)
    typer.echo("\n".join(lines))


@places_app.command("show")
def show(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show the places in use: numbers of entries, sources and licences."""
    import json as json_format

    from londonpump.lifecycle.places import show_places

    with report_errors():
        lines, summary = show_places(settings())
    typer.echo(json_format.dumps(summary, indent=2, ensure_ascii=False) if json else "\n".join(lines))
