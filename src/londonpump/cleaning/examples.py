"""The last step: kept mobilisations in the shape of `tables.examples`."""

import ibis
from ibis.expr.types import Table

from londonpump.cleaning.rules import is_kept
from londonpump.domain.columns import CALLS, EXAMPLES, Column

FASTEST_KMH = 60
M_PER_S_PER_KMH = 1 / 3.6


def as_examples(table: Table) -> Table:
    """Every column of the schema in its order, null where the records cannot tell."""
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
    return _select_columns(table, EXAMPLES).order_by(
        "mobilised_at", "incident_number", "source_file", "source_row", "pump"
    )


def calls(incidents: Table) -> Table:
    """One row a kept incident, in time order."""
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
