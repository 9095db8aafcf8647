"""Road network: junctions joined by directed edges, with what one meets along each edge.

Points between two junctions are no nodes of the graph: chains of segments are contracted to one edge, which keeps its
metres by class and its counts. A position on a road is a segment and a fraction of it, so that nothing is lost by that.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from londonpump.roads.lines import (
    CLASSES,
    JUNCTION_S,
    LONDON_BOX,
    SPEEDS_KMH,
    Flags,
    Floats,
    Ints,
    RoadLines,
    is_inside,
)

TURN_DEGREES = 45.0
"""Change of bearing at a junction from which it counts as a turn."""
SAMPLE_M = 20.0
"""Distance of the points of a road among which the nearest one is searched."""
NONE = -1
S_PER_M = 3.6 / SPEEDS_KMH


@dataclass(frozen=True, slots=True)
class Segments:
    """Straight pieces of road with one legal direction, sorted by their first and second point."""

    tail: Ints
    head: Ints
    reverse: Ints
    """The same piece in the other direction, or NONE."""
    is_motorway: Flags
    along: Floats
    """What grows with the metres driven, a row per segment: metres by class and, if known, metres at 20 mph."""
    at_end: Floats
    """What is met at the end, a row per segment: junctions, then the marks of the file."""
    chain: Ints
    """The edge of the graph that the segment is part of, or NONE."""
    before: Floats
    """Sums of `along` and `at_end` on the edge before the segment."""
    bearing: Floats
    """Direction in degrees, clockwise from north."""


@dataclass(frozen=True, slots=True)
class Network:
    """Graph of junctions. Points keep their numbers: a node is the number of its point."""

    easting_m: Floats
    northing_m: Floats
    fields: tuple[str, ...]
    """Names of the sums: metres by class, 20 mph if known, junctions, marks."""
    segments: Segments
    edge_tail: Ints
    edge_head: Ints
    edge_sums: Floats
    edge_first: Ints
    """The first segment of each edge."""
    edge_last: Ints
    next_segment: Ints
    is_junction: Flags
    kept_share: float
    """Share of the length within London that the network holds: its largest strongly connected component."""

    def seconds(self, sums: Floats) -> Floats:
        """Return the driving time of rows of sums."""
        junctions = sums[..., self.fields.index("junctions")]
        return np.asarray(sums[..., : len(CLASSES)] @ S_PER_M + JUNCTION_S * junctions)

    def is_turn(self, from_edge: Ints, onto_edge: Ints) -> Flags:
        """Return where going from one edge onto the next is a turn at a junction."""
        bearing = self.segments.bearing
        change = bearing[self.edge_first[onto_edge]] - bearing[self.edge_last[from_edge]]
        change = np.abs((change + 180.0) % 360.0 - 180.0)
        return np.asarray((change > TURN_DEGREES) & self.is_junction[self.edge_tail[onto_edge]])


def build_network(lines: RoadLines) -> Network | None:
    """Build the network of the roads in London and 3 km around; None if there are none."""
    tail, head, line = _split(lines)
    inside = is_inside(LONDON_BOX, lines.easting_m, lines.northing_m)
    # a road that crosses the border of the box is cut there
    used = inside[tail] & inside[head] & (tail != head)
    tail, head, line = tail[used], head[used], line[used]
    tail, head, line = _direct(tail, head, lines.direction[line], line, lines.road_class)
    if not len(tail):
        return None
    n_points = len(lines.easting_m)
    length = np.hypot(
        lines.easting_m[head] - lines.easting_m[tail], lines.northing_m[head] - lines.northing_m[tail]
    )
    kept = _in_largest_component(tail, head, n_points)
    kept_share = float(length[kept].sum() / length.sum()) if length.sum() > 0 else 0.0
    tail, head, line, length = tail[kept], head[kept], line[kept], length[kept]
    if lines.is_motorway[line].all():
        return None
    reverse = _find_reverse(tail, head, n_points)
    is_junction, is_inner = _classify_points(tail, head, reverse, n_points)
    if is_inner[tail].all():
        # a single ring has no junction: its graph begins and ends at any point
        is_inner[tail[0]] = False
    along = np.zeros((len(tail), len(CLASSES) + (lines.is_20mph is not None)))
    along[np.arange(len(tail)), lines.road_class[line]] = length
    if lines.is_20mph is not None:
        along[:, -1] = length * lines.is_20mph[line]
    # what is met at a point counts for the piece that ends there, so that the start of a way is never counted
    at_end = np.stack([is_junction[head], *(flags[head] for flags in lines.marks.values())], axis=1).astype(
        np.float64
    )
    following = _find_next(tail, head, is_inner)
    edges = _contract(following, np.flatnonzero(~is_inner[tail]), np.hstack([along, at_end]))
    bearing = np.degrees(
        np.arctan2(
            lines.easting_m[head] - lines.easting_m[tail], lines.northing_m[head] - lines.northing_m[tail]
        )
    )
    names = tuple(f"m_{name}" for name in CLASSES) + (("m_20mph",) if lines.is_20mph is not None else ())
    return Network(
        easting_m=lines.easting_m,
        northing_m=lines.northing_m,
        fields=(*names, "junctions", *lines.marks),
        segments=Segments(
            tail, head, reverse, lines.is_motorway[line], along, at_end, edges.chain, edges.before, bearing
        ),
        edge_tail=tail[edges.first],
        edge_head=head[edges.last],
        edge_sums=edges.sums,
        edge_first=edges.first,
        edge_last=edges.last,
        next_segment=following,
        is_junction=is_junction,
        kept_share=kept_share,
    )


def _split(lines: RoadLines) -> tuple[Ints, Ints, Ints]:
    """Return first point, second point and line of every piece between two points of a line."""
    line = np.repeat(np.arange(len(lines.road_class)), np.diff(lines.starts))
    same = line[1:] == line[:-1]
    return lines.points[:-1][same], lines.points[1:][same], line[1:][same]


def _direct(tail: Ints, head: Ints, direction: Ints, line: Ints, road_class: Ints) -> tuple[Ints, Ints, Ints]:
    """Return every legal direction of the pieces once, sorted by tail and head; of two equal ones the faster road."""
    ahead, back = direction >= 0, direction <= 0
    tails = np.concatenate([tail[ahead], head[back]])
    heads = np.concatenate([head[ahead], tail[back]])
    lines = np.concatenate([line[ahead], line[back]])
    # maps made of tiles hold the same piece more than once, sometimes with two classes
    order = np.lexsort((road_class[lines], heads, tails))
    tails, heads, lines = tails[order], heads[order], lines[order]
    first = np.ones(len(tails), bool)
    first[1:] = (tails[1:] != tails[:-1]) | (heads[1:] != heads[:-1])
    return tails[first], heads[first], lines[first]


def _in_largest_component(tail: Ints, head: Ints, n_points: int) -> Flags:
    graph = coo_array((np.ones(len(tail), np.int8), (tail, head)), shape=(n_points, n_points))
    _, part = connected_components(graph, directed=True, connection="strong")
    # pieces that lead from one component to another belong to none
    largest = np.bincount(part[tail][part[tail] == part[head]], minlength=1).argmax()
    return np.asarray((part[tail] == largest) & (part[head] == largest))


def _find_reverse(tail: Ints, head: Ints, n_points: int) -> Ints:
    # one number per piece, sorted as the pieces are, so that a binary search finds any of them
    keys = tail * n_points + head
    wanted = head * n_points + tail
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, at, NONE)


def _classify_points(tail: Ints, head: Ints, reverse: Ints, n_points: int) -> tuple[Flags, Flags]:
    """Return which points are junctions (three neighbours or more), and which only lead on."""
    leaving = np.bincount(tail, minlength=n_points)
    arriving = np.bincount(head, minlength=n_points)
    both_ways = np.bincount(tail[reverse != NONE], minlength=n_points)
    # a neighbour with both directions is counted twice, as leaving and as arriving
    neighbours = leaving + arriving - both_ways
    return neighbours >= 3, (neighbours == 2) & (leaving == arriving)


def _find_next(tail: Ints, head: Ints, is_inner: Flags) -> Ints:
    """Return the segment that follows each segment through a point that only leads on, else NONE."""
    # such a point has at most two segments that leave it, next to each other: the one that does not turn back follows
    first_out = np.searchsorted(tail, head)
    first_out = np.minimum(first_out, len(tail) - 1)
    turns_back = head[first_out] == tail
    return np.where(is_inner[head], first_out + turns_back, NONE)


@dataclass(frozen=True, slots=True)
class _Edges:
    chain: Ints
    before: Floats
    sums: Floats
    first: Ints
    last: Ints


def _contract(following: Ints, first: Ints, weights: Floats) -> _Edges:
    """Follow all chains at once, one segment per round, and sum the weights along each."""
    chain = np.full(len(following), NONE)
    before = np.zeros_like(weights)
    sums = np.zeros((len(first), weights.shape[1]))
    last = first.copy()
    edge, segment = np.arange(len(first)), first
    while len(segment):
        chain[segment], before[segment], last[edge] = edge, sums[edge], segment
        sums[edge] += weights[segment]
        edge, segment = edge[following[segment] != NONE], following[segment]
        segment = segment[segment != NONE]
    return _Edges(chain, before, sums, first, last)


@dataclass(frozen=True, slots=True)
class Positions:
    """Places on roads: a segment, the fraction of it that lies before the place, and the distance to the road."""

    segment: Ints
    fraction: Floats
    distance_m: Floats

    def take(self, rows: Ints | Flags) -> "Positions":
        """Return some of the places."""
        return Positions(self.segment[rows], self.fraction[rows], self.distance_m[rows])

    def directions(self, network: Network) -> tuple["Positions", "Positions"]:
        """Return the places along their segment and along its reverse, whose segment is NONE if there is none."""
        return self, Positions(network.segments.reverse[self.segment], 1.0 - self.fraction, self.distance_m)

    def before(self, network: Network) -> Floats:
        """Return the sums from the begin of the edge to the places; infinite where the segment is NONE."""
        parts = network.segments
        sums = parts.before[self.segment].copy()
        n_along = parts.along.shape[1]
        sums[:, :n_along] += self.fraction[:, None] * parts.along[self.segment]
        sums[self.segment == NONE] = np.inf
        return sums


class RoadIndex:
    """Search of the nearest road. Motorways are left out: nobody lives there, and one cannot stop to reach a house."""

    def __init__(self, network: Network) -> None:
        parts = network.segments
        usable = (parts.chain != NONE) & ~parts.is_motorway
        # a piece with two directions is searched once
        usable &= (parts.reverse == NONE) | (np.arange(len(parts.tail)) < parts.reverse)
        segment = np.flatnonzero(usable)
        length = parts.along[segment, : len(CLASSES)].sum(1)
        n_samples = np.ceil(length / SAMPLE_M).astype(np.int64) + 1
        self._segment = np.repeat(segment, n_samples)
        within = np.arange(n_samples.sum()) - np.repeat(np.cumsum(n_samples) - n_samples, n_samples)
        fraction = within / np.repeat(np.maximum(n_samples - 1, 1), n_samples)
        self._network = network
        self._tree = cKDTree(np.stack(self._place(self._segment, fraction), axis=1))

    def _place(self, segment: Ints, fraction: Floats) -> list[Floats]:
        network, parts = self._network, self._network.segments
        tail, head = parts.tail[segment], parts.head[segment]
        return [
            axis[tail] + fraction * (axis[head] - axis[tail])
            for axis in (network.easting_m, network.northing_m)
        ]

    def nearest(self, easting_m: Floats, northing_m: Floats) -> Positions:
        """Return the place on a road that is nearest to each point, to within a metre."""
        network, parts = self._network, self._network.segments
        _, sample = self._tree.query(np.stack([easting_m, northing_m], axis=1))
        segment = self._segment[sample]
        tail, head = parts.tail[segment], parts.head[segment]
        east, north = network.easting_m, network.northing_m
        along_e, along_n = east[head] - east[tail], north[head] - north[tail]
        to_e, to_n = easting_m - east[tail], northing_m - north[tail]
        # the nearest sample names the segment; the exact place on it is the foot of the perpendicular
        fraction = (along_e * to_e + along_n * to_n) / np.maximum(along_e**2 + along_n**2, 1e-9)
        fraction = np.clip(fraction, 0.0, 1.0)
        distance_m = np.hypot(to_e - fraction * along_e, to_n - fraction * along_n)
        return Positions(segment, fraction, distance_m)
