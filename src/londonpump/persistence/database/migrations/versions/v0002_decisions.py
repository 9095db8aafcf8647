"""The ledger of decisions about models, and the triggers that keep it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")

_REFUSAL = "BEGIN SELECT RAISE(ABORT, 'decisions are append-only'); END"
_IS_THERE = "EXISTS (SELECT 1 FROM decisions WHERE id = NEW.id)"
_EXCEPTION = "$$ BEGIN RAISE EXCEPTION 'decisions are append-only'; END $$"
_EACH = "FOR EACH STATEMENT EXECUTE FUNCTION decisions_refuse()"
_SQLITE = (
    f"CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions {_REFUSAL}",
    f"CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions {_REFUSAL}",
    # INSERT OR REPLACE deletes without the trigger above
    f"CREATE TRIGGER decisions_no_replace BEFORE INSERT ON decisions WHEN {_IS_THERE} {_REFUSAL}",
)
_POSTGRESQL = (
    f"CREATE FUNCTION decisions_refuse() RETURNS trigger LANGUAGE plpgsql AS {_EXCEPTION}",
    f"CREATE TRIGGER decisions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON decisions {_EACH}",
)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("champion_before", sa.Text(), nullable=True),
        sa.Column("champion_after", sa.Text(), nullable=True),
        sa.Column("challenger", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_decisions_reason")),
        sa.CheckConstraint("actor <> ''", name=op.f("ck_decisions_actor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sqlite_autoincrement=True,
    )
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)
