"""Alarms of `monitor`."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "alarms",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("raised_at", INSTANT, nullable=False),
        sa.Column("cleared_at", INSTANT, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("raised_sent_at", INSTANT, nullable=True),
        sa.Column("cleared_sent_at", INSTANT, nullable=True),
        sa.CheckConstraint("severity IN ('note', 'warning', 'urgent')", name=op.f("ck_alarms_severity")),
        sa.CheckConstraint("words <> ''", name=op.f("ck_alarms_words")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
    )
    op.create_index(op.f("ix_alarms_raised_at"), "alarms", ["raised_at"])
    standing = sa.text("cleared_at IS NULL")
    op.create_index(
        "ux_alarms_standing",
        "alarms",
        ["kind", "subject"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )
