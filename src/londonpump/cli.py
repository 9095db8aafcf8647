"""The command line: one command a verb, one call into the package each.

Imports stand inside the commands, so that --help answers at once.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand

from londonpump import __version__
from londonpump.brigade.errors import BadValue, LondonPumpError


class ManyFiles(TyperCommand):
    """`--incidents A B C` is `--incidents A --incidents B --incidents C`, for options that may be repeated."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each further value."""
        repeated = {
            name for option in self.params if getattr(option, "multiple", False) for name in option.opts
        }
        spread: list[str] = []
        current, values = "", 0
        for arg in args:
            if arg.startswith("-"):
                current, values = arg, 0
            elif current in repeated and values:
                spread.append(current)
            values += not arg.startswith("-")
            spread.append(arg)
        return super().parse_args(ctx, spread)


app = typer.Typer(
    name="londonpump",
    help="Which fire engines can reach an emergency in London, how soon and how sure.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

BAD_INPUT, SOME_ROWS_UNANSWERED = 2, 1
DAY = "%Y-%m-%d"


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


def _files(help_text: str) -> Any:
    return typer.Option(metavar="FILE", help=help_text, show_default=False)


def _fail(error: LondonPumpError) -> NoReturn:
    typer.echo(f"londonpump: {error}", err=True)
    raise typer.Exit(BAD_INPUT)


def _settings() -> Any:
    from londonpump.settings import Settings

    return Settings()


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"londonpump {__version__}")
        raise typer.Exit


def _as_date(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """A bar with the time left on standard error where a person watches, a line a step elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        told: list[str] = []

        def tell_line(doing: str, share: float) -> None:
            if doing not in told[-1:]:
                told.append(doing)
                typer.echo(f"{share:4.0%}  {doing}", err=True)

        yield tell_line
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda doing, share: bar.update(task, description=doing, completed=share)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except LondonPumpError as error:
        _fail(error)


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """State that no option names lives under LONDONPUMP_HOME."""


@app.command()
def demo(
    incidents: Annotated[int, typer.Option(help="Incidents to simulate over a year.")] = 110_000,
    seed: Annotated[int, typer.Option(help="Of the simulation and the training.")] = 1,
) -> None:
    """Simulate a Brigade, train, evaluate and predict: the whole road, into LONDONPUMP_HOME (./.demo)."""
    from londonpump.rehearsal.demo import run_demo

    home = Path(os.environ.get("LONDONPUMP_HOME") or ".demo")
    with _errors(), _progress() as progress:
        told = run_demo(home, incidents, seed, progress)
    typer.echo(told)


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

    with _errors(), _progress() as progress:
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
    incidents: Annotated[list[Path], _files("Incident records, csv or xlsx; one or more.")],
    mobilisations: Annotated[list[Path] | None, _files("Mobilisation records; one or more.")] = None,
    stations: Annotated[Path | None, _files("code, name, latitude, longitude.")] = None,
    weather: Annotated[Path | None, _files("Weather by London hour.")] = None,
    traffic: Annotated[Path | None, _files("Congestion by year, weekday and London hour.")] = None,
    school_holidays: Annotated[Path | None, _files("School holidays, a London date a row.")] = None,
    complete: Annotated[
        YesNo | None,
        typer.Option(
            help="Is this every call (yes) or a sample (no)? By default found out.", show_default=False
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
    from londonpump.pipelines.prepare import PrepareRequest, prepare
    from londonpump.pipelines.words import prepared_in_words

    request = PrepareRequest(
        incidents=tuple(incidents),
        mobilisations=tuple(mobilisations or ()),
        out=out or _settings().data,
        stations=stations,
        weather=weather,
        traffic=traffic,
        school_holidays=school_holidays,
        is_complete=None if complete is None else complete is YesNo.YES,
        is_simulated=simulated,
    )
    with _errors(), _progress() as progress:
        report = prepare(request, progress)
    typer.echo(prepared_in_words(report, request.out))


@app.command()
def train(
    data: Annotated[Path | None, typer.Option(metavar="DATA", help="Of prepare.", show_default=False)] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=[DAY],
            metavar="DATE",
            help="Learn from rows before this day. Default: 28 days before the end.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="BUNDLE", help="Default: under LONDONPUMP_HOME.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same data, code and seed give the same bundle.")] = 1,
    without_fast: Annotated[
        bool, typer.Option("--without-fast", help="Leave incidents with a pump over 60 km/h out of training.")
    ] = False,
) -> None:
    """Learn a bundle from examples and store it in a folder named by its content."""
    from londonpump.models.training import TrainingPlan
    from londonpump.pipelines.train import TrainRequest, train
    from londonpump.pipelines.words import trained_in_words

    settings = _settings()
    plan = TrainingPlan(seed=seed, is_without_fast=without_fast)
    request = TrainRequest(data or settings.data, out or settings.bundle, _as_date(until), plan)
    with _errors(), _progress() as progress:
        folder, bundle = train(request, progress)
    typer.echo(trained_in_words(folder, bundle.card))


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
    from londonpump.pipelines.evaluate import EvaluateRequest, evaluate
    from londonpump.pipelines.words import evaluated_in_words

    settings = _settings()
    report = report or settings.report
    card = card or report.with_name("model_card.html")
    request = EvaluateRequest(
        bundle or settings.bundle, data or settings.data, _as_date(from_), json=json, report=report, card=card
    )
    with _errors(), _progress() as progress:
        evaluation = evaluate(request, progress)
    typer.echo(evaluated_in_words(evaluation.results))
    typer.echo(f"Report: {report}\nModel card: {card}")


@app.command()
def predict(
    bundle: Annotated[
        Path | None, typer.Option(metavar="BUNDLE", help="Of train.", show_default=False)
    ] = None,
    input_: Annotated[
        Path | None, typer.Option("--input", metavar="CALLS.csv", help="One pump a row.", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="PREDICTIONS.csv", show_default=False)] = None,
    station: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="The pump's station, for one prediction.", show_default=False),
    ] = None,
    easting: Annotated[
        str | None, typer.Option(metavar="M", help="Place on the National Grid.", show_default=False)
    ] = None,
    northing: Annotated[
        str | None, typer.Option(metavar="M", help="Place on the National Grid.", show_default=False)
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="2024-01-15T08:00Z, or London time without Z. Default: now.",
            show_default=False,
        ),
    ] = None,
    incident_type: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Kind of call, one of the five names.", show_default=False),
    ] = None,
    property_category: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="As in the records, such as Dwelling.", show_default=False),
    ] = None,
    property_type: Annotated[
        str | None, typer.Option(metavar="TEXT", help="As in the records.", show_default=False)
    ] = None,
    address_qualifier: Annotated[
        str | None, typer.Option(metavar="TEXT", help="As in the records.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One prediction as json.")] = False,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write the table for the day the service is down, csv and a page to print.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Answer a file of calls, or one pump to one place with its reasons."""
    from londonpump.pipelines import predict as pipeline

    with _errors():
        _refuse_two_ways(
            {"--table": table, "--input": input_, "--station": station or easting or northing or at}
        )
        if input_ is None and out is not None:
            raise BadValue("--out", str(out), "goes with --input CALLS.csv")
        opened = pipeline.open_bundle(bundle or _settings().bundle)
        if table is not None:
            _write_table(opened, table)
        elif input_ is not None:
            _predict_file(opened, input_, out)
        else:
            one = {
                "id": "1",
                "mobilised_at": at or datetime.now().astimezone().isoformat(),
                "station_code": station or "",
                "easting_m": easting or "",
                "northing_m": northing or "",
                "incident_type": incident_type or "",
                "property_category": property_category or "",
                "property_type": property_type or "",
                "address_qualifier": address_qualifier or "",
            }
            _predict_one(opened, one, as_json)


def _refuse_two_ways(ways: dict[str, object]) -> None:
    """A file, one pump or the table: with two of them asked for, one would silently not be done."""
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise BadValue(given[1], str(ways[given[1]]), f"cannot go with {given[0]}. Ask for one at a time")


def _predict_file(bundle: Any, source: Path, out: Path | None) -> None:
    from londonpump.pipelines import predict as pipeline

    if out is None:
        raise BadValue("--out", "", "says where the predictions go. Give it with --input")
    calls = pipeline.predict_file(bundle, source, out)
    if calls.ignored:
        typer.echo(f"londonpump: columns not used: {', '.join(calls.ignored)}", err=True)
    wrong = sum(bool(error) for error in calls.errors)
    typer.echo(f"{len(calls.ids) - wrong} of {len(calls.ids)} rows answered: {out}")
    if wrong:
        typer.echo(f"londonpump: {wrong} rows have an error; see the column error of {out}", err=True)
        raise typer.Exit(SOME_ROWS_UNANSWERED)


def _predict_one(bundle: Any, values: dict[str, str], as_json: bool) -> None:
    from londonpump.pipelines.words import prediction_as_json, prediction_in_words

    missing = [name for name in ("station_code", "easting_m", "northing_m") if not values[name]]
    if missing:
        raise BadValue(
            "--" + missing[0].removesuffix("_code").removesuffix("_m"),
            "",
            "is missing. Give --station, --easting and --northing, or --input CALLS.csv --out PREDICTIONS.csv",
        )
    typer.echo(prediction_as_json(bundle, values) if as_json else prediction_in_words(bundle, values))


def _write_table(bundle: Any, folder: Path) -> None:
    from londonpump.pipelines.table import write_table

    for path in write_table(bundle, folder):
        typer.echo(path)


def main() -> None:
    """The entry point of the command."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
