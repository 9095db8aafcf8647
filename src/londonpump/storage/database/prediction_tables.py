"""Predictions as they were answered, and the keys by which a question that is sent twice is one.

Columns of a prediction before `model` are as the original's history needs them; the later ones are null in rows that
came from there.
"""

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, Table, Text

from londonpump.storage.database.schema import metadata
from londonpump.storage.database.timestamps import Timestamp

predictions = Table(
    "predictions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id")),
    Column("created_at", Timestamp, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    # null where no pump could be ranked. No lower bound: the original announced times below 0, and its history is kept
    Column("response_time_s", Float),
    Column("risk_underestimated", Boolean),
    Column("risk_listed_at", Timestamp),
    Column("inputs", JSON, nullable=False),
    Column("imported_id", Text, unique=True),
    Column("model", Text),
    Column("answer", JSON(none_as_null=True)),
    Column("incident_number", Text, index=True),
    # the moment it is about; created_at is when it was made
    Column("asked_at", Timestamp),
    Index(None, "user_id", "created_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    # of the route and the body: a key that comes with another one is refused
    Column("body_digest", Text, nullable=False),
    Column("created_at", Timestamp, nullable=False, index=True),
    Column("status", Integer, nullable=False),
    # what was answered; predictions stand in it by their ids
    Column("answer", JSON, nullable=False),
)
