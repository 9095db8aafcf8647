"""Examples as `prepare` left them, by column."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from londonpump.domain.columns import CALLS, EXAMPLES
from londonpump.domain.errors import BadFile, TooFewRows
from londonpump.domain.london_clock import LONDON
from londonpump.domain.stations import Station
from londonpump.evaluation.evaluation_rows import first_us_of
from londonpump.lifecycle.completeness import complete_spans_us
from londonpump.storage.files import read_json

Columns = dict[str, NDArray[Any]]
_PATHS = ("examples/examples.parquet", "calls/calls.parquet")
CHALLENGE_DAYS = 28
"""A training stops this long before the newest complete day, so that it can be judged on what came after."""
COMPLETE_SHARE = 0.5
"""The newest day counts as complete if it has at least this share of the rows of the usual day before it."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows of examples and of calls. data_hash: of both files, so that a bundle says what it learnt from."""

    rows: Columns
    calls: Columns
    stations: tuple[Station, ...]
    report: dict[str, Any]
    data_hash: str

    @property
    def n(self) -> int:
        """Number of examples."""
        return len(self.rows["mobilised_us"])

    @property
    def complete(self) -> NDArray[np.int64]:
        """Spans (k, 2) of time over which no call is missing, UTC microseconds."""
        return complete_spans_us(self.report)

    def take(self, mask: NDArray[np.bool_]) -> Columns:
        """Columns of some rows."""
        return {name: values[mask] for name, values in self.rows.items()}


def load_examples(data: Path, start: date | None = None) -> Examples:
    """Read DATA; where a day is given, only rows of incidents that began on it or later, of which there may be none.

    Raises: BadFile if `prepare` did not make it, TooFewRows if it holds no example.
    """
    if not (data / "report.json").exists():
        raise BadFile(
            data, "holds no prepared data", "Make it: londonpump prepare --incidents FILE --out DATA."
        )
    examples, calls = (data / path for path in _PATHS)
    try:
        rows, called = pq.read_table(examples), pq.read_table(calls)
        whole = data_hash_of(data)
    except (OSError, pa.ArrowInvalid) as error:
        raise BadFile(data, f"cannot be read ({error})", "Prepare it again.") from error
    for table, columns in ((rows, EXAMPLES), (called, CALLS)):
        missing = [column.name for column in columns if column.name not in table.column_names]
        if missing:
            raise BadFile(data, f"was prepared by another version (no {missing[0]})", "Prepare it again.")
    if not rows.num_rows:
        raise TooFewRows(f"{data}: no example. Look at its report.json: every row was set aside.")
    try:
        stations = tuple(Station.from_json(entry) for entry in read_json(data / "stations.json"))
        if not stations:
            raise BadFile(data, "is damaged, or of another version (no station)", "Prepare it again.")
        report = read_json(data / "report.json")
        report = {**report, "complete": bool(report["complete"])}
        complete_spans_us(report)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadFile(data, f"is damaged, or of another version ({error})", "Prepare it again.") from error
    if start is not None:
        rows = _began_from(rows, start)
    return Examples(as_columns(rows), as_columns(called), stations, report, whole)


def data_hash_of(data: Path) -> str:
    """The name of what is in DATA. Raises: BadFile if it cannot be read."""
    whole = hashlib.sha256()
    for path in _PATHS:
        try:
            whole.update((data / path).read_bytes())
        except OSError as error:
            raise BadFile(
                data, "holds no prepared data", "Make it: londonpump prepare --incidents FILE --out DATA."
            ) from error
    return whole.hexdigest()[:16]


def _began_from(rows: pa.Table, start: date) -> pa.Table:
    """Rows of incidents whose first mobilisation lies on that day or later: an incident is never divided."""
    is_later = pc.greater_equal(
        rows["mobilised_at"].cast(pa.timestamp("us")).cast(pa.int64()), midnight_us(start)
    )
    earlier = rows["incident_number"].filter(pc.invert(is_later))
    later = rows.filter(is_later)
    return later.filter(pc.invert(pc.is_in(later["incident_number"], value_set=pc.unique(earlier))))


def as_columns(table: pa.Table) -> Columns:
    """Arrow columns as NumPy: texts as objects (None), numbers as float64 (NaN), instants as int64 us."""
    columns: Columns = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if pa.types.is_string(column.type):
            columns[name] = _texts(column)
        elif pa.types.is_timestamp(column.type):
            stem = name.removesuffix("_at") + "_us"
            columns[stem] = (
                column.cast(pa.timestamp("us")).cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
            )
        else:
            numbers = (
                column.cast(pa.float64())
                if not pa.types.is_boolean(column.type)
                else column.cast(pa.int8()).cast(pa.float64())
            )
            columns[name] = numbers.to_numpy(zero_copy_only=False)
    return columns


def _texts(column: pa.Array) -> NDArray[Any]:
    coded = column.dictionary_encode()
    values = np.array([*coded.dictionary.to_pylist(), None], object)
    index = coded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
    return np.asarray(values[index])


def incident_codes(rows: Columns) -> NDArray[np.int64]:
    """(n,) one number an incident."""
    _, codes = np.unique(rows["incident_number"].astype(str), return_inverse=True)
    return codes.astype(np.int64)


def midnight_us(day: date) -> int:
    """UTC microseconds of midnight of a London day."""
    midnight_at = datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)
    return int((midnight_at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def first_us_of_incident(rows: Columns) -> NDArray[np.int64]:
    """(n,) the first mobilisation of the row's incident: an incident is whole on one side of a split."""
    return first_us_of(incident_codes(rows), rows["mobilised_us"])


def london_date(us: int) -> date:
    """The London day of an instant."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).astimezone(LONDON).date()


def after_newest(rows: Columns) -> date:
    """The London day after the newest row."""
    return london_date(int(rows["mobilised_us"].max())) + timedelta(days=1)


def newest_complete_day(rows: Columns) -> date:
    """The London day of the newest row, or the day before where that one looks cut off by the publishing."""
    newest = london_date(int(rows["mobilised_us"].max()))
    starts_us = [midnight_us(newest - timedelta(days=back)) for back in range(CHALLENGE_DAYS, -1, -1)]
    *earlier, of_newest = np.histogram(rows["mobilised_us"], [*starts_us, np.iinfo(np.int64).max])[0]
    is_cut = of_newest < COMPLETE_SHARE * np.median(earlier)
    return newest - timedelta(days=1) if is_cut else newest


def default_until(rows: Columns, challenge_days: int = CHALLENGE_DAYS) -> date:
    """Where a training stops if nobody says: so many days before the newest complete day ends, or three quarters of
    the way through records shorter than four times that."""
    first, last = london_date(int(rows["mobilised_us"].min())), newest_complete_day(rows)
    days = (last - first).days + 1
    return last + timedelta(days=1) - timedelta(days=min(challenge_days, days // 4))
