"""The command that brings MLflow to what the store of bundles and the ledger say, and what other commands tell it."""

from pathlib import Path

import typer

from londonpump.cli.screen import app, errors_told, settings


@app.command()
def track() -> None:
    """Send MLflow every training it does not have, and set its aliases as the ledger has them."""
    from londonpump.pipelines.track import track as bring

    with errors_told():
        typer.echo(bring(settings()).in_words())


def track_after(also: Path | None = None) -> None:
    """At the end of a command that trained, judged or decided: told on standard error, never a failure."""
    from londonpump.pipelines.track import follow

    follow(settings(), lambda told: typer.echo(told, err=True), also)
