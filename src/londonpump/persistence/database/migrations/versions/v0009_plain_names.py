"""Plain names of columns, a table and a check. Stored JSON and the hashes of the audit keep the old names."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

COLUMNS = (
    ("predictions", "kind", "endpoint"),
    ("predictions", "asked_at", "call_at"),
    ("alarms", "kind", "alarm_type"),
    ("alarms", "words", "message"),
    ("sessions", "ended_because", "end_reason"),
    ("write_probe", "filling", "payload"),
    ("audit", "kind", "event_type"),
    ("audit", "about", "details"),
)
TABLE = ("fetch_notes", "source_fetches")
CHECK = ("ck_alarms_words", "ck_alarms_message")
INDEXED = ("kind", "event_type")


def upgrade() -> None:
    """Rename them."""
    _rename(1)


def downgrade() -> None:
    """Give them their old names again."""
    _rename(-1)


def _rename(step: int) -> None:
    for table, *names in COLUMNS:
        old, new = names[::step]
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    old, new = INDEXED[::step]
    op.drop_index(f"ix_audit_{old}")
    op.create_index(f"ix_audit_{new}", "audit", [new])
    old, new = TABLE[::step]
    if op.get_bind().dialect.name == "sqlite":
        _copy("alarms", "alarms", CHECK[::step])
        _copy(old, new, (old, new))
        return
    op.execute("ALTER TABLE alarms RENAME CONSTRAINT {} TO {}".format(*CHECK[::step]))
    op.execute(f"ALTER TABLE {old} RENAME TO {new}")
    op.execute(f"ALTER TABLE {new} RENAME CONSTRAINT pk_{old} TO pk_{new}")
    op.execute(f"ALTER SEQUENCE {old}_id_seq RENAME TO {new}_id_seq")
    op.execute(f"ALTER INDEX ix_{old}_source_fetched_at RENAME TO ix_{new}_source_fetched_at")


def _copy(old: str, new: str, renamed: tuple[str, ...]) -> None:
    """Copy a table with its indexes, because SQLite cannot rename a constraint."""
    found = sa.text("SELECT sql FROM sqlite_master WHERE tbl_name = :old AND sql IS NOT NULL ORDER BY type")
    *indexes, table = op.get_bind().execute(found, {"old": old}).scalars()
    op.execute(f"ALTER TABLE {old} RENAME TO before")
    op.execute(table.replace(*renamed))
    op.execute(f"INSERT INTO {new} SELECT * FROM before")  # noqa: S608 - names of this module
    # its indexes go with it, and are made again under the same names
    op.execute("DROP TABLE before")
    for index in indexes:
        op.execute(index.replace(*renamed))
