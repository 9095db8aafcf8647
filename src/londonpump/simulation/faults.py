"""What goes wrong in published files, injected on purpose and written down row by row.

Every fault has a name and a rate as measured; the rows are drawn without overlap, so that what the
cleaning does with a row answers for one fault alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from londonpump.simulation.plan import Vintage
from londonpump.simulation.text_formats import TextColumn, replace_rows

Ints = NDArray[np.int64]
Columns = dict[str, TextColumn]
Change = Callable[[Columns, Ints], None]

MIN_ROWS_FOR_ALL_FAULTS = 2_000
"""From this many rows on every kind of fault happens at least once."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One injected fault. file: `incidents` or `mobilisations`. row: 1 for the first row of data."""

    fault_type: str
    file: str
    row: int
    incident: str


@dataclass(slots=True)
class Sheet:
    """One file in the making: its columns, and what was done to which of its rows so far.

    key: (rows,) row of the incident, which ties the two files together.
    """

    file: str
    columns: Columns
    key: Ints
    done: list[tuple[str, Ints]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows of data."""
        return len(self.key)

    def apply(self, fault_type: str, rows: Ints, change: Change) -> None:
        """Make a change in some rows and note it."""
        if len(rows):
            rows = np.sort(rows)
            change(self.columns, rows)
            self.done.append((fault_type, rows))

    def rebuild(self, dropped: Ints, repeated: Ints) -> Ints:
        """Leave some rows out and write others twice; notes move with their row, to its first copy.

        Returns: where the second copies stand, in the order of `repeated`.
        """
        copies = np.ones(self.rows, dtype=np.int64)
        copies[dropped] = 0
        copies[repeated] += 1
        first = np.cumsum(copies) - copies
        source = np.repeat(np.arange(self.rows), copies)
        self.columns = {name: column.take(pa.array(source)) for name, column in self.columns.items()}
        self.key = self.key[source]
        self.done = [(fault_type, first[rows[copies[rows] > 0]]) for fault_type, rows in self.done]
        return np.asarray(first[repeated] + 1)

    def faults(self) -> list[Fault]:
        """Everything noted, by kind and row."""
        number = self.columns["IncidentNumber"]
        return [
            Fault(fault_type, self.file, row + 1, number[row].as_py())
            for fault_type, rows in sorted(self.done, key=lambda pair: pair[0])
            for row in np.sort(rows).tolist()
        ]


class RowSampler:
    """Draws rows, never two of one incident.

    key: (rows,) incident of each row. allowed: (rows,) which may be drawn at all.
    """

    def __init__(self, rng: np.random.Generator, key: Ints, allowed: NDArray[np.bool_]) -> None:
        self.rng = rng
        self.key = key
        self.left = rng.permutation(np.flatnonzero(allowed))
        self.all_rows = len(key)

    def draw(self, share: float, among: NDArray[np.bool_] | None = None) -> Ints:
        """About `share` of all rows, sorted. among: (rows,) which may be drawn."""
        n_rows = int(share * self.all_rows + self.rng.random())
        if self.all_rows >= MIN_ROWS_FOR_ALL_FAULTS:
            n_rows = max(n_rows, 1)
        is_allowed = np.ones(len(self.left), dtype=bool) if among is None else among[self.left]
        picked = self.left[is_allowed]
        picked = picked[np.sort(np.unique(self.key[picked], return_index=True)[1])][:n_rows]
        self.left = self.left[~np.isin(self.key[self.left], self.key[picked])]
        return np.sort(picked)


def no_change(columns: Columns, rows: Ints) -> None:
    """A fault that stands in the records already (a visitor, say): only noted."""


def blank(*names: str) -> Change:
    """Null in some columns."""

    def change(columns: Columns, rows: Ints) -> None:
        for name in names:
            columns[name] = replace_rows(columns[name], rows, [None] * len(rows))

    return change


def set_text(**values: str) -> Change:
    """The same text in every row drawn, by column."""

    def change(columns: Columns, rows: Ints) -> None:
        for name, value in values.items():
            columns[name] = replace_rows(columns[name], rows, [value] * len(rows))

    return change


def copy_column(target: str, source: str) -> Change:
    """One column's text in place of another's."""

    def change(columns: Columns, rows: Ints) -> None:
        columns[target] = replace_rows(
            columns[target], rows, columns[source].take(pa.array(rows)).to_pylist()
        )

    return change


def swap_columns(one: str, other: str) -> Change:
    """Two columns' texts exchanged."""

    def change(columns: Columns, rows: Ints) -> None:
        here, there = (columns[name].take(pa.array(rows)).to_pylist() for name in (one, other))
        columns[one], columns[other] = (
            replace_rows(columns[one], rows, there),
            replace_rows(columns[other], rows, here),
        )

    return change


def rewrite(name: str, spell: Callable[[str], str]) -> Change:
    """Each text spelled otherwise."""

    def change(columns: Columns, rows: Ints) -> None:
        texts = columns[name].take(pa.array(rows)).to_pylist()
        columns[name] = replace_rows(
            columns[name], rows, [None if text is None else spell(text) for text in texts]
        )

    return change


def apply_all(*changes: Change) -> Change:
    """Several changes of the same rows."""

    def change(columns: Columns, rows: Ints) -> None:
        for one in changes:
            one(columns, rows)

    return change


def null_marker(vintage: Vintage) -> str:
    """What stands for null where this vintage would not write it."""
    return "" if vintage.mobilisation_null else "NULL"
