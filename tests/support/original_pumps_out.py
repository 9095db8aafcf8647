"""The original's count of pumps out: over the last 298 rows of its frame, in its order."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
LOOKS_BACK = 298
COUNTS_FROM_ROW = 300


def pumps_out_of_last_rows(
    start_us: Ints, left_us: Ints, home: NDArray[np.object_], ground: NDArray[np.object_]
) -> tuple[Ints, Ints]:
    """Return (n,) pumps out in London and (n,) pumps of the incident's ground that are out: of the 298 rows before, those
    whose left time is later than this row's mobilisation; 0 in the first 300 rows."""
    n = len(start_us)
    everywhere, own = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for row in range(COUNTS_FROM_ROW, n):
        before = slice(row - LOOKS_BACK, row)
        is_out = left_us[before] > start_us[row]
        everywhere[row] = is_out.sum()
        own[row] = (is_out & (home[before] == ground[row])).sum()
    return everywhere, own
