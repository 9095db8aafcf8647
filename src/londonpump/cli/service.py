"""Commands of the running service: serve, audit verify, audit show."""

import gc
from datetime import UTC, datetime
from typing import Annotated

import typer

from londonpump.cli import options
from londonpump.cli.application import BAD_INPUT, app, report_errors, settings


@app.command(epilog=options.example("serve --port 8000"))
def serve(
    host: Annotated[str, typer.Option(help="Listen on this address.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Listen on this port; 0 chooses a free one.")
    ] = 8000,
) -> None:
    """Run the HTTP service until it is stopped.

    Its API is documented at /docs. It needs `londonpump[service]`.
    """
    # Nothing that is loaded during start-up is garbage; collecting it again and again would take 0.1 s.
    gc.disable()
    try:
        from londonpump.assembly import create_app
        from londonpump.service.app import serve as serve_until_stopped
        from londonpump.service.errors import NoModel

        with report_errors():
            chosen = settings()
            service = create_app(chosen)

            def announce(address: str) -> None:
                typer.echo(f"Serving on {address}")
                try:
                    service.state.service.champion.require()
                except NoModel as error:
                    typer.echo(f"Calls cannot be answered yet. {error}")

            serve_until_stopped(service, chosen, host, port, announce)
    finally:
        gc.enable()


@app.command(epilog=options.example("healthcheck --port 8000"))
def healthcheck(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Ask the service on this port.")] = 8000,
) -> None:
    """Ask the service on this machine whether it is alive.

    The exit code is 1 if it does not answer within 2 seconds.
    """
    from londonpump.healthcheck import check

    raise typer.Exit(check(port))


BROKEN = 1

audit = typer.Typer(
    name="audit",
    help="Verify or show the audit, which records who did what.",
    no_args_is_help=True,
)
app.add_typer(audit)


@audit.command(epilog=options.example("audit verify"))
def verify(
    head: Annotated[
        str | None,
        options.value(
            "N:HASH",
            "Compare with this head, which verify printed earlier: it detects a chain that was rewritten. Default: none.",
        ),
    ] = None,
) -> None:
    """Verify the chain from its first row. The exit code is 1 if a row was changed or is missing."""
    from londonpump.persistence.database import open_database, reading
    from londonpump.persistence.repositories.audit import verify_audit
    from londonpump.persistence.repositories.predictions import find_changed_prediction

    n_rows, expected_hash = _head(head)
    with report_errors():
        engine = open_database(settings().database)
        with reading(engine) as connection:
            found = verify_audit(connection, n_rows, expected_hash)
            # Predictions are compared with the chain, so a broken chain says nothing about them.
            changed = find_changed_prediction(connection) if found.problem is None else None
        engine.dispose()
    seq, problem = changed or (found.seq, found.problem)
    if problem is not None:
        typer.echo(f"londonpump: the audit is broken at row {seq}: {problem}.", err=True)
        raise typer.Exit(BROKEN)
    typer.echo(f"{found.n_rows} rows are as they were written. Head: {found.n_rows}:{found.head_hash}")


@audit.command(epilog=options.example("audit show --since 2026-11-01"))
def show(
    since: Annotated[
        datetime | None,
        options.value(
            "DATE",
            "Show events from this day or time (UTC) on. Default: the first.",
            parser=datetime.fromisoformat,
        ),
    ] = None,
) -> None:
    """Show the events of the audit, the oldest first.

    Each line has number, time, event type, actor and subject.
    """
    from londonpump.persistence.database import open_database, reading
    from londonpump.persistence.repositories.audit import read_audit

    with report_errors():
        engine = open_database(settings().database)
        with reading(engine) as connection:
            for row in read_audit(connection, since.replace(tzinfo=UTC) if since else None):
                at = row.at.isoformat(timespec="seconds")
                typer.echo(f"{row.seq}\t{at}\t{row.event_type}\t{row.actor or '-'}\t{row.details}")
        engine.dispose()


def _head(text: str | None) -> tuple[int | None, str | None]:
    if text is None:
        return None, None
    number, colon, hashed = text.partition(":")
    if not (colon and number.isascii() and number.isdecimal()):
        typer.echo(
            f"londonpump: --head {text!r} is not a head. Write it as verify prints it, N:HASH.", err=True
        )
        raise typer.Exit(BAD_INPUT)
    return int(number), hashed.strip()
