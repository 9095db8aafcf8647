"""The table of examples: one row per mobilisation, with the inputs of the features, the targets and the source row."""

from dataclasses import dataclass

CALL, MOBILISATION, DEPARTURE, ARRIVAL, CLOSURE, BOOKKEEPING = (
    "call",
    "mobilisation",
    "departure",
    "arrival",
    "closure",
    "bookkeeping",
)
"""The moments at which values become known. A prediction is made when the pump is chosen, before it moves."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, unit, source and the moment at which it becomes known."""

    name: str
    dtype: str
    unit: str
    source: str
    known: str


INCIDENT_RECORD, MOBILISATION_RECORD, COUNTED_FROM_STREAM, CONTEXT_SOURCE = (
    "incident record",
    "mobilisation record",
    "counted over the stream",
    "context",
)
"""Sources of columns. Context comes from a file given by the user, or from what the database knew at that moment."""

DATA_SCHEMA = 2
"""Version of the data folder, in its report.json. A folder of another version is rejected: `prepare` makes it again."""

EXAMPLES: tuple[Column, ...] = (
    Column("incident_number", "string", "", INCIDENT_RECORD, BOOKKEEPING),
    Column("source_file", "int16", "index in report.json", "the reader", BOOKKEEPING),
    Column("source_row", "int64", "data row, 1 the first", "the reader", BOOKKEEPING),
    Column("repairs", "string", "rules joined by ;", "cleaning", BOOKKEEPING),
    Column("call_at", "timestamp(6)", "UTC", INCIDENT_RECORD, CALL),
    Column("mobilised_at", "timestamp(6)", "UTC", MOBILISATION_RECORD, MOBILISATION),
    Column("easting_m", "float64", "m, EPSG:27700", INCIDENT_RECORD, CALL),
    Column("northing_m", "float64", "m, EPSG:27700", INCIDENT_RECORD, CALL),
    Column("is_exact_location", "boolean", "", INCIDENT_RECORD, CALL),
    Column("easting_rounded_m", "float64", "m, centre of the 100 m cell", INCIDENT_RECORD, CALL),
    Column("northing_rounded_m", "float64", "m, centre of the 100 m cell", INCIDENT_RECORD, CALL),
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
    Column("station_easting_m", "float64", "m, EPSG:27700", "station list", MOBILISATION),
    Column("station_northing_m", "float64", "m, EPSG:27700", "station list", MOBILISATION),
    Column("pumps_out", "int64", "mobilisations of other incidents", COUNTED_FROM_STREAM, MOBILISATION),
    Column("ground_pumps_available", "int64", "pumps", COUNTED_FROM_STREAM, MOBILISATION),
    Column("recent_ground_calls", "int64", "calls in 30 min, counted in train", COUNTED_FROM_STREAM, CALL),
    Column("temp_c", "float64", "degrees C", CONTEXT_SOURCE, CALL),
    Column("precip_mm", "float64", "mm in the hour", CONTEXT_SOURCE, CALL),
    Column("cloudcover_pct", "float64", "%", CONTEXT_SOURCE, CALL),
    Column("visibility_km", "float64", "km", CONTEXT_SOURCE, CALL),
    Column("wind_kmh", "float64", "km/h at 10 m", CONTEXT_SOURCE, CALL),
    Column("conditions", "string", "", CONTEXT_SOURCE, CALL),
    Column("weather_source", "string", "publisher and service, or file", CONTEXT_SOURCE, BOOKKEEPING),
    Column("weather_age_h", "float64", "h, 0 the hour's own", CONTEXT_SOURCE, BOOKKEEPING),
    Column("is_weather_imputed", "boolean", "some value is imputed", CONTEXT_SOURCE, BOOKKEEPING),
    Column("congestion_rate", "float64", "0 free flow to 1", CONTEXT_SOURCE, CALL),
    Column("is_school_holiday", "boolean", "null outside covered years", CONTEXT_SOURCE, CALL),
    Column("is_working_day", "boolean", "Monday to Friday, no bank holiday", CONTEXT_SOURCE, CALL),
    Column("wave", "int64", "1 the first", MOBILISATION_RECORD, MOBILISATION),
    Column("pump", "string", "first, second, later by arrival; slice", MOBILISATION_RECORD, ARRIVAL),
    Column("turnout_s", "int64", "s, target", MOBILISATION_RECORD, DEPARTURE),
    Column("travel_s", "int64", "s, target", MOBILISATION_RECORD, ARRIVAL),
    Column("attendance_s", "int64", "s, target", MOBILISATION_RECORD, ARRIVAL),
    Column("is_over_60_kmh", "boolean", "looks at the answer", MOBILISATION_RECORD, ARRIVAL),
    Column("left_at", "timestamp(6)", "UTC", MOBILISATION_RECORD, CLOSURE),
    Column("pumps_attending", "int64", "target", INCIDENT_RECORD, CLOSURE),
    Column("stations_attending", "int64", "", INCIDENT_RECORD, CLOSURE),
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

CALLS: tuple[Column, ...] = (
    *(
        column
        for column in EXAMPLES
        if column.name
        in {
            "incident_number",
            "source_file",
            "source_row",
            "repairs",
            "call_at",
            "easting_m",
            "northing_m",
            "recorded_ground_code",
            "incident_type",
            "property_category",
            "property_type",
            "address_qualifier",
            "pumps_attending",
        }
    ),
    POSTCODE_DISTRICT,
)
"""One row per kept incident, with or without a published arrival. Workload is counted from it, and the number of
pumps is trained on it. Its `pumps_attending` is the published one."""
