"""Who reported a pump or an event, and the mobilisations that name a prediction."""

from alembic import op

revision = "0007"
down_revision = "0006"

TABLES = ("mobilisations", "board_pumps")


def upgrade() -> None:
    """Add them. What was reported before keeps null: nobody stored who it was."""
    for table in TABLES:
        # both engines take this; Alembic would make SQLite's table anew, which rows of other tables refer to
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN reported_by TEXT "
            f"CONSTRAINT fk_{table}_reported_by REFERENCES users (id)"
        )
    op.create_index(op.f("ix_mobilisations_prediction_id"), "mobilisations", ["prediction_id"])
