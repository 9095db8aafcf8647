"""Predictions whole as they were answered, and idempotency keys."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    """Add them; a prediction for which no pump could be ranked has no time."""
    with op.batch_alter_table("predictions") as table:
        table.alter_column("response_time_s", existing_type=sa.Float(), nullable=True)
        table.add_column(sa.Column("model", sa.Text(), nullable=True))
        table.add_column(sa.Column("answer", sa.JSON(), nullable=True))
        table.add_column(sa.Column("incident_number", sa.Text(), nullable=True))
        table.add_column(sa.Column("asked_at", INSTANT, nullable=True))
    op.create_index(op.f("ix_predictions_incident_number"), "predictions", ["incident_number"])
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_digest", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_idempotency_keys_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])
