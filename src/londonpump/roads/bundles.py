"""Bundles with the table of roads that they were trained with."""

from dataclasses import replace
from pathlib import Path

from londonpump.domain.errors import BadFile
from londonpump.models.bundle import Bundle
from londonpump.roads.store import current_table
from londonpump.roads.table import FOLDERS, RoadTable

IMPORT_AGAIN = (
    "Bring that table back from a backup, import the same map with the same stations: londonpump roads import FILE; or train with "
    "the roads of now: londonpump train."
)


def with_roads(bundle: Bundle, roads: Path) -> Bundle:
    """Return the bundle with its table from the folder of tables; unchanged if it was trained without one.

    Raises: BadFile if the table is missing or damaged.
    """
    needed = bundle.card.roads
    if needed is None:
        return bundle
    try:
        table = FOLDERS.named(roads, needed.name)
    except BadFile as error:
        problem = f"lacks the table of roads {needed.name} ({needed.source}) that the model was trained with"
        raise BadFile(roads, problem, IMPORT_AGAIN) from error
    return replace(bundle, roads=table)


def roads_in_use(roads: Path) -> RoadTable | None:
    """Return the table that was imported last; None if none was. Raises: BadFile if it is damaged."""
    return current_table(roads) if FOLDERS.current_name(roads) else None
