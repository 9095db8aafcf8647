"""Look-up of the ways by road between stations and 100 m cells, in memory-mapped arrays that an import made.

Nothing here needs the libraries that read maps, so that the service can look ways up without them.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from londonpump.domain.errors import BadFile
from londonpump.persistence.content_folders import ContentFolders, sha256_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CARD = "roads.json"
FORMAT = 1
CELL_M = 100.0
NEAR_M = 12_000.0
"""Straight distance from the station to the middle of a cell up to which all fields are stored; beyond it road_s only."""
UNIT_S = 0.2
"""Unit of stored seconds: 16 bits reach 3.6 hours."""
UNKNOWN = 2**16 - 1
SECONDS, METRES = "road_s", "road_m"
PART_OF_METRES, REST = "road_m_", "road_m_minor"
LIMIT_20 = "road_m_20mph"
SHARE_UNITS = 255
"""Metres of a part of a way are stored as its share of all metres in 8 bits; those on minor roads are the rest."""
MOVED_M = 100.0
"""Lists of stations differ by some metres; beyond this a station was moved after the import."""
ADVICE = "Import the map again: londonpump roads import FILE."


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of 100 m: rows from the south, columns from the west."""

    west_m: float
    south_m: float
    rows: int
    columns: int

    def find(self, easting_m: Floats, northing_m: Floats) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        """Return row and column of the cell of each point, and whether there is one (else row and column are 0)."""
        row = np.floor((northing_m - self.south_m) / CELL_M)
        column = np.floor((easting_m - self.west_m) / CELL_M)
        is_inside = (row >= 0) & (row < self.rows) & (column >= 0) & (column < self.columns)
        # before the conversion to integers, which has no value for NaN
        row, column = np.where(is_inside, row, 0.0), np.where(is_inside, column, 0.0)
        return row.astype(np.int64), column.astype(np.int64), is_inside

    def middle(self, row: ArrayLike, column: ArrayLike) -> tuple[Floats, Floats]:
        """Return easting and northing of the middle of cells."""
        easting_m = self.west_m + (np.asarray(column, np.float64) + 0.5) * CELL_M
        northing_m = self.south_m + (np.asarray(row, np.float64) + 0.5) * CELL_M
        return easting_m, northing_m


def is_near(
    station_e: Floats | float, station_n: Floats | float, cell_e: Floats, cell_n: Floats
) -> NDArray[np.bool_]:
    """Return whether all fields are stored for a station and a cell."""
    return np.asarray((cell_e - station_e) ** 2 + (cell_n - station_n) ** 2 <= NEAR_M**2)


@dataclass(frozen=True)
class RoadTable:
    """Table of ways, read only. Ways are the fastest legal ones by the default blue-light speeds of the classes."""

    folder: Path
    name: str
    """Hash of the content."""
    card: dict[str, Any] = field(repr=False)
    arrays: dict[str, NDArray[Any]] = field(repr=False)
    """Memory-mapped arrays by name of their file."""

    @property
    def source(self) -> str:
        """Name of the publisher of the map."""
        return str(self.card["source"])

    @property
    def date(self) -> str | None:
        """Date of the map in ISO form; None if the file does not give it."""
        value = self.card["date"]
        return None if value is None else str(value)

    @property
    def licence(self) -> str:
        """Name of the licence of the map."""
        return str(self.card["licence"])

    @property
    def attribution(self) -> str:
        """Text that must be shown with whatever is made from the map."""
        return str(self.card["attribution"])

    @property
    def extent(self) -> dict[str, float]:
        """West, south, east and north of the map in WGS84 degrees."""
        return dict(self.card["extent"])

    @property
    def is_partial(self) -> bool:
        """Return whether the map covers only a part of London."""
        return bool(self.card["is_partial"])

    def summary(self) -> dict[str, Any]:
        """Return what people must know of the table, as JSON."""
        names = ("source", "date", "licence", "attribution", "extent", "is_partial", "fields")
        return (
            {"name": self.name} | {name: self.card[name] for name in names} | {"stations": len(self.stations)}
        )

    @cached_property
    def stations(self) -> NDArray[np.str_]:
        """Codes of the stations with ways, sorted."""
        return np.array([station["code"] for station in self.card["stations"]])

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Names of the values of a way."""
        return tuple(self.card["fields"])

    @cached_property
    def grid(self) -> Grid:
        """Cells of the table."""
        return Grid(**self.card["grid"])

    @cached_property
    def _station_m(self) -> Floats:
        places = [(each["easting_m"], each["northing_m"]) for each in self.card["stations"]]
        return np.array(places, np.float64).reshape(-1, 2)

    def number_stations(self, stations: ArrayLike) -> Ints:
        """Return the position of each station code in `stations`, -1 if it has no ways."""
        given = np.asarray(stations)
        if given.dtype.kind in "iu":
            return given.astype(np.int64)
        given = given.astype(str)
        # a search in the sorted codes: a dictionary would need a loop over the candidates
        at = np.minimum(np.searchsorted(self.stations, given), len(self.stations) - 1)
        return np.where(self.stations[at] == given, at, -1)

    def find_cells(self, easting_m: Floats, northing_m: Floats) -> tuple[Ints, Ints, Ints]:
        """Return the number of the cell of each point (-1 if no road is known there), its row and its column."""
        row, column, is_inside = self.grid.find(easting_m, northing_m)
        return np.where(is_inside, self.arrays["cells"][row, column], -1).astype(np.int64), row, column

    def look_up(
        self, stations: ArrayLike, easting_m: ArrayLike, northing_m: ArrayLike
    ) -> dict[str, NDArray[np.float32]]:
        """Return each field of the ways from stations to points; NaN where it is unknown.

        Args: stations: codes, or positions in `stations` (-1 for none). All fields but road_s are unknown beyond 12 km.
        """
        station = self.number_stations(stations)
        cell, row, column = self.find_cells(np.asarray(easting_m, float), np.asarray(northing_m, float))
        station, cell, row, column = np.broadcast_arrays(station, cell, row, column)
        # only pairs with a way go on: the arrays are indexed once, without marks for the missing ones
        found = np.flatnonzero((station.ravel() >= 0) & (cell.ravel() >= 0))
        station, cell = station.ravel()[found], cell.ravel()[found]
        row, column = row.ravel()[found], column.ravel()[found]
        middle_e, middle_n = self.grid.middle(row, column)
        near = is_near(self._station_m[station, 0], self._station_m[station, 1], middle_e, middle_n)
        at = self.arrays["near_base"][station[near], row[near]] + cell[near]
        stored_s = self.arrays[SECONDS][station, cell]
        way_s = np.where(stored_s == UNKNOWN, np.nan, stored_s * np.float32(UNIT_S))
        shape = np.broadcast_shapes(np.shape(stations), np.shape(easting_m), np.shape(northing_m))
        result = {}
        for name, known in ({SECONDS: way_s} | self._near_fields(at)).items():
            values = np.full(int(np.prod(shape)), np.nan, np.float32)
            values[found if name == SECONDS else found[near]] = known
            result[name] = values.reshape(shape)
        return result

    def has_moved(
        self, stations: ArrayLike, easting_m: ArrayLike, northing_m: ArrayLike
    ) -> NDArray[np.bool_]:
        """Return (n,) whether a station lies over MOVED_M from where its ways begin."""
        station = self.number_stations(stations)
        begins_m = self._station_m[np.maximum(station, 0)]
        east_m, north_m = (np.asarray(values, np.float64) for values in (easting_m, northing_m))
        distance_m = np.hypot(east_m - begins_m[..., 0], north_m - begins_m[..., 1])
        return np.asarray((station >= 0) & (distance_m > MOVED_M))

    def _near_fields(self, at: Ints) -> dict[str, NDArray[np.float32]]:
        """Return the fields at positions of the arrays of near cells."""
        values = {
            name: self.arrays[name][at].astype(np.float32)
            for name in self.fields
            if name not in (SECONDS, REST)
        }
        # shares are rounded, so the rest takes up the difference and the parts add up to the whole
        rest = values[METRES].copy()
        for name in filter(lambda name: name.startswith(PART_OF_METRES), self.fields):
            if name != REST:
                values[name] *= values[METRES] / np.float32(SHARE_UNITS)
                rest -= values[name] if name != LIMIT_20 else 0.0
        values[REST] = np.maximum(rest, 0.0)
        return {name: values[name] for name in self.fields if name != SECONDS}


def open_table(folder: Path) -> RoadTable:
    """Open the table in a folder, memory-mapped. Raises: BadFile if it is missing, damaged or of another version."""
    name, card = FOLDERS.read_card(folder)
    arrays = {}
    for file in sorted(card["sha256"]):
        path = folder / file
        try:
            # compared before it is mapped: a file that was cut short must not be touched
            if sha256_of(path) != card["sha256"][file]:
                raise BadFile(path, "is not what was stored", ADVICE)
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise BadFile(path, f"cannot be read ({error})", ADVICE) from error
        # a plain view of the mapped memory: indexing a memmap object is slower
        arrays[path.stem] = np.asarray(mapped)
    return RoadTable(folder, name, card, arrays)


FOLDERS = ContentFolders("roads", CARD, FORMAT, ADVICE, open_table)
"""How tables of roads are stored."""
