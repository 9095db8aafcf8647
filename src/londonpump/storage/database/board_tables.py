"""The board: mobilisations with their moments, what is said of each pump besides, and what came of announced times.

`board_pumps` has one row a pump that was ever heard of: its newest report, and its newest mobilisation by
`mobilised_at`. Whoever changes anything about a pump locks that row first. Pumps and stations are named by codes.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
)

from londonpump.storage.database.schema import metadata
from londonpump.storage.database.timestamps import Timestamp

mobilisations = Table(
    "mobilisations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident_number", Text, nullable=False),
    Column("pump_code", Text, nullable=False),
    Column("mobilised_at", Timestamp, nullable=False, index=True),
    Column("mobile_at", Timestamp),
    Column("arrived_at", Timestamp),
    Column("left_at", Timestamp),
    Column("returned_at", Timestamp),
    # where it stood, or its home where it was sent from the road
    Column("station_code", Text, nullable=False),
    Column("is_from_road", Boolean, nullable=False),
    Column("easting_m", Float),
    Column("northing_m", Float),
    # no foreign key: what is named may be a prediction of another system
    Column("prediction_id", Text, index=True),
    Column("announced_p10_s", Float),
    Column("announced_p50_s", Float),
    Column("announced_p90_s", Float),
    Column("model", Text),
    Column("recommended_pump", Text),
    Column("override_reason", Text),
    Column("user_id", Text, ForeignKey("users.id")),
    # who reported the newest of its events; null before version 0007. The audit names everybody
    Column("reported_by", Text, ForeignKey("users.id")),
    Index(None, "incident_number", "pump_code"),
    # two at one moment cannot be told apart later
    Index(None, "pump_code", "mobilised_at", unique=True),
    CheckConstraint(
        "(announced_p50_s IS NULL) = (model IS NULL) AND (announced_p50_s IS NULL) = (announced_p10_s IS NULL) "
        "AND (announced_p50_s IS NULL) = (announced_p90_s IS NULL)",
        name="announced",
    ),
)

board_pumps = Table(
    "board_pumps",
    metadata,
    Column("pump_code", Text, primary_key=True),
    Column("report_at", Timestamp),
    Column("report_state", Text),
    Column("report_station_code", Text),
    Column("report_incident_number", Text),
    Column("report_reason", Text),
    Column("mobilisation_id", Text, ForeignKey("mobilisations.id")),
    # who gave the report; null before version 0007
    Column("reported_by", Text, ForeignKey("users.id")),
    CheckConstraint(
        "report_state IN ('available', 'mobilised', 'mobile', 'at_incident', 'returning', 'standby', "
        "'off_run', 'unknown')",
        name="report_state",
    ),
    CheckConstraint("(report_at IS NULL) = (report_state IS NULL)", name="report"),
)

board_version = Table(
    "board_version",
    metadata,
    Column("id", Integer, primary_key=True),
    # one more in every transaction that changes pumps or mobilisations: what was read at a version is the board as long
    # as the version is the same
    Column("version", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="id"),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("mobilisation_id", Text, ForeignKey("mobilisations.id"), primary_key=True),
    # these two find the published record later
    Column("incident_number", Text, nullable=False),
    Column("pump_code", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("station_code", Text, nullable=False),
    Column("announced_p10_s", Float, nullable=False),
    Column("announced_p50_s", Float, nullable=False),
    Column("announced_p90_s", Float, nullable=False),
    # from mobilised to arrived
    Column("actual_s", Float, nullable=False),
    # actual less announced p50
    Column("error_s", Float, nullable=False),
    Column("is_inside_80", Boolean, nullable=False),
    Column("arrived_at", Timestamp, nullable=False),
    Index(None, "incident_number", "pump_code"),
    Index(None, "model", "arrived_at"),
)
