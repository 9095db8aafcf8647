"""The control room: a discrete-event simulation that sends the nearest free pumps to each call in order of time.

A pump is busy from its mobilisation until it leaves the scene. Then, if its crew is ready, it takes calls by radio on
the way home; otherwise it takes them when it is back.
"""

import heapq
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.simulation.calls import Calls
from londonpump.simulation.city import City
from londonpump.simulation.context_tables import Weather
from londonpump.simulation.fleet import BLOCK_S, Fleet
from londonpump.simulation.routes import (
    FAR_KM,
    SAVED_S_PER_FAR_KM,
    SLOTS,
    TRAVEL_S_PER_KM,
    TRAVEL_S_PER_ROOT_KM,
    TRAVEL_START_S,
    draw_run_effects,
    plan_routes,
    rank_stations,
    station_points,
)

Ints = NDArray[np.int64]

# Number of calls prepared at once, which limits memory.
CHUNK_CALLS = 20_000
RETRY_S = 60
# One crew in four is not ready before it is home (wet hose, empty tank).
SLOW_TO_BE_READY = 4
RADIO_TURNOUT = 0.35
# Seconds that an engine on the road saves, because it is already moving.
ROLLING_S = 45
HANDING_OVER_S = 300
NO_PUMPS: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Dispatches:
    """One row per pump sent, ordered by mobilisation. Shapes (m,).

    `call`, `pump` and `station` are rows of the calls, the fleet and `known_stations()`; `..._at` are seconds since 1970,
    UTC.
    """

    call: Ints
    pump: Ints
    station: Ints
    """The station where the pump was ready, which is not always its home."""
    mobilised_at: Ints
    turnout_s: Ints
    travel_s: Ints
    left_at: Ints
    returned_at: Ints

    @property
    def attendance_s(self) -> Ints:
        """Time from mobilisation to arrival."""
        return self.turnout_s + self.travel_s

    @property
    def arrived_at(self) -> Ints:
        """Arrival in seconds since 1970, UTC."""
        return self.mobilised_at + self.attendance_s

    def __len__(self) -> int:
        """Return the number of dispatches."""
        return len(self.call)


def dispatch(
    calls: Calls, city: City, fleet: Fleet, weather: Weather, rng: np.random.Generator
) -> Dispatches:
    """Simulate the dispatches of every call."""
    control_room = _ControlRoom(fleet)
    routes = plan_routes(city, fleet)
    for first in range(0, len(calls), CHUNK_CALLS):
        part = slice(first, min(first + CHUNK_CALLS, len(calls)))
        choices = rank_stations(calls, part, city, routes, weather, rng)
        draws = draw_run_effects(calls, part, rng)
        control_room.add_chunk(
            _Chunk(
                location=list(
                    zip(
                        city.location_east_m[calls.location[part]].tolist(),
                        city.location_north_m[calls.location[part]].tolist(),
                        strict=True,
                    )
                ),
                stations=choices.stations.tolist(),
                travel_s=choices.travel_s.tolist(),
                turnout_s=draws.turnout_s.tolist(),
                factor=draws.travel_factor.tolist(),
                held_up_s=draws.held_up_s.tolist(),
                gap_s=draws.gap_s.tolist(),
                on_scene_s=draws.on_scene_s.tolist(),
                later_s=draws.later_s.tolist(),
                is_walk_in=calls.is_walk_in[part].tolist(),
            ),
            first,
        )
        control_room.handle_calls(
            calls.mobilised_at[part].tolist(), calls.pumps_needed[part].tolist(), draws.first_wave.tolist()
        )
    return control_room.close()


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A chunk of calls as Python lists, which a loop reads ten times faster than arrays."""

    location: list[tuple[int, int]]
    stations: list[list[int]]
    travel_s: list[list[float]]
    turnout_s: list[list[float]]
    factor: list[list[float]]
    held_up_s: list[list[float]]
    gap_s: list[list[float]]
    on_scene_s: list[list[float]]
    later_s: list[int]
    is_walk_in: list[bool]


class _ControlRoom:
    """The state of the control room: where every pump is, and which calls still wait for pumps."""

    def __init__(self, fleet: Fleet) -> None:
        n_pumps = len(fleet.pumps)
        self.fleet = fleet
        self.block = -1
        self.crews: list[list[int]] = []
        self.free_at = [0] * n_pumps
        self.home_at = [0] * n_pumps
        self.left: list[tuple[int, tuple[int, int]]] = [(0, (0, 0))] * n_pumps
        self.waiting: list[tuple[int, int, int, int, frozenset[int]]] = []
        self.dispatches: list[tuple[int, ...]] = []
        self.chunks: dict[int, _Chunk] = {}
        east, north = station_points()
        self.station_location = list(zip(east.tolist(), north.tolist(), strict=True))

    def add_chunk(self, chunk: _Chunk, first: int) -> None:
        """Add the calls from row `first` on. Calls of the chunk before may still need pumps; older chunks are dropped."""
        self.chunks = {k: v for k, v in self.chunks.items() if k >= first - CHUNK_CALLS}
        self.chunks[first] = chunk

    def handle_calls(self, at: list[int], pumps_needed: list[int], first_wave: list[int]) -> None:
        """Send pumps to the calls of the newest chunk and, in order of time, to those that wait."""
        first = max(self.chunks)
        chunk = self.chunks[first]
        for i, (now, pumps, first_pumps) in enumerate(zip(at, pumps_needed, first_wave, strict=True)):
            while self.waiting and self.waiting[0][0] <= now:
                self._send_pumps(*heapq.heappop(self.waiting))
            already_sent = self._send_pumps(now, first + i, first_pumps, 0, NO_PUMPS)
            if first_pumps < pumps:
                later = (
                    now + chunk.later_s[i],
                    first + i,
                    pumps - first_pumps,
                    first_pumps,
                    frozenset(already_sent),
                )
                heapq.heappush(self.waiting, later)

    def close(self) -> Dispatches:
        """Send pumps to the calls that still wait, and return all dispatches."""
        while self.waiting:
            self._send_pumps(*heapq.heappop(self.waiting))
        log = np.array(self.dispatches, dtype=np.int64).reshape(-1, 8)
        # waiting calls are served between others, so the log is not in order of mobilisation
        log = log[np.lexsort((log[:, 1], log[:, 0], log[:, 3]))]
        return Dispatches(*(np.ascontiguousarray(log[:, k]) for k in range(8)))

    def _send_pumps(
        self, now: int, call: int, pumps_needed: int, slot: int, already_sent: frozenset[int]
    ) -> list[int]:
        """Send the first free pumps in the order of preference. If no pump at all is free, retry in a minute.

        Args: already_sent: pumps that are not sent twice. Returns: the pumps sent now.
        """
        # crews only change between blocks, so they are computed once per block
        if now // BLOCK_S != self.block:
            self.block = now // BLOCK_S
            self.crews = self.fleet.crew_at(self.block)
        first = call - call % CHUNK_CALLS
        chunk = self.chunks.get(first)
        if chunk is None:
            # the call waited through a whole chunk of calls and is given up
            return []
        crews, free_at, i = self.crews, self.free_at, call - first
        before, before_s = -1, 0
        sent: list[int] = []
        for column, station in enumerate(chunk.stations[i]):
            for pump in crews[station]:
                if free_at[pump] <= now and pump not in already_sent:
                    convoy_s = before_s if station == before else 0
                    before_s = self._dispatch_pump(
                        now, call, pump, chunk, (i, column, slot + len(sent), convoy_s)
                    )
                    before = station
                    sent.append(pump)
                    if len(sent) == pumps_needed:
                        return sent
        # only a call without any pump waits: one that got some keeps what it got
        if not sent and slot == 0:
            heapq.heappush(self.waiting, (now + RETRY_S, call, pumps_needed, slot, already_sent))
        return sent

    def _dispatch_pump(
        self, now: int, call: int, pump: int, chunk: _Chunk, at: tuple[int, int, int, int]
    ) -> int:
        """Send one pump to one call and return its attendance time in seconds.

        Args: at: the call in the chunk, the rank of the station, the number of the dispatch, and the attendance time of the
        engine it leaves with (0 if it leaves alone).
        """
        i, column, dispatch_number, convoy_s = at
        slot = min(dispatch_number, SLOTS - 1)
        station = chunk.stations[i][column]
        usual_s, turnout = chunk.travel_s[i][column], chunk.turnout_s[i][slot]
        if self.home_at[pump] > now:
            # on its way home: the crew is already on the engine
            usual_s, turnout = (
                self._travel_from_road_s(now, pump, station, chunk.location[i], usual_s),
                turnout * RADIO_TURNOUT,
            )
        if chunk.is_walk_in[i] and dispatch_number == 0:
            # the caller is at the engine, so only the seconds of the random gap remain
            turnout, travel = turnout * 0.06, chunk.gap_s[i][0] * 0.7
        elif convoy_s:
            # engines of one station arrive together: the second arrives a gap after the first
            travel = max(convoy_s + chunk.gap_s[i][slot] - turnout, 15.0)
        else:
            travel = usual_s * chunk.factor[i][slot] + chunk.held_up_s[i][slot]
        turnout_s, travel_s = int(turnout) + 1, int(travel)
        left_at = now + turnout_s + travel_s + int(chunk.on_scene_s[i][slot])
        home_at = left_at + int(usual_s) + 60
        # arithmetic, not a random draw, so that later draws do not depend on it
        is_ready = (call + pump) % SLOW_TO_BE_READY > 0
        # a crew that is not ready hands over at home before it is free
        self.free_at[pump] = left_at + 1 if is_ready else home_at + HANDING_OVER_S
        self.home_at[pump] = home_at
        self.left[pump] = (left_at, chunk.location[i])
        self.dispatches.append((call, pump, station, now, turnout_s, travel_s, left_at, home_at))
        return turnout_s + travel_s

    def _travel_from_road_s(
        self, now: int, pump: int, station: int, to: tuple[int, int], usual_s: float
    ) -> float:
        """Return the usual travel time of an engine on its way home, scaled from the time from its station."""
        left_at, (east, north) = self.left[pump]
        home_east, home_north = self.station_location[station]
        done = (now - left_at) / max(self.home_at[pump] - left_at, 1)
        east, north = int(east + done * (home_east - east)), int(north + done * (home_north - north))
        here_km = math.hypot(east - to[0], north - to[1]) / 1000
        from_home_km = math.hypot(home_east - to[0], home_north - to[1]) / 1000
        return max(usual_s * _plain_travel_s(here_km) / _plain_travel_s(from_home_km) - ROLLING_S, 15.0)


def _plain_travel_s(km: float) -> float:
    """Return the same as `routes.travel_s` for one distance, ten times faster than with an array."""
    near_s = TRAVEL_START_S + TRAVEL_S_PER_KM * km + TRAVEL_S_PER_ROOT_KM * math.sqrt(km)
    return near_s - SAVED_S_PER_FAR_KM * max(km - FAR_KM, 0.0)
