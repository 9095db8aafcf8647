"""Commands about the database: db upgrade, db import-mongo."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from londonpump.cli.application import app, report_errors, settings

calendar_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="School holidays by hand.",
)
stations_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The list of stations in use.",
)
app.add_typer(calendar_app, name="calendar")
app.add_typer(stations_app, name="stations")

File = Annotated[Path, typer.Argument(metavar="FILE", help="csv.", show_default=False)]


@calendar_app.callback()
def calendar() -> None:
    """School holidays by hand."""


@calendar_app.command("import")
def import_calendar(
    file: File,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put the file's years in the place of those that are there.")
    ] = False,
) -> None:
    """Take school holidays from a csv: date, or kind, start, end. Calendar years it tells whole are kept by year."""
    from londonpump.lifecycle import import_files

    with report_errors():
        _print_lines(import_files.import_calendar(_database(), file, is_replacing=replace))


@stations_app.command("import")
def import_stations(
    file: File,
    force: Annotated[
        bool, typer.Option("--force", help="Take a list with fewer than 50 open stations of London.")
    ] = False,
) -> None:
    """Take the whole list of stations from a csv, in place of the list in use; say what changes."""
    from londonpump.lifecycle import import_files

    with report_errors():
        _print_lines(import_files.import_stations(_database(), file, _today(), is_forced=force))


@stations_app.command("list")
def list_stations() -> None:
    """Show the list of stations in use."""
    from londonpump.lifecycle import import_files

    with report_errors():
        _print_lines(import_files.format_stations(import_files.stations_in_use(_database()), _today()))


def _database() -> Any:
    from londonpump.storage.database import open_database

    return open_database(settings().database)


def _today() -> date:
    from londonpump.domain.london_clock import LONDON

    return datetime.now(LONDON).date()


def _print_lines(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)


db_app = typer.Typer(
    help="The database: its tables, and what is brought into it.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(db_app, name="db")


@db_app.command()
def upgrade() -> None:
    """Make the tables of LONDONPUMP_DATABASE_URL, or bring them to this version."""
    with report_errors():
        message = _upgrade(settings().database)
    typer.echo(message)


@db_app.command()
def import_mongo(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where stations.json, users.json and so on are.")
    ],
) -> None:
    """Bring the original's exports (mongoexport) into the database: all of them, or nothing."""
    from londonpump.lifecycle.import_mongo import import_mongo as import_exports

    with report_errors():
        imported = import_exports(folder, settings().database)
    typer.echo(imported.to_text())


def _upgrade(url: str) -> str:
    """Upgrade, and say what was done. Raises: DatabaseFailed."""
    from londonpump.storage.database import connect, upgrade
    from londonpump.storage.database.errors import database_name
    from londonpump.storage.database.schema import VERSION

    engine = connect(url)
    try:
        before = upgrade(engine)
    finally:
        engine.dispose()
    name = database_name(engine.url)
    if before == VERSION:
        return f"{name} is of version {VERSION} already."
    return f"{name} is of version {VERSION} now; before: {before or 'no tables'}."
