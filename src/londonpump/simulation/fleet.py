"""The pumps: which stand where on a day, which are away, and which stand by at a neighbour."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from londonpump.brigade.stations import FLEET_DATES, known_stations
from londonpump.simulation.plan import SimulationPlan

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK_S = 7200
"""Drills, visits and stand-bys are planned in blocks of two hours."""
AWAY_BY_LONDON_HOUR = np.array(
    [5, 5, 4, 4, 4, 4, 5, 7, 9, 15, 20, 21, 20, 19, 20, 20, 18, 13, 9, 8, 8, 7, 6, 5], dtype=np.float64
) / 100
"""Share of pumps at drills, visits or repairs, chosen so that own stations send as often as measured."""
STANDS_BY = 0.07
"""Share of blocks in which a pump of a two-pump station stands at a neighbour with one."""


@dataclass(frozen=True, slots=True)
class Pump:
    """One fire engine. station: its row in `known_stations()`."""

    code: str
    station: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """The pumps of a stretch of days and where they are in each block.

    crew_at(block) gives, for each station, the pumps standing there ready.
    """

    pumps: tuple[Pump, ...]
    first_block: int
    is_away: NDArray[np.bool_]
    stands_at: Ints

    def crew_at(self, block: int) -> list[list[int]]:
        """Pumps at each station in a block, their own first."""
        row = min(max(block - self.first_block, 0), len(self.is_away) - 1)
        crews: list[list[int]] = [[] for _ in known_stations()]
        away, where = self.is_away[row].tolist(), self.stands_at[row].tolist()
        for pump in sorted(range(len(self.pumps)), key=lambda p: where[p] != self.pumps[p].station):
            if not away[pump]:
                crews[where[pump]].append(pump)
        return crews


def fleet_periods(plan: SimulationPlan) -> list[tuple[date, date]]:
    """The stretches of days in a plan with one fleet each: [from, to)."""
    turns = [day for day in FLEET_DATES if plan.start < day < plan.end]
    edges = [plan.start, *turns, plan.end]
    return list(zip(edges[:-1], edges[1:], strict=True))


def pumps_on(day: date, closed: frozenset[str]) -> tuple[Pump, ...]:
    """The pumps of London on a day, in the order of their codes."""
    pumps = []
    for row, station in enumerate(known_stations()):
        if station.status in ("open", "closed") and station.code not in closed:
            many = station.pumps_on(day)
            # the second engine of a one-pump station is the one that went, but where it is the ladder
            digits = "12" if many > 1 else ("2" if sum(map(ord, station.code)) % 4 == 0 else "1")
            pumps += [Pump(f"{station.code}{digit}", row) for digit in digits[:many]]
    return tuple(pumps)


def draw_fleet(
    period: tuple[date, date], plan: SimulationPlan, begins_s: int, rng: np.random.Generator
) -> Fleet:
    """The fleet of a stretch of days with its absences. begins_s: its first instant, seconds since 1970."""
    pumps = pumps_on(period[0], plan.closed_codes())
    blocks = (period[1] - period[0] + timedelta(days=1)).days * 86_400 // BLOCK_S
    first = begins_s // BLOCK_S
    hour = (first + np.arange(blocks)) * BLOCK_S % 86_400 // 3600
    home = np.array([pump.station for pump in pumps])
    share = AWAY_BY_LONDON_HOUR[hour][:, None] * np.exp(0.25 * rng.standard_normal(len(pumps)))
    stands_at = np.where(
        (rng.random((blocks, len(pumps))) < STANDS_BY) & _may_stand_by(home), _neighbours(home, rng, blocks), home
    )
    return Fleet(pumps, first, rng.random((blocks, len(pumps))) < share, stands_at)


def _may_stand_by(home: Ints) -> NDArray[np.bool_]:
    """The last pump of each station with two."""
    is_last = np.append(home[:-1] != home[1:], True)
    return is_last & (np.bincount(home)[home] > 1)


def _neighbours(home: Ints, rng: np.random.Generator, blocks: int) -> Ints:
    """For each block and pump one of the three one-pump stations nearest to its home."""
    stations = known_stations()
    many = np.bincount(home, minlength=len(stations))
    single = np.flatnonzero(many == 1)
    if len(single) == 0:
        return np.broadcast_to(home, (blocks, len(home)))
    x, y = (np.array([getattr(s, axis) for s in stations]) for axis in ("easting_m", "northing_m"))
    apart = np.hypot(x[home][:, None] - x[single], y[home][:, None] - y[single])
    nearest = single[np.argsort(apart, axis=1, kind="stable")[:, :3]]
    return nearest[np.arange(len(home)), rng.integers(0, nearest.shape[1], (blocks, len(home)))]
