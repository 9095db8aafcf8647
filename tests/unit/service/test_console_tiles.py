"""Issue 18: streets from a PMTiles or an MBTiles file, and what is said of a file that is neither."""

import gzip
import random
import sqlite3
from pathlib import Path

import pytest
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import write

from londonpump.domain.errors import BadFile
from londonpump.service.console.tiles import open_tiles

TILE = gzip.compress(b"a tile", mtime=0)
N_TILES = 12_000
"""More than one directory holds."""


def pmtiles_file(path: Path, *, tile_type: TileType = TileType.MVT, n: int = 1) -> Path:
    number, chance = zxy_to_tileid(14, 8186, 5448), random.Random(1)  # noqa: S311 - the same file in each run
    with write(str(path)) as writer:
        for i in range(n):
            # gaps and sizes differ, or the directory would be packed into one
            writer.write_tile(number, chance.randbytes(chance.randint(10, 60)) if i else TILE)
            number += chance.randint(2, 90)
        writer.finalize(
            {"tile_type": tile_type, "tile_compression": Compression.GZIP, "min_zoom": 14, "max_zoom": 14},
            {"attribution": "somebody"},
        )
    return path


def mbtiles_file(path: Path, tile_format: str = "pbf") -> Path:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
    connection.execute("CREATE TABLE tiles (zoom_level INT, tile_column INT, tile_row INT, tile_data BLOB)")
    about = [("format", tile_format), ("attribution", "somebody")]
    connection.executemany("INSERT INTO metadata VALUES (?, ?)", about)
    # rows of MBTiles count from the south
    connection.execute("INSERT INTO tiles VALUES (14, 8186, ?, ?)", ((1 << 14) - 1 - 5448, TILE))
    connection.commit()
    connection.close()
    return path


@pytest.mark.parametrize("make", [pmtiles_file, mbtiles_file], ids=["pmtiles", "mbtiles"])
def test_a_tile_is_returned_as_it_is_stored_and_none_outside_the_file(make, tmp_path) -> None:
    tiles = open_tiles(make(tmp_path / "map"))
    assert tiles.tile(14, 8186, 5448) == TILE
    assert tiles.tile(14, 0, 0) is None
    assert tiles.tile(3, 1, 1) is None
    assert (tiles.min_zoom, tiles.max_zoom, tiles.attribution) == (14, 14, "somebody")


def test_tiles_of_nested_directories_are_found(tmp_path) -> None:
    tiles = open_tiles(pmtiles_file(tmp_path / "map", n=N_TILES))
    assert tiles.tile(14, 8186, 5448) == TILE
    assert len(tiles.leaves) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is no file of map tiles"),
        (b"PK\x03\x04 a zip", "is no file of map tiles"),
        (b"PMTiles\x02 an old version", "the map cannot be read"),
        (b"PMTiles\x03" + b"\xff" * 200, "the map cannot be read"),
        (b"SQLite format 3\0" + b"\0" * 200, "the map cannot be read"),
    ],
)
def test_another_file_is_refused_with_what_is_needed(content, problem, tmp_path) -> None:
    path = tmp_path / "map"
    path.write_bytes(content)
    with pytest.raises(BadFile, match="OpenMapTiles") as caught:
        open_tiles(path)
    assert problem in str(caught.value)


def test_a_missing_file_and_pictures_are_refused(tmp_path) -> None:
    with pytest.raises(BadFile, match="No such file"):
        open_tiles(tmp_path / "none")
    for path in (pmtiles_file(tmp_path / "a", tile_type=TileType.PNG), mbtiles_file(tmp_path / "b", "png")):
        with pytest.raises(BadFile, match="vector tiles"):
            open_tiles(path)
