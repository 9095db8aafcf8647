"""Weather, congestion, school holidays and working days at the moment of a mobilisation, joined.

What was known when is settled in `features.context`; here each mobilisation finds the spell that it lies in. A spell
stays inside one UTC hour, so that the join is one of equal hours (and then of instants) on any engine.
"""

import ibis
from ibis.expr.types import Table

CONTEXT_COLUMNS = (
    "temp_c",
    "precip_mm",
    "cloudcover_pct",
    "visibility_km",
    "wind_kmh",
    "conditions",
    "weather_source",
    "weather_age_h",
    "is_weather_filled",
    "congestion_rate",
    "is_school_holiday",
    "is_working_day",
)
"""Columns of spells that examples carry."""


def with_context(table: Table, spells: Table) -> Table:
    """Adds the columns of JOINED that the spells have, null where no spell holds the moment.

    Args: table: with `mobilised_at`, UTC. spells: `from_at, until_at` (not included), each inside one UTC hour, none
    over another, and columns of JOINED.
    """
    columns = [name for name in CONTEXT_COLUMNS if name in spells.columns]
    spells = spells.select(
        "from_at", "until_at", *columns, hour_at=spells.from_at.truncate("h").cast("timestamp(6)")
    )
    joined = table.left_join(
        spells,
        [
            table.mobilised_at.truncate("h").cast("timestamp(6)") == spells.hour_at,
            table.mobilised_at >= spells.from_at,
            table.mobilised_at < spells.until_at,
        ],
    )
    return joined.drop("from_at", "until_at", "hour_at")


def mobilisation_span(table: Table) -> Table:
    """One row: `first_at` and `last_at`, the first and last mobilisation; null if there is none."""
    return table.agg(first_at=table.mobilised_at.min(), last_at=table.mobilised_at.max())


def context_counts(examples: Table) -> Table:
    """One row: how many examples have what from where, for the report.

    Returns: `rows`, and of each part how many have it: `congestion`, `school_holidays`, `working_days`.
    """
    return examples.agg(
        rows=examples.count(),
        congestion=examples.congestion_rate.count(),
        school_holidays=examples.is_school_holiday.count(),
        working_days=examples.is_working_day.count(),
    )


def weather_counts(examples: Table) -> Table:
    """`weather_source, is_own_hour, rows`: sources, and whether the hour's own row stood; null source: no weather."""
    return examples.group_by(
        "weather_source", is_own_hour=(examples.weather_age_h == 0) & ~examples.is_weather_filled
    ).agg(rows=ibis._.count())
