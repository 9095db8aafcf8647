"""Supervisors, withdrawn mobilisations, own incident numbers, announced chances, and acknowledged alarms."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
# older code goes on: a supervisor is an operator to it, and a withdrawn mobilisation one that has returned
kind = "expand"

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    """Add columns that may be empty, tables and an index."""
    op.add_column(
        "users", sa.Column("is_supervisor", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("mobilisations", sa.Column("withdrawn_at", INSTANT, nullable=True))
    op.add_column("mobilisations", sa.Column("withdrawn_reason", sa.Text(), nullable=True))
    op.add_column("mobilisations", sa.Column("announced_chances", sa.JSON(), nullable=True))
    op.add_column("mobilisations", sa.Column("is_flagged", sa.Boolean(), nullable=True))
    op.create_index(op.f("ix_outcomes_arrived_at"), "outcomes", ["arrived_at"])
    op.add_column("alarms", sa.Column("acknowledged_at", INSTANT, nullable=True))
    # both engines take this; Alembic would make SQLite's table anew
    op.execute(
        "ALTER TABLE alarms ADD COLUMN acknowledged_by TEXT "
        "CONSTRAINT fk_alarms_acknowledged_by REFERENCES users (id)"
    )
    op.create_table(
        "mobilisation_events",
        sa.Column("mobilisation_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["mobilisation_id"], ["mobilisations.id"], name=op.f("fk_mobilisation_events_mobilisation_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_mobilisation_events_user_id")),
        sa.PrimaryKeyConstraint("mobilisation_id", "event", name=op.f("pk_mobilisation_events")),
    )
    op.create_table(
        "incident_numbers",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_incident_numbers")),
    )


def downgrade() -> None:
    """Remove them. Whoever was a supervisor is an operator then, and a withdrawn mobilisation one that has returned."""
    op.drop_table("incident_numbers")
    op.drop_table("mobilisation_events")
    op.drop_index("ix_outcomes_arrived_at", "outcomes")
    added = {
        "alarms": ("acknowledged_by", "acknowledged_at"),
        "mobilisations": ("is_flagged", "announced_chances", "withdrawn_reason", "withdrawn_at"),
        "users": ("is_supervisor",),
    }
    for table, columns in added.items():
        for column in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
