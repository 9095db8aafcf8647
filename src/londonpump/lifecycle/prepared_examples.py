"""Examples as `prepare` wrote them, by column, and the rows and forecasts that `evaluation` compares."""

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

from londonpump.domain.attendance_targets import LATENESS_LIMITS_S, MIN_UNDERESTIMATE_S
from londonpump.domain.columns import CALLS, DATA_SCHEMA, EXAMPLES
from londonpump.domain.errors import BadFile, TooFewRows
from londonpump.domain.json_values import from_json
from londonpump.domain.london_clock import LONDON
from londonpump.domain.stations import Station
from londonpump.evaluation.evaluation_rows import (
    OTHER_GROUND,
    OWN_GROUND,
    EvaluationRows,
    Forecast,
    distance_band,
    distance_decile,
    first_us_of,
    hour_band,
)
from londonpump.evaluation.metrics import CRPS_LEVELS
from londonpump.lifecycle.completeness import spans_us
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import P50, ResponseTimes
from londonpump.persistence.atomic_files import read_json

Columns = dict[str, NDArray[Any]]
_PATHS = ("examples/examples.parquet", "calls/calls.parquet")
_MAKE = "Make it: londonpump prepare --incidents FILE --out DATA."
_MAKE_AGAIN = "Prepare it again: londonpump prepare --incidents FILE --out DATA."
CHALLENGE_DAYS = 28
"""A training stops this long before the newest complete day, so that later data remains to evaluate the model."""
DAYS_OF_A_YEAR = 365
COMPLETE_SHARE = 0.5
"""The newest day counts as complete if it has at least this share of the rows of a usual earlier day."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Prepared examples and calls by column."""

    rows: Columns
    calls: Columns
    stations: tuple[Station, ...]
    complete: NDArray[np.int64]  # (k, 2) spans of time in which no call is missing, UTC microseconds
    is_simulated: bool
    data_hash: str  # hash of both files, so that a bundle names its training data

    @property
    def n(self) -> int:
        """Return the number of examples."""
        return len(self.rows["mobilised_us"])

    def take(self, mask: NDArray[np.bool_]) -> Columns:
        """Return the columns of the selected rows."""
        return {name: values[mask] for name, values in self.rows.items()}


def load_examples(data: Path, start: date | None = None) -> Examples:
    """Read DATA. start: read only rows of incidents that began on this day or later, possibly none.

    Raises: BadFile if `prepare` did not make it, TooFewRows if it holds no example.
    """
    if not (data / "report.json").exists():
        raise BadFile(data, "holds no prepared data", _MAKE)
    examples, calls = (data / path for path in _PATHS)
    try:
        rows, called = pq.read_table(examples), pq.read_table(calls)
        whole = data_hash_of(data)
    except (OSError, pa.ArrowInvalid) as error:
        raise BadFile(data, f"cannot be read ({error})", _MAKE_AGAIN) from error
    for table, columns in ((rows, EXAMPLES), (called, CALLS)):
        missing = [column.name for column in columns if column.name not in table.column_names]
        if missing:
            raise BadFile(data, f"was prepared by another version (no {missing[0]})", _MAKE_AGAIN)
    if not rows.num_rows:
        raise TooFewRows(f"{data} holds no example: every row was rejected. See its report.json.")
    try:
        stations = from_json(tuple[Station, ...], read_json(data / "stations.json"))
        if not stations:
            raise BadFile(data, "is damaged, or of another version (no station)", _MAKE_AGAIN)
        report = read_json(data / "report.json")
        if report["schema"] != DATA_SCHEMA:
            raise BadFile(data, f"was prepared by another version (schema {report['schema']})", _MAKE_AGAIN)
        spans = [
            (date.fromisoformat(a), date.fromisoformat(b)) for a, b in report["completeness"]["complete_days"]
        ]
        complete, is_simulated = spans_us(spans), bool(report.get("simulated", False))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadFile(data, f"is damaged, or of another version ({error})", _MAKE_AGAIN) from error
    if start is not None:
        rows = _began_from(rows, start)
    return Examples(as_columns(rows), as_columns(called), stations, complete, is_simulated, whole)


def data_hash_of(data: Path) -> str:
    """Return the hash of the data in a folder. Raises: BadFile if it cannot be read."""
    whole = hashlib.sha256()
    for path in _PATHS:
        try:
            whole.update((data / path).read_bytes())
        except OSError as error:
            raise BadFile(data, "holds no prepared data", _MAKE) from error
    return whole.hexdigest()[:16]


def _began_from(rows: pa.Table, start: date) -> pa.Table:
    """Return rows of incidents whose first mobilisation is on that day or later; an incident is never divided."""
    # Filtered in Arrow, before the conversion to NumPy, which needs far more memory.
    is_later = pc.greater_equal(
        rows["mobilised_at"].cast(pa.timestamp("us")).cast(pa.int64()), midnight_us(start)
    )
    earlier = rows["incident_number"].filter(pc.invert(is_later))
    later = rows.filter(is_later)
    return later.filter(pc.invert(pc.is_in(later["incident_number"], value_set=pc.unique(earlier))))


def as_columns(table: pa.Table) -> Columns:
    """Convert Arrow columns to NumPy: texts to objects (None), numbers to float64 (NaN), timestamps to int64 us."""
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
    # Equal texts share one Python object, which saves memory on millions of rows.
    coded = column.dictionary_encode()
    values = np.array([*coded.dictionary.to_pylist(), None], object)
    index = coded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)
    return np.asarray(values[index])


def incident_codes(rows: Columns) -> NDArray[np.int64]:
    """Return (n,) one number per incident."""
    _, codes = np.unique(rows["incident_number"].astype(str), return_inverse=True)
    return codes.astype(np.int64)


def midnight_us(day: date) -> int:
    """Return the start of a London day in UTC microseconds."""
    midnight_at = datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)
    return int((midnight_at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def first_us_of_incident(rows: Columns) -> NDArray[np.int64]:
    """Return (n,) the first mobilisation of the row's incident, so that a split does not divide an incident."""
    return first_us_of(incident_codes(rows), rows["mobilised_us"])


def london_date(us: int) -> date:
    """Return the London day of UTC microseconds."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).astimezone(LONDON).date()


def after_newest(rows: Columns) -> date:
    """Return the London day after the newest row."""
    return london_date(int(rows["mobilised_us"].max())) + timedelta(days=1)


def newest_complete_day(rows: Columns) -> date:
    """Return the London day of the newest row, or the day before if publishing cut that day off."""
    newest = london_date(int(rows["mobilised_us"].max()))
    # London midnights, because days have 23 or 25 hours when the clocks change.
    starts_us = [midnight_us(newest - timedelta(days=back)) for back in range(CHALLENGE_DAYS, -1, -1)]
    *earlier, of_newest = np.histogram(rows["mobilised_us"], [*starts_us, np.iinfo(np.int64).max])[0]
    is_cut = of_newest < COMPLETE_SHARE * np.median(earlier)
    return newest - timedelta(days=1) if is_cut else newest


def default_until(rows: Columns, challenge_days: int = CHALLENGE_DAYS) -> date:
    """Return the default end of training: challenge_days before the newest complete day ends.

    Of records shorter than a year a tenth of the days is left, because 28 days would be up to a quarter of them.
    """
    first, last = london_date(int(rows["mobilised_us"].min())), newest_complete_day(rows)
    days = (last - first).days + 1
    # two days at least where there are eight: intervals need more than one
    most = max(days // 10, min(days // 4, 2)) if days < DAYS_OF_A_YEAR else days // 4
    challenge_days = min(challenge_days, most)
    return last + timedelta(days=1) - timedelta(days=challenge_days)


LEVELS = tuple(sorted({0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, *CRPS_LEVELS}))
MAX_SEEN_SHARE, MAX_SEEN_ROWS = 1e-5, 2
"""Bundles recognise incidents by short hashes: with a million training incidents, about one row in a million collides.
More known incidents than this share plus a few are no collision."""
NONE = "none"


def build_judged_rows(bundle: Bundle, rows: Columns) -> EvaluationRows:
    """Return rows with their actual times and slices."""
    dispatches = bundle.dispatches(rows)
    hour = dispatches.hour.astype(np.int64)
    own = rows["recorded_ground_code"] == rows["station_code"]
    slices = {
        "distance_band": distance_band(dispatches.distance_m),
        "distance_decile": distance_decile(dispatches.distance_m),
        "hour": np.array([f"{h:02d}" for h in hour]),
        "hour_band": hour_band(hour),
        "station": _text(rows["station_code"]),
        "borough": _text(rows["borough_name"]),
        "own_ground": np.where(own, OWN_GROUND, OTHER_GROUND),
        "incident_type": _text(rows["incident_type"]),
        "pump": _text(rows["pump"]),
    }
    return EvaluationRows(
        actual_s=rows["attendance_s"],
        day=dispatches.day,
        incident=incident_codes(rows),
        slices=slices,
        station_code=_text(rows["station_code"]),
        distance_m=dispatches.distance_m,
        hour=hour,
        easting_m=rows["easting_m"],
        northing_m=rows["northing_m"],
    )


def forecast_of(times: ResponseTimes) -> Forecast:
    """Convert predicted distributions to a forecast that `evaluation` can score."""
    median_s = times.quantile(P50)
    return Forecast(
        median_s=median_s,
        mean_s=times.mean_s,
        levels=LEVELS,
        quantiles_s=times.quantiles(LEVELS),
        p_over={threshold_s: times.p_over(threshold_s) for threshold_s in LATENESS_LIMITS_S},
        p_underestimate=times.p_over(median_s + MIN_UNDERESTIMATE_S),
    )


def _text(values: NDArray[Any]) -> NDArray[np.str_]:
    return np.array([NONE if value is None else value for value in values], np.str_)
