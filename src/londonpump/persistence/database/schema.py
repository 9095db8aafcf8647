"""The tables as they are at this version. A change here needs a step in `migrations/versions` too.

Timestamps are UTC (`Timestamp`), days are London days. Rows that came from the original keep its id (`imported_id`,
`imported_from`), so that an import run twice adds nothing. Triggers, made by the migrations, reject every change of
a row in `audit` and in `decisions`.
"""

from pkgutil import iter_modules

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    false,
)

from londonpump.domain.columns import RANGES, WEATHER_NUMBERS
from londonpump.persistence.database.engine import Timestamp
from londonpump.persistence.database.migrations import versions

# The newest step in `migrations/versions`, which this version of the product requires.
VERSION = max(module.name for module in iter_modules(versions.__path__))[1:5]
# Not Alembic's default name, which MLflow uses if it shares the database.
VERSION_TABLE = "londonpump_version"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _in_range(name: str) -> CheckConstraint:
    low, high = RANGES[name]
    return CheckConstraint(f"{name} >= {low:g} AND {name} <= {high:g}", name=name)


weather_hours = Table(
    "weather_hours",
    metadata,
    # observed_at comes first: every query filters by it, and the primary key is the only index
    Column("observed_at", Timestamp, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("available_at", Timestamp, primary_key=True),
    *(Column(name, Float) for name in WEATHER_NUMBERS),
    Column("conditions", Text),
    *(_in_range(name) for name in WEATHER_NUMBERS),
    sqlite_with_rowid=False,
)

traffic_readings = Table(
    "traffic_readings",
    metadata,
    Column("observed_at", Timestamp, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("available_at", Timestamp, primary_key=True),
    Column("congestion_rate", Float, nullable=False),
    _in_range("congestion_rate"),
    sqlite_with_rowid=False,
)

school_years = Table(
    "school_years",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("added_at", Timestamp, nullable=False),
)

school_holidays = Table(
    "school_holidays",
    metadata,
    Column("day", Date, primary_key=True),
    Column("year", Integer, ForeignKey("school_years.year"), nullable=False, index=True),
    Column("source", Text, nullable=False),
    Column("added_at", Timestamp, nullable=False),
)

bank_holidays = Table(
    "bank_holidays",
    metadata,
    Column("day", Date, primary_key=True),
    Column("title", Text, nullable=False),
    Column("source", Text, nullable=False),
)

source_fetches = Table(
    "source_fetches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("fetched_at", Timestamp, nullable=False),
    Column("problem", Text),
    Column("row_count", Integer, nullable=False),
    Index(None, "source", "fetched_at"),
)

stations = Table(
    "stations",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("easting_m", Float, nullable=False),
    Column("northing_m", Float, nullable=False),
    Column("borough", Text, nullable=False),
    Column("opened_date", Date),
    Column("closed_date", Date),
    Column("pumps", JSON, nullable=False),
    CheckConstraint("status IN ('open', 'river', 'closed', 'border')", name="status"),
)

risk_stations = Table(
    "risk_stations",
    metadata,
    Column("listed_at", Timestamp, primary_key=True),
    Column("station_code", Text, primary_key=True),
    Column("station_name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("imported_id", Text, index=True),
)

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("username", Text, nullable=False),
    Column("username_folded", Text, nullable=False, unique=True),
    # a supervisor is stored as an operator with `is_supervisor`, which code before version 0012 reads as an operator
    Column("role", Text, nullable=False),
    Column("password_hash", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("disabled_at", Timestamp),
    Column("imported_from", Text, unique=True),
    Column("is_supervisor", Boolean, nullable=False, server_default=false()),
    CheckConstraint("role IN ('operator', 'analyst', 'admin', 'service')", name="role"),
    CheckConstraint("username <> ''", name="username"),
)

# The ledger. The newest row names the active model in `champion_after`; null means that no model is active.
# Models are named by the hash of their content.
decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("decided_at", Timestamp, nullable=False),
    Column("action", Text, nullable=False),
    Column("champion_before", Text),
    Column("champion_after", Text),
    Column("challenger", Text),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("actor", Text, nullable=False),
    CheckConstraint("reason <> ''", name="reason"),
    CheckConstraint("actor <> ''", name="actor"),
    # ids are never reused: the row with the largest id is the newest
    sqlite_autoincrement=True,
)


# One row per event. Each row holds the hash of the row before, so a changed row breaks the chain.
audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Timestamp, nullable=False),
    Column("event_type", Text, nullable=False, index=True),
    Column("actor", Text),
    # text, not JSON: an engine that rewrites JSON in its own format would break the hash
    Column("details", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

# The head only moves forward: without it, rows removed from the end would not be noticed.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("n_rows", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)


# An alarm is raised once and cleared when its condition ends. Alarms are never deleted.
alarms = Table(
    "alarms",
    metadata,
    Column("id", Text, primary_key=True),
    Column("raised_at", Timestamp, nullable=False, index=True),
    Column("cleared_at", Timestamp),
    Column("alarm_type", Text, nullable=False),
    # an input, a station or a model; empty if the alarm concerns the whole system
    Column("subject", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("evidence", JSON, nullable=False),
    # when the webhook accepted the message; null if it has not yet
    Column("raised_sent_at", Timestamp),
    Column("cleared_sent_at", Timestamp),
    Column("acknowledged_at", Timestamp),
    Column("acknowledged_by", Text, ForeignKey("users.id")),
    CheckConstraint("severity IN ('note', 'warning', 'urgent')", name="severity"),
    CheckConstraint("message <> ''", name="message"),
)

# `/readyz` writes this row to check that the database accepts writes.
write_probe = Table(
    "write_probe",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("payload", Text, nullable=False),
    CheckConstraint("id = 1", name="id"),
)

Index(
    "ux_alarms_standing",
    alarms.c.alarm_type,
    alarms.c.subject,
    unique=True,
    sqlite_where=alarms.c.cleared_at.is_(None),
    postgresql_where=alarms.c.cleared_at.is_(None),
)
"""At most one open alarm per type and subject, even if two processes raise it at once."""


sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("source", Text, nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("ends_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp),
    Column("end_reason", Text),
    Index(None, "user_id", "source", "started_at"),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    # the hash, never the token: nobody can sign in with what this table holds
    Column("sha256", Text, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("issued_at", Timestamp, nullable=False),
    Column("used_at", Timestamp),
)

sign_in_counts = Table(
    "sign_in_counts",
    metadata,
    # a hash of the name: people sometimes type their password into the name field
    Column("key", Text, primary_key=True),
    Column("level", Float, nullable=False),
    Column("counted_at", Timestamp, nullable=False, index=True),
)


# The columns before `model` hold the history of the original too; later columns are null in its rows.
predictions = Table(
    "predictions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id")),
    Column("created_at", Timestamp, nullable=False, index=True),
    Column("endpoint", Text, nullable=False),
    # null if no pump was ranked. No lower bound: the original announced times below 0, and its history is kept
    Column("response_time_s", Float),
    Column("risk_underestimated", Boolean),
    Column("risk_listed_at", Timestamp),
    Column("inputs", JSON, nullable=False),
    Column("imported_id", Text, unique=True),
    Column("model", Text),
    Column("answer", JSON(none_as_null=True)),
    Column("incident_number", Text, index=True),
    # the time that the prediction is for; created_at is when it was made
    Column("call_at", Timestamp),
    Index(None, "user_id", "created_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    # a digest of route and body: a key that returns with another digest is rejected
    Column("body_digest", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False, index=True),
    Column("status", Integer, nullable=False),
    # the response; predictions are stored in it by their ids
    Column("answer", JSON, nullable=False),
)


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
    # the station it left, or its home station if it was sent from the road
    Column("station_code", Text, nullable=False),
    Column("is_from_road", Boolean, nullable=False),
    Column("easting_m", Float),
    Column("northing_m", Float),
    # no foreign key: the id may belong to a prediction of another system
    Column("prediction_id", Text, index=True),
    Column("announced_p10_s", Float),
    Column("announced_p50_s", Float),
    Column("announced_p90_s", Float),
    Column("model", Text),
    Column("recommended_pump", Text),
    Column("override_reason", Text),
    Column("user_id", Text, ForeignKey("users.id")),
    # who reported the newest event; null before version 0007. The audit names every reporter
    Column("reported_by", Text, ForeignKey("users.id")),
    # recorded by mistake. `returned_at` is set too, so that code before version 0012 does not see the pump as out
    Column("withdrawn_at", Timestamp),
    Column("withdrawn_reason", Text),
    # {seconds: announced chance of arriving within them}, and whether a warning came with the announced time
    Column("announced_chances", JSON(none_as_null=True)),
    Column("is_flagged", Boolean),
    Index(None, "incident_number", "pump_code"),
    # published records could not be matched to two mobilisations of one pump at the same time
    Index(None, "pump_code", "mobilised_at", unique=True),
    CheckConstraint(
        "(announced_p50_s IS NULL) = (model IS NULL) AND (announced_p50_s IS NULL) = (announced_p10_s IS NULL) "
        "AND (announced_p50_s IS NULL) = (announced_p90_s IS NULL)",
        name="announced",
    ),
)

# Who reported an event; `mobilisations` has the times. Code before version 0012 writes no rows.
mobilisation_events = Table(
    "mobilisation_events",
    metadata,
    Column("mobilisation_id", Text, ForeignKey("mobilisations.id"), primary_key=True),
    Column("event", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id")),
)

# The last number that was drawn for an incident on a London day.
incident_numbers = Table(
    "incident_numbers",
    metadata,
    Column("day", Date, primary_key=True),
    Column("last_number", Integer, nullable=False),
)

# One row per pump that was ever reported: its newest report, and its newest mobilisation by `mobilised_at`.
# Every change to a pump locks this row first, so that concurrent reports of one pump run one after another.
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
    # increased in every transaction that changes pumps or mobilisations, so that a cached board is valid while the
    # version is unchanged
    Column("version", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="id"),
)

# One row. Code that is older than the tables reads it to learn whether it can run on them, so this table never changes.
schema_readable_from = Table(
    "schema_readable_from",
    metadata,
    Column("id", Integer, primary_key=True),
    # the lowest version of the tables whose code can run on these
    Column("version", Text, nullable=False),
    CheckConstraint("id = 1", name="id"),
)

# What happened to the times that were announced: one row per mobilisation with a forecast that has arrived.
outcomes = Table(
    "outcomes",
    metadata,
    Column("mobilisation_id", Text, ForeignKey("mobilisations.id"), primary_key=True),
    # these two columns find the published record later
    Column("incident_number", Text, nullable=False),
    Column("pump_code", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("station_code", Text, nullable=False),
    Column("announced_p10_s", Float, nullable=False),
    Column("announced_p50_s", Float, nullable=False),
    Column("announced_p90_s", Float, nullable=False),
    # from mobilised_at to arrived_at
    Column("actual_s", Float, nullable=False),
    # actual minus announced p50
    Column("error_s", Float, nullable=False),
    Column("is_inside_80", Boolean, nullable=False),
    Column("arrived_at", Timestamp, nullable=False, index=True),
    Index(None, "incident_number", "pump_code"),
    Index(None, "model", "arrived_at"),
)
