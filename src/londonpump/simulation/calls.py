"""The calls of a simulation: when, where, of what kind, and how many pumps they want."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from londonpump.simulation.city import City
from londonpump.simulation.incident_draws import draw_incidents, draw_pumps_needed
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.timestamps import DAY_S, HOUR_S, day_number, london_seconds, midnight_utc_s
from londonpump.simulation.weather import Weather, draw_weather

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

CALLS_BY_LONDON_HOUR = np.array(
    [8.1, 7.3, 5.4, 4.5, 4.0, 4.2, 5.4, 7.3, 10.0, 11.4, 12.7, 13.6,
     13.9, 14.8, 15.0, 15.5, 15.6, 16.1, 18.1, 16.2, 15.0, 12.4, 11.2, 9.7]
)  # fmt: skip
"""Calls an hour in London in 2017."""
MONTH_FACTOR = np.array([0.97, 0.95, 0.95, 0.98, 1.00, 1.06, 1.10, 1.06, 1.01, 1.00, 0.99, 0.97])
WEEKDAY_FACTOR = np.array([0.99, 0.98, 0.99, 0.99, 1.01, 1.03, 1.01])
"""Monday first."""
DAY_SPREAD, HOUR_SPREAD = 0.012, 0.03
"""Squared coefficients of variation beyond chance: variance over mean 5 for days, 1.5 for hours."""
STORM_RAIN_MM, STORM_FACTOR = 12.0, 1.35
WALK_IN_AT_STATION = 0.6
"""Share of walk-ins at the door of the station; the others meet an engine in the street."""


@dataclass(frozen=True, slots=True)
class Calls:
    """One row a call, ordered by `mobilised_at`. Shapes (n,).

    called_at, mobilised_at: seconds since 1970, UTC; london_s: `called_at` on the London clock.
    place: row of the city's places. kind, property_type, qualifier: rows of their tables.
    """

    called_at: Ints
    mobilised_at: Ints
    london_s: Ints
    location: Ints
    incident_type: Ints
    property_type: Ints
    qualifier: Ints
    pumps_needed: Ints
    is_untimed: Flags
    is_walk_in: Flags
    callers: Ints

    def __len__(self) -> int:
        """How many calls."""
        return len(self.location)

    @property
    def london_hour(self) -> Ints:
        """Hour of the call on the London clock."""
        return self.london_s % DAY_S // HOUR_S


def draw_weather_of(plan: SimulationPlan, rng: np.random.Generator) -> Weather:
    """The weather of every hour of the plan and of the day after, which late runs reach into."""
    first = midnight_utc_s(plan.start) // HOUR_S
    return draw_weather(first, midnight_utc_s(plan.end) // HOUR_S - first + 24, rng)


def draw_calls(plan: SimulationPlan, city: City, weather: Weather, rng: np.random.Generator) -> Calls:
    """The calls of a plan, exactly as many as it says."""
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
    """Sorted instants, seconds since 1970: hours drawn by weight, seconds evenly within."""
    begins, ends = midnight_utc_s(plan.start), midnight_utc_s(plan.end)
    hour_at = np.arange(begins, ends, HOUR_S)
    local = london_seconds(hour_at)
    day = local // DAY_S
    months = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    day_row = day - day[0]
    weight = (
        CALLS_BY_LONDON_HOUR[local % DAY_S // HOUR_S] * MONTH_FACTOR[months] * WEEKDAY_FACTOR[(day + 3) % 7]
    )
    weight = weight * rng.gamma(1 / DAY_SPREAD, DAY_SPREAD, day_row[-1] + 1)[day_row]
    weight = weight * rng.gamma(1 / HOUR_SPREAD, HOUR_SPREAD, len(hour_at))
    rain_mm = np.bincount(day_row, weights=weather.precip_mm[: len(hour_at)])
    weight = weight * np.where(rain_mm > STORM_RAIN_MM, STORM_FACTOR, 1.0)[day_row]
    calls_per_hour = rng.multinomial(plan.incidents, weight / weight.sum())
    second = rng.integers(0, HOUR_S, plan.incidents)
    return np.sort(np.repeat(hour_at, calls_per_hour) + second)
