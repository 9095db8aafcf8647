"""Commands that learn and judge: train, evaluate."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli.application import DAY, app, as_date, report_errors, settings, show_progress
from londonpump.cli.track import track_after

CARD = "model_card.html"


@app.command()
def train(
    data: Annotated[Path | None, typer.Option(metavar="DATA", help="Of prepare.", show_default=False)] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=[DAY],
            metavar="DATE",
            help="Learn from rows before this day. Default: 28 days before the newest complete day ends, or a quarter of records under 16 weeks.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="BUNDLE", help="Default: under LONDONPUMP_HOME.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same data, code and seed give the same bundle.")] = 1,
    without_fast: Annotated[
        bool, typer.Option("--without-fast", help="Leave incidents with a pump over 60 km/h out of training.")
    ] = False,
) -> None:
    """Learn a bundle from examples and store it in a folder named by its content."""
    from londonpump.lifecycle.command_text import format_training
    from londonpump.lifecycle.train import TrainRequest, train
    from londonpump.models.train import TrainingPlan

    config = settings()
    plan = TrainingPlan(seed=seed, is_without_fast=without_fast)
    request = TrainRequest(
        data or config.data, out or config.bundle, as_date(until), plan, config.challenge_days
    )
    with report_errors(), show_progress() as progress:
        folder, bundle = train(request, progress)
    typer.echo(format_training(folder, bundle.card))
    track_after(extra_bundles=out)


@app.command()
def evaluate(
    bundle: Annotated[
        Path | None, typer.Option(metavar="BUNDLE", help="Of train.", show_default=False)
    ] = None,
    data: Annotated[Path | None, typer.Option(metavar="DATA", help="Of prepare.", show_default=False)] = None,
    from_: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            formats=[DAY],
            metavar="DATE",
            help="Judge on incidents from this day on. Default: where training stopped.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Every figure as json.", show_default=False)
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The report. Default: under LONDONPUMP_HOME.", show_default=False),
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The model card. Default: beside the report.", show_default=False),
    ] = None,
) -> None:
    """Judge a bundle, and what it must beat, on runs later than it has seen; write report and model card."""
    from londonpump.lifecycle.command_text import format_evaluation
    from londonpump.lifecycle.evaluate import EvaluateRequest, evaluate

    config = settings()
    figures = json if json is not None or report is not None else config.evaluation
    report = report or config.report
    card = card or report.with_name(CARD if report.stem == "report" else f"{report.stem}_{CARD}")
    request = EvaluateRequest(
        bundle or config.bundle, data or config.data, as_date(from_), json=figures, report=report, card=card
    )
    with report_errors(), show_progress() as progress:
        evaluation = evaluate(request, progress)
    typer.echo(format_evaluation(evaluation.results))
    typer.echo(f"Report: {report}\nModel card: {card}" + (f"\nFigures: {json}" if json else ""))
    track_after()
