"""Tables of pandas, Polars and Arrow, and dicts of columns, as rows of texts; and tables of the same kind from results."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import narwhals as nw

from londonpump.domain.errors import LondonPumpError
from londonpump.lifecycle.calls_file import REQUIRED

_DTYPES: dict[str, Any] = {"pumps_needed": nw.Int64, "risk_underestimated": nw.Boolean}
_TEXTS = ("id", "imputed", "error", "feature_group", "text")
_MISSING = ("nan", "NaT", "<NA>")
"""How pandas writes a missing value."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts, and how to make one of the same kind as it came."""

    header: tuple[str, ...]
    rows: Iterable[Sequence[str]]
    source: nw.DataFrame[Any] | None
    """The table that was given; None for a dict of columns."""

    @classmethod
    def of(cls, frame: Any) -> "Table":
        """Read a table. Raises: LondonPumpError if it is none, or lacks a column."""
        source = None if isinstance(frame, Mapping) else _dataframe(frame)
        columns = frame if source is None else {name: source[name].to_list() for name in source.columns}
        # lower case, as the reader of files has it
        texts = {str(name).strip().lower(): _cells(values) for name, values in columns.items()}
        if len(texts) < len(columns):
            raise LondonPumpError(
                f"Two columns have the same name but for capitals and blanks: {', '.join(map(str, columns))}. Remove one."
            )
        lengths = {name: len(values) for name, values in texts.items()}
        if len(set(lengths.values())) > 1:
            raise LondonPumpError(
                f"The columns have different numbers of rows: {lengths}. Give as many values in each."
            )
        texts.setdefault("id", [str(row + 1) for row in range(max(lengths.values(), default=0))])
        for name in REQUIRED:
            if name not in texts:
                raise LondonPumpError(f"The table has no column {name}. It needs {', '.join(REQUIRED[1:])}.")
        return cls(tuple(texts), zip(*texts.values(), strict=True), source)

    def same_kind(self, columns: dict[str, list[Any]], is_by_row: bool = True) -> Any:
        """Return columns as a table of the kind that was given. is_by_row: it has the rows of that table."""
        if self.source is None:
            return columns
        is_pandas = self.source.implementation.is_pandas_like()
        # pandas has no null in numbers and flags: of a column with gaps it finds the type itself
        types = {
            name: nw.String if name in _TEXTS else _DTYPES.get(name, nw.Float64)
            for name, values in columns.items()
            if not (is_pandas and None in values)
        }
        # Types are set because a column that is all empty has none in Polars and Arrow.
        made = nw.from_dict(columns, backend=self.source.implementation)
        made = made.with_columns(nw.col(name).cast(dtype) for name, dtype in types.items())
        native = made.to_native()
        if is_pandas and is_by_row:
            native.index = self.source.to_native().index
        return native


def _dataframe(frame: Any) -> nw.DataFrame[Any]:
    try:
        return nw.from_native(frame, eager_only=True)
    except TypeError:
        raise LondonPumpError(
            f"A {type(frame).__module__}.{type(frame).__name__} is no table that can be predicted. Give a data frame of "
            "pandas or Polars (of a lazy one, what collect() returns), an Arrow table, or a dict of columns."
        ) from None


def _cells(values: Any) -> list[str]:
    is_one = isinstance(values, str | datetime) or not isinstance(values, Iterable)
    return [cell_of(value) for value in ([values] if is_one else values)]


def cell_of(value: Any) -> str:
    """Return a value as CALLS.csv has it."""
    if value is None or str(value) in _MISSING:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value)
