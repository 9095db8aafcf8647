"""The first tables: context, stations, fetches, and what the original's users had."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "bank_holidays",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_bank_holidays")),
    )
    op.create_table(
        "fetch_notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("fetched_at", INSTANT, nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fetch_notes")),
    )
    op.create_index(
        op.f("ix_fetch_notes_source_fetched_at"), "fetch_notes", ["source", "fetched_at"], unique=False
    )
    op.create_table(
        "risk_stations",
        sa.Column("listed_at", INSTANT, nullable=False),
        sa.Column("station_code", sa.Text(), nullable=False),
        sa.Column("station_name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("imported_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("listed_at", "station_code", name=op.f("pk_risk_stations")),
    )
    op.create_index(op.f("ix_risk_stations_imported_id"), "risk_stations", ["imported_id"], unique=False)
    op.create_table(
        "school_years",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_school_years")),
    )
    op.create_table(
        "stations",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("easting_m", sa.Float(), nullable=False),
        sa.Column("northing_m", sa.Float(), nullable=False),
        sa.Column("borough", sa.Text(), nullable=False),
        sa.Column("opened_date", sa.Date(), nullable=True),
        sa.Column("closed_date", sa.Date(), nullable=True),
        sa.Column("pumps", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "status IN ('open', 'river', 'closed', 'border')", name=op.f("ck_stations_status")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_stations")),
    )
    op.create_table(
        "traffic_readings",
        sa.Column("observed_at", INSTANT, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("available_at", INSTANT, nullable=False),
        sa.Column("congestion_rate", sa.Float(), nullable=False),
        sa.CheckConstraint(
            "congestion_rate >= 0 AND congestion_rate <= 1", name=op.f("ck_traffic_readings_congestion_rate")
        ),
        sa.PrimaryKeyConstraint("observed_at", "source", "available_at", name=op.f("pk_traffic_readings")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("username_folded", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("disabled_at", INSTANT, nullable=True),
        sa.Column("imported_from", sa.Text(), nullable=True),
        sa.CheckConstraint("role IN ('operator', 'analyst', 'admin', 'service')", name=op.f("ck_users_role")),
        sa.CheckConstraint("username <> ''", name=op.f("ck_users_username")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("imported_from", name=op.f("uq_users_imported_from")),
        sa.UniqueConstraint("username_folded", name=op.f("uq_users_username_folded")),
    )
    op.create_table(
        "weather_hours",
        sa.Column("observed_at", INSTANT, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("available_at", INSTANT, nullable=False),
        sa.Column("temp_c", sa.Float(), nullable=True),
        sa.Column("precip_mm", sa.Float(), nullable=True),
        sa.Column("cloudcover_pct", sa.Float(), nullable=True),
        sa.Column("visibility_km", sa.Float(), nullable=True),
        sa.Column("wind_kmh", sa.Float(), nullable=True),
        sa.Column("conditions", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "cloudcover_pct >= 0 AND cloudcover_pct <= 100", name=op.f("ck_weather_hours_cloudcover_pct")
        ),
        sa.CheckConstraint("precip_mm >= 0", name=op.f("ck_weather_hours_precip_mm")),
        sa.CheckConstraint("visibility_km >= 0", name=op.f("ck_weather_hours_visibility_km")),
        sa.CheckConstraint("wind_kmh >= 0", name=op.f("ck_weather_hours_wind_kmh")),
        sa.PrimaryKeyConstraint("observed_at", "source", "available_at", name=op.f("pk_weather_hours")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "predictions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("response_time_s", sa.Float(), nullable=False),
        sa.Column("risk_underestimated", sa.Boolean(), nullable=True),
        sa.Column("risk_listed_at", INSTANT, nullable=True),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.Column("imported_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_predictions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_predictions")),
        sa.UniqueConstraint("imported_id", name=op.f("uq_predictions_imported_id")),
    )
    op.create_index(op.f("ix_predictions_created_at"), "predictions", ["created_at"], unique=False)
    op.create_index(
        op.f("ix_predictions_user_id_created_at"), "predictions", ["user_id", "created_at"], unique=False
    )
    op.create_table(
        "school_holidays",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["year"], ["school_years.year"], name=op.f("fk_school_holidays_year")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_school_holidays")),
    )
    op.create_index(op.f("ix_school_holidays_year"), "school_holidays", ["year"], unique=False)
