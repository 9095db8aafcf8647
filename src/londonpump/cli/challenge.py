"""Commands of the model's life: challenge, run."""

import json as as_json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli import application
from londonpump.cli.application import (
    BAD_INPUT,
    DAY,
    SOURCE_FAILED,
    ManyFiles,
    app,
    as_date,
    files,
    report_errors,
    settings,
    show_progress,
)
from londonpump.cli.simulate import YesNo
from londonpump.cli.track import track_after
from londonpump.domain.errors import SourceFailed


@app.command()
def challenge(
    challenger: Annotated[
        str | None,
        typer.Argument(
            metavar="[BUNDLE]", help="A folder or a hash. Default: what train wrote last.", show_default=False
        ),
    ] = None,
    data: Annotated[Path | None, typer.Option(metavar="DATA", help="Of prepare.", show_default=False)] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Judge and tell; record nothing, change nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="For another program.")] = False,
) -> None:
    """Judge the newest model against the one on duty on later rows, record the decision, promote it if it won."""
    from londonpump.lifecycle.challenge import ChallengeRequest
    from londonpump.lifecycle.challenge import challenge as decide
    from londonpump.lifecycle.challenge_text import challenge_as_json, format_challenge

    config = settings()
    request = ChallengeRequest(data or config.data, challenger, is_dry=dry_run)
    with report_errors(), show_progress() as progress:
        done = decide(config, request, progress)
    typer.echo(as_json.dumps(challenge_as_json(done), indent=1) if json else format_challenge(done))
    if done.is_new:
        track_after()


@app.command(cls=ManyFiles)
def run(
    since: Annotated[
        datetime | None,
        typer.Option(formats=[DAY], metavar="DATE", help="First day of the records.", show_default=False),
    ] = None,
    skip_fetch: Annotated[
        bool, typer.Option("--skip-fetch", help="Ask no publisher: work on what was fetched.")
    ] = False,
    incidents: Annotated[
        list[Path] | None, files("Incident records, csv or xlsx, in place of what is fetched.")
    ] = None,
    mobilisations: Annotated[list[Path] | None, files("Mobilisation records; one or more.")] = None,
    complete: Annotated[
        YesNo | None, typer.Option(help="As in prepare. By default found out.", show_default=False)
    ] = None,
) -> None:
    """Fetch, refresh, prepare, train, evaluate, challenge: every step, each as its own command does it."""
    from londonpump.lifecycle.run import RunRequest, StepFailed
    from londonpump.lifecycle.run import run as run_steps

    request = RunRequest(
        since=as_date(since),
        is_fetching=not skip_fetch,
        incidents=tuple(incidents or ()),
        mobilisations=tuple(mobilisations or ()),
        is_complete=None if complete is None else complete is YesNo.YES,
        open_http=application.open_http,
    )
    config = settings()
    with report_errors(), show_progress() as progress:
        try:
            for done in run_steps(config, request, progress):
                typer.echo(f"== {done.name}\n{done.message}")
        except StepFailed as failed:
            typer.echo(f"londonpump: {failed}", err=True)
            code = SOURCE_FAILED if isinstance(failed.__cause__, SourceFailed) else BAD_INPUT
            raise typer.Exit(code) from failed
    track_after()
