"""The board: mobilisations, what is said of pumps, and what came of announced times."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
_ANNOUNCED_WHOLE = (
    "(announced_p50_s IS NULL) = (model IS NULL) AND (announced_p50_s IS NULL) = (announced_p10_s IS NULL) "
    "AND (announced_p50_s IS NULL) = (announced_p90_s IS NULL)"
)
_STATES = (
    "report_state IN ('available', 'mobilised', 'mobile', 'at_incident', 'returning', 'standby', "
    "'off_run', 'unknown')"
)


def upgrade() -> None:
    """Make them."""
    _mobilisations()
    _board_pumps()
    _outcomes()


def _mobilisations() -> None:
    op.create_table(
        "mobilisations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("incident_number", sa.Text(), nullable=False),
        sa.Column("pump_code", sa.Text(), nullable=False),
        sa.Column("mobilised_at", INSTANT, nullable=False),
        sa.Column("mobile_at", INSTANT, nullable=True),
        sa.Column("arrived_at", INSTANT, nullable=True),
        sa.Column("left_at", INSTANT, nullable=True),
        sa.Column("returned_at", INSTANT, nullable=True),
        sa.Column("station_code", sa.Text(), nullable=False),
        sa.Column("is_from_road", sa.Boolean(), nullable=False),
        sa.Column("easting_m", sa.Float(), nullable=True),
        sa.Column("northing_m", sa.Float(), nullable=True),
        sa.Column("prediction_id", sa.Text(), nullable=True),
        sa.Column("announced_p10_s", sa.Float(), nullable=True),
        sa.Column("announced_p50_s", sa.Float(), nullable=True),
        sa.Column("announced_p90_s", sa.Float(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("recommended_pump", sa.Text(), nullable=True),
        sa.Column("override_reason", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.CheckConstraint(_ANNOUNCED_WHOLE, name=op.f("ck_mobilisations_announced")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_mobilisations_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mobilisations")),
    )
    op.create_index(op.f("ix_mobilisations_mobilised_at"), "mobilisations", ["mobilised_at"])
    op.create_index(
        op.f("ix_mobilisations_incident_number_pump_code"), "mobilisations", ["incident_number", "pump_code"]
    )
    op.create_index(
        op.f("ix_mobilisations_pump_code_mobilised_at"),
        "mobilisations",
        ["pump_code", "mobilised_at"],
        unique=True,
    )


def _board_pumps() -> None:
    op.create_table(
        "board_pumps",
        sa.Column("pump_code", sa.Text(), nullable=False),
        sa.Column("report_at", INSTANT, nullable=True),
        sa.Column("report_state", sa.Text(), nullable=True),
        sa.Column("report_station_code", sa.Text(), nullable=True),
        sa.Column("report_incident_number", sa.Text(), nullable=True),
        sa.Column("report_reason", sa.Text(), nullable=True),
        sa.Column("mobilisation_id", sa.Text(), nullable=True),
        sa.CheckConstraint(_STATES, name=op.f("ck_board_pumps_report_state")),
        sa.CheckConstraint(
            "(report_at IS NULL) = (report_state IS NULL)", name=op.f("ck_board_pumps_report")
        ),
        sa.ForeignKeyConstraint(
            ["mobilisation_id"], ["mobilisations.id"], name=op.f("fk_board_pumps_mobilisation_id")
        ),
        sa.PrimaryKeyConstraint("pump_code", name=op.f("pk_board_pumps")),
    )


def _outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("mobilisation_id", sa.Text(), nullable=False),
        sa.Column("incident_number", sa.Text(), nullable=False),
        sa.Column("pump_code", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("station_code", sa.Text(), nullable=False),
        sa.Column("announced_p10_s", sa.Float(), nullable=False),
        sa.Column("announced_p50_s", sa.Float(), nullable=False),
        sa.Column("announced_p90_s", sa.Float(), nullable=False),
        sa.Column("actual_s", sa.Float(), nullable=False),
        sa.Column("error_s", sa.Float(), nullable=False),
        sa.Column("is_inside_80", sa.Boolean(), nullable=False),
        sa.Column("arrived_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["mobilisation_id"], ["mobilisations.id"], name=op.f("fk_outcomes_mobilisation_id")
        ),
        sa.PrimaryKeyConstraint("mobilisation_id", name=op.f("pk_outcomes")),
    )
    op.create_index(
        op.f("ix_outcomes_incident_number_pump_code"), "outcomes", ["incident_number", "pump_code"]
    )
    op.create_index(op.f("ix_outcomes_model_arrived_at"), "outcomes", ["model", "arrived_at"])
