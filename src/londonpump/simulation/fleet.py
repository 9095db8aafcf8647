"""The pumps: their stations, their absences, and their stand-bys at other stations."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.stations import FLEET_DATES, known_stations
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.text_formats import DAY_S, HOUR_S, day_number, london_seconds, midnight_utc_s

Ints = NDArray[np.int64]

# Drills, visits and stand-bys are planned in blocks of two hours.
BLOCK_S = 7200
# Share of pumps at drills, visits or repairs, chosen so that own stations send as often as measured.
AWAY_BY_LONDON_HOUR = (
    np.array(
        [4, 4, 4, 4, 3, 3, 5, 6, 9, 14, 18, 20, 20, 18, 17, 17, 15, 12, 9, 8, 8, 7, 6, 5], dtype=np.float64
    )
    / 100
)
# Share of blocks in which a pump of a station with two is on standby at a neighbour with one.
STANDBY_SHARE = 0.11


@dataclass(frozen=True, slots=True)
class Pump:
    """A fire engine, with its home station as a row of `known_stations()`."""

    code: str
    station: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """The pumps of a period, and where they are in each block."""

    pumps: tuple[Pump, ...]
    first_block: int
    is_away: NDArray[np.bool_]
    standing_station: Ints

    def crew_at(self, block: int) -> list[list[int]]:
        """Return the pumps that are ready at each station in a block, those of the station first."""
        row = min(max(block - self.first_block, 0), len(self.is_away) - 1)
        crews: list[list[int]] = [[] for _ in known_stations()]
        away, where = self.is_away[row].tolist(), self.standing_station[row].tolist()
        for pump in sorted(range(len(self.pumps)), key=lambda p: where[p] != self.pumps[p].station):
            if not away[pump]:
                crews[where[pump]].append(pump)
        return crews


def pumps_on(day: date, closed: frozenset[str]) -> tuple[Pump, ...]:
    """Return the pumps of London on a day, in the order of their codes."""
    pumps = []
    for row, station in enumerate(known_stations()):
        if station.status in ("open", "closed") and station.code not in closed:
            n_pumps = station.pumps_on(day)
            # most single engines have a code ending in 1 (the ladder); some stations kept the other one
            digits = "12" if n_pumps > 1 else ("2" if sum(map(ord, station.code)) % 4 == 0 else "1")
            pumps += [Pump(f"{station.code}{digit}", row) for digit in digits[:n_pumps]]
    return tuple(pumps)


def draw_fleet(plan: SimulationPlan, rng: np.random.Generator) -> Fleet:
    """Draw every pump of the plan with its absences. A pump is away on days on which it did not exist."""
    fleet_dates = [plan.start, *(day for day in FLEET_DATES if plan.start < day < plan.end)]
    fleets = [pumps_on(day, plan.closed_codes()) for day in fleet_dates]
    pumps = tuple(sorted({pump for fleet in fleets for pump in fleet}, key=lambda pump: pump.code))
    first = midnight_utc_s(plan.start) // BLOCK_S
    # 13 blocks more, because the last dispatches reach into the next day
    block_at = np.arange(first, midnight_utc_s(plan.end) // BLOCK_S + 13) * BLOCK_S
    local = london_seconds(block_at)
    home = np.array([pump.station for pump in pumps])
    shape = (len(block_at), len(pumps))
    # some crews are away more often than others in the whole period
    busy_crew = np.exp(0.25 * rng.standard_normal(len(pumps)))
    is_away = rng.random(shape) < AWAY_BY_LONDON_HOUR[local % DAY_S // HOUR_S][:, None] * busy_crew
    period = np.searchsorted([day_number(day) for day in fleet_dates], local // DAY_S, side="right") - 1
    exists = np.array([[pump in fleet for pump in pumps] for fleet in fleets])
    is_away |= ~exists[np.maximum(period, 0)]
    # a station never gives away its only pump
    can_stand_by = (rng.random(shape) < STANDBY_SHARE) & (np.bincount(home)[home] > 1)
    at_neighbour = _neighbours(home, rng, len(block_at))
    has_pump = np.array([np.isin(np.arange(len(known_stations())), [p.station for p in f]) for f in fleets])
    can_stand_by &= has_pump[np.maximum(period, 0)[:, None], at_neighbour]
    standing_station = np.where(can_stand_by, at_neighbour, home)
    return Fleet(pumps, first, is_away, standing_station)


def _neighbours(home: Ints, rng: np.random.Generator, blocks: int) -> Ints:
    """Draw, per block and pump, one of the three nearest stations with a single pump."""
    stations = known_stations()
    n_pumps = np.bincount(home, minlength=len(stations))
    single = np.flatnonzero(n_pumps == 1)
    if len(single) == 0:
        return np.broadcast_to(home, (blocks, len(home)))
    x, y = (np.array([getattr(s, axis) for s in stations]) for axis in ("easting_m", "northing_m"))
    apart = np.hypot(x[home][:, None] - x[single], y[home][:, None] - y[single])
    nearest = single[np.argsort(apart, axis=1, kind="stable")[:, :3]]
    return nearest[np.arange(len(home)), rng.integers(0, nearest.shape[1], (blocks, len(home)))]
