"""The incident file: 39 columns, spelled as each vintage spells them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from londonpump.brigade.grid import to_degrees
from londonpump.brigade.stations import known_stations
from londonpump.simulation.kinds_of_call import QUALIFIERS
from londonpump.simulation.lettering import Text, dates, decimals, joined, padded, times, whole, words
from londonpump.simulation.measured_tables import table
from londonpump.simulation.plan import Vintage
from londonpump.simulation.records import Records
from londonpump.simulation.times import DAY_S, year_of
from londonpump.simulation.visitors import station_names

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

NOT_LOCATED = ("Private garage", "Private Garden Shed", "Private Summer house", "Private greenhouse")
_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"


def incident_columns(records: Records, grounds: Ints, vintage: Vintage) -> dict[str, Text]:
    """Every column by name, in the published order. grounds: (n,) rows of `known_stations()`."""
    return {
        **_call(records, vintage),
        **_kind(records, vintage),
        **_area(records, vintage),
        **_point(records, vintage),
        **_pumps(records, grounds),
        **_effort(records, vintage),
    }


def incident_numbers(records: Records, vintage: Vintage) -> Text:
    """(n,) `235138081`-like or `067898-30042024`-like; the incident file of 2009 adds `.00`."""
    day = records.calls.london_s // DAY_S
    if vintage.number == "dated":
        return joined(padded(records.number, 6), dates(day, "01012009"), separator="-")
    year = pc.utf8_lpad(pa.array(year_of(day) % 100).cast(pa.string()), 2, "0")
    # a call of 2009 reads 1091: call 1, year 09, and a 1
    return joined(whole(records.number), year, "1")


def is_hidden(records: Records) -> Flags:
    """(n,) homes, private sheds and garages: no exact place is published."""
    types = table("property_types")
    hidden = np.array(
        [
            category == "Dwelling" or name in NOT_LOCATED
            for category, name in zip(types["property_category"], types["property_type"], strict=True)
        ]
    )
    return np.asarray(hidden[records.calls.property_type])


def exact_point(records: Records) -> tuple[Ints, Ints]:
    """(n,) eastings and northings to the metre: one of three addresses in the square."""
    calls, city = records.calls, records.city
    address = calls.place * 3 + (calls.property_type + calls.callers) % 3
    east = city.place_east_m[calls.place] - 50 + _scatter(address, 100, 1)
    north = city.place_north_m[calls.place] - 50 + _scatter(address, 100, 2)
    return east, north


def _scatter(key: Ints, below: int, salt: int) -> Ints:
    """A number from 0 to `below` - 1 that belongs to a key for ever."""
    mixed = (key.astype(np.uint64) + np.uint64(salt * 7_919)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return ((mixed >> np.uint64(33)) % np.uint64(below)).astype(np.int64)


def _call(records: Records, vintage: Vintage) -> dict[str, Text]:
    local = records.calls.london_s
    number = incident_numbers(records, vintage)
    return {
        "IncidentNumber": number if vintage.number == "dated" else joined(number, ".00"),
        "DateOfCall": dates(local // DAY_S, vintage.date_style),
        "CalYear": whole(year_of(local // DAY_S)),
        "TimeOfCall": times(local % DAY_S),
        "HourOfCall": whole(records.calls.london_hour),
    }


def _kind(records: Records, vintage: Vintage) -> dict[str, Text]:
    kinds, types = table("kinds"), table("property_types")
    group = [
        "Special Service" if service or stop in ("Special Service", "Use of Special Operations Room")
        else "Fire" if stop in ("Primary Fire", "Secondary Fire", "Chimney Fire", "Late Call") else "False Alarm"
        for stop, service in zip(kinds["stop_code"], kinds["special_service"], strict=True)
    ]  # fmt: skip
    spelled = [
        name + " " * int(space)
        for name, space in zip(types["property_type"], types["has_trailing_space"], strict=True)
    ]
    qualifiers = list(QUALIFIERS)
    if vintage.number == "sequence":
        qualifiers[0] = "Correct incident address"
    kind = records.calls.kind
    return {
        "IncidentGroup": words(group, kind),
        "StopCodeDescription": words(kinds["stop_code"], kind),
        "SpecialServiceType": words([name or None for name in kinds["special_service"]], kind),
        "PropertyCategory": words(types["property_category"], records.calls.property_type),
        "PropertyType": words(spelled, records.calls.property_type),
        "AddressQualifier": words(qualifiers, records.calls.qualifier),
    }


def _area(records: Records, vintage: Vintage) -> dict[str, Text]:
    place, city = records.calls.place, records.city
    cell = city.place_cell[place]
    ward, borough, hidden = city.cell_ward[cell], city.cell_borough[cell], is_hidden(records)
    wards = [ward_name(name, is_upper=vintage.has_upper_wards) for name in table("wards")["name"]]
    street = 20_000_000 + borough * 100_000 + _scatter(place // 2, 6_000, 5)
    building = 10_000_000 + _scatter(place * 3 + 1, 2**31, 6) % 190_000_000_000
    is_old = vintage.number == "sequence"
    never = np.ones(len(place), dtype=np.bool_)
    return {
        "Postcode_full": _postcodes(records, hidden),
        "Postcode_district": words(city.cell_district, cell),
        "UPRN": whole(
            np.where(hidden, 0, building),
            never if is_old else None,
            ".0" if vintage.name == "2021-24" else "",
        ),
        "USRN": whole(street, never if is_old else None),
        "IncGeo_BoroughCode": words(table("boroughs")["borough_code"], borough),
        "IncGeo_BoroughName": words(table("boroughs")["name"], borough),
        "ProperCase": words(table("boroughs")["proper_case"], borough),
        "IncGeo_WardCode": words(table("wards")["ward"], ward),
        "IncGeo_WardName": words(wards, ward),
        "IncGeo_WardNameNew": words(
            [name.replace("St. ", "St ").replace("ST. ", "ST ") for name in wards], ward
        ),
    }


def ward_name(name: str, *, is_upper: bool) -> str:
    """A ward as recent files shout it, or as old ones say it."""
    return name.upper() if is_upper else name.title().replace("'S", "'s").replace(" And ", " and ")


def _postcodes(records: Records, hidden: Flags) -> Text:
    place = records.calls.place
    units = [a + b for a in _LETTERS for b in _LETTERS]
    return joined(
        words(records.city.cell_district, np.where(hidden, -1, records.city.place_cell[place])),
        " ",
        whole(_scatter(place, 9, 3) + 1),
        words(units, _scatter(place, len(units), 4)),
    )


def _point(records: Records, vintage: Vintage) -> dict[str, Text]:
    place, city, hidden = records.calls.place, records.city, is_hidden(records)
    east, north = exact_point(records)
    latitude, longitude = to_degrees(east[~hidden], north[~hidden])
    degrees = np.zeros((2, len(place)))
    degrees[0, ~hidden], degrees[1, ~hidden] = latitude, longitude
    is_release = vintage.name == "2021-24"
    shown = [
        decimals(axis, digits if is_release else 10, hidden, is_trimmed=is_release)
        for axis, digits in zip(degrees, (8, 9), strict=True)
    ]
    return {
        "Easting_m": whole(east, hidden, ".0"),
        "Northing_m": whole(north, hidden, ".0"),
        "Easting_rounded": whole(city.place_east_m[place]),
        "Northing_rounded": whole(city.place_north_m[place]),
        "Latitude": shown[0],
        "Longitude": shown[1],
    }


def _pumps(records: Records, grounds: Ints) -> dict[str, Text]:
    columns = {
        "FRS": words(["London"], np.zeros(len(grounds), dtype=np.int64)),
        "IncidentStationGround": words([s.name for s in known_stations()], grounds),
    }
    # a last row that nobody reads, so that -1 finds one even with no run at all
    seconds = np.append(records.runs.attendance_s, 0)
    station = np.append(records.runs.station, -1)
    for name, run in (("First", records.first), ("Second", records.second)):
        columns[f"{name}PumpArriving_AttendanceTime"] = whole(seconds[run], run < 0, ".0")
        columns[f"{name}PumpArriving_DeployedFromStation"] = words(station_names(), station[run])
    return columns


def _effort(records: Records, vintage: Vintage) -> dict[str, Text]:
    is_old, is_unknown = vintage.number == "sequence", records.pumps == 0
    if is_old:
        is_free = records.first < 0
        effort = {
            "PumpHoursRoundUp": whole(-(-records.pump_minutes // 60), is_free, ".0"),
            "Notional Cost (£)": whole(records.cost_pounds, is_free, ".0"),
        }
    else:
        effort = {
            "PumpMinutesRounded": whole(records.pump_minutes),
            "Notional Cost (£)": whole(records.cost_pounds),
        }
    return {
        "NumStationsWithPumpsAttending": whole(records.stations, is_unknown, ".0"),
        "NumPumpsAttending": whole(records.pumps, is_unknown, ".0"),
        "PumpCount": whole(records.pump_count),
        **effort,
        "NumCalls": whole(records.calls.callers, None, ".0"),
    }
