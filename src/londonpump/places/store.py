"""Indexes of places on disk, in folders named by their content, and the places that are known without an import."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from londonpump.domain.errors import BadFile
from londonpump.domain.stations import Station
from londonpump.persistence.atomic_files import allow_reading, file_part
from londonpump.persistence.content_folders import ContentFolders, sha256_of
from londonpump.places.index import BUILT_IN, Place, Source, build, complete, open_index, own_places
from londonpump.places.search import PlaceSearch

CARD, FILE, FORMAT = "places.json", "places.sqlite", 1
ADVICE = "Import the files again: londonpump places import FILE..."


def open_places(folder: Path) -> PlaceSearch:
    """Open the index in a folder. Raises: BadFile if it is missing, damaged or of another version."""
    _, card = FOLDERS.read_card(folder)
    path = folder / FILE
    try:
        if sha256_of(path) != card["sha256"][FILE]:
            raise BadFile(path, "is not what was stored", ADVICE)
        return PlaceSearch(open_index(path))
    except (OSError, sqlite3.Error) as error:
        raise BadFile(path, f"cannot be read ({error})", ADVICE) from error


FOLDERS = ContentFolders("places", CARD, FORMAT, ADVICE, open_places)
"""How indexes of places are stored."""


def save_places(
    places: list[Place], sources: Sequence[Source], provenance: Mapping[str, Any], out: Path
) -> Path:
    """Build the index of places, store it under OUT, point to it, and return its folder.

    Args: places: their `source` is a position in `sources`. Raises: BadFile if it cannot be stored there.
    """
    out.mkdir(parents=True, exist_ok=True)
    every = complete(places)
    counts = Counter(each.kind for each in every)
    try:
        # built beside its folder, because its hash is a part of the folder's name
        with file_part(out / FILE) as part:
            build(part, every, sources).close()
            card = {
                "format": FORMAT,
                "sources": [asdict(each) for each in sources],
                "counts": dict(sorted(counts.items())),
                "sha256": {FILE: sha256_of(part)},
            }
            return FOLDERS.save(out, card, lambda folder: _move(part, folder / FILE), provenance)
    except (OSError, sqlite3.OperationalError) as error:
        raise FOLDERS.not_written(out, OSError(str(error))) from error


def _move(part: Path, path: Path) -> None:
    part.rename(path)
    allow_reading(path)


def known_places(stations: Iterable[Station], districts: Mapping[str, Any]) -> PlaceSearch:
    """Return the search in what is known without an import: stations, boroughs and postcode districts.

    Args: districts: (k, 2) points by name, those of the active model.
    """
    return PlaceSearch(build(None, own_places(stations, districts), (BUILT_IN,)))
