"""Faults of published files, injected on purpose and recorded row by row.

Every fault has a name and a measured rate. Rows are drawn without overlap, so that the result of the cleaning of a row
depends on one fault only.
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
"""With at least this many rows, every type of fault occurs at least once."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One injected fault."""

    fault_type: str
    file: str
    """`incidents` or `mobilisations`."""
    row: int
    """1 for the first row of data."""
    incident: str


@dataclass(slots=True)
class Sheet:
    """One file that is being written: its columns, and the faults in its rows so far."""

    file: str
    columns: Columns
    key: Ints
    """The row of the incident, (rows,), which connects the two files."""
    done: list[tuple[str, Ints]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Number of rows of data."""
        return len(self.key)

    def apply(self, fault_type: str, rows: Ints, change: Change) -> None:
        """Change some rows and record the fault."""
        if len(rows):
            rows = np.sort(rows)
            change(self.columns, rows)
            self.done.append((fault_type, rows))

    def rebuild(self, dropped: Ints, repeated: Ints) -> Ints:
        """Drop some rows and repeat others. Recorded faults move with the first copy of their row.

        Returns: the rows of the second copies, in the order of `repeated`.
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
        """Return every recorded fault, by type and row."""
        number = self.columns["IncidentNumber"]
        return [
            Fault(fault_type, self.file, row + 1, number[row].as_py())
            for fault_type, rows in sorted(self.done, key=lambda pair: pair[0])
            for row in np.sort(rows).tolist()
        ]


class RowSampler:
    """A sampler of rows that never draws two rows of one incident."""

    def __init__(self, rng: np.random.Generator, key: Ints, allowed: NDArray[np.bool_]) -> None:
        """Args: key: the incident of each row, (rows,). allowed: the rows that may be drawn, (rows,)."""
        self.rng = rng
        self.key = key
        self.left = rng.permutation(np.flatnonzero(allowed))
        self.all_rows = len(key)

    def draw(self, share: float, among: NDArray[np.bool_] | None = None) -> Ints:
        """Draw about `share` of all rows, sorted. among: the rows that may be drawn, (rows,)."""
        # the random part rounds up or down so that small shares are right on average
        n_rows = int(share * self.all_rows + self.rng.random())
        if self.all_rows >= MIN_ROWS_FOR_ALL_FAULTS:
            n_rows = max(n_rows, 1)
        is_allowed = np.ones(len(self.left), dtype=bool) if among is None else among[self.left]
        picked = self.left[is_allowed]
        picked = picked[np.sort(np.unique(self.key[picked], return_index=True)[1])][:n_rows]
        self.left = self.left[~np.isin(self.key[self.left], self.key[picked])]
        return np.sort(picked)


def no_change(columns: Columns, rows: Ints) -> None:
    """Change nothing, for a fault that the records have already (such as mutual aid)."""


def blank(*names: str) -> Change:
    """Return a change that sets columns to null."""

    def change(columns: Columns, rows: Ints) -> None:
        for name in names:
            columns[name] = replace_rows(columns[name], rows, [None] * len(rows))

    return change


def set_text(**values: str) -> Change:
    """Return a change that sets columns to a fixed text."""

    def change(columns: Columns, rows: Ints) -> None:
        for name, value in values.items():
            columns[name] = replace_rows(columns[name], rows, [value] * len(rows))

    return change


def copy_column(target: str, source: str) -> Change:
    """Return a change that copies the text of one column to another."""

    def change(columns: Columns, rows: Ints) -> None:
        columns[target] = replace_rows(
            columns[target], rows, columns[source].take(pa.array(rows)).to_pylist()
        )

    return change


def swap_columns(one: str, other: str) -> Change:
    """Return a change that exchanges the texts of two columns."""

    def change(columns: Columns, rows: Ints) -> None:
        here, there = (columns[name].take(pa.array(rows)).to_pylist() for name in (one, other))
        columns[one], columns[other] = (
            replace_rows(columns[one], rows, there),
            replace_rows(columns[other], rows, here),
        )

    return change


def rewrite(name: str, spell: Callable[[str], str]) -> Change:
    """Return a change that rewrites each text of a column."""

    def change(columns: Columns, rows: Ints) -> None:
        texts = columns[name].take(pa.array(rows)).to_pylist()
        columns[name] = replace_rows(
            columns[name], rows, [None if text is None else spell(text) for text in texts]
        )

    return change


def apply_all(*changes: Change) -> Change:
    """Return a change that makes several changes in the same rows."""

    def change(columns: Columns, rows: Ints) -> None:
        for one in changes:
            one(columns, rows)

    return change


def null_marker(vintage: Vintage) -> str:
    """Return a text for null that the vintage itself does not use."""
    return "" if vintage.mobilisation_null else "NULL"
