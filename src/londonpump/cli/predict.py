"""The command that answers: predict."""

from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from londonpump.cli.application import SOME_ROWS_UNANSWERED, app, report_errors, settings
from londonpump.domain.errors import BadValue


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
    from londonpump.lifecycle import predict as pipeline
    from londonpump.lifecycle.context_store import ContextStore

    with report_errors():
        _require_one_mode(
            {"--table": table, "--input": input_, "--station": station or easting or northing or at}
        )
        if input_ is None and out is not None:
            raise BadValue("--out", str(out), "goes with --input CALLS.csv")
        config = settings()
        opened = pipeline.open_bundle(bundle or config.bundle)
        if table is not None:
            _write_table(opened, table)
            return
        with closing(ContextStore(config.database)) as store:
            if input_ is not None:
                _predict_file(opened, store, input_, out)
                return
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
            _predict_single(opened, store, one, as_json)


def _require_one_mode(modes: dict[str, object]) -> None:
    """A file, one pump or the table: with two of them asked for, one would silently not be done."""
    chosen = [name for name, value in modes.items() if value is not None]
    if len(chosen) > 1:
        raise BadValue(chosen[1], str(modes[chosen[1]]), f"cannot go with {chosen[0]}. Ask for one at a time")


def _predict_file(bundle: Any, store: Any, source: Path, out: Path | None) -> None:
    from londonpump.lifecycle import predict as pipeline
    from londonpump.lifecycle.prediction_text import format_file_notes

    if out is None:
        raise BadValue("--out", "", "says where the predictions go. Give it with --input")
    calls = pipeline.predict_file(bundle, source, out, store)
    _print_problem(store)
    missing = bundle.response.context.missing
    for line in format_file_notes(missing, calls.unknown, len(calls.answered)):
        typer.echo(f"londonpump: {line}", err=True)
    if calls.read_as:
        typer.echo(f"londonpump: {source.name}: {calls.read_as}", err=True)
    if calls.ignored:
        typer.echo(f"londonpump: columns not used: {', '.join(calls.ignored)}", err=True)
    wrong = sum(bool(error) for error in calls.errors)
    typer.echo(f"{len(calls.ids) - wrong} of {len(calls.ids)} rows answered: {out}")
    if wrong:
        typer.echo(f"londonpump: {wrong} rows have an error; see the column error of {out}", err=True)
        raise typer.Exit(SOME_ROWS_UNANSWERED)


def _print_problem(store: Any) -> None:
    """Answering goes on without the database; the person is told what is wrong with it."""
    if store.problem is not None:
        typer.echo(f"londonpump: answered without context of the database: {store.problem}", err=True)


def _predict_single(bundle: Any, store: Any, values: dict[str, str], as_json: bool) -> None:
    from londonpump.lifecycle.prediction_text import format_prediction, prediction_as_json

    missing = [name for name in ("station_code", "easting_m", "northing_m") if not values[name]]
    if missing:
        raise BadValue(
            "--" + missing[0].removesuffix("_code").removesuffix("_m"),
            "",
            "is missing. Give --station, --easting and --northing, or --input CALLS.csv --out PREDICTIONS.csv",
        )
    render = prediction_as_json if as_json else format_prediction
    typer.echo(render(bundle, values, store))
    _print_problem(store)


def _write_table(bundle: Any, folder: Path) -> None:
    from londonpump.lifecycle.expected_times_table import write_table

    for path in write_table(bundle, folder):
        typer.echo(path)
