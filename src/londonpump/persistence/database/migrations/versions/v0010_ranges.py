"""The ranges of the catalogue of columns as CHECKs of weather and traffic. Every stored row was checked against them before."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

BEFORE = {
    "precip_mm": "precip_mm >= 0",
    "cloudcover_pct": "cloudcover_pct >= 0 AND cloudcover_pct <= 100",
    "visibility_km": "visibility_km >= 0",
    "wind_kmh": "wind_kmh >= 0",
}
AFTER = {
    "temp_c": "temp_c >= -40 AND temp_c <= 50",
    "precip_mm": "precip_mm >= 0 AND precip_mm <= 200",
    "cloudcover_pct": "cloudcover_pct >= 0 AND cloudcover_pct <= 100",
    "visibility_km": "visibility_km >= 0 AND visibility_km <= 400",
    "wind_kmh": "wind_kmh >= 0 AND wind_kmh <= 250",
}


def upgrade() -> None:
    """Put the new CHECKs in the place of the old ones."""
    _replace(BEFORE, AFTER)


def downgrade() -> None:
    """Put the old ones back."""
    _replace(AFTER, BEFORE)


def _replace(old: dict[str, str], new: dict[str, str]) -> None:
    # SQLite cannot alter a CHECK: the table is copied, and a copy has only the CHECKs that are given here
    is_copied = op.get_bind().dialect.name == "sqlite"
    with op.batch_alter_table("weather_hours", table_kwargs={"sqlite_with_rowid": False}) as table:
        for name in () if is_copied else old:
            table.drop_constraint(op.f(f"ck_weather_hours_{name}"))
        for name, condition in new.items():
            table.create_check_constraint(op.f(f"ck_weather_hours_{name}"), sa.text(condition))
