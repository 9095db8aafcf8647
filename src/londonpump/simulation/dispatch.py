"""The control room: calls in the order of time, each given the nearest pumps that are free.

A discrete-event simulation. A pump is out from its mobilisation until it leaves the scene; then, if its
crew is ready, it takes calls by radio on the way home, else when it is back.
"""

import heapq
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.simulation.calls import Calls
from londonpump.simulation.chance import SLOTS, draw_chances
from londonpump.simulation.city import City
from londonpump.simulation.fleet import BLOCK_S, Fleet
from londonpump.simulation.journeys import (
    FAR_KM,
    SAVED_S_A_FAR_KM,
    TRAVEL_S_A_KM,
    TRAVEL_S_A_ROOT_KM,
    TRAVEL_START_S,
)
from londonpump.simulation.routes import choices_of, plan_routes, station_places
from londonpump.simulation.weather import Weather

Ints = NDArray[np.int64]

STRETCH = 20_000
"""Calls made ready at once: bounds memory, changes nothing."""
RETRY_S = 60
SLOW_TO_BE_READY = 4
"""One crew in four is not ready again before it is home: wet hose, empty tank."""
RADIO_TURNOUT = 0.35
ROLLING_S = 45
"""An engine on the road needs no start: off the usual travel time."""
HANDING_OVER_S = 300
NOBODY: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Runs:
    """One row a pump sent, ordered by mobilisation. Shapes (m,); all integers.

    call, pump: rows of the calls and of the fleet. station: where the pump stood, a row of
    `known_stations()`. mobilised_at, left_at, returned_at: seconds since 1970, UTC.
    """

    call: Ints
    pump: Ints
    station: Ints
    mobilised_at: Ints
    turnout_s: Ints
    travel_s: Ints
    left_at: Ints
    returned_at: Ints

    @property
    def attendance_s(self) -> Ints:
        """Mobilised to arrived."""
        return self.turnout_s + self.travel_s

    @property
    def arrived_at(self) -> Ints:
        """Seconds since 1970, UTC."""
        return self.mobilised_at + self.attendance_s

    def __len__(self) -> int:
        """How many runs."""
        return len(self.call)


def dispatch(calls: Calls, city: City, fleet: Fleet, weather: Weather, rng: np.random.Generator) -> Runs:
    """Every run of every call."""
    desk = _Desk(fleet)
    routes = plan_routes(city, fleet)
    for first in range(0, len(calls), STRETCH):
        part = slice(first, min(first + STRETCH, len(calls)))
        choices = choices_of(calls, part, city, routes, weather, rng)
        chances = draw_chances(calls, part, rng)
        desk.take_over(
            _Stretch(
                place=list(
                    zip(
                        city.place_east_m[calls.place[part]].tolist(),
                        city.place_north_m[calls.place[part]].tolist(),
                        strict=True,
                    )
                ),
                stations=choices.stations.tolist(),
                travel_s=choices.travel_s.tolist(),
                turnout_s=chances.turnout_s.tolist(),
                factor=chances.travel_factor.tolist(),
                held_up_s=chances.held_up_s.tolist(),
                gap_s=chances.gap_s.tolist(),
                on_scene_s=chances.on_scene_s.tolist(),
                later_s=chances.later_s.tolist(),
                is_walk_in=calls.is_walk_in[part].tolist(),
            ),
            first,
        )
        desk.work(calls.mobilised_at[part].tolist(), calls.wanted[part].tolist(), chances.first_wave.tolist())
    return desk.close()


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Some calls as Python lists, which a loop reads ten times faster than arrays."""

    place: list[tuple[int, int]]
    stations: list[list[int]]
    travel_s: list[list[float]]
    turnout_s: list[list[float]]
    factor: list[list[float]]
    held_up_s: list[list[float]]
    gap_s: list[list[float]]
    on_scene_s: list[list[float]]
    later_s: list[int]
    is_walk_in: list[bool]


class _Desk:
    """Control's state: where every pump is, and who still waits."""

    def __init__(self, fleet: Fleet) -> None:
        many = len(fleet.pumps)
        self.fleet = fleet
        self.block = -1
        self.crews: list[list[int]] = []
        self.free_at = [0] * many
        self.home_at = [0] * many
        self.left: list[tuple[int, tuple[int, int]]] = [(0, (0, 0))] * many
        self.waiting: list[tuple[int, int, int, int, frozenset[int]]] = []
        self.runs: list[tuple[int, ...]] = []
        self.stretches: dict[int, _Stretch] = {}
        east, north = station_places()
        self.station_place = list(zip(east.tolist(), north.tolist(), strict=True))

    def take_over(self, stretch: _Stretch, first: int) -> None:
        """The calls from row `first` on; those of the stretch before may still want pumps, older ones not."""
        self.stretches = {k: v for k, v in self.stretches.items() if k >= first - STRETCH}
        self.stretches[first] = stretch

    def work(self, at: list[int], wanted: list[int], first_wave: list[int]) -> None:
        """Answer the calls of the newest stretch, and in between those who wait."""
        first = max(self.stretches)
        stretch = self.stretches[first]
        for i, (now, pumps, at_once) in enumerate(zip(at, wanted, first_wave, strict=True)):
            while self.waiting and self.waiting[0][0] <= now:
                self._send(*heapq.heappop(self.waiting))
            there = self._send(now, first + i, at_once, 0, NOBODY)
            if at_once < pumps:
                later = (now + stretch.later_s[i], first + i, pumps - at_once, at_once, frozenset(there))
                heapq.heappush(self.waiting, later)

    def close(self) -> Runs:
        """Answer those who still wait and hand over the log."""
        while self.waiting:
            self._send(*heapq.heappop(self.waiting))
        log = np.array(self.runs, dtype=np.int64).reshape(-1, 8)
        log = log[np.lexsort((log[:, 1], log[:, 0], log[:, 3]))]
        return Runs(*(np.ascontiguousarray(log[:, k]) for k in range(8)))

    def _send(self, now: int, call: int, wanted: int, slot: int, there: frozenset[int]) -> list[int]:
        """Send the first free pumps in control's order; with none at all, try again in a minute.

        there: pumps sent before, which are not sent twice. Returns: the pumps sent now.
        """
        if now // BLOCK_S != self.block:
            self.block = now // BLOCK_S
            self.crews = self.fleet.crew_at(self.block)
        first = call - call % STRETCH
        stretch = self.stretches.get(first)
        if stretch is None:  # waited through a whole stretch of calls: given up
            return []
        crews, free_at, i = self.crews, self.free_at, call - first
        before, before_s = -1, 0
        sent: list[int] = []
        for column, station in enumerate(stretch.stations[i]):
            for pump in crews[station]:
                if free_at[pump] <= now and pump not in there:
                    convoy_s = before_s if station == before else 0
                    before_s = self._run(now, call, pump, stretch, (i, column, slot + len(sent), convoy_s))
                    before = station
                    sent.append(pump)
                    if len(sent) == wanted:
                        return sent
        if not sent and slot == 0:
            heapq.heappush(self.waiting, (now + RETRY_S, call, wanted, slot, there))
        return sent

    def _run(self, now: int, call: int, pump: int, stretch: _Stretch, at: tuple[int, int, int, int]) -> int:
        """One pump to one call. Returns: its attendance time, s. at: call and station in the stretch,
        number of the run, attendance of the engine it leaves with (0: alone)."""
        i, column, run, convoy_s = at
        slot = min(run, SLOTS - 1)
        station = stretch.stations[i][column]
        usual_s, turnout = stretch.travel_s[i][column], stretch.turnout_s[i][slot]
        if self.home_at[pump] > now:
            usual_s, turnout = (
                self._from_the_road(now, pump, station, stretch.place[i], usual_s),
                turnout * RADIO_TURNOUT,
            )
        if stretch.is_walk_in[i] and run == 0:
            turnout, travel = turnout * 0.06, stretch.gap_s[i][0] * 0.7
        elif convoy_s:
            travel = max(convoy_s + stretch.gap_s[i][slot] - turnout, 15.0)
        else:
            travel = usual_s * stretch.factor[i][slot] + stretch.held_up_s[i][slot]
        turnout_s, travel_s = int(turnout) + 1, int(travel)
        left_at = now + turnout_s + travel_s + int(stretch.on_scene_s[i][slot])
        home_at = left_at + int(usual_s) + 60
        is_ready = (call + pump) % SLOW_TO_BE_READY > 0
        self.free_at[pump] = left_at + 1 if is_ready else home_at + HANDING_OVER_S
        self.home_at[pump] = home_at
        self.left[pump] = (left_at, stretch.place[i])
        self.runs.append((call, pump, station, now, turnout_s, travel_s, left_at, home_at))
        return turnout_s + travel_s

    def _from_the_road(self, now: int, pump: int, station: int, to: tuple[int, int], usual_s: float) -> float:
        """Usual travel of an engine on its way home: from where it is, scaled from the run out of its station."""
        left_at, (east, north) = self.left[pump]
        home_east, home_north = self.station_place[station]
        done = (now - left_at) / max(self.home_at[pump] - left_at, 1)
        east, north = int(east + done * (home_east - east)), int(north + done * (home_north - north))
        here_km = math.hypot(east - to[0], north - to[1]) / 1000
        from_home_km = math.hypot(home_east - to[0], home_north - to[1]) / 1000
        return max(usual_s * _plain_travel_s(here_km) / _plain_travel_s(from_home_km) - ROLLING_S, 15.0)


def _plain_travel_s(km: float) -> float:
    """As `journeys.travel_s`, for one distance: an array of one costs ten times as much."""
    near_s = TRAVEL_START_S + TRAVEL_S_A_KM * km + TRAVEL_S_A_ROOT_KM * math.sqrt(km)
    return near_s - SAVED_S_A_FAR_KM * max(km - FAR_KM, 0.0)
