"""Cleaning of mobilisation records, and the pumps of incident records: one row per pump sent to an incident.

Source of the steps: the original's cleaning (its steps 2, 3, 6 to 9, 13 to 16), corrected. Repairs may use
statistics of the whole file: they change targets and left times, never a feature.

An incident file alone has the first and second pump. From 2016 on its call time is the first mobilisation to the
second (facts, 1.1); before, it is the call, 30 to 120 s earlier. It has no turnout, travel, left time or pump code.
"""

import ibis
from ibis.expr.types import BooleanValue, Table

from londonpump.cleaning.rules import (
    StoreStep,
    is_kept,
    reject,
    reject_duplicates,
    reject_incidents,
    start_cleaning,
    store_nothing,
    with_repairs,
    with_station_of_name,
)
from londonpump.domain import incident_types
from londonpump.domain.columns import RANGES

DARTFORD = "K21"
MAX_FROM_CALL_H = 24
"""A pump is sent minutes after its call. Beyond this, one of the two dates is wrong, or the pump relieved another."""
MAX_AWAY_H = 7 * 24
FAR_FROM_MOBILISED = {
    "mobile_at": ("mobile_far_from_mobilised", MAX_FROM_CALL_H),
    "arrived_at": ("arrived_far_from_mobilised", MAX_FROM_CALL_H),
    "left_at": ("left_far_from_mobilised", MAX_AWAY_H),
}
"""For each time of a mobilisation: the name of its repair, and how many hours after the mobilisation it can be. No
time can be more than a day before it."""
INCIDENT_COLUMNS = (
    "call_at",
    "incident_group",
    "special_service_type",
    "stop_code",
    "incident_type",
    "property_category",
    "property_type",
    "address_qualifier",
    "borough_name",
    "easting_m",
    "northing_m",
    "easting_rounded_m",
    "northing_rounded_m",
    "is_exact_location",
    "ground_code",
    "station_ground",
)
EARLY_INCIDENT_COLUMNS = ("call_at", "incident_group", "special_service_type", "ground_code", "call_date")
"""The incident columns that the steps here read. The others are joined last, so that rows stay narrow."""
KEY = ("incident_number", "resource_code", "mobilised_at", "mobilisation_id")
NO_ID = -1
CONTENT = (
    "mobile_at",
    "arrived_at",
    "left_at",
    "turnout_s",
    "travel_s",
    "attendance_s",
    "station_code",
    "deployed_from",
)


def clean_mobilisations(
    typed: Table, incidents: Table, stations: Table, store_step: StoreStep = store_nothing
) -> Table:
    """Return one row per mobilisation record, joined with its incident, with `rule` and `repairs`.

    Args: typed: the typed published table. incidents: the result of `clean_incidents`. stations: `code, name,
    easting_m, northing_m`, one row per code and name. store_step: stores the result of a step.
    """
    # Neighbours' pumps may share one code, so two records of one are two pumps if their ids differ; an id
    # alone is no key either, since it can repeat across incidents.
    typed = typed.mutate(mobilisation_id=typed.mobilisation_id.fill_null(NO_ID))
    table = start_cleaning(typed.drop("cal_year", "call_hour"))
    table = reject(
        table,
        no_incident_number=table.incident_number.isnull(),
        incomplete_mobilised_at=table.mobilised_at.isnull(),
        incomplete_resource_code=table.resource_code.isnull(),
    )
    table = reject_duplicates(table, KEY, CONTENT).drop("mobilisation_id")
    table = store_step(_with_incident(table, incidents), "mobilisations_known")
    table = store_step(_with_turnout(table), "mobilisations_with_turnout")
    table = store_step(_with_travel(table), "mobilisations_with_travel")
    return _with_station(table, stations)


def _with_incident(table: Table, incidents: Table) -> Table:
    # At most one record of an incident is kept, so the maximum over kept records is the value of that record.
    kept = is_kept(incidents)
    early = {name: incidents[name].max(where=kept) for name in EARLY_INCIDENT_COLUMNS}
    numbered = incidents.filter(incidents.incident_number.notnull())
    known = numbered.group_by("incident_number").agg(**early, is_known=kept.any())
    table = table.left_join(known, "incident_number").drop("incident_number_right")
    table = reject(
        table,
        incident_not_found=table.is_known.isnull(),
        incident_rejected=~table.is_known,
        mobilised_far_from_call=_is_far_from_call(table),
    ).drop("is_known")
    return _without_far_times(table)


def _without_far_times(table: Table) -> Table:
    """Null a departure, arrival or left time that is days or months from the mobilisation: its date is wrong."""
    earliest = table.mobilised_at - ibis.interval(hours=MAX_FROM_CALL_H)
    is_far = {
        name: (
            is_kept(table) & ~table[name].between(earliest, table.mobilised_at + ibis.interval(hours=max_h))
        ).fill_null(False)
        for name, (_, max_h) in FAR_FROM_MOBILISED.items()
    }
    return table.mutate(
        **{name: ibis.ifelse(far, ibis.null("timestamp"), table[name]) for name, far in is_far.items()},
        repairs=with_repairs(table, **{FAR_FROM_MOBILISED[name][0]: far for name, far in is_far.items()}),
    )


def _is_far_from_call(table: Table) -> BooleanValue:
    limit = ibis.interval(hours=MAX_FROM_CALL_H)
    return ~table.mobilised_at.between(table.call_at - limit, table.call_at + limit)


def _with_turnout(table: Table) -> Table:
    """Estimate a missing turnout as its usual share of the attendance time if the departure was not recorded."""
    used = table.filter(is_kept(table))
    # The ratio of means instead of the mean of ratios: single short runs would dominate the latter.
    share = used.agg(share=used.turnout_s.mean() / used.attendance_s.mean()).share.as_scalar()
    is_filled = table.mobile_at.isnull() & table.turnout_s.isnull() & table.attendance_s.notnull()
    turnout_s = (table.attendance_s * share).round().cast("int64")
    table = table.mutate(filled_s=turnout_s, is_filled=is_filled)
    table = table.mutate(
        turnout_s=ibis.ifelse(table.is_filled, table.filled_s, table.turnout_s),
        travel_s=ibis.ifelse(table.is_filled, table.attendance_s - table.filled_s, table.travel_s),
        repairs=with_repairs(table, turnout_from_attendance=table.is_filled),
    ).drop("filled_s", "is_filled")
    return reject_incidents(
        table, no_attendance_time=table.attendance_s.isnull(), no_turnout=table.turnout_s.isnull()
    )


def _with_travel(table: Table) -> Table:
    """Exchange departure and arrival where they are recorded the wrong way round."""
    # With exchanged timestamps the published turnout runs to the arrival, and the attendance time to the departure.
    is_swapped = (table.travel_s.isnull() & (table.mobile_at > table.arrived_at)).fill_null(False)
    table = table.mutate(
        turnout_s=ibis.ifelse(is_swapped, table.attendance_s, table.turnout_s),
        attendance_s=ibis.ifelse(is_swapped, table.turnout_s, table.attendance_s),
        travel_s=ibis.ifelse(is_swapped, table.turnout_s - table.attendance_s, table.travel_s),
        mobile_at=ibis.ifelse(is_swapped, table.arrived_at, table.mobile_at),
        arrived_at=ibis.ifelse(is_swapped, table.mobile_at, table.arrived_at),
        repairs=with_repairs(table, mobile_and_arrived_exchanged=is_swapped),
    )
    # One pump without a travel time rejects its incident, whose counts of pumps would be incomplete.
    table = reject_incidents(table, no_travel=table.travel_s.isnull())
    return reject(table, impossible_time=_is_impossible(table))


def _is_impossible(table: Table) -> BooleanValue:
    return ~(
        table.turnout_s.between(*RANGES["turnout_s"])
        & table.travel_s.between(*RANGES["travel_s"])
        & table.attendance_s.between(*RANGES["attendance_s"])
    )


def _with_station(table: Table, stations: Table) -> Table:
    """Add the station from which the pump set out. A station without coordinates must not become distance 0."""
    # A resource code begins with the code of the pump's home station.
    home = table.resource_code.left(3)
    table = with_station_of_name(table, stations, "station_name", code_of_name="code")
    code = table.station_code.fill_null(table.code_of_name).fill_null(home)
    pump_ending = table.resource_code.right(1)
    table = table.mutate(
        home_station_code=home,
        station_code=code,
        deployed_from=table.deployed_from.fill_null(
            ibis.ifelse(code == home, incident_types.HOME_STATION, incident_types.OTHER_STATION)
        ),
        appliance=ibis.cases(
            *[(pump_ending == end, name) for end, name in incident_types.APPLIANCES.items()],
            else_=ibis.null("string"),
        ),
        repairs=with_repairs(
            table,
            station_from_its_name=table.station_code.isnull() & table.code_of_name.notnull(),
            station_from_resource_code=table.station_code.isnull() & table.code_of_name.isnull(),
            location_from_codes=table.deployed_from.isnull(),
            appliance_unknown=~pump_ending.isin(list(incident_types.APPLIANCES)),
        ),
    ).drop("code_of_name")
    station_locations = stations.select(
        station_code="code", station_easting_m="easting_m", station_northing_m="northing_m"
    )
    table = table.left_join(station_locations, "station_code").drop("station_code_right")
    is_dartford = (table.station_code == DARTFORD) | (table.home_station_code == DARTFORD)
    table = reject_incidents(table, dartford=is_dartford)
    return reject(table, unknown_station=table.station_easting_m.isnull())


def with_incident_columns(table: Table, incidents: Table) -> Table:
    """Add the columns of the incident that no step of the cleaning reads."""
    late = [name for name in INCIDENT_COLUMNS if name not in EARLY_INCIDENT_COLUMNS]
    known = incidents.filter(is_kept(incidents)).select("incident_number", *late)
    return table.left_join(known, "incident_number").drop("incident_number_right")


PUMPS = ("first", "second")
DARTFORD_NAME = "dartford"


def pumps_of_incidents(incidents: Table, stations: Table) -> Table:
    """Return one row per published first or second attendance time, with `rule` and `repairs`.

    Args: incidents: the result of `clean_incidents`. stations: `code, name, easting_m, northing_m`.
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
        impossible_time=~table.attendance_s.between(*RANGES["attendance_s"]),
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
        rule=ibis.ifelse(is_kept(published), ibis.null("string"), ibis.literal("incident_rejected")),
        repairs=ibis.literal(""),
    )
