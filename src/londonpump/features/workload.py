"""How busy a ground is: other calls on it in the half hour before, counted where no call is missing."""

import numpy as np
from numpy.typing import NDArray

WITHIN_US = 30 * 60 * 1_000_000
Ints = NDArray[np.int64]
EVERY_CALL: Ints = np.array([[-(2**62), 2**62]], np.int64)
"""Spans of complete calls, from and until in microseconds: all of time."""
NO_CALL: Ints = np.empty((0, 2), np.int64)


def is_countable(complete: Ints, call_us: Ints, at_us: Ints) -> NDArray[np.bool_]:
    """Return (n,) whether no call of [at - 30 min, at) is missing.

    Args: complete: (k, 2) spans in order, from and until (not included), over which all calls are known. call_us,
    at_us: (n,) the row's own call and the moment to count at.
    """
    if not len(complete):
        return np.zeros(len(call_us), np.bool_)
    span = np.searchsorted(complete[:, 0], call_us, "right") - 1
    is_inside = (span >= 0) & (call_us < complete[span, 1])
    return np.asarray(is_inside & (at_us - WITHIN_US >= complete[span, 0]))


def recent_calls(call_ground: Ints, call_us: Ints, ground: Ints, at_us: Ints, call_us_own: Ints) -> Ints:
    """Calls on each ground in [at - 30 min, at), other than the call itself.

    Args: call_ground, call_us: (c,) ground and time of every call. ground, at_us: (n,) where and when
    to count. call_us_own: (n,) the time of the row's own call, not counted if it falls within.
    """
    span = int(max(call_us.max(initial=0), at_us.max(initial=0))) + WITHIN_US + 1
    keys = np.sort(call_ground * span + call_us)
    base = ground * span
    found = np.searchsorted(keys, base + at_us, "left") - np.searchsorted(
        keys, base + np.maximum(at_us - WITHIN_US, 0), "left"
    )
    is_own_within = (call_us_own >= at_us - WITHIN_US) & (call_us_own < at_us)
    return np.where(ground >= 0, found - is_own_within, 0)
