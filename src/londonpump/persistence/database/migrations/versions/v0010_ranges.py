"""The ranges of weather in the catalogue of columns as CHECKs."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

CHECKS = (
    ("temp_c", "", "temp_c >= -40 AND temp_c <= 50"),
    ("precip_mm", "precip_mm >= 0", "precip_mm >= 0 AND precip_mm <= 200"),
    ("cloudcover_pct", *["cloudcover_pct >= 0 AND cloudcover_pct <= 100"] * 2),
    ("visibility_km", "visibility_km >= 0", "visibility_km >= 0 AND visibility_km <= 400"),
    ("wind_kmh", "wind_kmh >= 0", "wind_kmh >= 0 AND wind_kmh <= 250"),
)


def upgrade() -> None:
    """Replace the CHECKs. A value outside, which only another program can have stored, becomes unknown."""
    for column, _, within in CHECKS:
        op.execute(f"UPDATE weather_hours SET {column} = NULL WHERE NOT ({within})")  # noqa: S608 - names of this module
    _replace(1)


def downgrade() -> None:
    """Restore the CHECKs."""
    _replace(-1)


def _replace(step: int) -> None:
    # SQLite cannot alter a CHECK: the table is copied there
    with op.batch_alter_table("weather_hours", table_kwargs={"sqlite_with_rowid": False}) as table:
        for column, *conditions in CHECKS:
            old, new = conditions[::step]
            name = op.f(f"ck_weather_hours_{column}")
            if old:
                table.drop_constraint(name)
            if new:
                table.create_check_constraint(name, sa.text(new))
