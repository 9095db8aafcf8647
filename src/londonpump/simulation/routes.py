"""For each call the stations that could send, in the order control tries them, with usual travel times.

How long crews take to turn out and engines to travel, before chance has its say.

Source: LFB records 2020 to 2023, where travel = 68.8 + 53.9 d + 83.0 sqrt(d) seconds for d km straight (R2
.50, residual log sd .34) once very short trips are left out; with them the line starts lower and climbs
faster. Turnout doubles at night; congestion moves engines by a few per cent.


The Thames and its crossings: how many kilometres more a run takes when it must cross.

Source: the course of the river read off a map, one northing for each easting (metres, EPSG:27700).


The part of each run that nothing foretells: crews, drivers, traffic lights, addresses hard to find.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.stations import known_stations
from londonpump.simulation.calls import Calls
from londonpump.simulation.city import City
from londonpump.simulation.context_tables import Weather
from londonpump.simulation.fleet import Fleet
from londonpump.simulation.measured_tables import table
from londonpump.simulation.timestamps import DAY_S, HOUR_S, year_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TURNOUT_BY_LONDON_HOUR_S = np.array(
    [86, 96, 106, 115, 119, 117, 100, 80, 68, 64, 63, 62, 61, 61, 62, 66, 70, 70, 66, 63, 62, 62, 64, 68],
    dtype=np.float64,
)
TRAVEL_BY_GMT_HOUR_S = np.array(
    [-7, -7, -8, -10, -14, -14, 2, 6, 0, 2, 11, 20, 20, 20, 20, 20, 18, 17, 12, 3, -4, -6, -9, -8],
    dtype=np.float64,
)
"""Seconds more than the mean of the day over the same distance: measured, less the part that comes of pumps away."""
TURNOUT_OF_YEAR = {2009: 1.55, 2010: 1.21, 2011: 1.08, 2012: 1.02}
"""Crews became faster until 2012; every later year is 1."""
TRAVEL_START_S, TRAVEL_S_PER_KM, TRAVEL_S_PER_ROOT_KM = 36.0, 62.0, 86.0
FAR_KM, SAVED_S_PER_FAR_KM = 3.0, 30.0
"""Beyond a few kilometres runs take main roads."""
RIVER_S_PER_KM, RIVER_S = 50.0, 15.0
LONGEST_DETOUR_KM = 8.0
RAIN_SLOWS = 0.02
"""Share added to travel in the hours of rain."""


def travel_s(distance_km: Floats) -> Floats:
    """Usual travel time over a straight-line distance, same shape."""
    far_km = np.maximum(distance_km - FAR_KM, 0.0)
    near_s = TRAVEL_START_S + TRAVEL_S_PER_KM * distance_km + TRAVEL_S_PER_ROOT_KM * np.sqrt(distance_km)
    return np.asarray(near_s - SAVED_S_PER_FAR_KM * far_km)


def crossing_s(detour_km: Floats) -> Floats:
    """Seconds lost by crossing the Thames, 0 where nothing is crossed."""
    lost = RIVER_S + RIVER_S_PER_KM * np.minimum(detour_km, LONGEST_DETOUR_KM)
    return np.asarray(np.where(detour_km > 0, lost, 0.0))


def turnout_s(london_hour: Ints, year: Ints) -> Floats:
    """Mean turnout at a London hour of a year, same shape."""
    factor = np.ones(len(year))
    for known, slower in TURNOUT_OF_YEAR.items():
        factor[year == known] = slower
    return np.asarray(TURNOUT_BY_LONDON_HOUR_S[london_hour] * factor)


def station_slower_s() -> Floats:
    """(stations,) seconds by which runs from each station exceed the usual; 0 where not known."""
    known = dict(zip(table("station_effects")["station"], table("station_effects")["slower_s"], strict=True))
    return np.array([float(known.get(station.code, 0.0)) for station in known_stations()])


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


def is_north(east_m: Floats, north_m: Floats) -> NDArray[np.bool_]:
    """Whether points lie on the north bank, same shape."""
    return np.asarray(north_m > np.interp(east_m, _COURSE_M[:, 0], _COURSE_M[:, 1]))


def detour_km(from_east_m: Floats, from_north_m: Floats, to_east_m: Floats, to_north_m: Floats) -> Floats:
    """Kilometres by the best crossing beyond the straight line, 0 on one bank. Broadcasts; shape of the pair."""
    straight = np.hypot(from_east_m - to_east_m, from_north_m - to_north_m)
    best = np.full(straight.shape, np.inf)
    for east, north in _CROSSINGS_M:
        reach = np.hypot(from_east_m - east, from_north_m - north)
        np.minimum(best, reach + np.hypot(to_east_m - east, to_north_m - north), out=best)
    crosses = is_north(from_east_m, from_north_m) != is_north(to_east_m, to_north_m)
    return np.where(crosses, (best - straight) / 1000, 0.0)


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


SLOTS = 8
"""Runs of one call that have chances of their own; later ones repeat the last."""
TURNOUT_SHAPE = 5.5
SLOW_TURNOUT, SLOW_TURNOUT_S = 0.04, 80.0
"""Share of crews held up at the station, and the mean seconds lost."""
CALL_SPREAD, DISPATCH_SPREAD = 0.12, 0.18
"""Log sd of travel shared by the runs of a call, and of each run alone."""
HELD_UP, HELD_UP_S = 0.06, 210.0
"""Share of runs held up (traffic, address, gates) and the mean seconds lost."""
CONVOY_GAP_S = 16.0
LATER_WAVE, LATER_WAVE_OF_SEVERAL, LATER_WAVE_S = 0.08, 0.25, 420.0
"""Share of calls for two, or for more, whose later pumps are sent some minutes after."""
ON_SCENE_S = {
    "AFA": 700.0, "False alarm - Good intent": 750.0, "False alarm - Malicious": 650.0,
    "Primary Fire": 3300.0, "Secondary Fire": 1500.0, "RTC": 2400.0, "Flooding": 1700.0,
    "Effecting entry/exit": 1100.0, "Lift Release": 1200.0, "Hazardous Materials incident": 2700.0,
}  # fmt: skip
OTHER_ON_SCENE_S = 1100.0
ON_SCENE_SPREAD = 0.85


@dataclass(frozen=True, slots=True)
class RunDraws:
    """What chance holds for the runs of some calls. Shapes (n, SLOTS) but for the last two, (n,).

    travel_factor, held_up_s: usual travel times the first plus the second. gap_s: how far an engine
    arrives after the one it left its station with. first_wave: pumps sent at once.
    """

    turnout_s: Floats
    travel_factor: Floats
    held_up_s: Floats
    gap_s: Floats
    on_scene_s: Floats
    first_wave: Ints
    later_s: Ints


def draw_run_effects(calls: Calls, part: slice, rng: np.random.Generator) -> RunDraws:
    """Chance for the calls of a stretch."""
    at_s = calls.london_s[part]
    n = len(at_s)
    shape = (n, SLOTS)
    usual_s = turnout_s(at_s % DAY_S // 3600, year_of(at_s // DAY_S))
    shared, own = rng.standard_normal((n, 1)), rng.standard_normal(shape)
    middle = -(CALL_SPREAD**2 + DISPATCH_SPREAD**2) / 2
    scene_s = np.array(
        [
            ON_SCENE_S.get(service or stop, OTHER_ON_SCENE_S)
            for stop, service in zip(
                table("kinds")["stop_code"], table("kinds")["special_service"], strict=True
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
    """(n, SLOTS) seconds on scene: alike for the engines of a call, shorter for later ones."""
    call = ON_SCENE_SPREAD * rng.standard_normal((len(mean_s), 1))
    dispatch_noise = 0.25 * rng.standard_normal((len(mean_s), SLOTS))
    return 60 + np.asarray(
        mean_s[:, None] * np.exp(call + dispatch_noise - ON_SCENE_SPREAD**2 / 2)
    ) * np.linspace(1.0, 0.7, SLOTS)
