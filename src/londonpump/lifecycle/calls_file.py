"""Reader of CALLS.csv, a file of calls to predict with one pump per row.

A file without a required column is rejected. A bad value affects only its own row: that row carries an error and is not
predicted.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain import incident_types, london_clock, national_grid
from londonpump.domain.canonical_spelling import normalise_code, spelling_normaliser, strip_blanks
from londonpump.domain.columns import CALLER_NUMBERS, RANGES
from londonpump.domain.errors import BadValue
from londonpump.domain.stations import Station
from londonpump.ingest.user_csv import (
    NUMBER,
    cell_text,
    is_excel_error,
    read_table,
    require_columns,
    require_rows,
)

REQUIRED = ("id", "mobilised_at", "station_code", "easting_m", "northing_m")
REQUIRED_CELLS = REQUIRED[1:]
"""Cells that a row must have. The id is copied to the output as it is."""
TEXTS = ("incident_type", "property_category", "property_type", "address_qualifier", "conditions")
FLAGS_OF_DAY = ("is_school_holiday", "is_working_day")
OPTIONAL = (
    *TEXTS,
    "appliance",
    "is_home_station",
    "station_ground_code",
    *(column.name for column in CALLER_NUMBERS),
    *FLAGS_OF_DAY,
)
"""Every input of the models can be given, so that a call and an example have the same features."""
FIRST_AT = datetime(2009, 1, 1, tzinfo=UTC)
LAST_AT = datetime(2041, 1, 1, tzinfo=UTC)
LIMITS = {name: RANGES[name] for name in (*REQUIRED, *OPTIONAL) if name in RANGES}
"""Ranges of the numbers; a number outside its range is an error."""
MAX_DEGREES = 360.0
_ZEROS = re.compile(r"(?<=\d)\.0*$", re.ASCII)
_UTC = re.compile(r"\s*(?:UTC|GMT)$", re.IGNORECASE)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?=[ T]\d)", re.ASCII)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_SHOWN_LENGTH = 120
"""An error message quotes at most this many characters of a value."""
YES, NO = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no")
"""Accepted flags; pandas writes 1.0 if a column of flags has gaps."""


Dispatch = dict[str, str | float | None]
"""The parsed cells of one call by column; None where unknown."""


@dataclass(slots=True)
class Calls:
    """Calls of a file with n rows."""

    ids: list[str]
    errors: list[str]  # (n,) empty if the row can be predicted
    answered: NDArray[np.int64]  # indices of the rows without an error
    columns: dict[str, NDArray[Any]]  # input of `features.dispatches`, in the order of `answered`
    ignored: tuple[str, ...] = ()
    # `column=source` of imputed values, per answered row
    notes: list[list[str]] = field(default_factory=list)
    # number of answered rows per missing part of the context
    unknown: dict[str, int] = field(default_factory=dict)
    read_as: str = ""  # what is unusual about the file


def read_calls(path: Path, stations: Mapping[str, Station]) -> Calls:
    """Read CALLS.csv. Raises: BadFile if it is not such a file."""
    table = read_table(path, tuple(LIMITS))
    require_columns(path, table.header, REQUIRED, f"It needs {', '.join(REQUIRED)}.")
    require_rows(path, table.rows)
    calls = parse_rows(table.header, table.rows, stations)
    calls.read_as = table.found.unusual
    return calls


def parse_rows(
    header: tuple[str, ...], rows: Iterable[Sequence[str]], stations: Mapping[str, Station]
) -> Calls:
    """Parse rows of cells, of a file or of a table in memory. A row that cannot be parsed has an error instead."""
    parsed: list[Dispatch] = []
    ids, errors, notes = [], [], []
    for row in rows:
        values = dict(zip(header, row, strict=False))
        ids.append(values.get("id", ""))
        try:
            _check_length(row, header)
            _validate_required_cells(values)
            dispatch, note = parse_call({name: cell_text(cell) for name, cell in values.items()}, stations)
        except BadValue as error:
            # One bad row must not cost the predictions of the others.
            errors.append(str(BadValue(error.column, _shortened(error.value), error.problem)))
            continue
        errors.append("")
        parsed.append(dispatch)
        notes.append(note)
    answered = np.array([i for i, error in enumerate(errors) if not error], np.int64)
    ignored = tuple(name for name in header if name not in (*REQUIRED, *OPTIONAL))
    return Calls(ids, errors, answered, as_columns(parsed), ignored, notes)


def parse_call(values: Mapping[str, str], stations: Mapping[str, Station]) -> tuple[Dispatch, list[str]]:
    """Parse the cells of one call. Returns: the dispatch, and its imputed values as `column=source`. Raises: BadValue."""
    note: list[str] = []
    _validate_no_excel_errors(values)
    at = _timestamp(values.get("mobilised_at", ""), note)
    station = _station(values.get("station_code", ""), at, stations)
    easting_m, northing_m = _location(values, stations)
    dispatch: Dispatch = {
        "mobilised_us": (at - EPOCH) // timedelta(microseconds=1),
        "station_code": station.code,
        "station_easting_m": station.easting_m,
        "station_northing_m": station.northing_m,
        "easting_m": easting_m,
        "northing_m": northing_m,
    }
    for name in OPTIONAL:
        text = values.get(name, "").strip()
        dispatch[name] = _PARSERS[name](name, text) if text else None
    ground = dispatch["station_ground_code"]
    if ground is not None and ground not in stations:
        raise BadValue(
            "station_ground_code", ground, "is not a station. Use a code such as G30, or leave it empty"
        )
    home = dispatch.pop("is_home_station")
    dispatch["deployed_from"] = (
        None if home is None else incident_types.HOME_STATION if home else incident_types.OTHER_STATION
    )
    return dispatch, note


def as_columns(dispatches: list[Dispatch]) -> dict[str, NDArray[Any]]:
    """Return dispatches as columns: int64 timestamps, float64 numbers (NaN: unknown), object texts (None: unknown)."""
    columns: dict[str, NDArray[Any]] = {
        "mobilised_us": np.array([dispatch["mobilised_us"] for dispatch in dispatches], np.int64)
    }
    texts = (*TEXTS, "station_code", "station_ground_code", "appliance", "deployed_from")
    for name in texts:
        values = np.empty(len(dispatches), object)
        values[:] = [dispatch[name] for dispatch in dispatches]
        columns[name] = values
    numbers = {*LIMITS, *FLAGS_OF_DAY, "station_easting_m", "station_northing_m"}
    for name in sorted(numbers):
        columns[name] = np.array(
            [np.nan if dispatch[name] is None else dispatch[name] for dispatch in dispatches], np.float64
        )
    return columns


def _shortened(value: Any) -> Any:
    is_long = isinstance(value, str) and len(value) > MAX_SHOWN_LENGTH
    return value[:MAX_SHOWN_LENGTH] + "…" if is_long else value


def _check_length(row: Sequence[str], header: tuple[str, ...]) -> None:
    if len(row) != len(header):
        raise BadValue("row", ",".join(row), f"has {len(row)} fields where the header has {len(header)}")


def _validate_required_cells(values: Mapping[str, str]) -> None:
    """Reject null markers in required cells; the message quotes the marker as it is in the file. Raises: BadValue."""
    for name in REQUIRED_CELLS:
        text = strip_blanks(values[name])
        if text and not cell_text(text):
            raise BadValue(name, text, "is a marker for an empty value. Fill it in")


def _validate_no_excel_errors(values: Mapping[str, str]) -> None:
    for name in (*REQUIRED_CELLS, *OPTIONAL):
        text = values.get(name, "").strip()
        if is_excel_error(text):
            advice = (
                "Correct the formula" if name in REQUIRED_CELLS else "Correct the formula, or leave it empty"
            )
            raise BadValue(name, text, f"is an Excel error. {advice}")


def parse_timestamp(text: str, name: str = "mobilised_at") -> tuple[datetime, bool]:
    """Parse an ISO 8601 time; without an offset it is London time. Returns: UTC, and whether London shows it twice.

    The date may be written 15.01.2024, as European versions of Excel do.
    Args: name: of the column or option, for the message. Raises: BadValue also for a time that London skips.
    """
    text = text.strip()
    try:
        timestamp = datetime.fromisoformat(_iso(text))
    except ValueError:
        raise BadValue(
            name, text, "is not a time. Write 2024-01-15T08:00Z, or London time without Z"
        ) from None
    if "T" not in text.upper() and " " not in text:
        raise BadValue(name, text, "has no time of day. Write 2024-01-15T08:00Z")
    is_ambiguous = False
    if timestamp.tzinfo is None:
        if not london_clock.exists_in_london(timestamp):
            raise BadValue(name, text, "does not exist: the clocks of London skip it in spring")
        is_ambiguous = london_clock.is_ambiguous_in_london(timestamp)
        # In the hour that the clocks repeat, Python takes the first one (fold=0); the caller notes the assumption.
        timestamp = timestamp.replace(tzinfo=london_clock.LONDON)
    if not FIRST_AT <= timestamp < LAST_AT:
        raise BadValue(name, text, "is not between 2009, where the records begin, and 2040")
    return timestamp.astimezone(UTC), is_ambiguous


def _iso(text: str) -> str:
    day_first = _DOTTED.match(text)
    if day_first:
        day, month, year = day_first.groups()
        text = f"{year}-{month:0>2}-{day:0>2}{text[day_first.end() :]}"
    return _UTC.sub("+00:00", text)


def _timestamp(text: str, note: list[str]) -> datetime:
    timestamp, is_ambiguous = parse_timestamp(text)
    if is_ambiguous:
        note.append("mobilised_at=default")
    return timestamp


def _station(text: str, at: datetime, stations: Mapping[str, Station]) -> Station:
    code = normalise_code(text)
    if code not in stations:
        raise BadValue("station_code", text, "is not a station. Use a code such as G30")
    station = stations[code]
    if station.status == "river":
        raise BadValue("station_code", text, f"{station.name} has no road pump")
    day = at.astimezone(london_clock.LONDON).date()
    if station.closed_date is not None and day >= station.closed_date:
        raise BadValue("station_code", text, f"{station.name} closed on {station.closed_date:%d %B %Y}")
    if not station.is_open_on(day):
        raise BadValue("station_code", text, f"{station.name} opens on {station.opened_date:%d %B %Y}")
    return station


def _location(values: Mapping[str, str], stations: Mapping[str, Station]) -> tuple[float, float]:
    texts = values.get("easting_m", "").strip(), values.get("northing_m", "").strip()
    # Degrees are small numbers; on the National Grid they would lie in the sea south-west of Cornwall.
    if all(NUMBER.fullmatch(text) and abs(float(text)) < MAX_DEGREES for text in texts):
        raise BadValue("easting_m", texts[0], "looks like degrees. Give metres of the National Grid")
    location = _coordinate("easting_m", texts[0]), _coordinate("northing_m", texts[1])
    # Stations beyond the border send pumps into London, but a place near them only is not in London.
    nearest_m = min(
        math.dist(location, (station.easting_m, station.northing_m))
        for station in stations.values()
        if station.status != "border"
    )
    if nearest_m > national_grid.MAX_DISTANCE_TO_STATION_M:
        raise BadValue(
            "easting_m, northing_m", ", ".join(texts), national_grid.TOO_FAR_PROBLEM.format(nearest_m / 1000)
        )
    return location


def _coordinate(name: str, text: str) -> float:
    value = _number(name, text)
    if not re.fullmatch(national_grid.COORDINATE, text):
        raise BadValue(name, text, national_grid.ROUNDED_PROBLEM)
    return value


def _number(name: str, text: str) -> float:
    if not NUMBER.fullmatch(text.strip()):
        raise BadValue(name, text, "is not a number")
    value = float(text)
    if not LIMITS[name].has(value):
        raise BadValue(name, text, f"is not {LIMITS[name]}")
    return value


def _incident_type(name: str, text: str) -> str:
    for incident_type in incident_types.INCIDENT_TYPES:
        if incident_type.casefold() == text.casefold():
            return incident_type
    raise BadValue(
        name,
        text,
        f"is not one of: {', '.join(incident_types.INCIDENT_TYPES)}. Leave it empty if it is unknown",
    )


def _appliance(name: str, text: str) -> str:
    key = _without_decimals(text)
    for short, long in incident_types.APPLIANCES.items():
        if key in (short, long.casefold()):
            return long
    raise BadValue(name, text, f"is not one of: 1, 2, {', '.join(incident_types.APPLIANCES.values())}")


def _flag(name: str, text: str) -> bool:
    key = _without_decimals(text)
    if key not in YES + NO:
        raise BadValue(name, text, "is neither true nor false")
    return key in YES


def _without_decimals(text: str) -> str:
    # pandas and R write 1.0 for 1 in a column that has gaps.
    return _ZEROS.sub("", text.casefold())


def _as_published(name: str, text: str) -> str:
    # The model would not recognise a category in another case.
    return spelling_normaliser(name)(text)


def _unchanged(name: str, text: str) -> str:  # noqa: ARG001
    return text


def _code(name: str, text: str) -> str:  # noqa: ARG001
    return normalise_code(text)


_PARSERS: dict[str, Callable[[str, str], str | float]] = {
    **dict.fromkeys(("property_category", "property_type", "address_qualifier"), _as_published),
    "conditions": _unchanged,
    **dict.fromkeys(set(LIMITS) & set(OPTIONAL), _number),
    "incident_type": _incident_type,
    "appliance": _appliance,
    **dict.fromkeys(("is_home_station", *FLAGS_OF_DAY), _flag),
    "station_ground_code": _code,
}
