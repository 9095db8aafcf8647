"""The audit: one row an event, each with the hash of the one before. Triggers refuse every change of a row.

The head stands apart and only moves on: without it, rows taken off the end would not be missed.
"""

from sqlalchemy import CheckConstraint, Column, Integer, Table, Text

from londonpump.storage.database.schema import metadata
from londonpump.storage.database.timestamps import Timestamp

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Timestamp, nullable=False),
    Column("kind", Text, nullable=False, index=True),
    Column("actor", Text),
    # text, not json: an engine that writes json anew in its own way would break the hash
    Column("about", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("n_rows", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
