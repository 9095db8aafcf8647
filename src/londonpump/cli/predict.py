"""Command that predicts: predict."""

from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from londonpump.cli import options
from londonpump.cli.application import SOME_ROWS_UNANSWERED, app, report_errors, settings, show_result
from londonpump.domain.errors import BadValue


@app.command(epilog=options.example("predict --station A24 --easting 529900 --northing 181000"))
def predict(
    bundle: Annotated[str | None, options.bundle("Predict with this bundle", "the newest of train")] = None,
    old_bundle: options.OldBundle = None,
    input_: Annotated[
        Path | None,
        options.value(
            "CALLS.csv",
            "Read calls from this file, one pump per row. Default: one pump, as the options say.",
            "--input",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        options.value(
            "PREDICTIONS.csv",
            "Write the predictions of --input to this file. Default: none, it is needed then.",
        ),
    ] = None,
    station: Annotated[
        str | None,
        options.value("CODE", "Predict one pump from this station. Default: none."),
    ] = None,
    easting: Annotated[
        str | None,
        options.value("M", "Set the easting on the National Grid. Default: none."),
    ] = None,
    northing: Annotated[
        str | None,
        options.value("M", "Set the northing on the National Grid. Default: none."),
    ] = None,
    location: Annotated[
        str | None,
        options.value(
            "TEXT",
            "Set the place instead: a postcode, an id of `places find`, or a name with its borough. Default: none.",
        ),
    ] = None,
    at: options.MobilisedAt = None,
    incident_type: options.IncidentType = None,
    property_category: Annotated[
        str | None,
        options.value(
            "TEXT", "Set the property category as in the records, such as Dwelling. Default: not known."
        ),
    ] = None,
    property_type: Annotated[
        str | None,
        options.value("TEXT", "Set the property type as in the records. Default: not known."),
    ] = None,
    address_qualifier: Annotated[
        str | None,
        options.value("TEXT", "Set the address qualifier as in the records. Default: not known."),
    ] = None,
    json: options.JsonFile = None,
    table: Annotated[
        Path | None,
        options.value(
            "DIR",
            "Write a table of expected times (CSV and a page to print) for days without the service. Default: no table.",
        ),
    ] = None,
) -> None:
    """Predict arrival times for a file of calls or for one pump.

    The prediction of one pump is explained.
    """
    from londonpump.lifecycle import predict as pipeline
    from londonpump.lifecycle.context_store import ContextStore
    from londonpump.lifecycle.places import resolve_location

    with report_errors():
        _require_one_mode(
            {
                "--table": table,
                "--input": input_,
                "--station": station or easting or northing or location or at,
            }
        )
        if json is not None and (input_ or table) is not None:
            raise BadValue("--json", str(json), "is for the prediction of one pump. Leave it out")
        if input_ is None and out is not None:
            raise BadValue("--out", str(out), "goes with --input CALLS.csv")
        config = settings()
        opened = pipeline.open_bundle(
            options.bundle_folder(config, options.one_bundle(bundle, old_bundle)), config.roads
        )
        if table is not None:
            _write_table(opened, table)
            return
        with closing(ContextStore(config.database)) as store:
            if input_ is not None:
                _predict_file(opened, store, input_, out)
                return
            one = {
                "id": "1",
                # With its offset, because a bare time would be read as London time.
                "mobilised_at": at or datetime.now().astimezone().isoformat(),
                "station_code": station or "",
                "easting_m": easting or "",
                "northing_m": northing or "",
                "incident_type": incident_type or "",
                "property_category": property_category or "",
                "property_type": property_type or "",
                "address_qualifier": address_qualifier or "",
            }
            points_m = None
            if location is not None:
                _require_one_mode({"--location": location, "--easting": easting, "--northing": northing})
                place = resolve_location(config, opened, location)
                # on standard error, so that --json stays JSON
                typer.echo(f"londonpump: {place.text}", err=True)
                one |= {
                    "easting_m": f"{place.match.easting_m:.0f}",
                    "northing_m": f"{place.match.northing_m:.0f}",
                }
                points_m = place.points
            _predict_single(opened, store, one, json, points_m)


def _require_one_mode(modes: dict[str, object]) -> None:
    """Reject a mix of file, one pump and table, since all but one would silently be ignored. Raises: BadValue."""
    chosen = [name for name, value in modes.items() if value is not None]
    if len(chosen) > 1:
        raise BadValue(chosen[1], str(modes[chosen[1]]), f"cannot go with {chosen[0]}. Ask for one at a time")


def _predict_file(bundle: Any, store: Any, source: Path, out: Path | None) -> None:
    from londonpump.lifecycle import predict as pipeline
    from londonpump.presentation.texts.predict import format_file_notes

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
    """Print what is wrong with the database; predictions go on without it."""
    if store.problem is not None:
        typer.echo(f"londonpump: answered without the context in the database: {store.problem}", err=True)


def _predict_single(
    bundle: Any, store: Any, values: dict[str, str], json: Path | None, points_m: Any = None
) -> None:
    from londonpump.domain.json_values import to_json
    from londonpump.lifecycle.predict import predict_one
    from londonpump.presentation.texts.predict import format_prediction

    missing = [name for name in ("station_code", "easting_m", "northing_m") if not values[name]]
    if missing:
        raise BadValue(
            "--" + missing[0].removesuffix("_code").removesuffix("_m"),
            "",
            "is missing. Give --station with --easting and --northing or with --location, or --input CALLS.csv --out PREDICTIONS.csv",
        )
    prediction, at = predict_one(bundle, values, store, points_m)
    missing = bundle.response.context.missing
    show_result(to_json(prediction), format_prediction(prediction, at, missing), json)
    _print_problem(store)


def _write_table(bundle: Any, folder: Path) -> None:
    from londonpump.lifecycle.expected_times_table import write_table

    for path in write_table(bundle, folder):
        typer.echo(path)
