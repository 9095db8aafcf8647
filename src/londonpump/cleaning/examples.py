"""The last steps of preparation: the join with context, and kept mobilisations in the shape of `domain.columns`.

`features.context` decides what was known when; here each mobilisation finds the spell that contains it. A spell stays
inside one UTC hour, so that any engine can join on equal hours first and compare times second.
"""

import ibis
from ibis.expr.types import Table

from londonpump.cleaning.rules import is_kept
from londonpump.domain.columns import CALLS, CONTEXT_SOURCE, EXAMPLES, Column

FASTEST_KMH = 60
M_PER_S_PER_KMH = 1 / 3.6


def as_examples(table: Table) -> Table:
    """Return every column of EXAMPLES in its order, null where the records do not have it."""
    table = table.filter(is_kept(table))
    table = table.rename(recorded_ground_code="ground_code")
    if "pump" not in table.columns:
        order = table.pump_order
        table = table.mutate(
            pump=ibis.cases(
                (order == 1, "first"),
                (order == 2, "second"),
                (order > 2, "later"),
                else_=ibis.null("string"),
            )
        )
    if "travel_s" in table.columns:
        east, north = table.easting_m - table.station_easting_m, table.northing_m - table.station_northing_m
        distance_m = (east * east + north * north).sqrt()
        table = table.mutate(is_over_60_kmh=distance_m > table.travel_s * (FASTEST_KMH * M_PER_S_PER_KMH))
    # A total order makes the file byte for byte reproducible.
    return _select_columns(table, EXAMPLES).order_by(
        "mobilised_at", "incident_number", "source_file", "source_row", "pump"
    )


def calls(incidents: Table) -> Table:
    """Return one row per kept incident, in time order."""
    table = incidents.filter(is_kept(incidents)).rename(recorded_ground_code="ground_code")
    return _select_columns(table, CALLS).order_by("call_at", "incident_number")


def _select_columns(table: Table, columns: tuple[Column, ...]) -> Table:
    return table.select(
        **{
            column.name: table[column.name].cast(column.dtype)
            if column.name in table.columns
            else ibis.null(column.dtype)
            for column in columns
        }
    )


CONTEXT_COLUMNS = tuple(column.name for column in EXAMPLES if column.source == CONTEXT_SOURCE)
"""Columns of spells that examples have."""


def with_context(table: Table, spells: Table) -> Table:
    """Add those of CONTEXT_COLUMNS that the spells have, null where no spell contains the mobilisation.

    Args: table: with `mobilised_at`, UTC. spells: `from_at, until_at` (exclusive), each inside one UTC hour, without
    overlap, and some of CONTEXT_COLUMNS.
    """
    columns = [name for name in CONTEXT_COLUMNS if name in spells.columns]
    # Engines return different precisions; the equality join needs one type on both sides.
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
    """Return one row with `first_at` and `last_at`, the first and last mobilisation; null if there is none."""
    return table.agg(first_at=table.mobilised_at.min(), last_at=table.mobilised_at.max())


def context_counts(examples: Table) -> Table:
    """Return one row with the number of examples (`rows`) and how many have each part of the context."""
    return examples.agg(
        rows=examples.count(),
        congestion=examples.congestion_rate.count(),
        school_holidays=examples.is_school_holiday.count(),
        working_days=examples.is_working_day.count(),
    )


def weather_counts(examples: Table) -> Table:
    """Count examples by `weather_source` (null: no weather) and `is_own_hour` (the hour's own row was used)."""
    return examples.group_by(
        "weather_source", is_own_hour=(examples.weather_age_h == 0) & ~examples.is_weather_imputed
    ).agg(rows=ibis._.count())
