"""The mobilisation file: 22 columns, 24 from the csv of 2021 on, spelled as each vintage spells them."""

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.incident_types import HOME_STATION, OTHER_STATION
from londonpump.simulation.incident_columns import incident_numbers, ward_name
from londonpump.simulation.measured_tables import table
from londonpump.simulation.mutual_aid import neighbours, station_codes, station_names
from londonpump.simulation.plan import Vintage
from londonpump.simulation.records import DELAY_CODES, Records
from londonpump.simulation.text_formats import TextColumn, format_timestamps, format_whole, look_up_text
from londonpump.simulation.timestamps import DAY_S, year_of

Ints = NDArray[np.int64]

TIMESTAMP_COLUMNS = ("DateAndTimeMobilised", "DateAndTimeMobile", "DateAndTimeArrived", "DateAndTimeLeft")


def mobilisation_columns(records: Records, visitor: Ints, vintage: Vintage) -> dict[str, TextColumn]:
    """Every column by name, in the published order. visitor: (m,) rows of `neighbours()`, -1 for London's."""
    local = records.calls.london_s[records.dispatches.call]
    return {
        "IncidentNumber": incident_numbers(records, vintage).take(records.dispatches.call),
        "CalYear": format_whole(year_of(local // DAY_S)),
        **(_area(records) if vintage.has_area else {}),
        "HourOfCall": format_whole(local % DAY_S // 3600),
        "ResourceMobilisationId": format_whole(records.mobilisation_id),
        "Resource_Code": _resources(records, visitor),
        "PerformanceReporting": look_up_text(["1", "2", "Not Used"], np.minimum(records.order, 3) - 1),
        **_times(records, vintage),
        **_origin(records, visitor),
        **_delay_columns(records, vintage),
    }


def _area(records: Records) -> dict[str, TextColumn]:
    cell = records.city.location_cell[records.calls.location[records.dispatches.call]]
    # the csv of 2021 mixes Muswell Hill with MONKHAMS: one ward in four keeps the older spelling
    wards = [ward_name(name, is_upper=i % 4 > 0) for i, name in enumerate(table("wards")["name"])]
    return {
        "BoroughName": look_up_text(table("boroughs")["name"], records.city.cell_borough[cell]),
        "WardName": look_up_text(wards, records.city.cell_ward[cell]),
    }


def _resources(records: Records, visitor: Ints) -> TextColumn:
    codes = [pump.code for pump in records.fleet.pumps]
    mutual_aid_codes = [neighbour.resource for neighbour in neighbours()]
    return look_up_text(
        codes + mutual_aid_codes, np.where(visitor < 0, records.dispatches.pump, len(codes) + visitor)
    )


def _times(records: Records, vintage: Vintage) -> dict[str, TextColumn]:
    dispatches, style = records.dispatches, vintage.time_style
    point = "" if vintage.has_area else ".0"
    at_home = (
        np.asarray((dispatches.call * 7 + dispatches.pump) % 8 > 0)
        if vintage.has_returned
        else np.zeros(len(dispatches), bool)
    )
    return {
        "DateAndTimeMobilised": format_timestamps(dispatches.mobilised_at, style),
        "DateAndTimeMobile": format_timestamps(dispatches.mobilised_at + dispatches.turnout_s, style),
        "DateAndTimeArrived": format_timestamps(dispatches.arrived_at, style),
        "TurnoutTimeSeconds": format_whole(dispatches.turnout_s, None, point),
        "TravelTimeSeconds": format_whole(dispatches.travel_s, None, point),
        "AttendanceTimeSeconds": format_whole(dispatches.attendance_s),
        "DateAndTimeLeft": format_timestamps(dispatches.left_at, style),
        "DateAndTimeReturned": format_timestamps(dispatches.returned_at, style, ~at_home),
    }


def _origin(records: Records, visitor: Ints) -> dict[str, TextColumn]:
    is_other = records.out_of_house & (visitor < 0)
    return {
        "DeployedFromStation_Code": look_up_text(station_codes(), records.dispatches.station),
        "DeployedFromStation_Name": look_up_text(station_names(), records.dispatches.station),
        "DeployedFromLocation": look_up_text([HOME_STATION, OTHER_STATION], is_other.astype(np.int64)),
    }


def _delay_columns(records: Records, vintage: Vintage) -> dict[str, TextColumn]:
    point = "" if vintage.has_area else ".0"
    plus = np.zeros(len(records.dispatches), dtype=np.int64)
    if vintage.number == "sequence":
        draw = (records.dispatches.call * 31 + records.dispatches.pump * 17) % 1000
        plus = np.select([draw < 5, (draw < 10) & (records.order > 1)], [1, 2], 0)
    return {
        "PumpOrder": format_whole(records.order),
        "PlusCode_Code": look_up_text(["Initial", "rca", "add"], plus),
        "PlusCode_Description": look_up_text(
            ["Initial Mobilisation", "Running call", "Addition to first attendance"], plus
        ),
        "DelayCodeId": look_up_text([f"{code}{point}" for code, _ in DELAY_CODES], records.delay),
        "DelayCode_Description": look_up_text([name for _, name in DELAY_CODES], records.delay),
    }
