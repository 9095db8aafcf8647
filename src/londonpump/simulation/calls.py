"""The calls of a simulation: time, location, incident type, property, and the number of pumps needed.

The shares are measured (`measured/`): incident types depend on the hour, property types on the incident type, and pumps
on the incident type and the height of the building.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from londonpump.simulation.city import City
from londonpump.simulation.context_tables import Weather, draw_weather
from londonpump.simulation.plan import SimulationPlan, numbers, table
from londonpump.simulation.text_formats import DAY_S, HOUR_S, day_number, london_seconds, midnight_utc_s

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

HOUR_CLASSES = ("alarm", "false call", "fire", "home", "other service", "road")
# Share of calls to a location that concern its usual property type.
SAME_TYPE_AT_LOCATION = 0.5
QUALIFIERS = (
    "Correct incident location",
    "Within same building",
    "In street outside gazetteer location",
    "On land associated with building",
    "In street close to gazetteer location",
    "Open land/water - nearest gazetteer location",
    "Nearby address - no building in street",
    "Nearby address - street not listed in gazetteer",
    "On motorway / elevated road",
    "Railway land or rolling stock",
    "In street remote from gazetteer location",
)
_INDOORS = (0.714, 0.283, 0.0, 0.0, 0.0, 0.0, 0.0017, 0.0013, 0.0, 0.0, 0.0)
QUALIFIER_SHARES: dict[str, tuple[float, ...]] = {
    "Dwelling": _INDOORS,
    "Other Residential": _INDOORS,
    "Non Residential": (0.635, 0.330, 0.0, 0.028, 0.0, 0.0, 0.002, 0.005, 0.0, 0.0, 0.0),
    "Outdoor": (0.0, 0.0, 0.227, 0.346, 0.125, 0.252, 0.019, 0.016, 0.003, 0.009, 0.003),
    "Outdoor Structure": (0.223, 0.0, 0.380, 0.240, 0.112, 0.022, 0.017, 0.0, 0.0, 0.0, 0.006),
    "Road Vehicle": (0.0, 0.0, 0.513, 0.253, 0.153, 0.003, 0.013, 0.007, 0.038, 0.0, 0.020),
    "Rail Vehicle": (0.0,) * 9 + (1.0, 0.0),
    "Boat": (0.0, 0.0, 0.0, 0.0, 0.3, 0.7, 0.0, 0.0, 0.0, 0.0, 0.0),
    "Aircraft": (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
}
CALLERS = np.array([1, 2, 3, 4, 5, 6, 7, 9, 12, 18, 40])
CALLERS_SHARES = np.array([0.839, 0.127, 0.017, 0.005, 0.003, 0.003, 0.002, 0.0015, 0.001, 0.001, 0.0005])
TALLEST, TALL = "Flats of 10 storeys or more", "Flats of 4 to 9 storeys"
CALL_CLASSES = ("alarm", "primary", "secondary", "false call", "RTC", "water", "service")
# Calls per hour in London in 2017.
CALLS_BY_LONDON_HOUR = np.array(
    [8.1, 7.3, 5.4, 4.5, 4.0, 4.2, 5.4, 7.3, 10.0, 11.4, 12.7, 13.6,
     13.9, 14.8, 15.0, 15.5, 15.6, 16.1, 18.1, 16.2, 15.0, 12.4, 11.2, 9.7]
)  # fmt: skip
MONTH_FACTOR = np.array([0.97, 0.95, 0.95, 0.98, 1.00, 1.06, 1.10, 1.06, 1.01, 1.00, 0.99, 0.97])
# The first value is for Monday.
WEEKDAY_FACTOR = np.array([0.99, 0.98, 0.99, 0.99, 1.01, 1.03, 1.01])
# Squared coefficients of variation beyond a Poisson process: variance over mean is 5 for days, 1.5 for hours.
DAY_SPREAD, HOUR_SPREAD = 0.012, 0.03
STORM_RAIN_MM, STORM_FACTOR = 12.0, 1.35
# Share of walk-ins at the door of the station; the others stop an engine in the street.
WALK_IN_AT_STATION = 0.6


@dataclass(frozen=True, slots=True)
class IncidentDraws:
    """The result of each call, shapes (n,). Types and qualifiers are rows of their tables."""

    incident_type: Ints
    property_type: Ints
    qualifier: Ints
    is_untimed: Flags
    is_walk_in: Flags
    callers: Ints


def draw_incidents(hour: Ints, is_recent: Flags, location: Ints, rng: np.random.Generator) -> IncidentDraws:
    """Draw what each call turns out to be.

    Args: hour: London hour. is_recent: True from 2018 on, when there were more special services and fewer fires.
    """
    n = len(hour)
    incident_type = np.where(
        is_recent,
        _draw_incident_types(hour, "per_100k_2023", rng),
        _draw_incident_types(hour, "per_100k_2017", rng),
    )
    return IncidentDraws(
        incident_type=incident_type,
        property_type=_draw_property_types(incident_type, location, rng),
        qualifier=_draw_qualifiers(incident_type, rng),
        is_untimed=rng.random(n) < numbers("incident_types", "untimed_share")[incident_type],
        is_walk_in=rng.random(n) < numbers("incident_types", "walk_in_share")[incident_type],
        callers=_draw_callers(incident_type, rng),
    )


def draw_pumps_needed(drawn: IncidentDraws, after_grenfell: Flags, rng: np.random.Generator) -> Ints:
    """Draw the pumps that each call needs, (n,), 1 to 6: five for a tall block since the fire at Grenfell Tower."""
    call_class, prop = _pump_classes(drawn)
    row = {
        (year, name, property_class): i
        for i, (year, name, property_class) in enumerate(
            zip(*(table("pump_numbers")[c] for c in ("year", "call_class", "property")), strict=True)
        )
    }
    odds = np.cumsum(np.stack([numbers("pump_numbers", f"p{k}") for k in range(1, 7)], axis=1), axis=1)
    names, property_classes = np.array(CALL_CLASSES), np.array(_property_classes())
    rows = np.empty((2, len(names), len(property_classes)), dtype=np.int64)
    for i, year in enumerate(("2017", "2023")):
        for j, name in enumerate(names):
            for k, property_class in enumerate(property_classes):
                fallback = row.get((year, name, "Dwelling"), row.get((year, name, "Outdoor"), 0))
                rows[i, j, k] = row.get((year, str(name), str(property_class)), fallback)
    chosen = odds[rows[after_grenfell.astype(np.int64), call_class, prop]]
    drawn_share = rng.random(len(call_class))[:, None] * chosen[:, -1:]
    return np.asarray(1 + np.minimum((drawn_share > chosen).sum(axis=1), 5), dtype=np.int64)


def _property_classes() -> list[str]:
    return [*QUALIFIER_SHARES, TALLEST, TALL]


def _pump_classes(drawn: IncidentDraws) -> tuple[Ints, Ints]:
    """Return the rows of CALL_CLASSES and of the property classes for each call."""
    stop, service = table("incident_types")["stop_code"], table("incident_types")["special_service"]
    class_of_incident_type = np.array(
        [CALL_CLASSES.index(_call_class(a, b)) for a, b in zip(stop, service, strict=True)]
    )
    classes = _property_classes()
    of_type = [
        TALLEST if "10 or more storeys" in name else TALL if "4 to 9 storeys" in name else category
        for category, name in zip(
            table("property_types")["property_category"],
            table("property_types")["property_type"],
            strict=True,
        )
    ]
    class_of = np.array([classes.index(name) for name in of_type])
    return class_of_incident_type[drawn.incident_type], class_of[drawn.property_type]


def _call_class(stop_code: str, special_service: str) -> str:
    fixed = {
        "AFA": "alarm",
        "Primary Fire": "primary",
        "Secondary Fire": "secondary",
        "False alarm - Good intent": "false call",
        "False alarm - Malicious": "false call",
    }
    services = {"RTC": "RTC", "Rescue or evacuation from water": "water"}
    return fixed.get(stop_code, services.get(special_service, "service"))


def _draw_incident_types(hour: Ints, share: str, rng: np.random.Generator) -> Ints:
    """Draw incident types in two steps: the class by the hour, then the type within its class."""
    per_100k = numbers("incident_types", share)
    of_class = np.array([HOUR_CLASSES.index(name) for name in table("incident_types")["hour_class"]])
    class_share = np.bincount(of_class, weights=per_100k, minlength=len(HOUR_CLASSES))
    by_hour = np.stack([numbers("hours", name) for name in HOUR_CLASSES], axis=1) * class_share
    cumulative = np.cumsum(by_hour, axis=1) / by_hour.sum(axis=1, keepdims=True)
    drawn_class = (rng.random(len(hour))[:, None] > cumulative[hour]).sum(axis=1)
    # cumulative shares of all classes on one line: class c fills c to c + 1, so one search serves all classes
    order = np.argsort(of_class, kind="stable")
    line = np.cumsum(per_100k[order] / class_share[of_class[order]])
    found = np.searchsorted(line, drawn_class + rng.random(len(hour)), side="left")
    return np.asarray(order[np.minimum(found, len(order) - 1)])


def _draw_property_types(incident_type: Ints, location: Ints, rng: np.random.Generator) -> Ints:
    """Draw property types within the category of the incident type; a location tends to keep its own."""
    category = np.array(table("incident_types")["property_category"])
    types_of = np.array(table("property_types")["property_category"])
    stop = np.array(table("incident_types")["stop_code"])
    by = np.where(stop == "AFA", "alarm", np.where(stop == "Special Service", "service", "fire"))
    # multiples of the golden ratio modulo 1 are spread evenly: a fixed number between 0 and 1 per location
    own = (location * 0.618_033_988_749_895) % 1.0
    uniform = np.where(
        rng.random(len(incident_type)) < SAME_TYPE_AT_LOCATION, own, rng.random(len(incident_type))
    )
    found = np.zeros(len(incident_type), dtype=np.int64)
    for name in dict.fromkeys(category.tolist()):
        rows = np.flatnonzero(types_of == name)
        for column in ("alarm", "fire", "service"):
            here = np.flatnonzero((category == name)[incident_type] & (by == column)[incident_type])
            line = np.cumsum(numbers("property_types", column)[rows] + 0.01)
            found[here] = rows[np.searchsorted(line, uniform[here] * line[-1], side="left")]
    return found


def _draw_qualifiers(incident_type: Ints, rng: np.random.Generator) -> Ints:
    shares = np.array([QUALIFIER_SHARES[name] for name in table("incident_types")["property_category"]])
    cumulative = np.cumsum(shares, axis=1) / shares.sum(axis=1, keepdims=True)
    found = (rng.random(len(incident_type))[:, None] > cumulative[incident_type]).sum(axis=1)
    return np.asarray(np.minimum(found, len(QUALIFIERS) - 1), dtype=np.int64)


def _draw_callers(incident_type: Ints, rng: np.random.Generator) -> Ints:
    is_fire = np.array(["Fire" in stop for stop in table("incident_types")["stop_code"]])[incident_type]
    line = np.cumsum(CALLERS_SHARES) / CALLERS_SHARES.sum()
    uniform = rng.random(len(incident_type))
    # fires are reported by more callers: the lowest 40 % of the distribution are cut off
    uniform = np.where(is_fire, 1 - (1 - uniform) * 0.6, uniform)
    return np.asarray(CALLERS[np.searchsorted(line, uniform, side="left")])


@dataclass(frozen=True, slots=True)
class Calls:
    """One row per call, ordered by `mobilised_at`. Shapes (n,); types and qualifiers are rows of their tables."""

    called_at: Ints
    """Seconds since 1970, UTC, like `mobilised_at`."""
    mobilised_at: Ints
    london_s: Ints
    """`called_at` on the London clock."""
    location: Ints
    """Rows of the locations of the city."""
    incident_type: Ints
    property_type: Ints
    qualifier: Ints
    pumps_needed: Ints
    is_untimed: Flags
    is_walk_in: Flags
    callers: Ints

    def __len__(self) -> int:
        """Return the number of calls."""
        return len(self.location)

    @property
    def london_hour(self) -> Ints:
        """Hour of the call on the London clock."""
        return self.london_s % DAY_S // HOUR_S


def draw_weather_of(plan: SimulationPlan, rng: np.random.Generator) -> Weather:
    """Draw the weather of the plan and of the day after, because late dispatches last into it."""
    first = midnight_utc_s(plan.start) // HOUR_S
    return draw_weather(first, midnight_utc_s(plan.end) // HOUR_S - first + 24, rng)


def draw_calls(plan: SimulationPlan, city: City, weather: Weather, rng: np.random.Generator) -> Calls:
    """Draw the calls of a plan, exactly as many as it says."""
    called_at = _draw_times(plan, weather, rng)
    n = len(called_at)
    london_s = london_seconds(called_at)
    is_recent = london_s >= day_number(date(2018, 1, 1)) * DAY_S
    location = city.draw_locations(rng.random(n))
    drawn = draw_incidents(london_s % DAY_S // HOUR_S, is_recent, location, rng)
    walks = drawn.is_walk_in & (rng.random(n) < WALK_IN_AT_STATION)
    location = np.where(
        walks, city.station_location[city.cell_ground[city.location_cell[location]]], location
    )
    after_grenfell = london_s >= day_number(date(2017, 7, 1)) * DAY_S
    low, high = plan.output_format.call_delay_s
    delay = rng.integers(low, high, n, endpoint=True)
    # random numbers are drawn in the order of calls, rows are kept in the order of mobilisation
    order = np.argsort(called_at + delay, kind="stable")
    return Calls(
        called_at=called_at[order],
        mobilised_at=(called_at + delay)[order],
        london_s=london_s[order],
        location=location[order],
        incident_type=drawn.incident_type[order],
        property_type=drawn.property_type[order],
        qualifier=drawn.qualifier[order],
        pumps_needed=draw_pumps_needed(drawn, after_grenfell, rng)[order],
        is_untimed=drawn.is_untimed[order],
        is_walk_in=drawn.is_walk_in[order],
        callers=drawn.callers[order],
    )


def _draw_times(plan: SimulationPlan, weather: Weather, rng: np.random.Generator) -> Ints:
    """Draw sorted times in seconds since 1970: hours by weight, seconds evenly within the hour."""
    begins, ends = midnight_utc_s(plan.start), midnight_utc_s(plan.end)
    hour_at = np.arange(begins, ends, HOUR_S)
    local = london_seconds(hour_at)
    day = local // DAY_S
    months = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    day_row = day - day[0]
    weight = (
        CALLS_BY_LONDON_HOUR[local % DAY_S // HOUR_S] * MONTH_FACTOR[months] * WEEKDAY_FACTOR[(day + 3) % 7]
    )
    # gamma factors with mean 1 keep the measured averages and add the spread
    weight = weight * rng.gamma(1 / DAY_SPREAD, DAY_SPREAD, day_row[-1] + 1)[day_row]
    weight = weight * rng.gamma(1 / HOUR_SPREAD, HOUR_SPREAD, len(hour_at))
    rain_mm = np.bincount(day_row, weights=weather.precip_mm[: len(hour_at)])
    weight = weight * np.where(rain_mm > STORM_RAIN_MM, STORM_FACTOR, 1.0)[day_row]
    calls_per_hour = rng.multinomial(plan.incidents, weight / weight.sum())
    second = rng.integers(0, HOUR_S, plan.incidents)
    return np.sort(np.repeat(hour_at, calls_per_hour) + second)
