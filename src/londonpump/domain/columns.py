"""The catalogue of columns: of examples, calls and context, with their types, units, ranges and labels.

From it come the casts and ranges of cleaning, the columns of CALLS.csv and of the API, the CHECKs of the database, the labels of
reports and explanations, and the reference pages. A new weather column is added to `WEATHER` and to `WeatherHour`.
"""

import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from londonpump.domain.attendance_targets import MAX_PUBLISHED_S

CALL, MOBILISATION, DEPARTURE = "call", "mobilisation", "departure"
ARRIVAL, CLOSURE, BOOKKEEPING = "arrival", "closure", "bookkeeping"
KNOWN_STAGES = (CALL, MOBILISATION, DEPARTURE, ARRIVAL, CLOSURE, BOOKKEEPING)
"""The moments at which values become known, in the order in which an incident unfolds. A prediction is made when the pump is chosen, before it moves."""


class Range(NamedTuple):
    """The least and the greatest value that a column may have."""

    low: float
    high: float

    def has(self, value: float) -> bool:
        """Return whether the value is in the range. NaN is not."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        """Return text such as "between 0 and 1300000"."""
        return f"between {self.low:.12g} and {self.high:.12g}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, unit, source, the moment at which it becomes known, and its range."""

    name: str
    dtype: str
    unit: str
    source: str
    known: str
    range: Range | None = None
    """Allowed values; every number has a range."""
    label: str = ""
    """Name for people."""
    symbol: str = ""
    """Unit as it is printed after a value."""
    group: str = ""
    """Group in the explanations of context that a model may read as it is."""
    phrase: str = ""
    """Form of the value in the weather line of a prediction."""

    @property
    def meaning(self) -> str:
        """Return the label, with the unit where it does not say it."""
        return f"{self.label} ({self.unit})" if self.symbol else self.label


INCIDENT_RECORD, MOBILISATION_RECORD = "incident record", "mobilisation record"
COUNTED_FROM_STREAM, CONTEXT_SOURCE = "counted over the stream", "context"
"""Sources of columns. Context comes from a file given by the user, or from what the database knew at that moment."""

DATA_SCHEMA = 2
"""Version of the data folder, in its report.json. A folder of another version is rejected: `prepare` makes it again."""

# The National Grid is 700 km wide and 1,300 km high (Ordnance Survey).
EASTING, NORTHING = Range(0, 700_000), Range(0, 1_300_000)
# Great Britain lies within these degrees; Lowestoft, its east end, is at 1.8.
LATITUDE, LONGITUDE = Range(49.0, 61.0), Range(-9.0, 2.0)
# Wider than Greater London by about 10 km: a record beyond it has a slip, not a place.
LONDON_EASTING, LONDON_NORTHING = Range(490_000, 575_000), Range(142_000, 215_000)
# The Brigade cuts longer times from the published files.
PUBLISHED_TIME = Range(0, MAX_PUBLISHED_S)
COUNT, ORDINAL = Range(0, math.inf), Range(1, math.inf)

OUT, FREE, BUSY = (
    "mobilisations of other incidents under way",
    "pumps of the location's ground that are free",
    "other calls on the same ground in the 30 minutes before",
)
# Far above the 142 pumps of the Brigade and the few of a ground.
COUNTS: tuple[Column, ...] = (
    Column("pumps_out", "int64", "pumps", COUNTED_FROM_STREAM, MOBILISATION, Range(0, 1_000), OUT),
    Column("ground_pumps_available", "int64", "pumps", COUNTED_FROM_STREAM, MOBILISATION, Range(0, 50), FREE),
    Column(
        "recent_ground_calls", "int64", "calls in 30 min", "counted in train", CALL, Range(0, 1_000), BUSY
    ),
)
"""The workload of the Brigade."""


def _context(name: str, unit: str, allowed: Range, *shown: str) -> Column:
    return Column(name, "float64", unit, CONTEXT_SOURCE, CALL, allowed, *shown)


WEATHER: tuple[Column, ...] = (
    # The UK's records are -27.2 and 40.3 degrees (Met Office).
    _context("temp_c", "degrees C", Range(-40, 50), "temperature", "C", "weather", "{:.1f} C"),
    # The UK's wettest hour on record had 92 mm (Met Office: Maidenhead, 1901).
    _context("precip_mm", "mm in the hour", Range(0, 200), "rain", "mm", "weather", "{:.1f} mm rain"),
    _context("cloudcover_pct", "%", Range(0, 100), "cloud cover", "%"),
    # Open-Meteo publishes more than 24 km, with no limit but that of its models (its issues 667 and 1540). In the cleanest air
    # one sees about 300 km.
    _context("visibility_km", "km", Range(0, 400), "visibility", "km", "weather"),
    # The strongest gust at a low station of the UK had 228 km/h (Met Office: Fraserburgh, 1989); the wind of an hour is less.
    _context("wind_kmh", "km/h at 10 m", Range(0, 250), "wind", "km/h", "weather", "wind {:.0f} km/h"),
)
"""Numbers of the weather. Open-Meteo, Visual Crossing and files give them; a value outside the range has another unit, or marks a gap."""
WEATHER_NUMBERS = tuple(column.name for column in WEATHER)
VISUAL_CROSSING_NAMES = {
    "temp": "temp_c",
    "precip": "precip_mm",
    "cloudcover": "cloudcover_pct",
    "visibility": "visibility_km",
    "windspeed": "wind_kmh",
}
"""Our column by the name of Visual Crossing, which the original and files of weather use."""
# Defined as at most twice the time of free flow; readings of TomTom are cut there.
CONGESTION_RATE = _context(
    "congestion_rate",
    "0 free flow, 1 twice as long or more",
    Range(0, 1),
    "congestion",
    "of 0 to 1",
    "traffic",
)
CALLER_NUMBERS = (*COUNTS, *WEATHER, CONGESTION_RATE)
"""Numbers that a call may state."""

EXAMPLES: tuple[Column, ...] = (
    Column("incident_number", "string", "", INCIDENT_RECORD, BOOKKEEPING),
    Column("source_file", "int16", "index in report.json", "the reader", BOOKKEEPING, COUNT),
    Column("source_row", "int64", "data row, 1 the first", "the reader", BOOKKEEPING, ORDINAL),
    Column("repairs", "string", "rules joined by ;", "cleaning", BOOKKEEPING),
    Column("call_at", "timestamp(6)", "UTC", INCIDENT_RECORD, CALL),
    Column("mobilised_at", "timestamp(6)", "UTC", MOBILISATION_RECORD, MOBILISATION),
    Column("easting_m", "float64", "m, EPSG:27700", INCIDENT_RECORD, CALL, EASTING),
    Column("northing_m", "float64", "m, EPSG:27700", INCIDENT_RECORD, CALL, NORTHING),
    Column("is_exact_location", "boolean", "", INCIDENT_RECORD, CALL),
    Column("easting_rounded_m", "float64", "m, centre of the 100 m cell", INCIDENT_RECORD, CALL, EASTING),
    Column("northing_rounded_m", "float64", "m, centre of the 100 m cell", INCIDENT_RECORD, CALL, NORTHING),
    Column("incident_type", "string", "five names", INCIDENT_RECORD, CALL),
    Column("property_category", "string", "", INCIDENT_RECORD, CALL),
    Column("property_type", "string", "", INCIDENT_RECORD, CALL),
    Column("address_qualifier", "string", "", INCIDENT_RECORD, CALL),
    Column("borough_name", "string", "slice, never a feature", INCIDENT_RECORD, CALL),
    Column("recorded_ground_code", "string", "slice, never a feature", INCIDENT_RECORD, CLOSURE),
    Column("resource_code", "string", "pump", MOBILISATION_RECORD, MOBILISATION),
    Column("home_station_code", "string", "", MOBILISATION_RECORD, MOBILISATION),
    Column("appliance", "string", "", MOBILISATION_RECORD, MOBILISATION),
    Column("deployed_from", "string", "Home Station, Other Station", MOBILISATION_RECORD, MOBILISATION),
    Column("station_code", "string", "", MOBILISATION_RECORD, MOBILISATION),
    Column("station_easting_m", "float64", "m, EPSG:27700", "station list", MOBILISATION, EASTING),
    Column("station_northing_m", "float64", "m, EPSG:27700", "station list", MOBILISATION, NORTHING),
    *COUNTS,
    *WEATHER,
    Column("conditions", "string", "", CONTEXT_SOURCE, CALL, label="conditions"),
    Column("weather_source", "string", "publisher and service, or file", CONTEXT_SOURCE, BOOKKEEPING),
    Column("weather_age_h", "float64", "h, 0 the hour's own", CONTEXT_SOURCE, BOOKKEEPING, Range(0, 6)),
    Column("is_weather_imputed", "boolean", "some value is imputed", CONTEXT_SOURCE, BOOKKEEPING),
    CONGESTION_RATE,
    *(
        Column(name, "boolean", unit, CONTEXT_SOURCE, CALL, None, label, group="calendar")
        for name, unit, label in (
            ("is_school_holiday", "null outside covered years", "school holiday"),
            ("is_working_day", "Monday to Friday, no bank holiday", "working day"),
        )
    ),
    Column("wave", "int64", "1 the first", MOBILISATION_RECORD, MOBILISATION, ORDINAL),
    Column("pump", "string", "first, second, later by arrival; slice", MOBILISATION_RECORD, ARRIVAL),
    Column("turnout_s", "int64", "s, target", MOBILISATION_RECORD, DEPARTURE, PUBLISHED_TIME),
    Column("travel_s", "int64", "s, target", MOBILISATION_RECORD, ARRIVAL, PUBLISHED_TIME),
    Column("attendance_s", "int64", "s, target", MOBILISATION_RECORD, ARRIVAL, PUBLISHED_TIME),
    Column("is_over_60_kmh", "boolean", "looks at the answer", MOBILISATION_RECORD, ARRIVAL),
    Column("left_at", "timestamp(6)", "UTC", MOBILISATION_RECORD, CLOSURE),
    Column("pumps_attending", "int64", "target", INCIDENT_RECORD, CLOSURE, COUNT),
    Column("stations_attending", "int64", "", INCIDENT_RECORD, CLOSURE, COUNT),
    Column("stop_code", "string", "", INCIDENT_RECORD, CLOSURE),
    Column("special_service_type", "string", "", INCIDENT_RECORD, CLOSURE),
    Column("delay_description", "string", "", MOBILISATION_RECORD, ARRIVAL),
)

CALLER_COLUMNS: tuple[Column, ...] = (
    Column("station_ground_code", "string", "as the control room states it", "the call", CALL),
)
"""Columns that a call may state and no published record holds: the recorded ground is the final one."""

POSTCODE_DISTRICT = Column(
    "postcode_district", "string", "where calls of it lie, never a feature", INCIDENT_RECORD, CALL
)
"""A district such as SE15. Only the table of calls has it, so that no model can use it."""

_OF_RECORD = {
    "incident_number",
    "source_file",
    "source_row",
    "repairs",
    "recorded_ground_code",
    "pumps_attending",
}
_WHEN_AND_WHERE = {"call_at", "easting_m", "northing_m"}
_WHAT = {"incident_type", "property_category", "property_type", "address_qualifier"}
CALLS: tuple[Column, ...] = (
    *(column for column in EXAMPLES if column.name in _OF_RECORD | _WHEN_AND_WHERE | _WHAT),
    POSTCODE_DISTRICT,
)
"""One row per kept incident, with or without a published arrival. Workload is counted from it, and the number of
pumps is trained on it. Its `pumps_attending` is the published one."""
RANGES = {column.name: column.range for column in EXAMPLES if column.range is not None}
"""The range of each number, by name."""


@dataclass(frozen=True, slots=True)
class WeatherHour:
    """The weather of London in the UTC hour that begins at `observed_at`; None where the publisher has a gap."""

    observed_at: datetime
    available_at: datetime
    temp_c: float | None
    precip_mm: float | None
    """0 if there was no rain, None only for a gap."""
    cloudcover_pct: float | None
    visibility_km: float | None
    wind_kmh: float | None
    conditions: str | None
    source: str
    """The publisher and which of its services."""


@dataclass(frozen=True, slots=True)
class TrafficReading:
    """The congestion of London at a moment: 0 is free flow, 1 means that a trip takes twice as long or more."""

    observed_at: datetime
    available_at: datetime
    congestion_rate: float
    source: str


@dataclass(frozen=True, slots=True)
class SchoolHoliday:
    """A London day without school. Publishers list weekdays only; the original lists some weekends too."""

    day: date
    source: str


@dataclass(frozen=True, slots=True)
class BankHoliday:
    """A bank holiday of England, including one-off ones."""

    day: date
    title: str
    source: str
