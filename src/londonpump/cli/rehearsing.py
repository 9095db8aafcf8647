"""The command that lives a year in fast motion: rehearse."""

from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli.screen import app, errors_told, progress_shown

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

    from londonpump.rehearsal.rehearse import RehearseRequest
    from londonpump.rehearsal.rehearse import rehearse as live
    from londonpump.rehearsal.year import YearPlan
    from londonpump.rehearsal.year_words import rehearsed_as_json, rehearsed_in_words
    from londonpump.storage.files import refuse_foreign_file, write_json

    with errors_told(), tempfile.TemporaryDirectory(prefix="londonpump-year-") as passing:
        if json is not None:
            refuse_foreign_file(json, JSON_MARK)
        plan = YearPlan(months, incidents_a_month, history_months, seed)
        with progress_shown() as progress:
            done = live(RehearseRequest(plan, keep or Path(passing) / "home", database_url), progress)
        if json is not None:
            write_json(json, rehearsed_as_json(done))
    typer.echo(rehearsed_in_words(done))
    if not done.is_as_promised:
        raise typer.Exit(PROMISE_BROKEN)
