"""Which runs a warning picks out when it may pick only a given share of them."""

import numpy as np

from londonpump.evaluation.evaluation_rows import Bools, Floats

FLAGGED_SHARE = 0.077
"""The share of runs that the original's list of stations flags: warnings are compared at the same share."""


def most_likely(chance: Floats, share: float) -> Bools:
    """(n,) True for the rows of the highest chance, as near to the share of rows as ties allow; never a chance of 0."""
    n = len(chance)
    n_flagged = round(share * n)
    if n_flagged == 0:
        return np.zeros(n, np.bool_)
    bar = np.partition(chance, n - n_flagged)[n - n_flagged]
    with_ties, without = chance >= bar, chance > bar
    nearer = with_ties if with_ties.sum() - n_flagged <= n_flagged - without.sum() else without
    return np.asarray(nearer & (chance > 0))
