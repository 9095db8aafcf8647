"""Mobilisations out of an incident file alone: its first and second pump.

From 2016 on the published call time is the first mobilisation to the second (facts, 1.1); before, it is
the call, 30 to 120 s earlier. Turnout, travel, left time and the pump itself are not in this file.
"""

import ibis
from ibis.expr.types import Table

from londonpump.cleaning.mobilisations import INCIDENT_COLUMNS
from londonpump.cleaning.rules import is_kept, reject, reject_incidents
from londonpump.cleaning.station_names import with_station_of_name
from londonpump.domain.attendance_targets import MAX_PUBLISHED_S

PUMPS = ("first", "second")
DARTFORD_NAME = "dartford"


def pumps_of_incidents(incidents: Table, stations: Table) -> Table:
    """One row a published first or second attendance time, with `rule` and `repairs`.

    Args: incidents: of `clean_incidents`. stations: `code, name, easting_m, northing_m`.
    """
    rows = [_pumps(incidents, which) for which in PUMPS]
    table = rows[0].union(rows[1])
    table = with_station_of_name(
        table,
        stations,
        "station_name",
        station_code="code",
        station_easting_m="easting_m",
        station_northing_m="northing_m",
    )
    table = reject_incidents(table, dartford=table.station_name.lower() == DARTFORD_NAME)
    return reject(
        table,
        impossible_time=~table.attendance_s.between(0, MAX_PUBLISHED_S),
        unknown_station=table.station_easting_m.isnull(),
    )


def _pumps(incidents: Table, which: str) -> Table:
    attendance_s = incidents[f"{which}_attendance_s"]
    published = incidents.filter(attendance_s.notnull())
    return published.select(
        "source_file",
        "source_row",
        "incident_number",
        *INCIDENT_COLUMNS,
        "pumps_attending",
        "stations_attending",
        mobilised_at=published.call_at,
        attendance_s=published[f"{which}_attendance_s"],
        station_name=published[f"{which}_station"],
        pump=ibis.literal(which),
        rule=ibis.ifelse(is_kept(published), ibis.null("string"), ibis.literal("incident_set_aside")),
        repairs=ibis.literal(""),
    )
