"""Sessions and what belongs to them, and the counts that slow down guessing. Accounts are in `schema.users`."""

from sqlalchemy import Column, Float, ForeignKey, Index, Table, Text

from londonpump.storage.database.instants import Instant
from londonpump.storage.database.schema import metadata

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("source", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ended_because", Text),
    Index(None, "user_id", "source", "started_at"),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    # of the token, never the token: who reads this table can sign in with nothing of it
    Column("sha256", Text, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("issued_at", Instant, nullable=False),
    Column("used_at", Instant),
)

sign_in_counts = Table(
    "sign_in_counts",
    metadata,
    # a hash: people type passwords where the name belongs
    Column("key", Text, primary_key=True),
    Column("level", Float, nullable=False),
    Column("counted_at", Instant, nullable=False, index=True),
)
