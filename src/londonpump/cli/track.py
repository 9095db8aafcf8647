"""The command that brings MLflow to what the store of bundles and the ledger say, and what other commands tell it."""

from pathlib import Path

import typer

from londonpump.cli.application import app, report_errors, settings


@app.command()
def track() -> None:
    """Send MLflow every training it does not have, and set its aliases as the ledger has them."""
    from londonpump.lifecycle.track_runs import track as send_runs

    with report_errors():
        typer.echo(send_runs(settings()).to_text())


def track_after(extra_bundles: Path | None = None) -> None:
    """At the end of a command that trained, judged or decided: told on standard error, never a failure."""
    from londonpump.lifecycle.track_runs import track_after_command

    track_after_command(settings(), lambda message: typer.echo(message, err=True), extra_bundles)
