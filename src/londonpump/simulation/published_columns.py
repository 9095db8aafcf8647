"""The columns of the published files as each vintage writes them.

The incident file has 39 columns; the mobilisation file has 22, and 24 in CSV files from 2021 on.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from londonpump.domain.incident_types import HOME_STATION, OTHER_STATION
from londonpump.domain.national_grid import to_degrees
from londonpump.domain.stations import known_stations
from londonpump.simulation.calls import QUALIFIERS
from londonpump.simulation.plan import Vintage, table
from londonpump.simulation.records import DELAY_CODES, Records, neighbours, station_codes, station_names
from londonpump.simulation.text_formats import (
    DAY_S,
    TextColumn,
    format_dates,
    format_decimals,
    format_padded,
    format_times,
    format_timestamps,
    format_whole,
    join_text,
    look_up_text,
    year_of,
)

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

NOT_LOCATED = ("Private garage", "Private Garden Shed", "Private Summer house", "Private greenhouse")
_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"


def incident_columns(records: Records, grounds: Ints, vintage: Vintage) -> dict[str, TextColumn]:
    """Return every column of the incidents in the published order. grounds: (n,) rows of `known_stations()`."""
    return {
        **_call(records, vintage),
        **_incident_type_columns(records, vintage),
        **_area(records, vintage),
        **_point(records, vintage),
        **_pumps(records, grounds),
        **_cost_columns(records, vintage),
    }


def incident_numbers(records: Records, vintage: Vintage) -> TextColumn:
    """Return incident numbers such as `235138081` or `067898-30042024`, (n,). The incident file of 2009 adds `.00`."""
    day = records.calls.london_s // DAY_S
    if vintage.number == "dated":
        return join_text(format_padded(records.number, 6), format_dates(day, "01012009"), separator="-")
    year = pc.utf8_lpad(pa.array(year_of(day) % 100).cast(pa.string()), 2, "0")
    # the first call of 2009 is 1091: call 1, year 09, and a final 1
    return join_text(format_whole(records.number), year, "1")


def is_hidden(records: Records) -> Flags:
    """Return the calls to homes, private sheds and garages, whose exact location is not published, (n,)."""
    types = table("property_types")
    hidden = np.array(
        [
            category == "Dwelling" or name in NOT_LOCATED
            for category, name in zip(types["property_category"], types["property_type"], strict=True)
        ]
    )
    return np.asarray(hidden[records.calls.property_type])


def exact_point(records: Records) -> tuple[Ints, Ints]:
    """Return eastings and northings to the metre, (n,): one of three addresses in the square."""
    calls, city = records.calls, records.city
    address = calls.location * 3 + (calls.property_type + calls.callers) % 3
    east = city.location_east_m[calls.location] - 50 + _scatter(address, 100, 1)
    north = city.location_north_m[calls.location] - 50 + _scatter(address, 100, 2)
    return east, north


def _scatter(key: Ints, below: int, salt: int) -> Ints:
    """Return a number from 0 to `below` - 1 that only depends on key and salt (the mixer of SplitMix64)."""
    mixed = (key.astype(np.uint64) + np.uint64(salt * 7_919)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return ((mixed >> np.uint64(33)) % np.uint64(below)).astype(np.int64)


def _call(records: Records, vintage: Vintage) -> dict[str, TextColumn]:
    local = records.calls.london_s
    number = incident_numbers(records, vintage)
    return {
        "IncidentNumber": number if vintage.number == "dated" else join_text(number, ".00"),
        "DateOfCall": format_dates(local // DAY_S, vintage.date_style),
        "CalYear": format_whole(year_of(local // DAY_S)),
        "TimeOfCall": format_times(local % DAY_S),
        "HourOfCall": format_whole(records.calls.london_hour),
    }


def _incident_type_columns(records: Records, vintage: Vintage) -> dict[str, TextColumn]:
    incident_types, types = table("incident_types"), table("property_types")
    group = [
        "Special Service" if service or stop in ("Special Service", "Use of Special Operations Room")
        else "Fire" if stop in ("Primary Fire", "Secondary Fire", "Chimney Fire", "Late Call") else "False Alarm"
        for stop, service in zip(incident_types["stop_code"], incident_types["special_service"], strict=True)
    ]  # fmt: skip
    spelled = [
        name + " " * int(space)
        for name, space in zip(types["property_type"], types["has_trailing_space"], strict=True)
    ]
    qualifiers = list(QUALIFIERS)
    if vintage.number == "sequence":
        qualifiers[0] = "Correct incident address"
    incident_type = records.calls.incident_type
    return {
        "IncidentGroup": look_up_text(group, incident_type),
        "StopCodeDescription": look_up_text(incident_types["stop_code"], incident_type),
        "SpecialServiceType": look_up_text(
            [name or None for name in incident_types["special_service"]], incident_type
        ),
        "PropertyCategory": look_up_text(types["property_category"], records.calls.property_type),
        "PropertyType": look_up_text(spelled, records.calls.property_type),
        "AddressQualifier": look_up_text(qualifiers, records.calls.qualifier),
    }


def _area(records: Records, vintage: Vintage) -> dict[str, TextColumn]:
    location, city = records.calls.location, records.city
    cell = city.location_cell[location]
    ward, borough, hidden = city.cell_ward[cell], city.cell_borough[cell], is_hidden(records)
    wards = [ward_name(name, is_upper=vintage.has_upper_wards) for name in table("wards")["name"]]
    street = 20_000_000 + borough * 100_000 + _scatter(location // 2, 6_000, 5)
    building = 10_000_000 + _scatter(location * 3 + 1, 2**31, 6) % 190_000_000_000
    is_old = vintage.number == "sequence"
    never = np.ones(len(location), dtype=np.bool_)
    return {
        "Postcode_full": _postcodes(records, hidden),
        "Postcode_district": look_up_text(city.cell_district, cell),
        "UPRN": format_whole(
            np.where(hidden, 0, building),
            never if is_old else None,
            ".0" if vintage.name == "2021-24" else "",
        ),
        "USRN": format_whole(street, never if is_old else None),
        "IncGeo_BoroughCode": look_up_text(table("boroughs")["borough_code"], borough),
        "IncGeo_BoroughName": look_up_text(table("boroughs")["name"], borough),
        "ProperCase": look_up_text(table("boroughs")["proper_case"], borough),
        "IncGeo_WardCode": look_up_text(table("wards")["ward"], ward),
        "IncGeo_WardName": look_up_text(wards, ward),
        "IncGeo_WardNameNew": look_up_text(
            [name.replace("St. ", "St ").replace("ST. ", "ST ") for name in wards], ward
        ),
    }


def ward_name(name: str, *, is_upper: bool) -> str:
    """Return a ward name in capitals, as recent files write it, or in mixed case, as old files do."""
    return name.upper() if is_upper else name.title().replace("'S", "'s").replace(" And ", " and ")


def _postcodes(records: Records, hidden: Flags) -> TextColumn:
    location = records.calls.location
    units = [a + b for a in _LETTERS for b in _LETTERS]
    return join_text(
        look_up_text(records.city.cell_district, np.where(hidden, -1, records.city.location_cell[location])),
        " ",
        format_whole(_scatter(location, 9, 3) + 1),
        look_up_text(units, _scatter(location, len(units), 4)),
    )


def _point(records: Records, vintage: Vintage) -> dict[str, TextColumn]:
    location, city, hidden = records.calls.location, records.city, is_hidden(records)
    east, north = exact_point(records)
    latitude, longitude = to_degrees(east[~hidden], north[~hidden])
    degrees = np.zeros((2, len(location)))
    degrees[0, ~hidden], degrees[1, ~hidden] = latitude, longitude
    is_release = vintage.name == "2021-24"
    shown = [
        format_decimals(axis, digits if is_release else 10, hidden, is_trimmed=is_release)
        for axis, digits in zip(degrees, (8, 9), strict=True)
    ]
    return {
        "Easting_m": format_whole(east, hidden, ".0"),
        "Northing_m": format_whole(north, hidden, ".0"),
        "Easting_rounded": format_whole(city.location_east_m[location]),
        "Northing_rounded": format_whole(city.location_north_m[location]),
        "Latitude": shown[0],
        "Longitude": shown[1],
    }


def _pumps(records: Records, grounds: Ints) -> dict[str, TextColumn]:
    columns = {
        "FRS": look_up_text(["London"], np.zeros(len(grounds), dtype=np.int64)),
        "IncidentStationGround": look_up_text([s.name for s in known_stations()], grounds),
    }
    # an extra last row, so that the index -1 is valid even without any dispatch
    seconds = np.append(records.dispatches.attendance_s, 0)
    station = np.append(records.dispatches.station, -1)
    for name, dispatch in (("First", records.first), ("Second", records.second)):
        columns[f"{name}PumpArriving_AttendanceTime"] = format_whole(seconds[dispatch], dispatch < 0, ".0")
        columns[f"{name}PumpArriving_DeployedFromStation"] = look_up_text(station_names(), station[dispatch])
    return columns


def _cost_columns(records: Records, vintage: Vintage) -> dict[str, TextColumn]:
    is_old, is_unknown = vintage.number == "sequence", records.pumps == 0
    if is_old:
        is_free = records.first < 0
        cost_columns = {
            "PumpHoursRoundUp": format_whole(-(-records.pump_minutes // 60), is_free, ".0"),
            "Notional Cost (£)": format_whole(records.cost_pounds, is_free, ".0"),
        }
    else:
        cost_columns = {
            "PumpMinutesRounded": format_whole(records.pump_minutes),
            "Notional Cost (£)": format_whole(records.cost_pounds),
        }
    return {
        "NumStationsWithPumpsAttending": format_whole(records.stations, is_unknown, ".0"),
        "NumPumpsAttending": format_whole(records.pumps, is_unknown, ".0"),
        "PumpCount": format_whole(records.pump_count),
        **cost_columns,
        "NumCalls": format_whole(records.calls.callers, None, ".0"),
    }


def mobilisation_columns(records: Records, visitor: Ints, vintage: Vintage) -> dict[str, TextColumn]:
    """Return every column of the mobilisations in the published order. visitor: as in `add_mutual_aid`."""
    local = records.calls.london_s[records.dispatches.call]
    return {
        "IncidentNumber": incident_numbers(records, vintage).take(records.dispatches.call),
        "CalYear": format_whole(year_of(local // DAY_S)),
        **(_mobilisation_area(records) if vintage.has_area else {}),
        "HourOfCall": format_whole(local % DAY_S // 3600),
        "ResourceMobilisationId": format_whole(records.mobilisation_id),
        "Resource_Code": _resources(records, visitor),
        "PerformanceReporting": look_up_text(["1", "2", "Not Used"], np.minimum(records.order, 3) - 1),
        **_mobilisation_times(records, vintage),
        **_origin(records, visitor),
        **_delay_columns(records, vintage),
    }


def _mobilisation_area(records: Records) -> dict[str, TextColumn]:
    cell = records.city.location_cell[records.calls.location[records.dispatches.call]]
    # the CSV of 2021 mixes "Muswell Hill" and "MONKHAMS": one ward in four keeps the older spelling
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


def _mobilisation_times(records: Records, vintage: Vintage) -> dict[str, TextColumn]:
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
