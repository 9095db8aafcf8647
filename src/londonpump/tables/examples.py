"""The table of examples: one row a mobilisation, what the features need, the targets, the source row."""

from dataclasses import dataclass

CALL, MOBILISATION, DEPARTURE, ARRIVAL, CLOSURE, NEVER = (
    "call",
    "mobilisation",
    "departure",
    "arrival",
    "closure",
    "bookkeeping",
)
"""When a value becomes known. A prediction is made when the pump is chosen, before it moves."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, unit, where it comes from and the moment it is known."""

    name: str
    kind: str
    unit: str
    source: str
    known: str


INCIDENT, MOBILISED, COUNTED, GIVEN = (
    "incident record",
    "mobilisation record",
    "counted over the stream",
    "context",
)
"""Context: a file by hand, or what the database knew at the moment."""

EXAMPLES: tuple[Column, ...] = (
    Column("incident_number", "string", "", INCIDENT, NEVER),
    Column("source_file", "int16", "index in report.json", "the reader", NEVER),
    Column("source_row", "int64", "data row, 1 the first", "the reader", NEVER),
    Column("repairs", "string", "rules joined by ;", "cleaning", NEVER),
    Column("call_at", "timestamp(6)", "UTC", INCIDENT, CALL),
    Column("mobilised_at", "timestamp(6)", "UTC", MOBILISED, MOBILISATION),
    Column("easting_m", "float64", "m, EPSG:27700", INCIDENT, CALL),
    Column("northing_m", "float64", "m, EPSG:27700", INCIDENT, CALL),
    Column("is_exact_place", "boolean", "", INCIDENT, CALL),
    Column("easting_rounded_m", "float64", "m, centre of the 100 m cell", INCIDENT, CALL),
    Column("northing_rounded_m", "float64", "m, centre of the 100 m cell", INCIDENT, CALL),
    Column("incident_type", "string", "five names", INCIDENT, CALL),
    Column("property_category", "string", "", INCIDENT, CALL),
    Column("property_type", "string", "", INCIDENT, CALL),
    Column("address_qualifier", "string", "", INCIDENT, CALL),
    Column("borough_name", "string", "slice, never a feature", INCIDENT, CALL),
    Column("recorded_ground_code", "string", "slice, never a feature", INCIDENT, CLOSURE),
    Column("resource_code", "string", "pump", MOBILISED, MOBILISATION),
    Column("home_station_code", "string", "", MOBILISED, MOBILISATION),
    Column("appliance", "string", "", MOBILISED, MOBILISATION),
    Column("deployed_from", "string", "Home Station, Other Station", MOBILISED, MOBILISATION),
    Column("station_code", "string", "", MOBILISED, MOBILISATION),
    Column("station_easting_m", "float64", "m, EPSG:27700", "station list", MOBILISATION),
    Column("station_northing_m", "float64", "m, EPSG:27700", "station list", MOBILISATION),
    Column("pumps_out", "int64", "mobilisations of other incidents", COUNTED, MOBILISATION),
    Column("ground_pumps_available", "int64", "pumps", COUNTED, MOBILISATION),
    Column("recent_ground_calls", "int64", "calls in 30 min, counted in train", COUNTED, CALL),
    Column("temp_c", "float64", "degrees C", GIVEN, CALL),
    Column("precip_mm", "float64", "mm in the hour", GIVEN, CALL),
    Column("cloudcover_pct", "float64", "%", GIVEN, CALL),
    Column("visibility_km", "float64", "km", GIVEN, CALL),
    Column("wind_kmh", "float64", "km/h at 10 m", GIVEN, CALL),
    Column("conditions", "string", "", GIVEN, CALL),
    Column("weather_source", "string", "publisher and service, or file", GIVEN, NEVER),
    Column("weather_age_h", "float64", "h, 0 the hour's own", GIVEN, NEVER),
    Column("is_weather_filled", "boolean", "some value stands in for a gap", GIVEN, NEVER),
    Column("congestion_rate", "float64", "0 free flow to 1", GIVEN, CALL),
    Column("is_school_holiday", "boolean", "null outside covered years", GIVEN, CALL),
    Column("is_working_day", "boolean", "Monday to Friday, no bank holiday", GIVEN, CALL),
    Column("wave", "int64", "1 the first", MOBILISED, MOBILISATION),
    Column("pump", "string", "first, second, later by arrival; slice", MOBILISED, ARRIVAL),
    Column("turnout_s", "int64", "s, target", MOBILISED, DEPARTURE),
    Column("travel_s", "int64", "s, target", MOBILISED, ARRIVAL),
    Column("attendance_s", "int64", "s, target", MOBILISED, ARRIVAL),
    Column("is_over_60_kmh", "boolean", "looks at the answer", MOBILISED, ARRIVAL),
    Column("left_at", "timestamp(6)", "UTC", MOBILISED, CLOSURE),
    Column("pumps_attending", "int64", "target", INCIDENT, CLOSURE),
    Column("stations_attending", "int64", "", INCIDENT, CLOSURE),
    Column("stop_code", "string", "", INCIDENT, CLOSURE),
    Column("special_service_type", "string", "", INCIDENT, CLOSURE),
    Column("delay_description", "string", "", MOBILISED, ARRIVAL),
)

STATED: tuple[Column, ...] = (
    Column("station_ground_code", "string", "as the control room states it", "the call", CALL),
)
"""What a call may state and no published record holds: the recorded ground is the final one."""

POSTCODE_DISTRICT = Column(
    "postcode_district", "string", "where calls of it lie, never a feature", INCIDENT, CALL
)
"""Such as SE15. In the table of calls alone, so that no model can look at it."""

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
"""One row a kept incident, with or without a published arrival: what workload is counted from, and what
the number of pumps is learnt from. Its `pumps_attending` is the published one."""
