"""Commands about the database: db upgrade, db import-mongo."""

from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli.application import app, report_errors, settings

db_app = typer.Typer(
    help="The database: its tables, and what is brought into it.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(db_app, name="db")


@db_app.command()
def upgrade() -> None:
    """Make the tables of LONDONPUMP_DATABASE_URL, or bring them to this version."""
    from londonpump.lifecycle.upgrade_database import upgrade_database

    with report_errors():
        message = upgrade_database(settings().database)
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
