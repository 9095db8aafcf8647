"""The commands `places import`, `places find` and `places show`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from londonpump import __version__
from londonpump.domain.errors import BadFile, BadValue
from londonpump.domain.stations import known_stations
from londonpump.ingest.place_files import read_place_files
from londonpump.lifecycle.predict import open_bundle
from londonpump.lifecycle.progress import Progress, silent
from londonpump.lifecycle.roads import stations_with_ways
from londonpump.models.bundle import Bundle
from londonpump.persistence.atomic_files import read_json
from londonpump.places.index import Source, own_places
from londonpump.places.resolve import Resolved, resolve
from londonpump.places.search import Match, PlaceSearch
from londonpump.places.store import CARD, FOLDERS, known_places, save_places
from londonpump.settings import Settings


def import_places(
    settings: Settings, paths: Sequence[Path], own: Source | None = None, progress: Progress = silent
) -> list[str]:
    """Make the index of gazetteers and use it from now on. Returns: what was imported, as lines.

    Raises: BadFile, and the index in use stays.
    """
    progress("read the files", 0.0)
    found = read_place_files(paths, own)
    progress("build the index", 0.6)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    provenance = {
        "software": f"londonpump {__version__}",
        "made_at": made_at,
        "files": [path.name for path in paths],
    }
    folder = save_places(
        [*own_places(stations_with_ways(settings), _districts(settings)), *found.places],
        found.sources,
        provenance,
        settings.places,
    )
    skipped = []
    if found.n_outside:
        skipped.append(f"{found.n_outside:,} entries outside London were skipped.")
    if found.n_without_position:
        skipped.append(f"{found.n_without_position:,} entries without a position were skipped.")
    return [*format_index(folder), *skipped]


def _districts(settings: Settings) -> Mapping[str, Any]:
    """Return the points of the districts of the newest model: a gazetteer without postcodes has no districts of its own."""
    try:
        return open_bundle(settings.bundle).area_points.districts
    except BadFile:
        # places can be imported before the first training
        return {}


def format_index(folder: Path) -> list[str]:
    """Format an index: its name, numbers of places and sources."""
    card = read_json(folder / CARD)
    counts = ", ".join(f"{n:,} {kind}" for kind, n in card["counts"].items())
    return [
        f"places      {folder.name} in {folder}",
        f"entries     {counts}",
        *(
            f"source      {each['name']}; {each['licence']}; shown with: {each['attribution']}"
            for each in card["sources"]
        ),
    ]


def show_places(settings: Settings) -> tuple[list[str], dict[str, Any]]:
    """Return the index in use as lines of text and as JSON. Raises: BadFile if there is none, or it is damaged."""
    name = FOLDERS.current_name(settings.places)
    if name is None:
        raise BadFile(
            settings.places, "holds no places", "Import a gazetteer: londonpump places import FILE..."
        )
    # opened for its check alone: what is shown is in the card
    FOLDERS.named(settings.places, name)
    folder = settings.places / name
    return format_index(folder), {"name": name} | {
        key: read_json(folder / CARD)[key] for key in ("sources", "counts")
    }


def open_search(settings: Settings, bundle: Bundle | None = None) -> PlaceSearch:
    """Return the search in the imported places, or in what is known without an import. Raises: BadFile if damaged."""
    name = FOLDERS.current_name(settings.places)
    if name is not None:
        return FOLDERS.named(settings.places, name)
    return known_places(known_stations(), bundle.area_points.districts if bundle else {})


def resolve_location(settings: Settings, bundle: Bundle, text: str) -> Resolved:
    """Return the one place that a text means. Raises: BadValue that lists the candidates."""
    resolved, problem = resolve(open_search(settings, bundle), text)
    if resolved is None:
        raise BadValue("location", text, problem)
    return resolved


def format_matches(search: PlaceSearch, matches: Sequence[Match]) -> list[str]:
    """Format matches as a table, with the licences of their sources."""
    width = max((len(each.label) for each in matches), default=0)
    lines = [
        f"{each.id:<16}{each.label:<{width + 2}}{each.kind:<10}{each.exactness:<16}{each.easting_m:.0f},{each.northing_m:.0f}"
        + (f"  without {each.left_out!r}" if each.left_out else "")
        for each in matches
    ]
    used = {each.source for each in matches if each.source is not None}
    shown = (f"{search.sources[i].attribution} ({search.sources[i].licence})" for i in sorted(used))
    return [*lines, *dict.fromkeys(shown)]


def find_places(settings: Settings, text: str) -> list[str]:
    """Return the matches of a text as lines. Raises: BadValue if there are none."""
    search = open_search(settings)
    matches = search.find(text)
    if not matches:
        advice = (
            ""
            if FOLDERS.current_name(settings.places)
            else ". Import a gazetteer: londonpump places import FILE..."
        )
        raise BadValue("TEXT", text, f"is no known place{advice}")
    return format_matches(search, matches)
