"""Pumps out and pumps of a station ground by brute force: every time is compared with every mobilisation."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Texts = NDArray[np.object_]
Flags = NDArray[np.bool_]
DAY_US = 86_400_000_000
SEEN_WITHIN_US = 28 * DAY_US
BLOCK = 1_000


@dataclass(frozen=True, slots=True)
class Stream:
    """Mobilisations as (n,) arrays, microseconds UTC. home: station of the pump."""

    incident: Texts
    pump: Texts
    home: Texts
    is_from_home: NDArray[np.bool_]
    start_us: Ints
    left_us: Ints


def pumps_out(stream: Stream, incident: Texts, at_us: Ints) -> Ints:
    """Return (q,) numbers of mobilisations of other incidents with start < at < left."""
    found = np.zeros(len(at_us), np.int64)
    for low in range(0, len(at_us), BLOCK):
        at = at_us[low : low + BLOCK, None]
        question, row = np.nonzero((stream.start_us < at) & (stream.left_us > at))
        of_another = stream.incident[row] != incident[low + question]
        found[low : low + BLOCK] = np.bincount(question[of_another], minlength=len(at))
    return found


def pumps_away(stream: Stream, ground: Texts, at_us: Ints) -> Ints:
    """Return (q,) numbers of pumps at home on the ground that are out: start < at < left, each pump once."""
    return _pumps_of_station(stream, ground, at_us, _is_out)


def pumps_stationed(stream: Stream, ground: Texts, at_us: Ints) -> Ints:
    """Return (q,) numbers of pumps at home there that left it in the 28 days until `at`, inclusive."""
    return _pumps_of_station(stream, ground, at_us, _is_seen)


def _is_out(stream: Stream, at_us: Ints) -> Flags:
    return (stream.start_us < at_us) & (stream.left_us > at_us)


def _is_seen(stream: Stream, at_us: Ints) -> Flags:
    return stream.is_from_home & (stream.start_us <= at_us) & (stream.start_us > at_us - SEEN_WITHIN_US)


def _pumps_of_station(
    stream: Stream, ground: Texts, at_us: Ints, meets: Callable[[Stream, Ints], Flags]
) -> Ints:
    found = np.zeros(len(at_us), np.int64)
    for code in set(ground) - {None}:
        rows_of_ground = np.flatnonzero(ground == code)
        rows = np.flatnonzero(stream.home == code)
        own = Stream(**{part.name: getattr(stream, part.name)[rows] for part in fields(Stream)})
        hit = meets(own, at_us[rows_of_ground, None])
        for pump in set(own.pump):
            found[rows_of_ground] += hit[:, own.pump == pump].any(axis=1)
    return found
