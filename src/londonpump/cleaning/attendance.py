"""What follows from all the pumps of an incident: pumps attending, left times, waves.

Source: the original's steps 13, 14, 16, 21 and 22.
"""

import ibis
from ibis.expr.types import Table

from londonpump.cleaning.rules import is_kept, repaired, set_aside

WARM_UP_H = 12
"""Pumps that set out before the records begin are not seen; after this they are back."""
MINUTE_S = 60


def with_attendance(table: Table) -> Table:
    """Adds pumps_attending, stations_attending, wave, is_over_60_kmh; fills left_at.

    Args: table: of `clean_mobilisations`, kept rows only.
    """
    whole = ibis.window(group_by="incident_number")
    table = table.mutate(
        pumps_attending=table.count().over(whole),
        stations_attending=table.home_station_code.nunique().over(whole),
        wave=ibis.dense_rank().over(ibis.window(group_by="incident_number", order_by="mobilised_at")) + 1,
    )
    return _with_left_time(table)


def _with_left_time(table: Table) -> Table:
    """A missing left time, or one before the arrival, is the arrival and the mean time on site of the
    same kind of incident and number of pumps, else of all."""
    kind = ibis.window(group_by=("incident_group", "special_service_type", "pumps_attending"))
    is_early = (table.left_at < table.arrived_at).fill_null(False)
    is_missing = table.left_at.isnull() | table.arrived_at.isnull()
    table = table.mutate(is_early=is_early, is_missing=is_missing)
    usable_s = ibis.ifelse(
        table.is_early | table.is_missing,
        ibis.null("int64"),
        (table.left_at.epoch_seconds() - table.arrived_at.epoch_seconds()),
    )
    table = table.mutate(on_site_s=usable_s)
    table = table.mutate(
        mean_s=table.on_site_s.mean().over(kind),
        mean_of_all_s=table.on_site_s.mean().over(ibis.window()),
    )
    typical_s = table.mean_s.fill_null(table.mean_of_all_s).fill_null(0.0).round().cast("int64")
    arrived_at = table.mobilised_at + table.attendance_s.as_interval("s")
    return table.mutate(
        left_at=ibis.ifelse(
            table.is_early | table.left_at.isnull(),
            table.arrived_at.fill_null(arrived_at) + typical_s.as_interval("s"),
            table.left_at,
        ),
        repairs=repaired(
            table,
            left_from_mean_on_site=table.left_at.isnull(),
            left_before_arrived=table.is_early,
        ),
    ).drop("is_early", "is_missing", "on_site_s", "mean_s", "mean_of_all_s")


def set_aside_later(table: Table, is_stream: bool) -> Table:
    """The last two steps: only the first wave is predicted, and only once the counts are complete."""
    first_at = table.mobilised_at.min().over(ibis.window())
    is_early = table.mobilised_at < first_at + ibis.interval(hours=WARM_UP_H)
    return set_aside(
        table,
        later_wave=is_kept(table) & (table.wave > 1),
        warm_up=is_early if is_stream else ibis.literal(False),
    )
