"""Frequency tables of the number of pumps, with back-off from fine to coarse keys.

A chain goes from coarse to fine keys (all calls, incident type, category, type of property, night). At each level the
shares of a key are pulled towards those of its parent by `doubt` calls; for an unseen key or a missing value the last
known level is used. A call with an incident type also counts as one of any type, so that calls without a type are
predicted from all calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.domain import incident_types
from londonpump.features.dispatches import Dispatches

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = Mapping[str, Ints]
Vocabulary = Mapping[str, Mapping[str, int]]

N_CLASSES = 5
"""Pumps attending: 1, 2, 3, 4, 5 or more."""
UNKNOWN = -1
FOLDS = 5
"""Folds of the training calls of a table."""
ANY_TYPE = 0
TYPE_CODES = {name: i for i, name in enumerate(incident_types.INCIDENT_TYPES, start=ANY_TYPE + 1)}
ANY_CALL, TO_A_FIRE, NO_FIRE = 0, 1, 2
NIGHT_FROM_H, NIGHT_TO_H = 21.0, 7.0
AREA_M, CELL_M = 500, 100
CELLS_PER_SIDE = AREA_M // CELL_M
AREAS_PER_COLUMN = 1 << 13
"""500 m squares from south to north: 4,096 km, more than the national grid has."""
COUNTS_PER_CALL = 2
"""A call is counted with its incident type and as one of any type."""
TEXTS = ("property_category", "property_type")
RADIX = {
    "type": 16,
    "property_category": 1 << 10,
    "property_type": 1 << 16,
    "night": 2,
    "fire": 4,
    "area": 1 << 28,
    "cell": CELLS_PER_SIDE**2,
}
"""One more than the largest code of each column; a key is its codes as one number in this mixed base."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A sequence of keys from coarse to fine."""

    name: str
    levels: tuple[str, ...]
    """Columns of `encode`, from coarse to fine."""
    doubt: float
    """Weight of the parent's shares, in calls."""


# Doubts were chosen in experiments on records of 2023 (accuracy.md).
BY_PROPERTY = Chain("type_property_night", ("type", "property_category", "property_type", "night"), 12.0)
BY_TYPE = Chain("property", ("property_category", "property_type"), 20.0)
BY_LOCATION = Chain("location", ("fire", "area", "cell"), 5.0)
CHAINS = (BY_PROPERTY, BY_TYPE, BY_LOCATION)


@dataclass(frozen=True, slots=True)
class Frequencies:
    """The fitted table of one chain."""

    chain: Chain
    root: Floats
    """(5,) shares of all calls."""
    keys: tuple[Ints, ...]
    """Sorted keys per level."""
    counts: tuple[Ints, ...]
    """(keys, 5) calls per level."""
    shares: tuple[Floats, ...]
    """(keys, 5) shares per level, each row pulled towards its parent's."""

    def __call__(self, codes: Codes) -> Floats:
        """Return (n, 5) probabilities; rows sum to 1."""
        query_keys = chain_keys(self.chain, codes)
        answer = np.tile(self.root, (len(query_keys[0]), 1))
        for level, key in enumerate(query_keys):
            at, is_known = _find(key, self.keys[level])
            answer[is_known] = self.shares[level][at[is_known]]
        return answer

    def to_arrays(self) -> dict[str, Ints]:
        """Return integer arrays: the counts, from which the shares follow, and the keys as differences."""
        arrays = {}
        for level, (keys, counts) in enumerate(zip(self.keys, self.counts, strict=True)):
            arrays[f"{self.chain.name}.{level}.steps"] = np.diff(keys, prepend=0)
            arrays[f"{self.chain.name}.{level}.counts"] = counts.ravel()
        return arrays

    @classmethod
    def from_arrays(cls, name: str, root: Floats, arrays: Mapping[str, Ints]) -> "Frequencies":
        """The inverse of `to_arrays`; `arrays` may hold those of other chains too."""
        chain = next(chain for chain in CHAINS if chain.name == name)
        levels = range(len(chain.levels))
        keys = tuple(np.cumsum(arrays[f"{name}.{level}.steps"]) for level in levels)
        counts = tuple(arrays[f"{name}.{level}.counts"].reshape(-1, N_CLASSES) for level in levels)
        return _frequencies(chain, root, keys, counts)


def fit_vocabulary(dispatches: Dispatches) -> dict[str, dict[str, int]]:
    """Assign a code to each property category and type in these calls."""
    return {
        name: {text: i for i, text in enumerate(sorted({t for t in dispatches.text(name) if t is not None}))}
        for name in TEXTS
    }


def encode(dispatches: Dispatches, vocabulary: Vocabulary) -> dict[str, Ints]:
    """Return (n,) codes per column of RADIX, UNKNOWN where not given or never seen."""
    type_code = _coded(dispatches, "incident_type", TYPE_CODES)
    is_stated = type_code != UNKNOWN
    area, cell = _location_codes(dispatches.number("easting_m"), dispatches.number("northing_m"))
    return {
        "type": np.where(is_stated, type_code, ANY_TYPE),
        "fire": np.where(
            is_stated, np.where(type_code == TYPE_CODES[incident_types.FIRE], TO_A_FIRE, NO_FIRE), ANY_CALL
        ),
        "night": ((dispatches.hour >= NIGHT_FROM_H) | (dispatches.hour < NIGHT_TO_H)).astype(np.int64),
        "area": area,
        "cell": cell,
        **{name: _coded(dispatches, name, vocabulary[name]) for name in TEXTS},
    }


def chain_keys(chain: Chain, codes: Codes) -> list[Ints]:
    """Return (n,) keys per level, UNKNOWN from the first unknown code on."""
    key = np.zeros(len(codes[chain.levels[0]]), np.int64)
    keys = []
    for name in chain.levels:
        code = codes[name]
        # Once a code is unknown the finer keys are too: the last known level is used.
        key = np.where((key != UNKNOWN) & (code != UNKNOWN), key * RADIX[name] + code, UNKNOWN)
        keys.append(key)
    return keys


def fit_frequencies(chain: Chain, codes: Codes, pumps: Ints, fold: Ints) -> tuple[Frequencies, ...]:
    """Count calls.

    Args: codes: of `encode`. pumps: (n,) 1 to 5. fold: (n,) 0 to FOLDS - 1.
    Returns: the table of all calls, then for each fold the table of the calls outside it, from which the training calls
    of the fold are predicted.
    """
    counted = _with_any_type(codes)
    pump_class, fold = np.tile(pumps - 1, COUNTS_PER_CALL), np.tile(fold, COUNTS_PER_CALL)
    all_keys, counts = [], []
    for key in chain_keys(chain, counted):
        has_key = key != UNKNOWN
        keys, at = np.unique(key[has_key], return_inverse=True)
        shape = (FOLDS, len(keys), N_CLASSES)
        cell = (fold[has_key] * len(keys) + at) * N_CLASSES + pump_class[has_key]
        all_keys.append(keys)
        counts.append(np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape))
    keys_of_levels = tuple(all_keys)
    once = slice(0, len(pumps))
    cell = fold[once] * N_CLASSES + pump_class[once]
    roots = np.bincount(cell, minlength=FOLDS * N_CLASSES).reshape(FOLDS, N_CLASSES)
    left_out = [np.zeros(FOLDS, bool), *np.eye(FOLDS, dtype=bool)]
    return tuple(
        _frequencies(
            chain, _root(roots[~out].sum(axis=0)), keys_of_levels, tuple(c[~out].sum(axis=0) for c in counts)
        )
        for out in left_out
    )


def _root(counts: Ints) -> Floats:
    """Return the shares of all calls, with one call added per number so that no share is 0."""
    # A share of 0 would make the log loss infinite and the continuation ratios undefined.
    return np.asarray((counts + 1.0) / (counts.sum() + N_CLASSES))


def _frequencies(chain: Chain, root: Floats, keys: tuple[Ints, ...], counts: tuple[Ints, ...]) -> Frequencies:
    shares: list[Floats] = []
    for level, name in enumerate(chain.levels):
        if level == 0:
            parent = np.broadcast_to(root, counts[0].shape)
        else:
            # Dividing by the base of the last column gives the key of the parent.
            at, _ = _find(keys[level] // RADIX[name], keys[level - 1])
            parent = shares[-1][at]
        calls = counts[level].sum(axis=1, keepdims=True)
        # a Dirichlet prior of `doubt` calls with the shares of the parent
        shares.append((counts[level] + chain.doubt * parent) / (calls + chain.doubt))
    return Frequencies(chain, root, keys, counts, tuple(shares))


def _find(query_keys: Ints, keys: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Return the position of each query key in `keys`, and whether it is there."""
    if not len(keys):
        return np.zeros(len(query_keys), np.int64), np.zeros(len(query_keys), bool)
    at = np.minimum(np.searchsorted(keys, query_keys), len(keys) - 1)
    return at, keys[at] == query_keys


def as_any_type(codes: Codes, rows: NDArray[np.bool_]) -> dict[str, Ints]:
    """Return the codes with the incident type replaced by any type in some rows."""
    type_code, fire = np.where(rows, ANY_TYPE, codes["type"]), np.where(rows, ANY_CALL, codes["fire"])
    return {**codes, "type": type_code, "fire": fire}


def _with_any_type(codes: Codes) -> dict[str, Ints]:
    """Return every call as it is, and again as one of any type unless it is one already."""
    is_stated = codes["type"] != ANY_TYPE
    again = as_any_type(codes, is_stated)
    again = {name: np.where(is_stated, code, UNKNOWN) for name, code in again.items()}
    return {name: np.concatenate([codes[name], again[name]]) for name in codes}


def _coded(dispatches: Dispatches, name: str, codes: Mapping[str, int]) -> Ints:
    return np.fromiter((codes.get(text, UNKNOWN) for text in dispatches.text(name)), np.int64, dispatches.n)


def _location_codes(easting_m: Floats, northing_m: Floats) -> tuple[Ints, Ints]:
    """Return the 500 m square and the 100 m cell within it; UNKNOWN off the national grid."""
    column, row = np.floor(easting_m / CELL_M), np.floor(northing_m / CELL_M)
    top = AREAS_PER_COLUMN * CELLS_PER_SIDE
    is_on_grid = (column >= 0) & (column < top) & (row >= 0) & (row < top)
    column = np.where(is_on_grid, column, 0.0).astype(np.int64)
    row = np.where(is_on_grid, row, 0.0).astype(np.int64)
    area = column // CELLS_PER_SIDE * AREAS_PER_COLUMN + row // CELLS_PER_SIDE
    cell = column % CELLS_PER_SIDE * CELLS_PER_SIDE + row % CELLS_PER_SIDE
    return np.where(is_on_grid, area, UNKNOWN), np.where(is_on_grid, cell, UNKNOWN)
