"""Commands of the training pipeline: train, evaluate, challenge, and run for all steps."""

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
from londonpump.domain.errors import SourceFailed

CARD = "model_card.html"


@app.command()
def train(
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Use this output of prepare. Default: that in LONDONPUMP_HOME.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=[DAY],
            metavar="DATE",
            help="Train on rows before this day. Default: 28 days before the end of the newest complete day, or a "
            "tenth of the days of records shorter than a year, if that is less.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="BUNDLE", help="Store it in this folder. Default: in LONDONPUMP_HOME.", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, help="Set the random seed. The same data, code and seed give the same bundle."),
    ] = 1,
    without_fast: Annotated[
        bool,
        typer.Option(
            "--without-fast", help="Exclude incidents with a pump faster than 60 km/h from training."
        ),
    ] = False,
) -> None:
    """Train a model bundle from prepared examples.

    It is stored in a folder named by its content.
    """
    from londonpump.lifecycle.train import TrainRequest, train
    from londonpump.models.train import TrainingPlan
    from londonpump.presentation.texts.models import format_training

    config = settings()
    plan = TrainingPlan(seed=seed, is_without_fast=without_fast)
    request = TrainRequest(
        data or config.data, out or config.bundle, as_date(until), plan, config.challenge_days, config.roads
    )
    with report_errors(), show_progress() as progress:
        folder, bundle = train(request, progress)
    typer.echo(format_training(folder, bundle.card))


@app.command()
def evaluate(
    bundle: Annotated[
        Path | None,
        typer.Option(
            metavar="BUNDLE",
            help="Use this output of train. Default: that in LONDONPUMP_HOME.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Use this output of prepare. Default: that in LONDONPUMP_HOME.",
            show_default=False,
        ),
    ] = None,
    from_: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            formats=[DAY],
            metavar="DATE",
            help="Evaluate on incidents from this day on. Default: the end of the training.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every figure to this JSON file.", show_default=False),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the report here. Default: in LONDONPUMP_HOME.", show_default=False
        ),
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the model card here: as a page, or for Hugging Face if the name ends in .md. Default: beside "
            "the report.",
            show_default=False,
        ),
    ] = None,
    maps: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write the maps of the report to this folder, as PNG, GeoJSON and, with londonpump[gis], GeoPackage.",
            show_default=False,
        ),
    ] = None,
    with_original: Annotated[
        bool,
        typer.Option(
            "--with-original",
            help="Compare with the original's model too: fit it on the examples before the end of the training.",
        ),
    ] = False,
) -> None:
    """Evaluate a bundle on data later than its training.

    Its baselines are evaluated too. The report and the model card are written.
    """
    from londonpump.lifecycle.evaluate import EvaluateRequest, evaluate
    from londonpump.presentation.texts.models import format_evaluation

    config = settings()
    # An evaluation with a report of its own must not overwrite the figures of the one in the home.
    figures = json if json is not None or report is not None else config.evaluation
    report = report or config.report
    card = card or report.with_name(CARD if report.stem == "report" else f"{report.stem}_{CARD}")
    request = EvaluateRequest(
        bundle=bundle or config.bundle,
        data=data or config.data,
        from_date=as_date(from_),
        json=figures,
        report=report,
        card=card,
        is_with_original=with_original,
        roads=config.roads,
        maps=maps,
    )
    with report_errors(), show_progress() as progress:
        evaluation = evaluate(request, progress)
    typer.echo(format_evaluation(evaluation.results))
    typer.echo(f"Report: {report}\nModel card: {card}" + (f"\nFigures: {json}" if json else ""))
    if evaluation.maps:
        typer.echo(evaluation.maps)


@app.command()
def challenge(
    challenger: Annotated[
        str | None,
        typer.Argument(
            metavar="[BUNDLE]",
            help="Compare this bundle, a folder or a hash. Default: the newest of train.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Use this output of prepare. Default: that in LONDONPUMP_HOME.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the verdict; record and change nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare the newest model with the active one.

    Both are evaluated on data later than both trainings. The newest is promoted if it wins, and the decision is recorded in the
    ledger either way.
    """
    from londonpump.domain.json_values import to_document
    from londonpump.lifecycle.challenge import ChallengeRequest
    from londonpump.lifecycle.challenge import challenge as decide
    from londonpump.presentation.texts.challenge import format_challenge

    config = settings()
    request = ChallengeRequest(data or config.data, challenger, is_dry=dry_run)
    with report_errors(), show_progress() as progress:
        view = decide(config, request, progress).view
    typer.echo(as_json.dumps(to_document(view), indent=1) if json else format_challenge(view))


@app.command(cls=ManyFiles)
def run(
    since: Annotated[
        datetime | None,
        typer.Option(formats=[DAY], metavar="DATE", help="Use records from this day on.", show_default=False),
    ] = None,
    skip_fetch: Annotated[
        bool, typer.Option("--skip-fetch", help="Use the records that were fetched before.")
    ] = False,
    incidents: Annotated[
        list[Path] | None, files("Read these incident records (CSV or XLSX) instead of fetched ones.")
    ] = None,
    mobilisations: Annotated[
        list[Path] | None, files("Read these mobilisation records; one or more files.")
    ] = None,
    complete: Annotated[
        YesNo | None,
        typer.Option(
            help="State whether the records hold every call. Default: determined per month.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run every step from published records to a decision.

    The steps are fetch, refresh, prepare, train, evaluate and challenge; each works as its own command does. At the end
    the training and the decision are sent to MLflow, as `track` does.
    """
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
    _track()


def _track() -> None:
    """Send the training and the decision to MLflow. A failure is printed and is no error: every step is done."""
    from londonpump.lifecycle.track_runs import track_after_run

    track_after_run(settings(), lambda message: typer.echo(message, err=True))
