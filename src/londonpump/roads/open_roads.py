"""Reader of OS Open Roads (GeoPackage, layer `road_link`). It has neither one-way streets nor speeds."""

import sqlite3
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from londonpump.domain.errors import BadFile
from londonpump.roads.lines import LONDON_BOX, Flags, Floats, Ints, RoadLines

LICENCE = "Open Government Licence v3.0 (OGL)"
ATTRIBUTION = "Contains OS data © Crown copyright and database right"
LAYER = "road_link"
COLUMNS = (
    *("road_classification", "road_function", "form_of_way"),
    *("primary_route", "trunk_road", "start_node", "end_node"),
)
CLOSED = "Restricted Local Access Road"
BUSWAY = "Guided Busway"
ADVICE = "Name the GeoPackage of OS Open Roads (Data/oproad_gb.gpkg), unpacked and whole."
_LINE_WKB = ((1, 2), (1, 1002))
"""Little-endian lines without and with heights: byte order and type."""


def read_open_roads(path: Path) -> RoadLines:
    """Read the roads in and around London. Raises: BadFile if it is not that GeoPackage, or is broken."""
    import pyogrio  # noqa: PLC0415 - only the import of a map needs it

    try:
        meta, _, shapes, values = pyogrio.raw.read(path, layer=LAYER, columns=list(COLUMNS), bbox=LONDON_BOX)
        dated = _date_of(path)
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        sqlite3.Error,
        RuntimeError,
    ) as error:
        raise BadFile(path, f"cannot be read as OS Open Roads ({error})", ADVICE) from error
    columns = dict(zip(meta["fields"], values, strict=True))
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise BadFile(path, f"lacks {', '.join(missing)} in layer {LAYER}", ADVICE)
    if "27700" not in str(meta["crs"]):
        raise BadFile(path, f"is not on the British National Grid but on {meta['crs']}", ADVICE)
    used = (columns["road_function"] != CLOSED) & (columns["form_of_way"] != BUSWAY)
    if not used.any():
        raise BadFile(path, "has no roads in London", ADVICE)
    columns = {name: each[used] for name, each in columns.items()}
    lines = [_coordinates(path, shape) for shape in shapes[used]]
    starts = np.concatenate([[0], np.cumsum([len(each) for each in lines])])
    points, easting_m, northing_m = _join_ends(np.concatenate(lines), starts, columns)
    return RoadLines(
        easting_m=easting_m,
        northing_m=northing_m,
        starts=starts,
        points=points,
        road_class=road_classes(columns),
        direction=np.zeros(len(lines), np.int64),
        is_motorway=columns["road_classification"] == "Motorway",
        source="OS Open Roads",
        licence=LICENCE,
        attribution=f"{ATTRIBUTION} {dated.year}" if dated else ATTRIBUTION,
        dated=dated,
    )


def road_classes(columns: dict[str, Any]) -> Ints:
    """Return the class of each link, as OpenStreetMap classes the same roads: primary routes are trunk roads."""
    classification = columns["road_classification"]
    is_major = _is_true(columns["primary_route"]) | _is_true(columns["trunk_road"])
    is_tertiary = (classification == "Classified Unnumbered") | (columns["road_function"] == "Minor Road")
    return np.select(
        [
            classification == "Motorway",
            (classification == "A Road") & is_major,
            classification == "A Road",
            classification == "B Road",
            is_tertiary,
        ],
        [0, 0, 1, 2, 3],
        default=4,
    )


def _is_true(values: Any) -> Flags:
    """Return which values are true: booleans in some editions, the texts true and false in others."""
    return np.array([str(value).lower() in ("true", "1") for value in values])


def _coordinates(path: Path, shape: bytes) -> Floats:
    order, kind = shape[0], int.from_bytes(shape[1:5], "little")
    if (order, kind) not in _LINE_WKB:
        raise BadFile(path, f"has a shape in layer {LAYER} that is not a line", ADVICE)
    return np.frombuffer(shape, "<f8", offset=9).reshape(-1, 3 if kind > 1000 else 2)[:, :2]


def _join_ends(coordinates: Floats, starts: Ints, columns: dict[str, Any]) -> tuple[Ints, Floats, Floats]:
    """Number the points so that links which share a node share its number. Links that only cross share none."""
    nodes, numbers = np.unique(
        np.concatenate([columns["start_node"], columns["end_node"]]).astype(str), return_inverse=True
    )
    ends = np.concatenate([starts[:-1], starts[1:] - 1])
    # points between the ends are numbered after the nodes: they belong to one link alone
    points = np.arange(len(coordinates)) + len(nodes)
    points[ends] = numbers
    placed = np.zeros((len(nodes) + len(coordinates), 2))
    placed[points] = coordinates
    return points, placed[:, 0], placed[:, 1]


def _date_of(path: Path) -> date | None:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        found = database.execute(
            "SELECT last_change FROM gpkg_contents WHERE table_name = ?", (LAYER,)
        ).fetchone()
    with suppress(ValueError):
        return date.fromisoformat(str(found[0])[:10]) if found else None
    return None
