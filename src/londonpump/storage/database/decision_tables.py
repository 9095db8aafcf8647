"""The ledger: who put which model on duty, when and why. Triggers refuse every change of a row.

The newest row names the model on duty in `champion_after`; null means none. Models are named by the hash of
their content.
"""

from sqlalchemy import JSON, CheckConstraint, Column, Integer, Table, Text

from londonpump.storage.database.schema import metadata
from londonpump.storage.database.timestamps import Timestamp

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("decided_at", Timestamp, nullable=False),
    Column("action", Text, nullable=False),
    Column("champion_before", Text),
    Column("champion_after", Text),
    Column("challenger", Text),
    Column("verdict", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("actor", Text, nullable=False),
    CheckConstraint("reason <> ''", name="reason"),
    CheckConstraint("actor <> ''", name="actor"),
    # numbers are never given twice: the newest row is the one with the largest
    sqlite_autoincrement=True,
)
