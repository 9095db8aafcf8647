"""Alarms: what `monitor` found that somebody should look at. Raised once, cleared when it is gone, never taken away.

And the row that `/readyz` writes to learn whether the database can be written.
"""

from sqlalchemy import JSON, CheckConstraint, Column, Index, Integer, Table, Text

from londonpump.storage.database.schema import metadata
from londonpump.storage.database.timestamps import Timestamp

SEVERITIES = ("note", "warning", "urgent")

alarms = Table(
    "alarms",
    metadata,
    Column("id", Text, primary_key=True),
    Column("raised_at", Timestamp, nullable=False, index=True),
    Column("cleared_at", Timestamp),
    Column("kind", Text, nullable=False),
    # what it is about: an input, a station, a model; empty for the whole
    Column("subject", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("evidence", JSON, nullable=False),
    # when the webhook took either of the two; null: not yet
    Column("raised_sent_at", Timestamp),
    Column("cleared_sent_at", Timestamp),
    CheckConstraint("severity IN ('note', 'warning', 'urgent')", name="severity"),
    CheckConstraint("words <> ''", name="words"),
)

write_probe = Table(
    "write_probe",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("filling", Text, nullable=False),
    CheckConstraint("id = 1", name="id"),
)

Index(
    "ux_alarms_standing",
    alarms.c.kind,
    alarms.c.subject,
    unique=True,
    sqlite_where=alarms.c.cleared_at.is_(None),
    postgresql_where=alarms.c.cleared_at.is_(None),
)
"""One alarm about one thing at a time, whoever raises it."""
