"""Route from a station to a point: the line on the map, its seconds and its metres, from stored arrays.

The way to every junction is stored per station as the number of the road by which one arrives there, so that a route is
followed backwards without any search.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.national_grid import to_degrees
from londonpump.roads.table import Floats, Ints, RoadTable

NONE = -1
START = 15
"""Stored instead of a road where the way comes directly from the station."""
DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Route:
    """Way from a station to the road nearest to the middle of a 100 m cell."""

    seconds: float
    metres: float
    line: list[list[float]]
    """Longitude and latitude of its points."""


@dataclass(frozen=True, slots=True)
class _Way:
    """Edges from the station to the target, and the metres of the first and last edge that are not driven on."""

    seconds: float
    metres: float
    edges: list[int]
    skipped_m: float
    last_m: float
    """Metres driven of the last edge, from its begin."""


def find_route(table: RoadTable, station: str, easting_m: float, northing_m: float) -> Route | None:
    """Return the route from a station to a point; None where no way is known."""
    number = int(table.number_stations([station])[0])
    cell = int(table.find_cells(np.array([easting_m]), np.array([northing_m]))[0][0])
    if number < 0 or cell < 0:
        return None
    ways = [way for side in (0, 1) for way in _ways(table, number, cell, side)]
    if not ways:
        return None
    # the tree does not say from which side the last road is entered: both are followed, and the faster is the way
    best = min(ways, key=lambda way: way.seconds)
    easting, northing = _draw(table, best)
    latitude, longitude = to_degrees(easting, northing)
    line = np.round(np.stack([longitude, latitude], axis=1), DECIMALS).tolist()
    return Route(best.seconds, best.metres, line)


def _ways(table: RoadTable, number: int, cell: int, side: int) -> list[_Way]:
    """Return the ways that end along one direction of the cell's road: by its junction, or along the station's own road."""
    arrays = table.arrays
    edge = int(arrays["cell_edge"][cell, side])
    if edge == NONE:
        return []
    end_s, end_m = float(arrays["cell_s"][cell, side]), float(arrays["cell_m"][cell, side])
    starts = table.card["stations"][number]["roads"]
    ways = [
        _Way(end_s - start["s"], end_m - start["m"], [edge], start["m"], end_m)
        for start in starts
        if start["edge"] == edge and end_m >= start["m"]
    ]
    edges, first = _follow_back(table, number, int(arrays["edge_tail"][edge]), starts)
    path = [first["edge"], *edges]
    driven_s = float(arrays["edge_s"][path].sum()) - first["s"]
    driven_m = float(arrays["edge_m"][path].sum()) - first["m"]
    ways.append(_Way(driven_s + end_s, driven_m + end_m, [*path, edge], first["m"], end_m))
    return ways


def _follow_back(
    table: RoadTable, number: int, node: int, starts: list[dict[str, Any]]
) -> tuple[list[int], dict[str, Any]]:
    """Return the whole edges on the way to a node, and the road on which the way leaves the station."""
    arrays = table.arrays
    packed, first_in, in_edge = arrays["tree"][number], arrays["in_start"], arrays["in_edge"]
    tail, head = arrays["edge_tail"], arrays["edge_head"]
    edges: list[int] = []
    while (arrival := (int(packed[node >> 1]) >> (4 * (node & 1))) & START) != START:
        edge = int(in_edge[first_in[node] + arrival])
        edges.append(edge)
        node = int(tail[edge])
    leaving = [start for start in starts if int(head[start["edge"]]) == node]
    first = min(leaving, key=lambda start: float(arrays["edge_s"][start["edge"]]) - start["s"])
    return edges[::-1], first


def _draw(table: RoadTable, way: _Way) -> tuple[Floats, Floats]:
    """Return the points of a way on the grid."""
    lines = [_line(table, edge) for edge in way.edges]
    lines[-1] = _cut(lines[-1], 0.0, way.last_m)
    lines[0] = _cut(lines[0], way.skipped_m, np.inf)
    points = np.concatenate(lines)
    is_new = np.concatenate([[True], (np.diff(points, axis=0) != 0).any(1)])
    if not is_new[1:].any():
        # the station lies at the point: a line needs two points
        is_new[-1] = True
    return points[is_new, 0], points[is_new, 1]


def _line(table: RoadTable, edge: int) -> Floats:
    arrays = table.arrays
    stored = int(arrays["edge_line"][edge])
    line = stored if stored >= 0 else ~stored
    first, end = arrays["line_start"][line : line + 2]
    corner = np.array([table.grid.west_m, table.grid.south_m])
    points: Floats = arrays["line_points"][first:end] + corner
    return points if stored >= 0 else points[::-1]


def _cut(points: Floats, from_m: float, to_m: float) -> Floats:
    """Return the part of a line between two distances from its begin."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    from_m, to_m = min(from_m, along[-1]), min(to_m, along[-1])
    ends = np.array([[np.interp(at, along, points[:, axis]) for axis in (0, 1)] for at in (from_m, to_m)])
    inner = points[(along > from_m) & (along < to_m)]
    return np.concatenate([ends[:1], inner, ends[1:]])


def pack_arrivals(arrivals: Ints) -> NDArray[np.uint8]:
    """Pack numbers below 16 in pairs, the first of each pair in the lower half of the byte."""
    padded = np.zeros(len(arrivals) + len(arrivals) % 2, np.uint8)
    padded[: len(arrivals)] = arrivals
    return np.asarray(padded[::2] + padded[1::2] * 16, np.uint8)
