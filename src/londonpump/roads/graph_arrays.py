"""Arrays of the road network that are stored beside the table, so that routes can be drawn."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.roads.lines import LONDON_BOX, Floats, Ints
from londonpump.roads.network import NONE, Network
from londonpump.roads.route import START, pack_arrivals
from londonpump.roads.ways import Graph, Start, Targets, Tree, metres

Arrays = dict[str, NDArray[Any]]


class ArrivalRoads:
    """Roads by which each node can be reached, numbered per node."""

    def __init__(self, graph: Graph) -> None:
        order = np.argsort(graph.head, kind="stable")
        self.edge = graph.edge[order]
        self.start = np.searchsorted(graph.head[order], np.arange(graph.n_nodes + 1))
        self._number = np.zeros(len(graph.network.edge_tail), np.int64)
        self._number[self.edge] = np.arange(len(order)) - self.start[graph.head[order]]
        self.max_roads = int(self._number.max(initial=0)) + 1

    def tree(self, tree: Tree) -> NDArray[np.uint8]:
        """Return, packed, by which road the way of a tree arrives at each node."""
        n_nodes = len(self.start) - 1
        is_first = tree.before_node[:-1] == n_nodes
        return pack_arrivals(np.where(is_first, START, self._number[tree.edge[:-1]]))


def graph_arrays(graph: Graph, targets: Targets, arrivals: ArrivalRoads) -> Arrays:
    """Return the arrays of edges, of their lines, and of the places of the cells on them."""
    network = graph.network
    edge_line, line_start, line_points = _lines(network)
    sides = targets.sides
    known = [side.edge != NONE for side in sides]
    return {
        "edge_tail": np.searchsorted(graph.nodes, network.edge_tail).astype(np.int32),
        "edge_head": np.searchsorted(graph.nodes, network.edge_head).astype(np.int32),
        "edge_s": network.seconds(network.edge_sums).astype(np.float32),
        "edge_m": metres(network.edge_sums).astype(np.float32),
        "edge_line": edge_line.astype(np.int32),
        "line_start": line_start.astype(np.int32),
        # whole metres from the corner of the grid are fine enough to draw, and fit into 16 bits
        "line_points": np.rint(line_points - np.array(LONDON_BOX[:2])).astype(np.uint16),
        "in_start": arrivals.start.astype(np.int32),
        "in_edge": arrivals.edge.astype(np.int32),
        "cell_edge": np.stack([side.edge for side in sides], axis=1).astype(np.int32),
        "cell_s": np.stack(
            [np.where(is_known, side.before_s, 0) for side, is_known in zip(sides, known, strict=True)],
            axis=1,
        ).astype(np.float32),
        "cell_m": np.stack(
            [np.where(is_known, metres(side.before), 0) for side, is_known in zip(sides, known, strict=True)],
            axis=1,
        ).astype(np.float32),
    }


def station_roads(network: Network, starts: list[Start]) -> list[dict[str, Any]]:
    """Return the roads on which a station lies, one per direction, for the card of the table."""
    return [
        {
            "edge": start.edge,
            "s": round(float(network.seconds(start.before)), 3),
            "m": round(float(metres(start.before)), 2),
        }
        for start in starts
    ]


def _lines(network: Network) -> tuple[Ints, Ints, Floats]:
    """Return the line of each edge (~line if it runs against it), where each line starts, and the points of all lines.

    A road with two directions has one line.
    """
    parts = network.segments
    opposite = parts.reverse[network.edge_last]
    opposite = np.where(opposite == NONE, NONE, parts.chain[opposite])
    edges = np.arange(len(network.edge_tail))
    is_own = (opposite == NONE) | (edges <= opposite)
    number = np.cumsum(is_own) - 1
    edge_line = np.where(is_own, number, ~number[opposite])
    # the points of a line are the tails of its segments and the last head
    segment = np.flatnonzero(is_own[parts.chain] & (parts.chain != NONE))
    edge = parts.chain[segment]
    order = np.lexsort((metres(parts.before[segment]), edge))
    segment, edge = segment[order], edge[order]
    own = np.flatnonzero(is_own)
    counts = np.bincount(edge, minlength=len(edges))[own]
    line_start = np.concatenate([[0], np.cumsum(counts + 1)])
    points = np.zeros(line_start[-1], np.int64)
    is_end = np.zeros(len(points), bool)
    is_end[line_start[1:] - 1] = True
    points[~is_end] = parts.tail[segment]
    points[is_end] = network.edge_head[own]
    return edge_line, line_start, np.stack([network.easting_m[points], network.northing_m[points]], axis=1)
