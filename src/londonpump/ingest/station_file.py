"""A user's list of stations in a csv file.

Columns: `code, name`, the location as `latitude, longitude` (degrees) or `easting_m, northing_m` (National Grid), and
optionally `status, borough, opened_date, closed_date, pumps`. If a column is missing, a station with a known code
keeps its known values; an empty cell clears the value.
"""

import math
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

from londonpump.domain import national_grid
from londonpump.domain.canonical_spelling import normalise_code
from londonpump.domain.columns import EASTING, LATITUDE, LONGITUDE, NORTHING, Range
from londonpump.domain.errors import BadFile
from londonpump.domain.stations import FLEET_DATES, Station, by_code, known_stations
from londonpump.ingest.user_csv import Row, parse_day, read_rows, require_columns

DEGREES = {"latitude": LATITUDE, "longitude": LONGITUDE}
GRID_M = {"easting_m": EASTING, "northing_m": NORTHING}
STATUSES = ("open", "closed", "river", "border")
MAX_PUMPS = 9
CODE = re.compile(r"[A-Z][A-Z0-9]{1,4}")
ADVICE = "It needs code, name, and latitude, longitude or easting_m, northing_m."


def read_stations(path: Path) -> tuple[Station, ...]:
    """Return the stations in the order of the file. Raises: BadFile naming the wrong row and column."""
    header, rows = read_rows(path, (*GRID_M, *DEGREES))
    limits = GRID_M if "easting_m" in header or "northing_m" in header else DEGREES
    needed = ("code", "name", *limits)
    require_columns(path, header, needed, ADVICE)
    for number, row in enumerate(rows, 1):
        _require_values(path, number, row, needed)
    for column in ("code", "name"):
        _require_unique(path, [row[column] for row in rows], column)
    return tuple(_station(path, number, row, limits) for number, row in enumerate(rows, 1))


def _station(path: Path, number: int, row: Row, limits: dict[str, Range]) -> Station:
    code = normalise_code(row["code"])
    if not CODE.fullmatch(code):
        raise BadFile(path, f"column code is {row['code']!r} in row {number}", "Write a code such as G30.")
    easting_m, northing_m = _location(path, number, row, limits)
    _validate_distance(path, number, code, (easting_m, northing_m))
    known = by_code(known_stations()).get(code, Station(code, "", "border", 0.0, 0.0))
    station = replace(known, name=row["name"], easting_m=easting_m, northing_m=northing_m)
    station = replace(station, borough=row.get("borough", station.borough))
    status = row.get("status", "").casefold()
    if status == "open":
        station = replace(
            station, closed_date=None
        )  # An open station drops the known date; the column closed_date may set one again.
    if "opened_date" in row:
        station = replace(station, opened_date=_date(path, number, row, "opened_date"))
    if "closed_date" in row:
        station = replace(station, closed_date=_date(path, number, row, "closed_date"))
    if row.get("pumps"):
        station = replace(station, pumps=_pumps(path, number, row))
    return _with_status(path, number, station, status)


def _with_status(path: Path, number: int, station: Station, text: str) -> Station:
    """Set the given status, or keep the known status of the code."""
    if text and text not in STATUSES:
        problem = f"column status is {text!r} in row {number}"
        raise BadFile(path, problem, f"Write one of {', '.join(STATUSES)}, or nothing.")
    status = text or station.status
    if status == "closed" and station.closed_date is None:
        raise BadFile(path, f"row {number} is closed without a closed_date", "Say the first day without it.")
    if station.opened_date and station.closed_date and station.closed_date <= station.opened_date:
        raise BadFile(path, f"the station of row {number} closes before it opens", "Correct its dates.")
    return replace(station, status=status)


def _location(path: Path, number: int, row: Row, limits: dict[str, Range]) -> tuple[float, float]:
    """Return the location in metres of the National Grid."""
    values = []
    for column, (low, high) in limits.items():
        value = _coordinate(path, number, column, row[column])
        if not low <= value <= high:
            unit = "metres" if limits is GRID_M else "degrees"
            problem = f"column {column} goes beyond {low} to {high} {unit} in row {number}"
            raise BadFile(path, problem, "Correct that column: places lie in Great Britain.")
        values.append(value)
    if limits is GRID_M:
        return values[0], values[1]
    easting_m, northing_m = national_grid.to_grid(*values)
    return float(easting_m), float(northing_m)


def _validate_distance(path: Path, number: int, code: str, location: tuple[float, float]) -> None:
    """Raise BadFile if a station lies far from all others, or from the known location of its code."""
    far_m = {
        station.code: math.dist(location, (station.easting_m, station.northing_m))
        for station in known_stations()
    }
    if min(far_m.values()) > national_grid.MAX_DISTANCE_TO_STATION_M:
        problem = f"row {number}: {code} {national_grid.TOO_FAR_PROBLEM.format(min(far_m.values()) / 1000)}"
    # A known code far from its location is more likely a typing error than a move.
    elif far_m.get(code, 0.0) > national_grid.MAX_DISTANCE_TO_STATION_M:
        problem = f"row {number}: {code} lies {far_m[code] / 1000:.0f} km from the known place of this code"
    else:
        return
    raise BadFile(path, problem, "Are its two columns exchanged, or in kilometres? Give metres or degrees.")


def _coordinate(path: Path, number: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        problem = f"column {column} is {text!r} in row {number}, which is no number"
        raise BadFile(path, problem, "Correct it.") from error
    if math.isfinite(value) and not re.fullmatch(national_grid.COORDINATE, text):
        problem = f"column {column} is {text!r} in row {number}: it {national_grid.ROUNDED_PROBLEM}"
        raise BadFile(path, problem, "Format the column as a number without exponent.")
    return value


def _date(path: Path, number: int, row: Row, column: str) -> date | None:
    return parse_day(path, number, column, row[column]) if row[column] else None


def _pumps(path: Path, number: int, row: Row) -> tuple[int, ...]:
    """Parse one number for all days, or one per date of FLEET_DATES, separated by spaces."""
    parts = row["pumps"].split()
    if not all(part.isascii() and part.isdigit() and int(part) <= MAX_PUMPS for part in parts) or len(
        parts
    ) not in (1, len(FLEET_DATES)):
        raise BadFile(
            path,
            f"column pumps is {row['pumps']!r} in row {number}",
            f"Write one number from 0 to {MAX_PUMPS}, or {len(FLEET_DATES)} of them, from "
            f"{', '.join(str(day.year) for day in FLEET_DATES)} on.",
        )
    pumps = tuple(int(part) for part in parts)
    return pumps if len(pumps) > 1 else pumps * len(FLEET_DATES)


def _require_values(path: Path, number: int, row: Row, columns: tuple[str, ...]) -> None:
    for column in columns:
        if not row[column]:
            raise BadFile(path, f"column {column} is empty in row {number}", "Fill it.")


def _require_unique(path: Path, values: list[str], column: str) -> None:
    keys = [" ".join(value.split()).casefold() for value in values]
    for value, key in zip(values, keys, strict=True):
        if (times := keys.count(key)) > 1:
            raise BadFile(path, f"{column} {value!r} is used {times} times", "Keep one.")
