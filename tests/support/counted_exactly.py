"""Pumps out and pumps of a station ground by brute force: every moment held against every mobilisation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Texts = NDArray[np.object_]
DAY_US = 86_400_000_000
SEEN_WITHIN_US = 28 * DAY_US
BLOCK = 1_000


@dataclass(frozen=True, slots=True)
class Stream:
    """Mobilisations, (n,) each, microseconds UTC. station: where it set out from; home: of the pump."""

    incident: Texts
    pump: Texts
    home: Texts
    station: Texts
    is_from_home: NDArray[np.bool_]
    start_us: Ints
    left_us: Ints


def pumps_out(stream: Stream, incident: Texts, at_us: Ints) -> Ints:
    """(q,) mobilisations of other incidents with start < at < left."""
    found = np.zeros(len(at_us), np.int64)
    for low in range(0, len(at_us), BLOCK):
        at = at_us[low : low + BLOCK, None]
        is_out = (stream.start_us < at) & (stream.left_us > at)
        found[low : low + BLOCK] = (is_out & (stream.incident != incident[low : low + BLOCK, None])).sum(axis=1)
    return found


def pumps_away(stream: Stream, ground: Texts, at_us: Ints) -> Ints:
    """(q,) pumps at home on the ground that are out: start < at < left, each pump once."""
    return _pumps_of_station(stream, ground, at_us, stream.home, lambda s, at: (s.start_us < at) & (s.left_us > at))


def pumps_stationed(stream: Stream, ground: Texts, at_us: Ints) -> Ints:
    """(q,) pumps seen to set out from home there in the 28 days before, this instant included."""
    return _pumps_of_station(
        stream,
        ground,
        at_us,
        stream.station,
        lambda s, at: s.is_from_home & (s.start_us <= at) & (s.start_us > at - SEEN_WITHIN_US),
    )


def _pumps_of_station(stream, ground, at_us, of_station, meets):  # noqa: ANN001, ANN202
    found = np.zeros(len(at_us), np.int64)
    for code in set(ground) - {None}:
        asked = np.flatnonzero(ground == code)
        rows = np.flatnonzero(of_station == code)
        own = Stream(**{name: getattr(stream, name)[rows] for name in Stream.__slots__})
        hit = meets(own, at_us[asked, None])
        for pump in set(own.pump):
            found[asked] += hit[:, own.pump == pump].any(axis=1)
    return found
