"""The oldest version of the product that can run on these tables. From here on every step says whether it only expands."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
# it only adds a table, but code before it refuses all newer tables
kind = "contract"


def upgrade() -> None:
    """Make the table. Its one row is written after the last step of each upgrade."""
    op.create_table(
        "schema_readable_from",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_schema_readable_from_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schema_readable_from")),
    )


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("schema_readable_from")
