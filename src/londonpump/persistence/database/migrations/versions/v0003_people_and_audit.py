"""Sessions, refresh tokens, counts of failed sign-ins; the audit and the triggers that keep it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

INSTANT = sa.DateTime(timezone=True).with_variant(sa.BigInteger(), "sqlite")
FIRST_HASH = "0" * 64

_SQLITE: tuple[str, ...] = (
    (
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    ),
    (
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    ),
    # INSERT OR REPLACE deletes without the trigger above
    (
        "CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq) "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    ),
    (
        "CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    ),
    (
        "CREATE TRIGGER audit_head_no_replace BEFORE INSERT ON audit_head WHEN EXISTS (SELECT 1 FROM audit_head) "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    ),
    (
        "CREATE TRIGGER audit_head_moves_on BEFORE UPDATE ON audit_head WHEN NEW.n_rows <> OLD.n_rows + 1 "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    ),
)
_POSTGRESQL = (
    (
        "CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$"
    ),
    (
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()"
    ),
    (
        "CREATE TRIGGER audit_head_stays BEFORE DELETE OR TRUNCATE ON audit_head "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()"
    ),
    (
        "CREATE TRIGGER audit_head_moves_on BEFORE UPDATE ON audit_head FOR EACH ROW "
        "WHEN (NEW.n_rows <> OLD.n_rows + 1) EXECUTE FUNCTION audit_refuses()"
    ),
)


def upgrade() -> None:
    """Make them."""
    _sessions()
    _counts()
    _audit()
    head = sa.table("audit_head", sa.column("id"), sa.column("n_rows"), sa.column("hash"))
    op.execute(head.insert().values(id=1, n_rows=0, hash=FIRST_HASH))
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index(
        op.f("ix_sessions_user_id_source_started_at"), "sessions", ["user_id", "source", "started_at"]
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_refresh_tokens_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_refresh_tokens")),
    )
    op.create_index(op.f("ix_refresh_tokens_session_id"), "refresh_tokens", ["session_id"])


def _counts() -> None:
    op.create_table(
        "sign_in_counts",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("counted_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_counts")),
    )
    op.create_index(op.f("ix_sign_in_counts_counted_at"), "sign_in_counts", ["counted_at"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_kind"), "audit", ["kind"])
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n_rows", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
