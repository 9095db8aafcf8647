"""Commands that make records and examples: demo, simulate, prepare."""

import os
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli.application import DAY, ManyFiles, app, files, report_errors, settings, show_progress


class YesNo(StrEnum):
    """Stated completeness of a stream."""

    YES = "yes"
    NO = "no"


class Vintage(StrEnum):
    """Formats in which the Brigade has published."""

    OLD = "2009-14"
    MIDDLE = "2021-24"
    NEW = "2025"


class FileFormat(StrEnum):
    """Kinds of file that the simulation writes."""

    CSV = "csv"
    XLSX = "xlsx"


@app.command()
def demo(
    incidents: Annotated[int, typer.Option(help="Incidents to simulate over a year.")] = 110_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulation and the training.")] = 1,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Of the service. Default: 8000 if it is free.", show_default=False
        ),
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Make everything again, though an earlier demo has.")
    ] = False,
) -> None:
    """Simulate a Brigade, train, evaluate, and serve a prediction: the whole road, into LONDONPUMP_HOME (./.demo).

    In a terminal the service then runs until Ctrl-C; elsewhere, or where CI is set, it is stopped. A home that an
    earlier demo made the same way is used as it is.
    """
    from londonpump.rehearsal.demo import make_demo
    from londonpump.rehearsal.demo_home import DemoPlan, demo_user
    from londonpump.rehearsal.demo_service import DemoServing, serve_demo

    home = Path(os.environ.get("LONDONPUMP_HOME") or ".demo")
    is_interactive = sys.stdout.isatty() and not os.environ.get("CI")
    with report_errors():
        with show_progress() as progress:
            message = make_demo(home, DemoPlan(incidents, seed), progress, is_anew=anew)
        typer.echo(message)
        serve_demo(home, demo_user(home), DemoServing(port, is_interactive), typer.echo)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the files go.", show_default=False)],
    incidents: Annotated[int, typer.Option(help="How many incidents.")] = 110_000,
    start: Annotated[
        datetime, typer.Option(formats=[DAY], metavar="DATE", help="First day.", show_default="2023-01-01")
    ] = datetime(2023, 1, 1),
    days: Annotated[int, typer.Option(help="How many days.")] = 365,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    vintage: Annotated[Vintage, typer.Option(help="Published format, with its defects.")] = Vintage.MIDDLE,
    clean: Annotated[bool, typer.Option("--clean", help="Without defects.")] = False,
    close: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="A station to close; may be repeated.")
    ] = None,
    file_format: Annotated[FileFormat, typer.Option("--format", help="Kind of file.")] = FileFormat.CSV,
) -> None:
    """Run a Brigade and write its records in the published format, with a report beside real figures."""
    from londonpump.simulation.plan import SimulationPlan
    from londonpump.simulation.report import as_markdown
    from londonpump.simulation.simulate import write_simulation

    with report_errors(), show_progress() as progress:
        plan = SimulationPlan(
            incidents=incidents,
            start=start.date(),
            days=days,
            seed=seed,
            vintage=vintage.value,
            is_clean=clean,
            closed_stations=tuple(close or ()),
            file_format=file_format.value,
        )
        report = write_simulation(plan, out, progress)
    typer.echo(as_markdown(plan, report.rows, report.fault_counts, report.comparisons))
    typer.echo(f"Files: {out}")


@app.command(cls=ManyFiles)
def prepare(
    incidents: Annotated[
        list[Path] | None, files("Incident records, csv or xlsx; one or more. Default: as fetched.")
    ] = None,
    mobilisations: Annotated[list[Path] | None, files("Mobilisation records; one or more.")] = None,
    stations: Annotated[Path | None, files("code, name, latitude, longitude.")] = None,
    weather: Annotated[Path | None, files("Weather by London hour.")] = None,
    traffic: Annotated[Path | None, files("Congestion by year, weekday and London hour.")] = None,
    school_holidays: Annotated[Path | None, files("School holidays, a London date a row.")] = None,
    context: Annotated[
        bool,
        typer.Option("--context", help="Join weather, days, traffic, stations of the database; files win."),
    ] = False,
    complete: Annotated[
        YesNo | None,
        typer.Option(
            help="Is this every call (yes) or a sample (no)? By default found out by month.",
            show_default=False,
        ),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Mark all that is made of these records as simulated.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DATA", help="Default: under LONDONPUMP_HOME.", show_default=False)
    ] = None,
) -> None:
    """Read published records, clean them and write examples; count every row kept, repaired, set aside."""
    from londonpump.lifecycle.prepare import PrepareRequest, prepare, select_records
    from londonpump.lifecycle.prepare_text import format_preparation

    config = settings()
    with report_errors(), show_progress() as progress:
        records = select_records(config.records, tuple(incidents or ()), tuple(mobilisations or ()))
        request = PrepareRequest(
            incidents=records.incidents,
            mobilisations=records.mobilisations,
            out=out or config.data,
            stations=stations,
            weather=weather,
            traffic=traffic,
            school_holidays=school_holidays,
            is_complete=None if complete is None else complete is YesNo.YES,
            is_simulated=simulated,
            database=config.database if context else None,
        )
        report = prepare(request, progress)
    typer.echo(format_preparation(report, request.out))


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
    from londonpump.rehearsal.rehearse import rehearse as run_rehearsal
    from londonpump.rehearsal.year_plan import YearPlan
    from londonpump.rehearsal.year_report import format_rehearsal, rehearsal_json
    from londonpump.storage.files import require_own_file, write_json

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
