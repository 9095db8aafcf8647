"""Commands for the audit: audit verify, audit show."""

import gc
from datetime import UTC, datetime
from typing import Annotated

import typer

from londonpump.cli.application import BAD_INPUT, DAY, app, report_errors, settings


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
) -> None:
    """Run the service over HTTP until it is stopped. Its API is shown at /docs; it needs `londonpump[service]`."""
    # nothing that is loaded now is garbage: to look for some again and again takes 0.1 s
    gc.disable()
    try:
        from londonpump.service.server import serve as serve_until_stopped

        with report_errors():
            serve_until_stopped(settings(), host, port, lambda address: typer.echo(f"Serving on {address}"))
    finally:
        gc.enable()


BROKEN = 1

audit = typer.Typer(name="audit", help="Who did what: the chain of events.", no_args_is_help=True)
app.add_typer(audit)


@audit.command()
def verify(
    head: Annotated[
        str | None,
        typer.Option(
            metavar="N:HASH",
            help="What verify printed before, kept elsewhere: finds a chain that was written anew.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Walk the chain from its first row. Exit code 1, with the row, if one was changed or is missing."""
    from londonpump.service.predictions.audit_check import find_changed_prediction
    from londonpump.storage.database import open_database, reading
    from londonpump.storage.database.audit_repository import verify_audit

    n_rows, expected_hash = _head(head)
    with report_errors():
        engine = open_database(settings().database)
        with reading(engine) as connection:
            found = verify_audit(connection, n_rows, expected_hash)
            # a broken chain says nothing about predictions
            changed = find_changed_prediction(connection) if found.problem is None else None
        engine.dispose()
    seq, problem = changed or (found.seq, found.problem)
    if problem is not None:
        typer.echo(f"londonpump: the audit is broken at row {seq}: {problem}.", err=True)
        raise typer.Exit(BROKEN)
    typer.echo(f"{found.n_rows} rows are as they were written. Head: {found.n_rows}:{found.head_hash}")


@audit.command()
def show(
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=[DAY, "%Y-%m-%dT%H:%M:%S"],
            metavar="DATE",
            help="From this day or moment (UTC) on.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print events, the oldest first: number, moment, kind, who, about what."""
    from londonpump.storage.database import open_database, reading
    from londonpump.storage.database.audit_repository import read_audit

    with report_errors():
        engine = open_database(settings().database)
        with reading(engine) as connection:
            for row in read_audit(connection, since.replace(tzinfo=UTC) if since else None):
                at = row.at.isoformat(timespec="seconds")
                typer.echo(f"{row.seq}\t{at}\t{row.kind}\t{row.actor or '-'}\t{row.about}")
        engine.dispose()


def _head(text: str | None) -> tuple[int | None, str | None]:
    if text is None:
        return None, None
    number, colon, hashed = text.partition(":")
    if not (colon and number.isascii() and number.isdecimal()):
        typer.echo(f"londonpump: --head {text!r}: write it as verify prints it, N:HASH.", err=True)
        raise typer.Exit(BAD_INPUT)
    return int(number), hashed.strip()
