"""Commands for the road network: roads import, roads show."""

from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli import options
from londonpump.cli.application import app, report_errors, settings, show_progress, show_result

roads_app = typer.Typer(no_args_is_help=True, help="Import a map of the roads of London, or show it.")
app.add_typer(roads_app, name="roads")


@roads_app.callback()
def roads() -> None:
    """Import a map of the roads of London, or show it."""


@roads_app.command("import", epilog=options.example("roads import greater-london-latest.osm.pbf"))
def import_map(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Read this map: .osm.pbf of OpenStreetMap, or the GeoPackage of OS Open Roads.",
        ),
    ],
    partial: Annotated[
        bool, typer.Option("--partial", help="Accept a map that covers only a part of London.")
    ] = False,
) -> None:
    """Find the ways by road from every station to every 100 m cell of London, and use them from now on.

    A model uses roads if it is trained afterwards.
    """
    from londonpump.lifecycle.roads import import_roads

    with report_errors(), show_progress() as progress:
        imported = import_roads(settings(), file, is_partial=partial, progress=progress)
    typer.echo(imported.to_text())


@roads_app.command("show", epilog=options.example("roads show"))
def show(json: options.JsonFile = None) -> None:
    """Show the roads in use: source, date, licence and extent.

    Every file of the table is read and compared with its hash.
    """
    from londonpump.lifecycle.roads import show_roads

    with report_errors():
        lines, summary = show_roads(settings())
        show_result(summary, "\n".join(lines), json)
