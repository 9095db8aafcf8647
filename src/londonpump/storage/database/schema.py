"""The tables as they are at this version. A change here needs a step in `migrations/versions` too.

Instants are UTC (`Timestamp`), days are London's. Rows that came from the original keep its id (`imported_id`,
`imported_from`), so that an import run twice adds nothing.
"""

from sqlalchemy import (
    JSON,
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
)

from londonpump.storage.database.timestamps import Timestamp

VERSION = "0008"
"""The newest step in `migrations/versions`: what this version of the product works with."""
VERSION_TABLE = "londonpump_version"
"""Not Alembic's own name: MLflow may live in the same database and takes that one."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

weather_hours = Table(
    "weather_hours",
    metadata,
    # observed_at first: the primary key is the index of every question asked here
    Column("observed_at", Timestamp, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("available_at", Timestamp, primary_key=True),
    Column("temp_c", Float),
    Column("precip_mm", Float),
    Column("cloudcover_pct", Float),
    Column("visibility_km", Float),
    Column("wind_kmh", Float),
    Column("conditions", Text),
    CheckConstraint("precip_mm >= 0", name="precip_mm"),
    CheckConstraint("cloudcover_pct >= 0 AND cloudcover_pct <= 100", name="cloudcover_pct"),
    CheckConstraint("visibility_km >= 0", name="visibility_km"),
    CheckConstraint("wind_kmh >= 0", name="wind_kmh"),
    sqlite_with_rowid=False,
)

traffic_readings = Table(
    "traffic_readings",
    metadata,
    Column("observed_at", Timestamp, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("available_at", Timestamp, primary_key=True),
    Column("congestion_rate", Float, nullable=False),
    CheckConstraint("congestion_rate >= 0 AND congestion_rate <= 1", name="congestion_rate"),
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

fetch_notes = Table(
    "fetch_notes",
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
    Column("role", Text, nullable=False),
    Column("password_hash", Text),
    Column("created_at", Timestamp, nullable=False),
    Column("disabled_at", Timestamp),
    Column("imported_from", Text, unique=True),
    CheckConstraint("role IN ('operator', 'analyst', 'admin', 'service')", name="role"),
    CheckConstraint("username <> ''", name="username"),
)

# each part's tables stand in a module of its own; `metadata` is whole once they are imported
from londonpump.storage.database import (  # noqa: E402
    audit_tables,  # noqa: F401
    board_tables,  # noqa: F401
    decision_tables,  # noqa: F401
    monitoring_tables,  # noqa: F401
    prediction_tables,  # noqa: F401
    session_tables,  # noqa: F401
)
