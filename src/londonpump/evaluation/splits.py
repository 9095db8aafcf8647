"""Which rows a model may learn from and which it is judged on; an incident is never divided."""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import BadValue, TooFewRows
from londonpump.evaluation.evaluation_rows import Bools, Ints


def later_than(incident: Ints, at: NDArray[np.datetime64], cutoff: np.datetime64 | datetime) -> Bools:
    """Which rows lie on the later side of a moment, incidents whole.

    Args: incident: (n,) codes. at: (n,) UTC instant of each mobilisation. moment: UTC.
    Returns: (n,) True where the first mobilisation of the row's incident is at the moment or later.
    """
    at_us = at.astype("datetime64[us]").astype(np.int64)
    return np.asarray(first_us_of(incident, at_us) >= _microseconds(cutoff))


def first_us_of(incident: Ints, at_us: Ints) -> Ints:
    """(n,) the earliest instant of each row's incident, microseconds."""
    _, code = np.unique(incident, return_inverse=True)
    first_us = np.full(code.max(initial=-1) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first_us, code, at_us)
    return np.asarray(first_us[code])


def _microseconds(cutoff: np.datetime64 | datetime) -> np.int64:
    if isinstance(cutoff, datetime) and cutoff.tzinfo is not None:
        cutoff = cutoff.astimezone(UTC).replace(tzinfo=None)
    return np.int64(np.asarray(cutoff, "datetime64[us]").astype(np.int64))


def folds(incident: Ints, n_folds: int, seed: int = 0) -> Ints:
    """(n,) the fold of each row, 0 to n_folds - 1: by a hash of its incident, whatever rows are beside it.

    Raises: BadValue for fewer than two folds, TooFewRows for fewer incidents than folds.
    Source: the mixing of SplitMix64 (Steele, Lea, Flood 2014).
    """
    if n_folds < 2:
        raise BadValue("n_folds", n_folds, "needs two or more")
    if len(np.unique(incident)) < n_folds:
        raise TooFewRows(f"{len(np.unique(incident))} incidents for {n_folds} folds. Give more rows.")
    with np.errstate(over="ignore"):
        mixed = incident.astype(np.uint64) + np.uint64(seed + 1) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) % np.uint64(n_folds), np.int64)
