"""Fastest ways from one place on a road to all cells: times by Dijkstra's algorithm, sums along its tree."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from londonpump.roads.lines import CLASSES, Floats, Ints
from londonpump.roads.network import NONE, Network, Positions


@dataclass(frozen=True, slots=True)
class Graph:
    """Network in the form that Dijkstra's algorithm wants: of parallel edges the fastest, sorted by tail and head.

    Nodes are renumbered from 0. The node after the last one is the start.
    """

    network: Network
    nodes: Ints
    """Number of the point of each node."""
    edge: Ints
    """Edge of the network of each edge here."""
    tail: Ints
    head: Ints
    seconds: Floats

    @property
    def n_nodes(self) -> int:
        """Return the number of nodes without the start."""
        return len(self.nodes)

    def start_from(self, heads: Ints, seconds: Floats) -> csr_array:
        """Return the matrix of the graph with edges from the start to some nodes."""
        # the start has the last row, so its edges come after all others
        order = np.argsort(heads)
        indices = np.concatenate([self.head, heads[order]]).astype(np.int32)
        counts = np.bincount(self.tail, minlength=self.n_nodes)
        ends = np.concatenate([[0], np.cumsum(counts), [len(indices)]]).astype(np.int32)
        size = self.n_nodes + 1
        return csr_array((np.concatenate([self.seconds, seconds[order]]), indices, ends), shape=(size, size))


def make_graph(network: Network) -> Graph:
    """Make the graph of a network."""
    nodes = np.unique(network.edge_tail)
    tail = np.searchsorted(nodes, network.edge_tail)
    head = np.searchsorted(nodes, network.edge_head)
    seconds = network.seconds(network.edge_sums)
    order = np.lexsort((seconds, head, tail))
    # a loop back to its own node is never on a fastest way, but cells may lie on it
    order = order[tail[order] != head[order]]
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(tail[order]) != 0) | (np.diff(head[order]) != 0)
    edge = order[first]
    return Graph(network, nodes, edge, tail[edge], head[edge], seconds[edge])


class Targets:
    """Cells on their nearest roads, with what is needed to end a way there."""

    def __init__(self, graph: Graph, places: Positions) -> None:
        network = graph.network
        self.places = places
        self.sides = []
        for side in places.directions(network):
            edge = np.where(side.segment == NONE, NONE, network.segments.chain[side.segment])
            node = np.searchsorted(graph.nodes, network.edge_tail[edge])
            before = side.before(network)
            self.sides.append(Side(edge, node, before, network.seconds(before)))


@dataclass(frozen=True, slots=True)
class Side:
    """One direction in which cells can be reached: along an edge, from the node at its begin."""

    edge: Ints
    node: Ints
    before: Floats
    """Sums from the begin of the edge to the cell; infinite if the direction is forbidden."""
    before_s: Floats


@dataclass(frozen=True, slots=True)
class Start:
    """A direction in which a place can be left: along an edge."""

    edge: int
    before: Floats
    """Sums from the begin of the edge to the place."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Ways from one place."""

    seconds: Floats
    """Seconds to each target."""
    side: Ints
    """The side of the target by which it is reached; 2 and above: the place and the target lie on one edge."""
    node_s: Floats
    """Seconds to each node; the last is the start."""
    before_node: Ints
    """The node before each node on the way."""
    edge: Ints
    """The edge of the network that leads to each node."""


class Router:
    """Finds the ways from one place to all targets."""

    def __init__(self, graph: Graph, targets: Targets) -> None:
        self.graph = graph
        self.targets = targets

    def find(self, place: Positions) -> tuple[Tree, list[Start]]:
        """Return the tree of ways from a place, and the directions in which it can be left."""
        graph, network = self.graph, self.graph.network
        starts = [
            Start(int(network.segments.chain[side.segment[0]]), side.before(network)[0])
            for side in place.directions(network)
            if side.segment[0] != NONE
        ]
        edges = np.array([start.edge for start in starts])
        after_s = np.array(
            [network.seconds(network.edge_sums[start.edge] - start.before) for start in starts]
        )
        heads = np.searchsorted(graph.nodes, network.edge_head[edges])
        # both directions of a loop end at one node: the faster counts
        order = np.lexsort((after_s, heads))
        order = order[np.concatenate([[True], np.diff(heads[order]) != 0])]
        # an edge of no length would be missing from a sparse matrix
        matrix = graph.start_from(heads[order], np.maximum(after_s[order], 1e-6))
        node_s, before_node = dijkstra(matrix, indices=graph.n_nodes, return_predecessors=True)
        edge = np.full(graph.n_nodes + 1, NONE)
        # one comparison over all edges finds the edge by which the way arrives at each node
        is_in_tree = before_node[graph.head] == graph.tail
        edge[graph.head[is_in_tree]] = graph.edge[is_in_tree]
        first = heads[order][before_node[heads[order]] == graph.n_nodes]
        edge[first] = edges[order][np.searchsorted(heads[order], first)]
        return self._reach(starts, node_s, before_node, edge), starts

    def _reach(self, starts: list[Start], node_s: Floats, before_node: Ints, edge: Ints) -> Tree:
        network = self.graph.network
        options = [node_s[side.node] + side.before_s for side in self.targets.sides]
        # a cell on the edge of the start may lie ahead of it, with no junction in between
        for start in starts:
            for side in self.targets.sides:
                ahead_s = side.before_s - network.seconds(start.before)
                is_ahead = (side.edge == start.edge) & (ahead_s >= 0)
                options.append(np.where(is_ahead, ahead_s, np.inf))
        # the order of the options is that of `Tree.side`
        stacked = np.stack(options)
        best = stacked.argmin(0)
        return Tree(stacked.min(0), best, node_s, before_node, edge)

    def sums(self, tree: Tree, starts: list[Start], chosen: Ints) -> tuple[Floats, Ints]:
        """Return the sums of the network's fields on the ways to some targets, and the turns of those ways."""
        network, sides = self.graph.network, self.targets.sides
        sums = np.zeros((len(chosen), len(network.fields)))
        turns = np.zeros(len(chosen), np.int64)
        choice = tree.side[chosen]
        by_node = choice < len(sides)
        nodes = np.stack([side.node[chosen] for side in sides])[np.minimum(choice, 1), np.arange(len(chosen))]
        node_sums, node_turns = self._sum_tree(tree, starts, nodes[by_node])
        for number, side in enumerate(sides):
            here = choice == number
            onto, node = side.edge[chosen[here]], side.node[chosen[here]]
            sums[here] = side.before[chosen[here]]
            turns[here] = network.is_turn(tree.edge[node], onto)
        sums[by_node] += node_sums
        turns[by_node] += node_turns
        for number in range(len(sides), len(sides) * (len(starts) + 1)):
            here = choice == number
            # on one edge only what lies between the two is driven
            start, side_number = divmod(number - len(sides), len(sides))
            sums[here] = sides[side_number].before[chosen[here]] - starts[start].before
        return sums, turns

    def _sum_tree(self, tree: Tree, starts: list[Start], wanted: Ints) -> tuple[Floats, Ints]:
        """Return sums and turns from the start to nodes, by pointer doubling over the part of the tree that holds them."""
        network, root = self.graph.network, self.graph.n_nodes
        limit_s = tree.node_s[wanted].max(initial=0.0)
        # whatever lies on the way to a node is nearer than it
        part = np.flatnonzero(tree.node_s <= limit_s)
        position = np.zeros(root + 1, np.int64)
        position[part] = np.arange(len(part))
        nodes = part[part != root]
        at, before = position[nodes], tree.before_node[nodes]
        sums = np.zeros((len(part), len(network.fields) + 1), np.float32)
        sums[at, :-1] = network.edge_sums[tree.edge[nodes]]
        # the first edge is driven only from the place where the station lies
        for start in starts:
            first = (before == root) & (tree.edge[nodes] == start.edge)
            sums[at[first], :-1] -= start.before.astype(np.float32)
        inner = before != root
        sums[at[inner], -1] = network.is_turn(tree.edge[before[inner]], tree.edge[nodes[inner]])
        # each round doubles the length of the way that a sum covers: ten rounds for a thousand junctions
        pointer = np.full(len(part), position[root])
        pointer[at] = position[before]
        while (pointer != position[root]).any():
            sums += sums[pointer]
            pointer = pointer[pointer]
        reached = sums[position[wanted]]
        return reached[:, :-1].astype(np.float64), reached[:, -1].astype(np.int64)


def metres(sums: Floats) -> Floats:
    """Return all metres driven of rows of sums."""
    return np.asarray(sums[..., : len(CLASSES)].sum(-1))
