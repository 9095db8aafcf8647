"""Commands that fill the database by hand: calendar import, stations import and list, db upgrade and import-mongo."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from londonpump.cli import options
from londonpump.cli.application import app, report_errors, settings

calendar_app = typer.Typer(
    no_args_is_help=True,
    help="Import school holidays from a file.",
)
stations_app = typer.Typer(
    no_args_is_help=True,
    help="Import or show the list of stations.",
)
app.add_typer(calendar_app, name="calendar")
app.add_typer(stations_app, name="stations")

File = Annotated[Path, typer.Argument(metavar="FILE", help="Read this CSV file.", show_default=False)]


@calendar_app.callback()
def calendar() -> None:
    """Import school holidays from a file."""


@calendar_app.command("import", epilog=options.example("calendar import holidays.csv"))
def import_calendar(
    file: File,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace years that are stored already.")
    ] = False,
) -> None:
    """Import school holidays from a CSV file.

    Its columns are date, or kind, start and end. Only calendar years that the file covers completely are stored.
    """
    from londonpump.lifecycle import import_files

    with report_errors():
        _print_lines(import_files.import_calendar(_database(), file, is_replacing=replace))


@stations_app.command("import", epilog=options.example("stations import stations.csv"))
def import_stations(
    file: File,
    force: Annotated[
        bool, typer.Option("--force", help="Accept a list with fewer than 50 open stations in London.")
    ] = False,
) -> None:
    """Replace the list of stations by that of a CSV file.

    The changes are printed.
    """
    from londonpump.lifecycle import import_files

    with report_errors():
        _print_lines(import_files.import_stations(_database(), file, _today(), is_forced=force))


@stations_app.command("list", epilog=options.example("stations list"))
def list_stations() -> None:
    """Show the stations in use."""
    from londonpump.lifecycle import import_files

    with report_errors():
        _print_lines(import_files.format_stations(import_files.stations_in_use(_database()), _today()))


def _database() -> Any:
    from londonpump.persistence.database import open_database

    return open_database(settings().database)


def _today() -> date:
    from londonpump.domain.london_clock import LONDON

    return datetime.now(LONDON).date()


def _print_lines(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)


db_app = typer.Typer(
    help="Upgrade the database, or import the original's data.",
    no_args_is_help=True,
)
app.add_typer(db_app, name="db")


@db_app.command(epilog=options.example("db upgrade"))
def upgrade(
    expand_only: Annotated[
        bool,
        typer.Option(
            "--expand-only",
            help="Change nothing if a service that runs now could not go on with the new tables.",
        ),
    ] = False,
) -> None:
    """Create the tables of the database, or upgrade them.

    The database is LONDONPUMP_DATABASE_URL.
    """
    with report_errors():
        message = _upgrade(settings().database, is_expand_only=expand_only)
    typer.echo(message)


@db_app.command(epilog=options.example("db import-mongo export"))
def import_mongo(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Read stations.json, users.json and the other exports from this folder."
        ),
    ],
) -> None:
    """Import the exports of the original system (mongoexport).

    All of them are imported, or nothing if one fails.
    """
    from londonpump.lifecycle.import_mongo import import_mongo as import_exports

    with report_errors():
        imported = import_exports(folder, settings().database)
    typer.echo(imported.to_text())


def _upgrade(url: str, *, is_expand_only: bool) -> str:
    """Upgrade a database and return what was done. Raises: DatabaseFailed."""
    from londonpump.persistence.database import VERSION, connect, upgrade
    from londonpump.persistence.database.engine import database_name
    from londonpump.persistence.database.schema_version import readable_from

    engine = connect(url)
    try:
        before = upgrade(engine, is_expand_only=is_expand_only)
        lowest = readable_from(engine)
    finally:
        engine.dispose()
    name = database_name(engine.url)
    if before is not None and before > VERSION:
        return f"{name} has version {before}, newer than {VERSION} of this product, which can run on it. Nothing was changed."
    if before == VERSION:
        return f"{name} has version {VERSION} already."
    return (
        f"{name} has version {VERSION} now; before: {before or 'no tables'}. "
        f"londonpump with tables from {lowest} on can run on it."
    )
