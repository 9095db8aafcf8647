"""Ways on random networks: equal to a plain search on the roads as they are, symmetric without one-way streets."""

import heapq

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.road_maps import EAST_M, NORTH_M, as_lines

from londonpump.roads.lines import CLASSES, JUNCTION_S
from londonpump.roads.network import NONE, RoadIndex, build_network
from londonpump.roads.ways import Router, Targets, make_graph

pytestmark = pytest.mark.long
SIDE, STEP_M = 5, 130.0


@st.composite
def networks(draw, directions=(0,)):
    """A grid of streets with some missing, points moved, classes and directions drawn."""
    random = draw(st.randoms(use_true_random=False))
    points = {
        row * SIDE + column: (
            column * STEP_M + random.uniform(-40, 40),
            row * STEP_M + random.uniform(-40, 40),
        )
        for row in range(SIDE)
        for column in range(SIDE)
    }
    pairs = [(at, at + 1) for at in points if at % SIDE < SIDE - 1]
    pairs += [(at, at + SIDE) for at in points if at + SIDE in points]
    ways = [
        (pair, random.choice(CLASSES), random.choice(directions)) for pair in pairs if random.random() < 0.8
    ]
    places = np.array([[random.uniform(0, SIDE * STEP_M) for _ in range(2)] for _ in range(6)])
    assume(len(ways) > 5)
    return as_lines(points, ways), places + np.array([EAST_M, NORTH_M])


def routed(lines, places):
    network = build_network(lines)
    assume(network is not None)
    positions = RoadIndex(network).nearest(places[:, 0], places[:, 1])
    graph = make_graph(network)
    # a network that is one ring or one line without junctions has nothing to search
    assume(graph.n_nodes > 2)
    return network, positions, Router(graph, Targets(graph, positions))


def all_ways(router, positions):
    return np.array(
        [router.find(positions.take(np.array([start])))[0].seconds for start in range(len(positions.segment))]
    )


def plain_search(network, positions):
    """Dijkstra's algorithm on single segments, as a text book has it."""
    parts = network.segments
    driven_s = network.seconds(np.hstack([parts.along, np.zeros_like(parts.at_end)]))
    at_end_s = JUNCTION_S * network.is_junction[parts.head]
    leaving: dict[int, list[int]] = {}
    for segment, tail in enumerate(parts.tail.tolist()):
        leaving.setdefault(tail, []).append(segment)
    n = len(positions.segment)
    sides = [
        [(int(positions.segment[i]), float(positions.fraction[i]))]
        + (
            [(int(parts.reverse[positions.segment[i]]), 1 - float(positions.fraction[i]))]
            if parts.reverse[positions.segment[i]] != NONE
            else []
        )
        for i in range(n)
    ]
    result = np.full((n, n), np.inf)
    for start in range(n):
        best: dict[int, float] = {}
        heap: list[tuple[float, int]] = []
        for segment, fraction in sides[start]:
            cost = (1 - fraction) * driven_s[segment] + at_end_s[segment]
            heapq.heappush(heap, (cost, int(parts.head[segment])))
        while heap:
            cost, node = heapq.heappop(heap)
            if node in best:
                continue
            best[node] = cost
            for segment in leaving.get(node, []):
                heapq.heappush(heap, (cost + driven_s[segment] + at_end_s[segment], int(parts.head[segment])))
        for end in range(n):
            for segment, fraction in sides[end]:
                options = [best.get(int(parts.tail[segment]), np.inf) + fraction * driven_s[segment]]
                options += [
                    (fraction - other) * driven_s[segment]
                    for own, other in sides[start]
                    if own == segment and fraction >= other
                ]
                result[start, end] = min(result[start, end], *options)
    return result


@given(networks(directions=(0, 0, 1, -1)))
def test_contracted_ways_are_those_of_a_plain_search(case):
    network, positions, router = routed(*case)
    np.testing.assert_allclose(all_ways(router, positions), plain_search(network, positions), atol=1e-3)


@given(networks(directions=(0, 0, 0, 1)))
def test_the_sums_of_a_way_give_its_seconds(case):
    network, positions, router = routed(*case)
    tree, starts = router.find(positions.take(np.array([0])))
    sums, turns = router.sums(tree, starts, np.arange(len(positions.segment)))
    np.testing.assert_allclose(network.seconds(sums), tree.seconds, atol=1e-2)
    junctions = sums[:, network.fields.index("junctions")]
    assert (turns >= 0).all()
    assert (turns <= junctions + 1e-6).all()


@given(networks())
def test_without_one_way_streets_the_way_back_takes_as_long(case):
    _, positions, router = routed(*case)
    found = all_ways(router, positions)
    np.testing.assert_allclose(found, found.T, atol=1e-3)


@given(networks(directions=(0, 0, 1)))
def test_no_way_is_longer_than_the_way_by_a_third_place(case):
    _, positions, router = routed(*case)
    found = all_ways(router, positions)
    by_third = (found[:, :, None] + found[None, :, :]).min(1)
    assert (found <= by_third + 1e-3).all()
