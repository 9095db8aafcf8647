"""The mobilisation file: 22 columns, 24 from the csv of 2021 on, spelled as each vintage spells them."""

import numpy as np
from numpy.typing import NDArray

from londonpump.brigade.kinds import HOME_STATION, OTHER_STATION
from londonpump.simulation.incident_columns import incident_numbers, ward_name
from londonpump.simulation.lettering import Text, instants, whole, words
from londonpump.simulation.measured_tables import table
from londonpump.simulation.plan import Vintage
from londonpump.simulation.records import DELAY_CODES, Records
from londonpump.simulation.times import DAY_S, year_of
from londonpump.simulation.visitors import neighbours, station_codes, station_names

Ints = NDArray[np.int64]

INSTANTS = ("DateAndTimeMobilised", "DateAndTimeMobile", "DateAndTimeArrived", "DateAndTimeLeft")


def mobilisation_columns(records: Records, visitor: Ints, vintage: Vintage) -> dict[str, Text]:
    """Every column by name, in the published order. visitor: (m,) rows of `neighbours()`, -1 for London's."""
    local = records.calls.london_s[records.runs.call]
    return {
        "IncidentNumber": incident_numbers(records, vintage).take(records.runs.call),
        "CalYear": whole(year_of(local // DAY_S)),
        **(_area(records) if vintage.has_area else {}),
        "HourOfCall": whole(local % DAY_S // 3600),
        "ResourceMobilisationId": whole(records.mobilisation_id),
        "Resource_Code": _resources(records, visitor),
        "PerformanceReporting": words(["1", "2", "Not Used"], np.minimum(records.order, 3) - 1),
        **_times(records, vintage),
        **_origin(records, visitor),
        **_reasons(records, vintage),
    }


def _area(records: Records) -> dict[str, Text]:
    cell = records.city.place_cell[records.calls.place[records.runs.call]]
    # the csv of 2021 mixes Muswell Hill with MONKHAMS: one ward in four keeps the older spelling
    wards = [ward_name(name, is_upper=i % 4 > 0) for i, name in enumerate(table("wards")["name"])]
    return {
        "BoroughName": words(table("boroughs")["name"], records.city.cell_borough[cell]),
        "WardName": words(wards, records.city.cell_ward[cell]),
    }


def _resources(records: Records, visitor: Ints) -> Text:
    codes = [pump.code for pump in records.fleet.pumps]
    guests = [neighbour.resource for neighbour in neighbours()]
    return words(codes + guests, np.where(visitor < 0, records.runs.pump, len(codes) + visitor))


def _times(records: Records, vintage: Vintage) -> dict[str, Text]:
    runs, style = records.runs, vintage.time_style
    point = "" if vintage.has_area else ".0"
    at_home = (
        np.asarray((runs.call * 7 + runs.pump) % 8 > 0) if vintage.has_returned else np.zeros(len(runs), bool)
    )
    return {
        "DateAndTimeMobilised": instants(runs.mobilised_at, style),
        "DateAndTimeMobile": instants(runs.mobilised_at + runs.turnout_s, style),
        "DateAndTimeArrived": instants(runs.arrived_at, style),
        "TurnoutTimeSeconds": whole(runs.turnout_s, None, point),
        "TravelTimeSeconds": whole(runs.travel_s, None, point),
        "AttendanceTimeSeconds": whole(runs.attendance_s),
        "DateAndTimeLeft": instants(runs.left_at, style),
        "DateAndTimeReturned": instants(runs.returned_at, style, ~at_home),
    }


def _origin(records: Records, visitor: Ints) -> dict[str, Text]:
    is_other = records.out_of_house & (visitor < 0)
    return {
        "DeployedFromStation_Code": words(station_codes(), records.runs.station),
        "DeployedFromStation_Name": words(station_names(), records.runs.station),
        "DeployedFromLocation": words([HOME_STATION, OTHER_STATION], is_other.astype(np.int64)),
    }


def _reasons(records: Records, vintage: Vintage) -> dict[str, Text]:
    point = "" if vintage.has_area else ".0"
    plus = np.zeros(len(records.runs), dtype=np.int64)
    if vintage.number == "sequence":
        chance = (records.runs.call * 31 + records.runs.pump * 17) % 1000
        plus = np.select([chance < 5, (chance < 10) & (records.order > 1)], [1, 2], 0)
    return {
        "PumpOrder": whole(records.order),
        "PlusCode_Code": words(["Initial", "rca", "add"], plus),
        "PlusCode_Description": words(
            ["Initial Mobilisation", "Running call", "Addition to first attendance"], plus
        ),
        "DelayCodeId": words([f"{code}{point}" for code, _ in DELAY_CODES], records.delay),
        "DelayCode_Description": words([name for _, name in DELAY_CODES], records.delay),
    }
