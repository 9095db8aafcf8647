"""What was filled in for each run, kept by label and written out for the runs that are told about.

Of 142 candidates five are shown: a list of texts for every one of them took a fifth of the answer's time.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


class ImputationFlags(Sequence[list[str]]):
    """A list of `column=source` for each of n runs."""

    def __init__(self, n: int, entries: tuple[tuple[str, Flags], ...] = ()) -> None:
        self._n = n
        self._entries = list(entries)

    def add(self, label: str, rows: Flags) -> None:
        """Label some runs. rows: (n,)."""
        if rows.any():
            self._entries.append((label, rows))

    def take(self, rows: Ints | slice) -> "ImputationFlags":
        """Those of some runs."""
        n = len(np.arange(self._n)[rows])
        return ImputationFlags(n, tuple((label, flags[rows]) for label, flags in self._entries))

    def followed_by(self, *others: "ImputationFlags") -> "ImputationFlags":
        """These, then those of others about the same runs."""
        return ImputationFlags(
            self._n, (*self._entries, *chain.from_iterable(other.by_label() for other in others))
        )

    def by_label(self) -> tuple[tuple[str, Flags], ...]:
        """Each label with the (n,) runs that have it."""
        return tuple(self._entries)

    def __len__(self) -> int:
        """How many runs."""
        return self._n

    @overload
    def __getitem__(self, row: int) -> list[str]: ...
    @overload
    def __getitem__(self, row: slice) -> "ImputationFlags": ...
    def __getitem__(self, row: Any) -> Any:
        """Of one run, a list of its own; or of a slice of them. Raises: IndexError."""
        if isinstance(row, slice):
            return self.take(row)
        if not -self._n <= row < self._n:
            raise IndexError(row)
        return [label for label, flags in self._entries if flags[row]]
