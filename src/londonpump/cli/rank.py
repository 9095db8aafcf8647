"""Command that ranks stations by their time to a place: rank."""

import json as json_format
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from londonpump.cli.application import app, report_errors, settings


@app.command()
def rank(
    location: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="Rank for this place: a postcode, coordinates, an id of `places find`, or a name with its borough.",
        ),
    ],
    bundle: Annotated[
        Path | None,
        typer.Option(
            metavar="BUNDLE",
            help="Use this output of train. Default: that in LONDONPUMP_HOME.",
            show_default=False,
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Set the time of mobilisation, such as 2024-01-15T08:00Z; without Z it is London time. Default: now.",
            show_default=False,
        ),
    ] = None,
    incident_type: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="Set the incident type, one of its five names.", show_default=False
        ),
    ] = None,
    max_stations: Annotated[
        int, typer.Option("--max", metavar="N", min=1, max=24, help="Print this many stations.")
    ] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rank the stations that reach a place first, as if every pump were at its station.

    A text that may mean several places is rejected with the list of them: give the id of one.
    """
    from londonpump.domain.json_values import to_json
    from londonpump.lifecycle.context_store import ContextStore
    from londonpump.lifecycle.places import resolve_location
    from londonpump.lifecycle.predict import open_bundle
    from londonpump.lifecycle.rank import rank_stations

    with report_errors():
        config = settings()
        opened = open_bundle(bundle or config.bundle, config.roads)
        place = resolve_location(config, opened, location)
        # with its offset, because a bare time would be read as London time
        values = {
            "mobilised_at": at or datetime.now().astimezone().isoformat(),
            "incident_type": incident_type or "",
        }
        with closing(ContextStore(config.database)) as store:
            ranking = rank_stations(opened, place, values, max_stations, store)
            if store.problem is not None:
                typer.echo(
                    f"londonpump: answered without the context in the database: {store.problem}", err=True
                )
    typer.echo(json_format.dumps(to_json(ranking), indent=1) if as_json else ranking.to_text())
