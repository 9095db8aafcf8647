"""Commands that make records and examples: demo, example, simulate, prepare, rehearse."""

import os
import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli import options
from londonpump.cli.application import ManyFiles, app, report_errors, settings, show_progress, show_result


class YesNo(StrEnum):
    """Statement whether the records hold every call."""

    YES = "yes"
    NO = "no"


class Vintage(StrEnum):
    """Formats that the Brigade has published in."""

    OLD = "2009-14"
    MIDDLE = "2021-24"
    NEW = "2025"


class FileFormat(StrEnum):
    """File formats that the simulation writes."""

    CSV = "csv"
    XLSX = "xlsx"


@app.command(epilog=options.example("demo --port 8080"))
def demo(
    incidents: Annotated[int, typer.Option(help="Simulate this many incidents over a year.")] = 110_000,
    seed: Annotated[int, typer.Option(min=0, help="Set the random seed of simulation and training.")] = 1,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Serve on this port. Default: 8000 if it is free.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make everything again, even if an earlier demo did.")
    ] = False,
) -> None:
    """Simulate records, train a model and serve a prediction.

    Everything is kept in LONDONPUMP_HOME (default `./.demo`). In a terminal the service then runs until Ctrl-C. Without a terminal, or if CI is set, it is stopped. The result of an
    earlier demo with the same options is used again.
    """
    from londonpump.rehearsal.demo_home import DemoPlan, demo_user, make_demo
    from londonpump.rehearsal.demo_service import DemoServing, serve_demo

    home = Path(os.environ.get("LONDONPUMP_HOME") or ".demo")
    # Some CI systems attach a terminal; a demo that waits for Ctrl-C would hang there.
    is_interactive = sys.stdout.isatty() and not os.environ.get("CI")
    with report_errors():
        with show_progress() as progress:
            message = make_demo(home, DemoPlan(incidents, seed), progress, is_overwriting=overwrite)
        typer.echo(message)
        serve_demo(home, demo_user(home), DemoServing(port, is_interactive), typer.echo)


@app.command("example", epilog=options.example("example --incidents 20000"))
def train_example(
    incidents: Annotated[int, typer.Option(help="Simulate this many incidents over a year.")] = 110_000,
    seed: Annotated[int, typer.Option(min=0, help="Set the random seed of simulation and training.")] = 1,
) -> None:
    """Train and activate a model of a simulated Brigade if no model is active.

    The steps are those of demo, in the database and the folders of the settings, so that a new installation answers as
    the demo does. While a simulated model is active, each run also stores the simulated weather of the next day.
    """
    from londonpump.rehearsal.demo_home import DemoPlan, fill_empty

    config = settings()
    with report_errors(), show_progress() as progress:
        message = fill_empty(config, DemoPlan(incidents, seed), progress)
    typer.echo(message)


@app.command(epilog=options.example("simulate --incidents 20000 --out raw"))
def simulate(
    out: Annotated[Path, options.value("DIR", "Write the files to this folder.")],
    incidents: Annotated[int, typer.Option(help="Simulate this many incidents.")] = 110_000,
    start: Annotated[
        date | None,
        options.day("Start on this day. Default: 2023-01-01."),
    ] = None,
    days: Annotated[int, typer.Option(help="Simulate this many days.")] = 365,
    seed: Annotated[int, typer.Option(help="Set the random seed. The same seed gives the same bytes.")] = 1,
    vintage: Annotated[
        Vintage, typer.Option(help="Write the format of these years, with its defects.")
    ] = Vintage.MIDDLE,
    clean: Annotated[bool, typer.Option("--clean", help="Write records without defects.")] = False,
    close: Annotated[
        list[str] | None, options.value("CODE", "Close this station; may be repeated. Default: none.")
    ] = None,
    file_format: Annotated[
        FileFormat, typer.Option("--format", help="Write files of this format.")
    ] = FileFormat.CSV,
) -> None:
    """Simulate records of a fire brigade in the published format.

    A report compares them with real figures.
    """
    from londonpump.simulation.plan import SimulationPlan
    from londonpump.simulation.report import as_markdown
    from londonpump.simulation.simulate import write_simulation

    with report_errors(), show_progress() as progress:
        plan = SimulationPlan(
            incidents=incidents,
            start=start or date(2023, 1, 1),
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


@app.command(
    cls=ManyFiles,
    epilog=options.example("prepare --incidents calls.csv --mobilisations pumps.csv"),
)
def prepare(
    incidents: Annotated[
        list[Path] | None,
        options.files(
            "Read these incident records (CSV or XLSX); one or more files. Default: the fetched ones."
        ),
    ] = None,
    mobilisations: Annotated[
        list[Path] | None,
        options.files("Read these mobilisation records; one or more files. Default: the fetched ones."),
    ] = None,
    stations: Annotated[
        Path | None,
        options.files("Read stations: code, name, latitude, longitude. Default: the list of londonpump."),
    ] = None,
    weather: Annotated[Path | None, options.files("Read weather by London hour. Default: none.")] = None,
    traffic: Annotated[
        Path | None, options.files("Read congestion by year, weekday and London hour. Default: none.")
    ] = None,
    school_holidays: Annotated[
        Path | None, options.files("Read school holidays, one London date per row. Default: none.")
    ] = None,
    context: Annotated[
        bool,
        typer.Option(
            "--context",
            help="Join weather, calendars, traffic and stations of the database; files take precedence.",
        ),
    ] = False,
    complete: Annotated[
        YesNo | None,
        options.value(
            "yes|no",
            "State whether the records hold every call (yes) or a sample (no). Default: determined per month.",
        ),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Mark everything derived from these records as simulated.")
    ] = False,
    out: Annotated[
        Path | None,
        options.value("DATA", "Write to this folder. Default: in LONDONPUMP_HOME."),
    ] = None,
) -> None:
    """Clean published records and write examples.

    Every row that is kept, repaired or rejected is counted.
    """
    from londonpump.lifecycle.prepare import PrepareRequest, prepare, select_records
    from londonpump.presentation.texts.prepare import format_preparation

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


@app.command(epilog=options.example("rehearse --months 3 --json year.json"))
def rehearse(
    months: Annotated[int, typer.Option(help="Simulate this many months, 3 or more.")] = 12,
    incidents_per_month: Annotated[int, typer.Option(help="Simulate this many incidents per month.")] = 3_000,
    history_months: Annotated[
        int, typer.Option(help="Simulate this many months of earlier records, 3 or more.")
    ] = 12,
    seed: Annotated[int, typer.Option(help="Set the random seed of simulation and trainings.")] = 1,
    json: options.JsonFile = None,
    keep: Annotated[
        Path | None,
        options.value("DIR", "Use this new folder and keep it. Default: a temporary folder."),
    ] = None,
    database_url: Annotated[
        str | None,
        options.value("URL", "Use this empty database. Default: SQLite in the folder."),
    ] = None,
) -> None:
    """Rehearse a year of operation on simulated records.

    It takes minutes, while a service answers requests, and uses its own folder and database. Each month, records arrive and a model is trained, evaluated and promoted or not. A
    station closes, special services increase, bad records arrive, a training is killed, a bundle is damaged, and a model is
    rolled back. The exit code is 1 if a request was not answered, an answer mixed two models, the history is wrong, or a
    clearly better model was not promoted.
    """
    import tempfile

    from londonpump.persistence.atomic_files import write_json
    from londonpump.rehearsal.rehearse import RehearseRequest, format_rehearsal, rehearsal_json
    from londonpump.rehearsal.rehearse import rehearse as run_rehearsal
    from londonpump.rehearsal.year_plan import YearPlan

    with report_errors(), tempfile.TemporaryDirectory(prefix="londonpump-year-") as temporary:
        file = options.json_file(json, JSON_MARK)
        plan = YearPlan(months, incidents_per_month, history_months, seed)
        with show_progress() as progress:
            result = run_rehearsal(
                RehearseRequest(plan, keep or Path(temporary) / "home", database_url), progress
            )
        if file is not None:
            write_json(file, rehearsal_json(result))
    show_result(rehearsal_json(result), format_rehearsal(result), None if file else json)
    if not result.is_as_promised:
        raise typer.Exit(PROMISE_BROKEN)
