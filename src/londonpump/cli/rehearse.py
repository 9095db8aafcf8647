"""The command that lives a year in fast motion: rehearse."""

from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli.application import app, report_errors, show_progress

PROMISE_BROKEN = 1
JSON_MARK = '"mixed_bundles"'


@app.command()
def rehearse(
    months: Annotated[int, typer.Option(help="Months to live, 3 or more.")] = 12,
    incidents_a_month: Annotated[int, typer.Option(help="Incidents to simulate a month.")] = 3_000,
    history_months: Annotated[int, typer.Option(help="Months of records before the first, 3 or more.")] = 12,
    seed: Annotated[int, typer.Option(help="Of the simulation and the trainings.")] = 1,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Every figure as json.", show_default=False)
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="A new folder to live in. Default: one that is removed.", show_default=False
        ),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="A database of its own. Default: SQLite in the folder.", show_default=False
        ),
    ] = None,
) -> None:
    """Live a year of a simulated Brigade in minutes, a service answering all the while: it touches nothing of yours.

    Month after month records come, a model is trained, judged and put on duty or not; a station closes, special
    services grow, bad records come, a training is killed, a bundle is damaged, a model is taken back. Exit code 1 if
    a request was not answered, an answer was mixed, the history is wrong, or a better model (by more than a tie) was not
    put on duty.
    """
    import tempfile

    from londonpump.rehearsal.rehearse import RehearseRequest, format_rehearsal, rehearsal_json
    from londonpump.rehearsal.rehearse import rehearse as run_rehearsal
    from londonpump.rehearsal.year_plan import YearPlan
    from londonpump.storage.atomic_files import require_own_file, write_json

    with report_errors(), tempfile.TemporaryDirectory(prefix="londonpump-year-") as temporary:
        if json is not None:
            require_own_file(json, JSON_MARK)
        plan = YearPlan(months, incidents_a_month, history_months, seed)
        with show_progress() as progress:
            done = run_rehearsal(
                RehearseRequest(plan, keep or Path(temporary) / "home", database_url), progress
            )
        if json is not None:
            write_json(json, rehearsal_json(done))
    typer.echo(format_rehearsal(done))
    if not done.is_as_promised:
        raise typer.Exit(PROMISE_BROKEN)
