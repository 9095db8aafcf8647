"""Turnout and travel times: the usual ones, the detours across the Thames, the ranking of stations, and random effects.

Sources: LFB records 2020 to 2023, where travel = 68.8 + 53.9 d + 83.0 sqrt(d) seconds for d km in a straight line (R2
.50, residual log sd .34) without very short trips; with them the line starts lower and is steeper. Turnout doubles at
night; congestion changes travel by a few per cent. The course of the river was read from a map, with one northing per
easting (metres, EPSG:27700).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.stations import known_stations
from londonpump.simulation.calls import Calls
from londonpump.simulation.city import City
from londonpump.simulation.context_tables import Weather
from londonpump.simulation.fleet import Fleet
from londonpump.simulation.plan import table
from londonpump.simulation.text_formats import DAY_S, HOUR_S, year_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TURNOUT_BY_LONDON_HOUR_S = np.array(
    [86, 96, 106, 115, 119, 117, 100, 80, 68, 64, 63, 62, 61, 61, 62, 66, 70, 70, 66, 63, 62, 62, 64, 68],
    dtype=np.float64,
)
# Seconds above the mean of the day over the same distance, as measured, minus the effect of pumps that are away.
TRAVEL_BY_GMT_HOUR_S = np.array(
    [-7, -7, -8, -10, -14, -14, 2, 6, 0, 2, 11, 20, 20, 20, 20, 20, 18, 17, 12, 3, -4, -6, -9, -8],
    dtype=np.float64,
)
# Factors of the years in which crews were slower; every later year has 1.
TURNOUT_OF_YEAR = {2009: 1.55, 2010: 1.21, 2011: 1.08, 2012: 1.02}
TRAVEL_START_S, TRAVEL_S_PER_KM, TRAVEL_S_PER_ROOT_KM = 36.0, 62.0, 86.0
# Beyond a few kilometres, engines use main roads.
FAR_KM, SAVED_S_PER_FAR_KM = 3.0, 30.0
RIVER_S_PER_KM, RIVER_S = 50.0, 15.0
LONGEST_DETOUR_KM = 8.0
# Share added to travel times in hours with rain.
RAIN_SLOWS = 0.02
_COURSE_M = np.array(
    [
        (505_000, 170_500), (510_000, 167_500), (515_500, 168_400), (517_500, 169_500), (517_900, 174_500),
        (518_300, 177_300), (520_500, 177_900), (521_500, 176_400), (522_900, 178_200), (523_500, 176_200),
        (525_500, 175_400), (527_200, 177_200), (530_000, 178_000), (530_400, 179_500), (531_000, 180_600),
        (533_700, 180_200), (535_800, 180_000), (537_000, 178_900), (538_300, 178_100), (538_800, 179_000),
        (539_200, 180_200), (541_000, 179_600), (543_500, 179_200), (546_000, 180_300), (548_000, 181_200),
        (551_500, 178_900), (556_500, 176_500),
    ],
    dtype=np.float64,
)  # fmt: skip
_CROSSINGS_M = (
    (511_000, 167_700), (515_400, 168_500), (517_700, 169_400), (517_800, 174_500), (519_000, 177_900),
    (520_300, 177_900), (522_900, 178_000), (524_200, 175_700), (525_900, 175_400), (526_900, 176_900),
    (528_500, 177_800), (530_200, 178_100), (530_300, 178_900), (530_500, 179_700), (530_800, 180_400),
    (531_700, 180_600), (532_800, 180_400), (533_700, 180_200), (535_600, 180_300), (538_900, 180_100),
    (556_500, 176_500),
)  # fmt: skip
CANDIDATES = 14
# The control room prefers the station of the ground unless another is clearly nearer.
OWN_GROUND_BONUS_S = 35.0
# Share of calls whose first choice cannot leave at once (crew short, refuelling), and its penalty in the ranking.
PASSED_OVER, PASSED_OVER_S = 0.06, 240.0
# Log sd of the travel times that the control room assumes.
JUDGEMENT_SPREAD = 0.11
# Share of calls for which the map is not decisive (a pump on the road nearby, cover needed elsewhere, a special
# appliance), and the log sd for them.
SPECIAL, SPECIAL_SPREAD = 0.05, 0.4
# Number of dispatches of a call with random effects of their own; later ones repeat the last.
SLOTS = 8
TURNOUT_SHAPE = 5.5
# Share of crews held up at the station, and the mean seconds lost.
SLOW_TURNOUT, SLOW_TURNOUT_S = 0.04, 80.0
# Log sd of travel times shared by the dispatches of a call, and of each dispatch alone.
CALL_SPREAD, DISPATCH_SPREAD = 0.12, 0.18
# Share of dispatches held up (traffic, address, gates) and the mean seconds lost.
HELD_UP, HELD_UP_S = 0.06, 210.0
CONVOY_GAP_S = 16.0
# Share of calls for two pumps, or for more, whose later pumps are sent some minutes later.
LATER_WAVE, LATER_WAVE_OF_SEVERAL, LATER_WAVE_S = 0.08, 0.25, 420.0
ON_SCENE_S = {
    "AFA": 700.0, "False alarm - Good intent": 750.0, "False alarm - Malicious": 650.0,
    "Primary Fire": 3300.0, "Secondary Fire": 1500.0, "RTC": 2400.0, "Flooding": 1700.0,
    "Effecting entry/exit": 1100.0, "Lift Release": 1200.0, "Hazardous Materials incident": 2700.0,
}  # fmt: skip
OTHER_ON_SCENE_S = 1100.0
ON_SCENE_SPREAD = 0.85


def travel_s(distance_km: Floats) -> Floats:
    """Return the usual travel time over a straight-line distance, same shape."""
    far_km = np.maximum(distance_km - FAR_KM, 0.0)
    near_s = TRAVEL_START_S + TRAVEL_S_PER_KM * distance_km + TRAVEL_S_PER_ROOT_KM * np.sqrt(distance_km)
    return np.asarray(near_s - SAVED_S_PER_FAR_KM * far_km)


def crossing_s(detour_km: Floats) -> Floats:
    """Return the seconds lost by crossing the Thames, 0 without a crossing."""
    lost = RIVER_S + RIVER_S_PER_KM * np.minimum(detour_km, LONGEST_DETOUR_KM)
    return np.asarray(np.where(detour_km > 0, lost, 0.0))


def turnout_s(london_hour: Ints, year: Ints) -> Floats:
    """Return the mean turnout at a London hour of a year, same shape."""
    factor = np.ones(len(year))
    for known, slower in TURNOUT_OF_YEAR.items():
        factor[year == known] = slower
    return np.asarray(TURNOUT_BY_LONDON_HOUR_S[london_hour] * factor)


def station_slower_s() -> Floats:
    """Return the seconds by which dispatches of each station exceed the usual time, (stations,); 0 if unknown."""
    known = dict(zip(table("station_effects")["station"], table("station_effects")["slower_s"], strict=True))
    return np.array([float(known.get(station.code, 0.0)) for station in known_stations()])


def is_north(east_m: Floats, north_m: Floats) -> NDArray[np.bool_]:
    """Return whether points lie on the north bank, same shape."""
    return np.asarray(north_m > np.interp(east_m, _COURSE_M[:, 0], _COURSE_M[:, 1]))


def detour_km(from_east_m: Floats, from_north_m: Floats, to_east_m: Floats, to_north_m: Floats) -> Floats:
    """Return the extra kilometres of the best crossing, 0 on the same bank. The arguments are broadcast."""
    straight = np.hypot(from_east_m - to_east_m, from_north_m - to_north_m)
    best = np.full(straight.shape, np.inf)
    for east, north in _CROSSINGS_M:
        reach = np.hypot(from_east_m - east, from_north_m - north)
        np.minimum(best, reach + np.hypot(to_east_m - east, to_north_m - north), out=best)
    crosses = is_north(from_east_m, from_north_m) != is_north(to_east_m, to_north_m)
    return np.where(crosses, (best - straight) / 1000, 0.0)


@dataclass(frozen=True, slots=True)
class Routes:
    """The nearest stations of each cell, shapes (cells, CANDIDATES)."""

    stations: Ints
    """Rows of `known_stations()`."""
    crossing_s: Floats
    """Seconds lost by crossing the river."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Stations in the order of preference and their usual travel times, shapes (n, CANDIDATES)."""

    stations: Ints
    travel_s: Floats


def station_points() -> tuple[Floats, Floats]:
    """Return the eastings and northings of `known_stations()` in metres."""
    stations = known_stations()
    return (
        np.array([s.easting_m for s in stations]),
        np.array([s.northing_m for s in stations]),
    )


def plan_routes(city: City, fleet: Fleet) -> Routes:
    """Return the stations with pumps that are nearest to each cell by travel time, including the river."""
    sends = np.unique([pump.station for pump in fleet.pumps])
    x, y = (axis[sends] for axis in station_points())
    east, north = city.cell_east_m[:, None], city.cell_north_m[:, None]
    apart = np.hypot(east - x, north - y)
    # twice as many by distance first, because the river can change the order
    nearest = np.argsort(apart, axis=1, kind="stable")[:, : 2 * CANDIDATES]
    lost = crossing_s(detour_km(east, north, x[nearest], y[nearest]))
    usual = travel_s(np.take_along_axis(apart, nearest, 1) / 1000) + lost
    best = np.argsort(usual, axis=1, kind="stable")[:, :CANDIDATES]
    return Routes(sends[np.take_along_axis(nearest, best, 1)], np.take_along_axis(lost, best, 1))


def rank_stations(
    calls: Calls, part: slice, city: City, routes: Routes, weather: Weather, rng: np.random.Generator
) -> Choices:
    """Rank the stations for some calls, with the usual travel time from each at that time."""
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


@dataclass(frozen=True, slots=True)
class RunDraws:
    """Random effects on the dispatches of some calls, shapes (n, SLOTS); the last two have (n,)."""

    turnout_s: Floats
    travel_factor: Floats
    """The usual travel time is multiplied by this factor."""
    held_up_s: Floats
    """Seconds added to the travel time."""
    gap_s: Floats
    """Seconds between the arrivals of two engines that left a station together."""
    on_scene_s: Floats
    first_wave: Ints
    """Number of pumps sent at once."""
    later_s: Ints
    """Seconds until the other pumps are sent."""


def draw_run_effects(calls: Calls, part: slice, rng: np.random.Generator) -> RunDraws:
    """Draw the random effects of some calls."""
    at_s = calls.london_s[part]
    n = len(at_s)
    shape = (n, SLOTS)
    usual_s = turnout_s(at_s % DAY_S // 3600, year_of(at_s // DAY_S))
    shared, own = rng.standard_normal((n, 1)), rng.standard_normal(shape)
    # the mean of a log-normal factor is 1 if its log has the mean -variance / 2
    middle = -(CALL_SPREAD**2 + DISPATCH_SPREAD**2) / 2
    scene_s = np.array(
        [
            ON_SCENE_S.get(service or stop, OTHER_ON_SCENE_S)
            for stop, service in zip(
                table("incident_types")["stop_code"], table("incident_types")["special_service"], strict=True
            )
        ]
    )[calls.incident_type[part]]
    pumps_needed = calls.pumps_needed[part]
    splits = rng.random(n) < np.where(pumps_needed > 2, LATER_WAVE_OF_SEVERAL, LATER_WAVE)
    return RunDraws(
        turnout_s=usual_s[:, None] * rng.gamma(TURNOUT_SHAPE, 1 / TURNOUT_SHAPE, shape)
        + np.where(rng.random(shape) < SLOW_TURNOUT, rng.exponential(SLOW_TURNOUT_S, shape), 0.0),
        travel_factor=np.exp(CALL_SPREAD * shared + DISPATCH_SPREAD * own + middle),
        held_up_s=np.where(rng.random(shape) < HELD_UP, rng.exponential(HELD_UP_S, shape), 0.0),
        gap_s=rng.exponential(CONVOY_GAP_S, shape),
        on_scene_s=_scene(scene_s, rng),
        first_wave=np.where(splits & (pumps_needed > 1), np.where(pumps_needed > 2, 2, 1), pumps_needed),
        later_s=60 + rng.exponential(LATER_WAVE_S, n).astype(np.int64),
    )


def _scene(mean_s: Floats, rng: np.random.Generator) -> Floats:
    """Draw seconds on scene, (n, SLOTS): similar for the engines of a call, shorter for later ones."""
    call = ON_SCENE_SPREAD * rng.standard_normal((len(mean_s), 1))
    dispatch_noise = 0.25 * rng.standard_normal((len(mean_s), SLOTS))
    return 60 + np.asarray(
        mean_s[:, None] * np.exp(call + dispatch_noise - ON_SCENE_SPREAD**2 / 2)
    ) * np.linspace(1.0, 0.7, SLOTS)
