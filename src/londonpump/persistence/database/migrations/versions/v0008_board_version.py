"""The version of the board, so that it is read only after a change; and a row that is written to learn whether writing works."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables, each for one row; the board's version begins at 0."""
    version = op.create_table(
        "board_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_board_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_board_version")),
    )
    op.bulk_insert(version, [{"id": 1, "version": 0}])
    op.create_table(
        "write_probe",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("filling", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_write_probe_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_write_probe")),
    )
