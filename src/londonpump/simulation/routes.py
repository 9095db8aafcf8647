"""For each call the stations that could send, in the order control tries them, with usual travel times."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.stations import known_stations
from londonpump.simulation.calls import Calls
from londonpump.simulation.city import City
from londonpump.simulation.fleet import Fleet
from londonpump.simulation.river import detour_km
from londonpump.simulation.timestamps import DAY_S, HOUR_S
from londonpump.simulation.travel_times import (
    RAIN_SLOWS,
    TRAVEL_BY_GMT_HOUR_S,
    crossing_s,
    station_slower_s,
    travel_s,
)
from londonpump.simulation.weather import Weather

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CANDIDATES = 14
OWN_GROUND_BONUS_S = 35.0
"""Control prefers the station of the ground unless another is clearly nearer."""
PASSED_OVER, PASSED_OVER_S = 0.06, 240.0
"""Share of calls whose first choice cannot leave at once (crew short, engine at the pump), and what that counts."""
JUDGEMENT_SPREAD = 0.11
"""Log sd of control's idea of a travel time."""
SPECIAL, SPECIAL_SPREAD = 0.05, 0.4
"""Share of calls answered from elsewhere than the map suggests (a pump on the road nearby, cover kept, a
special appliance wanted), and the log sd then."""


@dataclass(frozen=True, slots=True)
class Routes:
    """The nearest stations of each cell. stations: (cells, CANDIDATES) rows of `known_stations()`,
    crossing_s: what the river costs on each, same shape."""

    stations: Ints
    crossing_s: Floats


@dataclass(frozen=True, slots=True)
class Choices:
    """For a stretch of calls: stations in control's order and usual travel times. Shapes (n, CANDIDATES)."""

    stations: Ints
    travel_s: Floats


def station_points() -> tuple[Floats, Floats]:
    """Eastings and northings of `known_stations()`, metres."""
    stations = known_stations()
    return (
        np.array([s.easting_m for s in stations]),
        np.array([s.northing_m for s in stations]),
    )


def plan_routes(city: City, fleet: Fleet) -> Routes:
    """The stations with pumps nearest to each cell in travel time, the river counted."""
    sends = np.unique([pump.station for pump in fleet.pumps])
    x, y = (axis[sends] for axis in station_points())
    east, north = city.cell_east_m[:, None], city.cell_north_m[:, None]
    apart = np.hypot(east - x, north - y)
    nearest = np.argsort(apart, axis=1, kind="stable")[:, : 2 * CANDIDATES]
    lost = crossing_s(detour_km(east, north, x[nearest], y[nearest]))
    usual = travel_s(np.take_along_axis(apart, nearest, 1) / 1000) + lost
    best = np.argsort(usual, axis=1, kind="stable")[:, :CANDIDATES]
    return Routes(sends[np.take_along_axis(nearest, best, 1)], np.take_along_axis(lost, best, 1))


def rank_stations(
    calls: Calls, part: slice, city: City, routes: Routes, weather: Weather, rng: np.random.Generator
) -> Choices:
    """Control's order of stations for some calls, and how long a run from each usually takes there and then."""
    location, at = calls.location[part], calls.mobilised_at[part]
    cell = city.location_cell[location]
    stations = routes.stations[cell]
    x, y = station_points()
    east, north = city.location_east_m[location][:, None], city.location_north_m[location][:, None]
    map_travel_s = (
        travel_s(np.hypot(x[stations] - east, y[stations] - north) / 1000) + routes.crossing_s[cell]
    )
    spread = np.where(rng.random((len(location), 1)) < SPECIAL, SPECIAL_SPREAD, JUDGEMENT_SPREAD)
    perceived_s = map_travel_s * np.exp(spread * rng.standard_normal(stations.shape))
    perceived_s -= OWN_GROUND_BONUS_S * (stations == city.cell_ground[cell][:, None])
    perceived_s[np.arange(len(location)), perceived_s.argmin(axis=1)] += PASSED_OVER_S * (
        rng.random(len(location)) < PASSED_OVER
    )
    hour_s = TRAVEL_BY_GMT_HOUR_S[at % DAY_S // HOUR_S] - TRAVEL_BY_GMT_HOUR_S.mean()
    rain = 1 + RAIN_SLOWS * (weather.precip_mm[weather.at(at)] > 0)
    there = (map_travel_s + hour_s[:, None] + station_slower_s()[stations]) * (
        rain * np.exp(city.cell_slowness[cell])
    )[:, None]
    order = np.argsort(perceived_s, axis=1, kind="stable")
    return Choices(np.take_along_axis(stations, order, 1), np.take_along_axis(there, order, 1))
