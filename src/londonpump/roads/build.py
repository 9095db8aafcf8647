"""Table of the ways from every station to every cell, made from the roads of a map."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import BadFile
from londonpump.domain.national_grid import to_degrees
from londonpump.domain.stations import Station
from londonpump.roads.graph_arrays import ArrivalRoads, graph_arrays, station_roads
from londonpump.roads.lines import CLASSES, LONDON_BOX, Floats, Ints, RoadLines
from londonpump.roads.network import Network, Positions, RoadIndex
from londonpump.roads.route import START
from londonpump.roads.table import (
    CELL_M,
    METRES,
    PART_OF_METRES,
    REST,
    SECONDS,
    SHARE_UNITS,
    UNIT_S,
    UNKNOWN,
    Grid,
    is_near,
)
from londonpump.roads.ways import Router, Start, Targets, Tree, make_graph, metres

MAX_TO_STATION_M = 8_500.0
"""Largest distance of a cell from the nearest open station: London and what surrounds it."""
MAX_TO_ROAD_M = 1_000.0
"""Distance from which no road of the map is near: beyond the border of an extract, or on water."""
MAX_STATION_TO_ROAD_M = 300.0

Arrays = dict[str, NDArray[Any]]
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells in which ways are known, numbered by row and column, and their places on the roads."""

    grid: Grid
    row: Ints
    column: Ints
    places: Positions

    @property
    def numbers(self) -> NDArray[np.int32]:
        """Return the number of each cell of the grid, -1 where no way is known."""
        numbers = np.full((self.grid.rows, self.grid.columns), -1, np.int32)
        numbers[self.row, self.column] = np.arange(len(self.row))
        return numbers


@dataclass(frozen=True, slots=True)
class StationRoads:
    """Stations and their places on the roads of a map."""

    joined: tuple[Station, ...]
    """Stations with ways, sorted by code."""
    places: Positions
    """Their places on the roads."""
    outside: tuple[Station, ...]
    """Stations outside the extent of the map."""
    far: tuple[tuple[Station, float], ...]
    """Stations inside its extent but too far from any road, with the distance in metres."""


@dataclass(frozen=True, slots=True)
class Extent:
    """West, south, east and north of a map in WGS84 degrees."""

    west: float
    south: float
    east: float
    north: float

    def contains(self, easting_m: Floats, northing_m: Floats) -> NDArray[np.bool_]:
        """Return which points of the grid lie within."""
        latitude, longitude = to_degrees(easting_m, northing_m)
        return np.asarray(
            (longitude >= self.west)
            & (longitude <= self.east)
            & (latitude >= self.south)
            & (latitude <= self.north)
        )


def extent_of(lines: RoadLines) -> Extent:
    """Return the extent that the file states, or else that of its roads, rounded to about a metre."""
    if lines.box_degrees is not None:
        return Extent(*(round(float(value), 5) for value in lines.box_degrees))
    latitude, longitude = to_degrees(lines.easting_m, lines.northing_m)
    west, south, east, north = (
        round(float(value), 5) for value in (longitude.min(), latitude.min(), longitude.max(), latitude.max())
    )
    return Extent(west, south, east, north)


def join_stations(index: RoadIndex, extent: Extent, stations: Iterable[Station]) -> StationRoads:
    """Join the stations to their nearest roads."""
    # a fireboat needs no road
    known = sorted((each for each in stations if each.status != "river"), key=lambda each: each.code)
    easting_m, northing_m = (
        np.array([getattr(each, f"{axis}_m") for each in known]) for axis in ("easting", "northing")
    )
    # outside a partial map a road may be near by chance, but the ways from there would be wrong
    is_inside = extent.contains(easting_m, northing_m)
    places = index.nearest(easting_m, northing_m)
    is_joined = is_inside & (places.distance_m <= MAX_STATION_TO_ROAD_M)
    at = np.flatnonzero(is_joined)
    return StationRoads(
        joined=tuple(known[i] for i in at),
        places=places.take(at),
        outside=tuple(each for each, inside in zip(known, is_inside, strict=True) if not inside),
        far=tuple((known[i], float(places.distance_m[i])) for i in np.flatnonzero(is_inside & ~is_joined)),
    )


def find_cells(index: RoadIndex, extent: Extent, stations: Iterable[Station]) -> Cells:
    """Find the cells of London in the extent of a map, and join each to its nearest road."""
    west, south, east, north = LONDON_BOX
    grid = Grid(west, south, int((north - south) / CELL_M), int((east - west) / CELL_M))
    row, column = (each.ravel() for each in np.indices((grid.rows, grid.columns)))
    easting_m, northing_m = grid.middle(row, column)
    nearest_m2 = np.full(len(row), np.inf)
    for station in stations:
        if station.status == "open":
            np.minimum(
                nearest_m2,
                (easting_m - station.easting_m) ** 2 + (northing_m - station.northing_m) ** 2,
                out=nearest_m2,
            )
    # the cheap condition first: the conversion to degrees takes a second for the whole grid
    at = np.flatnonzero(nearest_m2 <= MAX_TO_STATION_M**2)
    at = at[extent.contains(easting_m[at], northing_m[at])]
    places = index.nearest(easting_m[at], northing_m[at])
    is_by_road = places.distance_m <= MAX_TO_ROAD_M
    return Cells(grid, row[at[is_by_road]], column[at[is_by_road]], places.take(is_by_road))


@dataclass
class _Columns:
    """Arrays that grow by station."""

    seconds: list[NDArray[np.uint16]] = field(default_factory=list)
    near: dict[str, list[NDArray[np.uint16]]] = field(default_factory=dict)
    base: list[Ints] = field(default_factory=list)
    trees: list[NDArray[np.uint8]] = field(default_factory=list)
    n_near: int = 0

    def add(self, name: str, values: NDArray[Any]) -> None:
        self.near.setdefault(name, []).append(_stored(values))


def make_ways(
    network: Network, roads: StationRoads, cells: Cells, on_progress: OnProgress = lambda _done, _all: None
) -> tuple[Arrays, list[dict[str, Any]]]:
    """Find the ways from all stations to all cells. Returns: the arrays of the table, and the stations of its card."""
    graph = make_graph(network)
    targets, arrivals = Targets(graph, cells.places), ArrivalRoads(graph)
    if arrivals.max_roads > START:
        # more do not fit into the 4 bits of the stored trees; no real junction has as many
        problem = f"has a junction of {arrivals.max_roads} roads (at most {START})"
        raise BadFile("the map", problem, "Name another extract.")
    router = Router(graph, targets)
    columns, listed = _Columns(), []
    # one station at a time: all trees at once would take gigabytes
    for number, station in enumerate(roads.joined):
        place = roads.places.take(np.array([number]))
        tree, starts = router.find(place)
        listed.append(
            {
                "code": station.code,
                "easting_m": station.easting_m,
                "northing_m": station.northing_m,
                "roads": station_roads(network, starts),
            }
        )
        columns.trees.append(arrivals.tree(tree))
        near = near_cells(cells, station.easting_m, station.northing_m)
        columns.seconds.append(_stored(tree.seconds / UNIT_S))
        columns.base.append(_near_base(cells, near, columns.n_near))
        columns.n_near += len(near)
        _add_sums(columns, router, tree, starts, near)
        on_progress(number + 1, len(roads.joined))
    # a station over the border may see few cells, so its near cells are kept one after another and not in a rectangle
    arrays: Arrays = {
        "cells": cells.numbers,
        "near_base": np.stack(columns.base),
        SECONDS: np.stack(columns.seconds),
        "tree": np.stack(columns.trees),
        **graph_arrays(graph, targets, arrivals),
    }
    for name, parts in columns.near.items():
        arrays[name] = _narrow(np.concatenate(parts))
    return arrays, listed


def near_cells(cells: Cells, easting_m: float, northing_m: float) -> Ints:
    """Return the numbers of the cells for which all fields are stored."""
    return np.flatnonzero(is_near(easting_m, northing_m, *cells.grid.middle(cells.row, cells.column)))


def _near_base(cells: Cells, near: Ints, start: int) -> Ints:
    """Return what to add, per row of the grid, to the number of a near cell for its position in the arrays.

    The near cells of a row follow each other without a gap, because cells are numbered by row and column.
    """
    # rows without near cells are never looked up, so their value does not matter
    base = np.zeros(cells.grid.rows, np.int64)
    rows, first = np.unique(cells.row[near], return_index=True)
    base[rows] = start + first - near[first]
    return base


def _add_sums(columns: _Columns, router: Router, tree: Tree, starts: list[Start], near: Ints) -> None:
    network = router.graph.network
    sums, turns = router.sums(tree, starts, near)
    length = metres(sums)
    columns.add(METRES, length)
    columns.add("road_turns", turns)
    for position, name in enumerate(network.fields):
        field = f"road_{name}"
        if field.startswith(PART_OF_METRES):
            # the rest of the way is on minor roads
            if field != REST:
                columns.add(field, sums[:, position] / np.maximum(length, 1.0) * SHARE_UNITS)
        else:
            columns.add(field, sums[:, position])


def _stored(values: NDArray[Any]) -> NDArray[np.uint16]:
    # infinite and very long values become the mark of the unknown
    return np.asarray(np.minimum(np.rint(values), UNKNOWN), np.uint16)


def _narrow(values: NDArray[np.uint16]) -> NDArray[Any]:
    return values.astype(np.uint8) if values.max(initial=0) < 2**8 else values


def field_names(network: Network) -> tuple[str, ...]:
    """Return the fields of a table in their order."""
    classes = [f"m_{name}" for name in CLASSES]
    others = [name for name in network.fields if name not in (*classes, "junctions")]
    names = [*classes, "junctions", "turns", *others]
    return (SECONDS, METRES, *(f"road_{name}" for name in names))
