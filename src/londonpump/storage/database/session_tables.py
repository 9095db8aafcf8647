"""Sessions and what belongs to them, and the counts that slow down guessing. Accounts are in `schema.users`."""

from sqlalchemy import Column, Float, ForeignKey, Index, Table, Text

from londonpump.storage.database.schema import metadata
from londonpump.storage.database.timestamps import Timestamp

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("source", Text, nullable=False),
    Column("started_at", Timestamp, nullable=False),
    Column("ends_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp),
    Column("ended_because", Text),
    Index(None, "user_id", "source", "started_at"),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    # of the token, never the token: who reads this table can sign in with nothing of it
    Column("sha256", Text, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("issued_at", Timestamp, nullable=False),
    Column("used_at", Timestamp),
)

sign_in_counts = Table(
    "sign_in_counts",
    metadata,
    # a hash: people type passwords where the name belongs
    Column("key", Text, primary_key=True),
    Column("level", Float, nullable=False),
    Column("counted_at", Timestamp, nullable=False, index=True),
)
