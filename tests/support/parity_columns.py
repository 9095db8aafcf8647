"""Every column of the original against ours, row by row: equal, or different for a reason that is recomputed.

Each comparison knows what the original's rule gives (`replayed`) and what the mended rule gives (`exact`), both
worked out here from the raw files. A difference counts as explained only where theirs is the one and ours the other.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One column of n paired rows. reasons: {type of difference: (n,) where it applies}; they exclude each other."""

    column: str
    theirs: Array
    ours: Array
    reasons: dict[str, NDArray[np.bool_]]


def count_differences(comparisons: Iterable[Comparison]) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Return {(column, type of difference): rows}, and the differences without a reason."""
    counts: Counter[tuple[str, str]] = Counter()
    unexplained: list[str] = []
    for one in comparisons:
        differs = ~is_equal(one.theirs, one.ours)
        sum_of_reasons = np.sum(list(one.reasons.values()) or [np.zeros(len(differs), np.bool_)], axis=0)
        unexplained += [
            f"{one.column}, row {row}: theirs {one.theirs[row]!r}, ours {one.ours[row]!r}"
            for row in np.flatnonzero(differs & (sum_of_reasons != 1))
        ]
        for reason_name, mask in one.reasons.items():
            counts[one.column, reason_name] += int((differs & mask).sum())
    return +counts, unexplained


def is_equal(left: Array, right: Array) -> NDArray[np.bool_]:
    """Return (n,) True where both have the same value, or both are unknown."""
    if left.dtype == object or right.dtype == object:
        return np.fromiter((a == b for a, b in zip(left, right, strict=True)), bool, len(left))
    return (left == right) | (np.isnan(left.astype(float)) & np.isnan(right.astype(float)))


def explained(
    reasons_hold: dict[str, NDArray[np.bool_]], theirs: Array, replayed: Array, ours: Array, exact: Array
) -> dict[str, NDArray[np.bool_]]:
    """Return each reason, limited to the rows where theirs follows the original's rule and ours the corrected one."""
    proven = is_equal(theirs, replayed) & is_equal(ours, exact)
    return {reason_name: holds & proven for reason_name, holds in reasons_hold.items()}
