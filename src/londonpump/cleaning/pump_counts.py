"""What follows from all the pumps of an incident: pumps attending, left times, waves.

Source: the original's steps 13, 14, 16, 21 and 22.
"""

import ibis
from ibis.expr.types import Table

from londonpump.cleaning.rules import ROW, is_kept, reject, with_repairs

WARM_UP_H = 12
"""Pumps that set out before the records begin are not seen; after this they are back."""
SIMILAR_INCIDENT = ("incident_group", "special_service_type", "pumps_attending")
LEFT_TIME_COLUMNS = ("arrived_at", "attendance_s", "incident_group", "special_service_type")
"""Looked at to fill the left time, and by no step after it."""
NARROW_COLUMNS = (
    *ROW,
    "rule",
    "repairs",
    "incident_number",
    "resource_code",
    "home_station_code",
    "deployed_from",
    "ground_code",
    "call_date",
    "mobilised_at",
    "left_at",
    *LEFT_TIME_COLUMNS,
)
"""What the steps after `clean_mobilisations` look at; the rest waits for `joined`, so that rows stay narrow."""


def with_attendance(table: Table) -> Table:
    """Adds pumps_attending, stations_attending, wave; fills left_at.

    Args: table: of `clean_mobilisations`, kept rows only.
    """
    incidents = table.group_by("incident_number").agg(
        pumps_attending=table.count(), stations_attending=table.home_station_code.nunique()
    )
    waves = table.select("incident_number", "mobilised_at").distinct()
    by_time = ibis.window(group_by="incident_number", order_by="mobilised_at")
    waves = waves.mutate(wave=ibis.row_number().over(by_time) + 1)
    table = table.left_join(incidents, "incident_number").drop("incident_number_right")
    table = _with_left_time(table).left_join(waves, ("incident_number", "mobilised_at"))
    return table.drop("incident_number_right", "mobilised_at_right")


def _with_left_time(table: Table) -> Table:
    """A missing left time, or one before the arrival (else the mobilisation), is the arrival and the mean time on site of the
    same kind of incident and number of pumps, else of all."""
    is_early = (table.left_at < table.arrived_at.fill_null(table.mobilised_at)).fill_null(False)
    table = table.mutate(is_early=is_early)
    on_site = table.filter(~table.is_early & table.left_at.notnull() & table.arrived_at.notnull())
    on_site = on_site.mutate(on_site_s=on_site.left_at.epoch_seconds() - on_site.arrived_at.epoch_seconds())
    means = on_site.group_by(*SIMILAR_INCIDENT).agg(mean_s=on_site.on_site_s.mean())
    mean_of_all_s = on_site.agg(mean_s=on_site.on_site_s.mean()).mean_s.as_scalar()
    table = table.left_join(means, list(SIMILAR_INCIDENT)).drop(
        *[f"{name}_right" for name in SIMILAR_INCIDENT]
    )
    typical_s = table.mean_s.fill_null(mean_of_all_s).fill_null(0.0).round().cast("int64")
    arrived_at = table.mobilised_at + table.attendance_s.as_interval("s")
    return table.mutate(
        left_at=ibis.ifelse(
            table.is_early | table.left_at.isnull(),
            table.arrived_at.fill_null(arrived_at) + typical_s.as_interval("s"),
            table.left_at,
        ),
        repairs=with_repairs(
            table,
            left_from_mean_on_site=table.left_at.isnull(),
            left_before_arrived=table.is_early,
        ),
    ).drop("is_early", "mean_s")


def reject_later_and_warm_up(table: Table) -> Table:
    """The last two steps: only the first wave is predicted, and only once the counts are complete.

    Args: table: with `counted_from`, since when pumps can be counted, null where they cannot. Only the first hours
    of the records are set aside: later on, after a month that is not complete, counts are unknown for as long.
    """
    first_at = table.agg(first_at=table.mobilised_at.min()).first_at.as_scalar()
    is_early = table.mobilised_at < first_at + ibis.interval(hours=WARM_UP_H)
    return reject(
        table,
        later_wave=is_kept(table) & (table.wave > 1),
        warm_up=is_early & (table.counted_from <= first_at),
    )


def with_all_columns(rows: Table, counted: Table) -> Table:
    """The rows of `counted` with all columns of `clean_mobilisations` beside those that the steps here made.

    Args: rows: of `clean_mobilisations`. counted: some of them, their columns LOOKED_AT and later ones.
    """
    derived = [
        name
        for name in counted.columns
        if name not in NARROW_COLUMNS or name in ("rule", "repairs", "left_at")
    ]
    counted = counted.select(*ROW, *derived)
    table = rows.drop("rule", "repairs", "left_at").inner_join(counted, ROW)
    return table.drop(*[name for name in table.columns if name.endswith("_right")])
