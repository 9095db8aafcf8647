"""Commands of the training pipeline: train, evaluate, challenge, and run for all steps."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli import application, options
from londonpump.cli.application import ManyFiles, app, report_errors, settings, show_progress, show_result
from londonpump.cli.simulate import YesNo
from londonpump.domain.errors import SourceFailed

CARD = "model_card.html"
NEWEST = "the newest of train"


@app.command(epilog=options.example("train --data data --until 2023-10-01"))
def train(
    data: options.DataFolder = None,
    until: Annotated[
        date | None,
        options.day(
            "Train on rows before this day. Default: 28 days before the end of the newest complete day, or a "
            "tenth of the days of records shorter than a year, if that is less."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        options.value("BUNDLE", "Store it in this folder. Default: in LONDONPUMP_HOME."),
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
        data or config.data, out or config.bundle, until, plan, config.challenge_days, config.roads
    )
    with report_errors(), show_progress() as progress:
        folder, bundle = train(request, progress)
    typer.echo(format_training(folder, bundle.card))


@app.command(epilog=options.example("evaluate bundle --data data --report report.html"))
def evaluate(
    bundle: Annotated[str | None, options.bundle("Evaluate this bundle", NEWEST)] = None,
    old_bundle: options.OldBundle = None,
    data: options.DataFolder = None,
    from_: Annotated[
        date | None,
        options.day("Evaluate on incidents from this day on. Default: the end of the training.", "--from"),
    ] = None,
    json: options.JsonFile = None,
    report: Annotated[
        Path | None,
        options.value("FILE", "Write the report here. Default: in LONDONPUMP_HOME."),
    ] = None,
    card: Annotated[
        Path | None,
        options.value(
            "FILE",
            "Write the model card here: as a page, or for Hugging Face if the name ends in .md. Default: beside the "
            "report.",
        ),
    ] = None,
    maps: Annotated[
        Path | None,
        options.value(
            "FOLDER",
            "Write the maps of the report to this folder, as PNG, GeoJSON and, with londonpump[gis], GeoPackage. "
            "Default: no maps.",
        ),
    ] = None,
    with_original: Annotated[
        bool,
        typer.Option(
            "--with-original",
            help="Compare with the original's model too: fit it on the examples before the end of the training.",
        ),
    ] = False,
    predictions: Annotated[
        Path | None,
        options.value(
            "FILE",
            "Evaluate the predictions in this CSV file too: id, seconds, and quantiles such as p10 and p90. "
            "Default: none.",
        ),
    ] = None,
) -> None:
    """Evaluate a bundle on data later than its training.

    Its baselines are evaluated too. The report and the model card are written.
    """
    from londonpump.domain.json_values import to_json
    from londonpump.lifecycle.evaluate import EvaluateRequest, evaluate
    from londonpump.presentation.texts.models import format_evaluation

    config = settings()
    file = None if json == options.STDOUT else json
    # An evaluation with a report of its own must not overwrite the figures of the one in the home.
    figures = file if file is not None or report is not None else config.evaluation
    report = report or config.report
    card = card or report.with_name(CARD if report.stem == "report" else f"{report.stem}_{CARD}")
    with report_errors(), show_progress() as progress:
        request = EvaluateRequest(
            bundle=options.bundle_folder(config, options.one_bundle(bundle, old_bundle)),
            data=data or config.data,
            from_date=from_,
            json=figures,
            report=report,
            card=card,
            is_with_original=with_original,
            roads=config.roads,
            maps=maps,
            predictions=predictions,
        )
        evaluation = evaluate(request, progress)
    written = f"Report: {report}\nModel card: {card}" + (f"\nFigures: {file}" if file else "")
    if evaluation.maps:
        written += f"\n{evaluation.maps}"
    text = f"{format_evaluation(evaluation.results)}\n{written}"
    show_result(to_json(evaluation.results), text, options.STDOUT if json == options.STDOUT else None)


@app.command(epilog=options.example("challenge --data data --dry-run"))
def challenge(
    bundle: Annotated[str | None, options.bundle("Compare this bundle", NEWEST)] = None,
    data: options.DataFolder = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the verdict; record and change nothing.")
    ] = False,
    json: options.JsonFile = None,
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
    request = ChallengeRequest(data or config.data, bundle, is_dry=dry_run)
    with report_errors(), show_progress() as progress:
        # a wrong name must not be found out after a decision was recorded
        options.json_file(json, options.MARK.format("message"))
        view = decide(config, request, progress).view
    with report_errors():
        show_result(to_document(view), format_challenge(view), json)


@app.command(cls=ManyFiles, epilog=options.example("run --since 2024-01-01"))
def run(
    since: Annotated[
        date | None,
        options.day("Use records from this day on. Default: three years before 1 January of this year."),
    ] = None,
    skip_fetch: Annotated[
        bool, typer.Option("--skip-fetch", help="Use the records that were fetched before.")
    ] = False,
    incidents: Annotated[
        list[Path] | None,
        options.files("Read these incident records (CSV or XLSX). Default: the fetched ones."),
    ] = None,
    mobilisations: Annotated[
        list[Path] | None, options.files("Read these mobilisation records. Default: the fetched ones.")
    ] = None,
    complete: Annotated[
        YesNo | None,
        options.value("yes|no", "State whether the records hold every call. Default: determined per month."),
    ] = None,
) -> None:
    """Run every step from published records to a decision.

    The steps are fetch, refresh, prepare, train, evaluate and challenge; each works as its own command does. At the end
    the training and the decision are sent to MLflow, as `track` does.
    """
    from londonpump.lifecycle.run import RunRequest, StepFailed
    from londonpump.lifecycle.run import run as run_steps

    request = RunRequest(
        since=since,
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
            code = (
                application.SOURCE_FAILED
                if isinstance(failed.__cause__, SourceFailed)
                else application.BAD_INPUT
            )
            raise typer.Exit(code) from failed
    _track()


def _track() -> None:
    """Send the training and the decision to MLflow. A failure is printed and is no error: every step is done."""
    from londonpump.lifecycle.track_runs import track_after_run

    track_after_run(settings(), lambda message: typer.echo(message, err=True))
