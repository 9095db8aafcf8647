"""The columns of the published files: their names over the years and the types that they become.

Source: LFB metadata of both datasets, and the files themselves (three spellings of the incident
number, five of a date, columns renamed, added and dropped).
"""

from dataclasses import dataclass

TEXT, INTEGER, REAL, DATE, TIME_OF_DAY, TIMESTAMP, INCIDENT_NUMBER = (
    "text",
    "integer",  # published as 416, 416.0 or 416.00
    "real",
    "date",
    "clock",  # HH:MM:SS, London local time
    "moment",  # date and time, GMT
    "incident number",  # 235138081, 235138081.00 or 000001-01012016: one text
)


@dataclass(frozen=True, slots=True)
class PublishedColumn:
    """One column of a published file."""

    name: str
    """The product's name of the column."""
    published: str
    """The Brigade's name of the column today."""
    dtype: str
    is_required: bool = True
    """A file without a required column is rejected."""
    aliases: tuple[str, ...] = ()
    """Earlier names, including the snake_case of the BigQuery copy."""


INCIDENTS: tuple[PublishedColumn, ...] = (
    PublishedColumn("incident_number", "IncidentNumber", INCIDENT_NUMBER, aliases=("incident_number",)),
    PublishedColumn("call_date", "DateOfCall", DATE, aliases=("date_of_call",)),
    PublishedColumn("cal_year", "CalYear", INTEGER, is_required=False, aliases=("cal_year",)),
    PublishedColumn("call_time", "TimeOfCall", TIME_OF_DAY, aliases=("time_of_call",)),
    PublishedColumn("call_hour", "HourOfCall", INTEGER, is_required=False, aliases=("hour_of_call",)),
    PublishedColumn("incident_group", "IncidentGroup", TEXT, aliases=("incident_group",)),
    PublishedColumn("stop_code", "StopCodeDescription", TEXT, aliases=("stop_code_description",)),
    PublishedColumn("special_service_type", "SpecialServiceType", TEXT, aliases=("special_service_type",)),
    PublishedColumn("property_category", "PropertyCategory", TEXT, aliases=("property_category",)),
    PublishedColumn("property_type", "PropertyType", TEXT, aliases=("property_type",)),
    PublishedColumn("address_qualifier", "AddressQualifier", TEXT, aliases=("address_qualifier",)),
    PublishedColumn(
        "postcode_district", "Postcode_district", TEXT, is_required=False, aliases=("postcode_district",)
    ),
    PublishedColumn("borough_code", "IncGeo_BoroughCode", TEXT, aliases=("borough_code",)),
    PublishedColumn("borough_name", "IncGeo_BoroughName", TEXT, aliases=("borough_name",)),
    PublishedColumn("easting_m", "Easting_m", REAL, aliases=("easting_m",)),
    PublishedColumn("northing_m", "Northing_m", REAL, aliases=("northing_m",)),
    PublishedColumn("easting_rounded_m", "Easting_rounded", REAL, aliases=("easting_rounded",)),
    PublishedColumn("northing_rounded_m", "Northing_rounded", REAL, aliases=("northing_rounded",)),
    PublishedColumn("latitude", "Latitude", REAL, is_required=False, aliases=("latitude",)),
    PublishedColumn("longitude", "Longitude", REAL, is_required=False, aliases=("longitude",)),
    PublishedColumn("frs", "FRS", TEXT, is_required=False, aliases=("frs",)),
    PublishedColumn("station_ground", "IncidentStationGround", TEXT, aliases=("incident_station_ground",)),
    PublishedColumn(
        "first_attendance_s",
        "FirstPumpArriving_AttendanceTime",
        INTEGER,
        aliases=("first_pump_arriving_attendance_time",),
    ),
    PublishedColumn(
        "first_station",
        "FirstPumpArriving_DeployedFromStation",
        TEXT,
        aliases=("first_pump_arriving_deployed_from_station",),
    ),
    PublishedColumn(
        "second_attendance_s",
        "SecondPumpArriving_AttendanceTime",
        INTEGER,
        aliases=("second_pump_arriving_attendance_time",),
    ),
    PublishedColumn(
        "second_station",
        "SecondPumpArriving_DeployedFromStation",
        TEXT,
        aliases=("second_pump_arriving_deployed_from_station",),
    ),
    PublishedColumn(
        "stations_attending",
        "NumStationsWithPumpsAttending",
        INTEGER,
        aliases=("num_stations_with_pumps_attending",),
    ),
    PublishedColumn("pumps_attending", "NumPumpsAttending", INTEGER, aliases=("num_pumps_attending",)),
)

MOBILISATIONS: tuple[PublishedColumn, ...] = (
    PublishedColumn("incident_number", "IncidentNumber", INCIDENT_NUMBER, aliases=("incident_number",)),
    PublishedColumn("cal_year", "CalYear", INTEGER, is_required=False, aliases=("cal_year",)),
    PublishedColumn("call_hour", "HourOfCall", INTEGER, is_required=False, aliases=("hour_of_call",)),
    PublishedColumn(
        "mobilisation_id",
        "ResourceMobilisationId",
        INTEGER,
        is_required=False,
        aliases=("resource_mobilisation_id",),
    ),
    PublishedColumn("resource_code", "Resource_Code", TEXT, aliases=("resource_code", "ResourceCode")),
    PublishedColumn("mobilised_at", "DateAndTimeMobilised", TIMESTAMP, aliases=("date_and_time_mobilised",)),
    PublishedColumn("mobile_at", "DateAndTimeMobile", TIMESTAMP, aliases=("date_and_time_mobile",)),
    PublishedColumn("arrived_at", "DateAndTimeArrived", TIMESTAMP, aliases=("date_and_time_arrived",)),
    PublishedColumn("left_at", "DateAndTimeLeft", TIMESTAMP, aliases=("date_and_time_left",)),
    PublishedColumn("turnout_s", "TurnoutTimeSeconds", INTEGER, aliases=("turnout_time_seconds",)),
    PublishedColumn("travel_s", "TravelTimeSeconds", INTEGER, aliases=("travel_time_seconds",)),
    PublishedColumn("attendance_s", "AttendanceTimeSeconds", INTEGER, aliases=("attendance_time_seconds",)),
    PublishedColumn(
        "station_code", "DeployedFromStation_Code", TEXT, aliases=("deployed_from_station_code",)
    ),
    PublishedColumn(
        "station_name", "DeployedFromStation_Name", TEXT, aliases=("deployed_from_station_name",)
    ),
    PublishedColumn("deployed_from", "DeployedFromLocation", TEXT, aliases=("deployed_from_location",)),
    PublishedColumn("pump_order", "PumpOrder", INTEGER, is_required=False, aliases=("pump_order",)),
    PublishedColumn(
        "delay_description",
        "DelayCode_Description",
        TEXT,
        is_required=False,
        aliases=("delay_code_description",),
    ),
)

TABLES = {"incidents": INCIDENTS, "mobilisations": MOBILISATIONS}
_EXCEL_NULLS = ("#n/a", "#na", "#n/a n/a", "#nv", "#n/d", "#n/b", "#i/t", "#yok")
NULL_MARKERS = (
    *("", "-", "\u2013", "\u2014", ".", "na", "n/a", "n.a.", "<na>", "nan", "-nan", "nat"),
    *("null", "(null)", "<null>", "none", "\\n", *_EXCEL_NULLS),
)
"""Texts that R, pandas, SQL, SAS (a point) and Excel in its languages write for a missing value, in lower case; any
case is accepted. Word processors turn a hyphen into a dash.

No published value is one of these.
"""
EXCEL_ERROR = r"#(?:[^ a-z]{1,15}[!?]|GETTING_DATA|#+)"
"""The text that Excel writes, in any language, into a cell whose formula failed or that is too narrow."""
UNREADABLE_SHARE = 0.001
"""If a larger share of the rows does not parse, the file is rejected as a whole."""
CONTRADICTED_SHARE, MIN_CONTRADICTED = 0.01, 3
"""If so many rows contradict their dates, the file is rejected: day and month were probably exchanged."""


def is_contradicted(n_contradicted: int, n_rows: int) -> bool:
    """Return whether enough rows contradict a date to reject the file; fewer are rejected row by row."""
    return n_contradicted >= max(MIN_CONTRADICTED, CONTRADICTED_SHARE * n_rows)
