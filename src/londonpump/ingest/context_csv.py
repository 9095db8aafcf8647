"""Context files given by the user: hourly weather, congestion, school holidays.

Columns: weather `date` ("2022-05-01 09"), `temp, precip, cloudcover, visibility, conditions` and optionally
`windspeed`; congestion `year, day_nb` (1 Sunday to 7 Saturday)`, hour, congestion`; school holidays `date` or
`true_london_date`. Hours are London hours: the hour shown twice in October counts for both UTC hours, the hour
skipped in March for none.
"""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table
from numpy.typing import NDArray

from londonpump.domain.columns import (
    RANGES,
    VISUAL_CROSSING_NAMES,
    WEATHER_NUMBERS,
    SchoolHoliday,
    WeatherHour,
)
from londonpump.domain.errors import BadFile
from londonpump.domain.london_clock import HOUR_US, london_us
from londonpump.domain.stations import Station
from londonpump.features.observations import TrafficWeeks, timestamp_from_us
from londonpump.ingest.user_csv import NUMBER, Row, read_rows, require_columns

HOUR, ISO_DAY, BRITISH_DAY, DOTTED_DAY = "%Y-%m-%d %H", "%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y"
FILE_SOURCE = "file"
"""The source of values from a file."""


def read_weather(path: Path) -> list[WeatherHour]:
    """Return rows by UTC hour, each known from its hour on. An empty `precip` means no rain.

    If an hour is repeated, its first row is used.
    """
    numbers = dict.fromkeys(VISUAL_CROSSING_NAMES, pa.float64())
    table = _read(
        path,
        {"date": pa.string(), **numbers, "conditions": pa.string()},
        empty=(*VISUAL_CROSSING_NAMES, "conditions"),
        optional=("windspeed",),
    )
    hours = _parse_times(table["date"], HOUR)
    if hours is None:
        is_hour = pc.equal(_reformat(table["date"], HOUR), table["date"]).fill_null(False)
        wrong = table["date"].filter(pc.invert(is_hour))[0].as_py()
        raise BadFile(path, f"column date holds {wrong!r}", "Write London hours as 2022-05-01 09.")
    values = {
        field: table[name].to_pylist()
        for name, field in VISUAL_CROSSING_NAMES.items()
        if name in table.column_names
    }
    _validate_weather(path, values)
    values = {name: values.get(name, [None] * table.num_rows) for name in WEATHER_NUMBERS}
    values["precip_mm"] = [value or 0.0 for value in values["precip_mm"]]
    conditions = table["conditions"].to_pylist()
    weather_hours = []
    for row, us in _hours_of_utc(hours.to_numpy().astype("datetime64[us]").astype(np.int64)):
        at = timestamp_from_us(us)
        numbers_of_hour = {name: column[row] for name, column in values.items()}
        weather_hours.append(
            WeatherHour(at, at, **numbers_of_hour, conditions=conditions[row], source=FILE_SOURCE)
        )
    return weather_hours


def _validate_weather(path: Path, values: dict[str, list[float | None]]) -> None:
    """Raise BadFile naming the first value outside the limits that publishers' responses must meet too."""
    for column, field in VISUAL_CROSSING_NAMES.items():
        for number, value in enumerate(values.get(field, ()), 1):
            if value is not None and not RANGES[field].has(value):
                problem = f"column {column} is {value:g} in row {number}, not {RANGES[field]}"
                raise BadFile(
                    path, problem, "Give degrees Celsius, mm, per cent, km and km/h; leave gaps empty."
                )


def _hours_of_utc(wall_us: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return (row, UTC microseconds) of each UTC hour at which the clocks of London show the row's hour."""
    wall_us, first = np.unique(wall_us, return_index=True)
    found = []
    # A London hour is shown by at most two UTC hours: its own number in winter, one less in summer.
    for utc_us in (wall_us, wall_us - HOUR_US):
        is_shown = london_us(utc_us) == wall_us
        found += list(zip(first[is_shown].tolist(), utc_us[is_shown].tolist(), strict=True))
    return found


def read_traffic(path: Path) -> TrafficWeeks:
    """Read congestion by London year, weekday and hour."""
    whole = dict.fromkeys(("year", "day_nb", "hour"), pa.int64())
    table = _read(path, {**whole, "congestion": pa.float64()})
    for column, low, high in (("day_nb", 1, 7), ("hour", 0, 23), ("congestion", *RANGES["congestion_rate"])):
        values = table[column].to_numpy()
        if ((values < low) | (values > high)).any():
            raise BadFile(path, f"column {column} goes beyond {low} to {high}", "Correct that column.")
    year, day, hour, rate = (table[name].to_numpy() for name in ("year", "day_nb", "hour", "congestion"))
    return TrafficWeeks.of(year, day - 1, hour, rate, FILE_SOURCE)


def read_school_holidays(path: Path) -> list[SchoolHoliday]:
    """Read one school holiday per row."""
    header, _ = read_rows(path)
    column = next((name for name in ("true_london_date", "date") if name in header), None)
    if column is None:
        raise BadFile(path, "has no column date or true_london_date", "Add one: a London date a row.")
    text = _read(path, {column: pa.string()})[column]
    for time_format in (ISO_DAY, BRITISH_DAY, DOTTED_DAY):
        days = _parse_times(text, time_format)
        if days is not None:
            return [SchoolHoliday(day, FILE_SOURCE) for day in days.cast(pa.date32()).to_pylist()]
    raise BadFile(
        path, f"column {column} is not one form of date", "Write every day as 2022-05-30, or as 30/05/2022."
    )


def _parse_times(text: pa.ChunkedArray, time_format: str) -> pa.ChunkedArray | None:
    """Return the times if all of them have this format, else None."""
    if not pc.all(pc.equal(_reformat(text, time_format), text).fill_null(False)).as_py():
        return None
    return pc.strptime(text, format=time_format, unit="s", error_is_null=True)


def _reformat(text: pa.ChunkedArray, time_format: str) -> pa.ChunkedArray:
    # strptime turns 30 February into 2 March: a day must be unchanged after a round trip.
    return pc.strftime(
        pc.strptime(text, format=time_format, unit="s", error_is_null=True), format=time_format
    )


def stations_table(connection: Backend, stations: tuple[Station, ...]) -> Table:
    """Create a table `code, name, easting_m, northing_m` of the stations."""
    return connection.create_table(
        "stations",
        pa.table(
            {
                "code": [station.code for station in stations],
                "name": [station.name for station in stations],
                "easting_m": [station.easting_m for station in stations],
                "northing_m": [station.northing_m for station in stations],
            }
        ),
        temp=True,
    )


def _read(
    path: Path,
    columns: dict[str, pa.DataType],
    empty: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
) -> pa.Table:
    """Read the named columns with their types. `empty` columns may have gaps, `optional` columns may be absent."""
    numbers = [name for name, dtype in columns.items() if not pa.types.is_string(dtype)]
    header, rows = read_rows(path, numbers)
    present = {name: dtype for name, dtype in columns.items() if name in header or name not in optional}
    require_columns(path, header, tuple(present), f"It needs: {', '.join(present)}.")
    return pa.table(
        {
            name: _column(path, rows, name, dtype, may_be_empty=name in empty)
            for name, dtype in present.items()
        }
    )


def _column(path: Path, rows: list[Row], name: str, dtype: pa.DataType, *, may_be_empty: bool) -> pa.Array:
    values: list[str | float | None] = []
    for number, row in enumerate(rows, 1):
        text = row[name]
        if not text and not may_be_empty:
            raise BadFile(path, f"column {name} is empty in row {number}", "Fill it.")
        if text and not pa.types.is_string(dtype):
            values.append(_number(path, number, name, text, is_whole=pa.types.is_integer(dtype)))
        else:
            values.append(text or None)
    return pa.array(values, dtype)


def _number(path: Path, number: int, name: str, text: str, *, is_whole: bool) -> float:
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value) or (is_whole and not value.is_integer()):
        what = "whole number" if is_whole else "number"
        raise BadFile(
            path, f"column {name} is {text!r} in row {number}, which is no {what}", "Correct that value."
        )
    return value
