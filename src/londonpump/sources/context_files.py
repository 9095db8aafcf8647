"""Files of context given by hand: stations, weather by the hour, congestion, school holidays.

Shapes: stations `code, name, latitude, longitude`; weather `date` ("2022-05-01 09"), `temp, precip,
cloudcover, visibility, conditions`; congestion `year, day_nb` (1 Sunday to 7 Saturday)`, hour,
congestion`; school holidays `date` or `true_london_date`. Their hours are London hours.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table
from pyarrow import csv

from londonpump.brigade import grid
from londonpump.brigade.errors import BadFile
from londonpump.brigade.stations import Station, by_code, known_stations

HOUR_PATTERN = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]) ([01][0-9]|2[0-3])$"
LATITUDES, LONGITUDES = (49.0, 61.0), (-9.0, 2.0)
"""Great Britain, where the National Grid holds."""
ISO_DAY, BRITISH_DAY = "%Y-%m-%d", "%d/%m/%Y"


def read_stations(path: Path) -> tuple[Station, ...]:
    """Stations at the places this file gives them; pumps and status as known for their code."""
    table = _read(
        path, {"code": pa.string(), "name": pa.string(), "latitude": pa.float64(), "longitude": pa.float64()}
    )
    for column in ("code", "name"):
        _refuse_repeats(path, table, column)
    for column, low, high in (("latitude", *LATITUDES), ("longitude", *LONGITUDES)):
        values = table[column].to_numpy()
        if ((values < low) | (values > high)).any():
            raise BadFile(path, f"column {column} goes beyond {low} to {high} degrees", "Mend that column.")
    easting_m, northing_m = grid.to_grid(table["latitude"].to_numpy(), table["longitude"].to_numpy())
    known = by_code(known_stations())
    return tuple(
        Station(
            code=code,
            name=name,
            status=known[code].status if code in known else "border",
            easting_m=float(east),
            northing_m=float(north),
            borough=known[code].borough if code in known else "",
            closed_date=known[code].closed_date if code in known else None,
            pumps=known[code].pumps if code in known else (1, 1, 1),
        )
        for code, name, east, north in zip(
            table["code"].to_pylist(), table["name"].to_pylist(), easting_m, northing_m, strict=True
        )
    )


def read_weather(connection: Backend, path: Path) -> Table:
    """`hour_text, temp_c, precip_mm, cloudcover_pct, visibility_km, conditions`, one row an hour.

    Of an hour that stands twice (the clocks show one twice in October) the first row is taken.
    """
    numbers = dict.fromkeys(("temp", "precip", "cloudcover", "visibility"), pa.float64())
    table = _read(
        path,
        {"date": pa.string(), **numbers, "conditions": pa.string()},
        empty=(*numbers, "conditions"),
    )
    is_hour = pc.match_substring_regex(table["date"], HOUR_PATTERN)
    if not pc.all(is_hour).as_py():
        wrong = table["date"].filter(pc.invert(is_hour))[0].as_py()
        raise BadFile(path, f"column date holds {wrong!r}", "Write London hours as 2022-05-01 09.")
    table = table.take(np.sort(np.unique(table["date"].to_numpy(), return_index=True)[1]))
    names = ("hour_text", "temp_c", "precip_mm", "cloudcover_pct", "visibility_km", "conditions")
    return connection.create_table("weather", table.rename_columns(list(names)), temp=True)


def read_traffic(connection: Backend, path: Path) -> Table:
    """`year, weekday` (0 Sunday)`, hour, congestion`."""
    whole = dict.fromkeys(("year", "day_nb", "hour"), pa.int64())
    table = _read(path, {**whole, "congestion": pa.float64()})
    for column, low, high in (("day_nb", 1, 7), ("hour", 0, 23)):
        values = table[column].to_numpy()
        if ((values < low) | (values > high)).any():
            raise BadFile(path, f"column {column} goes beyond {low} to {high}", "Mend that column.")
    table = table.set_column(1, "weekday", pc.subtract(table["day_nb"], 1))
    return connection.create_table("traffic", table, temp=True)


def read_school_holidays(connection: Backend, path: Path) -> Table:
    """`day`: one row a holiday."""
    header = _header(path)
    column = next((name for name in ("true_london_date", "date") if name in header), None)
    if column is None:
        raise BadFile(path, "has no column date or true_london_date", "Add one: a London date a row.")
    text = _read(path, {column: pa.string()})[column]
    for form in (ISO_DAY, BRITISH_DAY):
        days = pc.strptime(text, format=form, unit="s", error_is_null=True)
        # strptime takes 30 February for 2 March: a day must read back as it was written.
        if days.null_count == 0 and pc.all(pc.equal(pc.strftime(days, format=form), text)).as_py():
            return connection.create_table(
                "school_holidays", pa.table({"day": days.cast(pa.date32())}), temp=True
            )
    raise BadFile(
        path, f"column {column} is not one form of date", "Write every day as 2022-05-30, or as 30/05/2022."
    )


def stations_table(connection: Backend, stations: tuple[Station, ...]) -> Table:
    """`code, name, easting_m, northing_m` as a table."""
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


def _header(path: Path) -> list[str]:
    try:
        with csv.open_csv(path) as reader:
            return list(reader.schema.names)
    except FileNotFoundError as error:
        raise BadFile(path, "is not there", "Check the path.") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise BadFile(
            path, f"cannot be read as csv ({error})", "Give a comma-separated UTF-8 file."
        ) from error


def _read(path: Path, columns: dict[str, pa.DataType], empty: tuple[str, ...] = ()) -> pa.Table:
    """The named columns, typed. `empty`: columns that may have gaps."""
    missing = [name for name in columns if name not in _header(path)]
    if missing:
        raise BadFile(path, f"has no column {missing[0]}", f"It needs: {', '.join(columns)}.")
    options = csv.ConvertOptions(
        column_types=columns,
        include_columns=list(columns),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    try:
        table = csv.read_csv(path, convert_options=options)
    except pa.ArrowInvalid as error:
        raise BadFile(path, str(error), "Mend that value.") from error
    if table.num_rows == 0:
        raise BadFile(path, "has no rows", "Give the file with its rows.")
    for name in columns:
        if name not in empty and table[name].null_count:
            row = pc.index(pc.is_null(table[name]), True).as_py() + 1
            raise BadFile(path, f"column {name} is empty in row {row}", "Fill it.")
    return table


def _refuse_repeats(path: Path, table: pa.Table, column: str) -> None:
    counts = pc.value_counts(table[column])
    for entry in counts.to_pylist():
        if entry["counts"] > 1:
            raise BadFile(path, f"{column} {entry['values']!r} stands {entry['counts']} times", "Keep one.")
