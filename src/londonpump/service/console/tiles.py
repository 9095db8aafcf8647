"""Streets of the map: tiles of a PMTiles or MBTiles file that the Brigade brings, the built-in layers around them, and routes by road."""

import json
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from gzip import compress, decompress
from pathlib import Path
from typing import Annotated, Protocol

import numpy as np
from fastapi import APIRouter, Query, Response
from fastapi import Path as PathParameter
from pmtiles import tile as pmtiles

from londonpump.domain.errors import BadFile
from londonpump.domain.london_map import MAP_ATTRIBUTION, borough_outlines, thames_outline
from londonpump.domain.national_grid import to_degrees
from londonpump.domain.stations import by_code, known_stations
from londonpump.service.console.pages import PAGE_HEADERS, ConsoleRoute, read_live
from londonpump.service.console.session import Caller, Visitor
from londonpump.service.errors import NotFound
from londonpump.service.rights import Person
from londonpump.service.roads import routes as roads
from londonpump.service.state import Services, State

router = APIRouter(prefix="/console", route_class=ConsoleRoute, include_in_schema=False)
HEADER_BYTES = 127
MAX_DIRECTORY_DEPTH = 3
MAX_TILE_BYTES = 2_000_000
GZIP_MARK = b"\x1f\x8b"
# a room that replaces its file restarts the service; until then a tile never changes
TILE_HEADERS = {**PAGE_HEADERS, "Cache-Control": "private, max-age=86400"}
MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
USE = "LONDONPUMP_MAP_TILES needs a PMTiles (version 3) or MBTiles file of vector tiles in the OpenMapTiles schema."


class Tiles(Protocol):
    """A file of vector tiles."""

    min_zoom: int
    max_zoom: int
    attribution: str

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """Return a tile as it is stored, or None if the file has none there."""


@dataclass(slots=True)
class PmTiles:
    """Tiles of a PMTiles file. Directories are read once: the library's own reader unpacks them for each tile."""

    handle: int
    min_zoom: int
    max_zoom: int
    attribution: str
    tile_offset: int
    leaf_offset: int
    root: list[pmtiles.Entry]
    leaves: dict[int, list[pmtiles.Entry]] = field(default_factory=dict)

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """Return a tile as it is stored, or None if the file has none there."""
        number, entries = pmtiles.zxy_to_tileid(z, x, y), self.root
        for _ in range(MAX_DIRECTORY_DEPTH):
            entry = pmtiles.find_tile(entries, number)
            # a damaged directory must not fill the memory
            if entry is None or entry.length > MAX_TILE_BYTES:
                return None
            if entry.run_length:
                return os.pread(self.handle, entry.length, self.tile_offset + entry.offset)
            if entry.offset not in self.leaves:
                packed = os.pread(self.handle, entry.length, self.leaf_offset + entry.offset)
                self.leaves[entry.offset] = pmtiles.deserialize_directory(packed)
            entries = self.leaves[entry.offset]
        return None


@dataclass(slots=True)
class MbTiles:
    """Tiles of an MBTiles file, an SQLite database whose rows count from the south."""

    connection: sqlite3.Connection
    min_zoom: int
    max_zoom: int
    attribution: str

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """Return a tile as it is stored, or None if the file has none there."""
        query = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
        found = self.connection.execute(query, (z, x, (1 << z) - 1 - y)).fetchone()
        return None if found is None else bytes(found[0])


def open_tiles(path: Path) -> Tiles:
    """Open a file of tiles. Raises: BadFile if it is none."""
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
        if head.startswith(b"PMTiles"):
            return _open_pmtiles(path, head)
        if head.startswith(b"SQLite format 3\0"):
            return _open_mbtiles(path)
    except BadFile:
        raise
    except Exception as error:
        # the library raises what a damaged byte happens to cause
        problem = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise BadFile(path, f"the map cannot be read ({problem})", USE) from error
    raise BadFile(path, "is no file of map tiles", USE)


def _open_pmtiles(path: Path, head: bytes) -> PmTiles:
    header = pmtiles.deserialize_header(head)
    if header["tile_type"] is not pmtiles.TileType.MVT or header["tile_compression"] not in {
        pmtiles.Compression.GZIP,
        pmtiles.Compression.NONE,
    }:
        raise BadFile(path, "holds no vector tiles that browsers read", USE)
    handle = os.open(path, os.O_RDONLY)
    about = json.loads(
        decompress(os.pread(handle, header["metadata_length"], header["metadata_offset"])) or b"{}"
    )
    return PmTiles(
        handle=handle,
        min_zoom=header["min_zoom"],
        max_zoom=header["max_zoom"],
        attribution=str(about.get("attribution", "")),
        tile_offset=header["tile_data_offset"],
        leaf_offset=header["leaf_directory_offset"],
        root=pmtiles.deserialize_directory(os.pread(handle, header["root_length"], header["root_offset"])),
    )


def _open_mbtiles(path: Path) -> MbTiles:
    # immutable: the file may lie on a read-only disk, where SQLite could not lock it
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
    )
    about = dict(connection.execute("SELECT name, value FROM metadata"))
    low, high = connection.execute("SELECT min(zoom_level), max(zoom_level) FROM tiles").fetchone()
    if about.get("format", "pbf") != "pbf" or low is None:
        raise BadFile(path, "holds no vector tiles", USE)
    return MbTiles(connection, int(low), int(high), str(about.get("attribution", "")))


@asynccontextmanager
async def tiles_lifespan(state: Services) -> AsyncIterator[None]:
    """Open the file of tiles, so that a wrong one is reported while somebody is there. Raises: BadFile."""
    path = state.settings.map_tiles
    state.tiles = None if path is None else open_tiles(path)
    try:
        yield
    finally:
        if isinstance(state.tiles, PmTiles):
            os.close(state.tiles.handle)
        elif isinstance(state.tiles, MbTiles):
            with closing(state.tiles.connection):
                pass


Zoom = Annotated[int, PathParameter(ge=0, le=22)]
Number = Annotated[int, PathParameter(ge=0, lt=1 << 22)]


@router.get("/tiles/{z}/{x}/{y}.mvt")
async def tile(state: State, _: Visitor, z: Zoom, x: Number, y: Number) -> Response:
    """Return a tile of the file; 204 outside it, for which the map draws nothing and browsers report nothing."""
    tiles, side = state.tiles, 1 << z
    # read in the event loop: a tile is in the page cache, and a thread costs more than the read
    content = tiles.tile(z, x, y) if tiles is not None and x < side and y < side else None
    if not content:
        return Response(status_code=204, headers=TILE_HEADERS)
    packed = {"Content-Encoding": "gzip"} if content.startswith(GZIP_MARK) else {}
    return Response(content, media_type=MEDIA_TYPE, headers={**TILE_HEADERS, **packed})


@router.get("/route")
async def route(state: State, person: Caller, query: Annotated[roads.RouteQuery, Query()]) -> Response:
    """Return the route of the API from a station to a place; 204 where none is known, as for tiles."""
    found = await _find_route(state, person, query)
    if found is None:
        # browsers would report each 404 as an error of the page
        return Response(status_code=204, headers=PAGE_HEADERS)
    return Response(found.model_dump_json(), media_type="application/geo+json", headers=PAGE_HEADERS)


async def _find_route(state: Services, person: Person, query: roads.RouteQuery) -> roads.RouteResponse | None:
    try:
        return await roads.route(person, state, query)
    except NotFound:
        return None


@router.get("/map.json")
async def map_data(state: State, _: Visitor) -> Response:
    """Return the built-in layers: outlines, the Thames, and the stations with their pumps."""
    board, champion = (await read_live(state)).board, state.champion.current
    stations = by_code(champion.bundle.stations if champion else known_stations())
    pumps_at: dict[str, list[str]] = {}
    for pump in board.pumps.values():
        if pump.station_code in stations:
            pumps_at.setdefault(pump.station_code, []).append(pump.code)
    east, north = (
        [getattr(stations[code], name) for code in pumps_at] for name in ("easting_m", "northing_m")
    )
    latitudes, longitudes = to_degrees(np.array(east), np.array(north))
    tiles = state.tiles
    content = {
        "outlines": borough_outlines(),
        "thames": thames_outline(),
        "attribution": MAP_ATTRIBUTION,
        "stations": [
            {
                "code": code,
                "name": stations[code].name,
                "latitude": round(float(latitude), 6),
                "longitude": round(float(longitude), 6),
                "pumps": pumps,
            }
            for (code, pumps), latitude, longitude in zip(
                pumps_at.items(), latitudes, longitudes, strict=True
            )
        ],
        "tiles": tiles and {"min": tiles.min_zoom, "max": tiles.max_zoom, "attribution": tiles.attribution},
    }
    # every browser that runs modules takes gzip; once per page, 100 KB become 35 KB
    packed = compress(json.dumps(content, ensure_ascii=False).encode(), mtime=0)
    return Response(
        packed, media_type="application/json", headers={**PAGE_HEADERS, "Content-Encoding": "gzip"}
    )
