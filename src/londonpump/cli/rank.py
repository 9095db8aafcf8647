"""Command that ranks stations by their time to a place: rank."""

from contextlib import closing
from datetime import datetime
from typing import Annotated

import typer

from londonpump.cli import options
from londonpump.cli.application import app, report_errors, settings, show_result


@app.command(epilog=options.example('rank "trafalgar square"'))
def rank(
    location: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="Rank for this place: a postcode, coordinates, an id of `places find`, or a name with its borough.",
        ),
    ],
    bundle: Annotated[str | None, options.bundle("Rank with this bundle", "the newest of train")] = None,
    at: options.MobilisedAt = None,
    incident_type: options.IncidentType = None,
    max_stations: Annotated[
        int, typer.Option("--max", metavar="N", min=1, max=24, help="Print this many stations.")
    ] = 5,
    json: options.JsonFile = None,
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
        opened = open_bundle(options.bundle_folder(config, bundle), config.roads)
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
        show_result(to_json(ranking), ranking.to_text(), json)
