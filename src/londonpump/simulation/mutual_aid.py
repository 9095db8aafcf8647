"""Engines of the neighbours that run into London: some from stations with a known place, some not."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.stations import known_stations
from londonpump.simulation.records import Records, with_deployed_stations

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A station over the border, or a county where no station is named.

    resource: the code its engine goes by. easting_m, northing_m: where it starts; is_listed: whether
    the Brigade's list of stations has it.
    """

    code: str
    name: str
    resource: str
    easting_m: float
    northing_m: float
    is_listed: bool


UNLISTED = (
    Neighbour("R31", "Cheshunt", "R311", 535_600, 202_700, is_listed=False),
    Neighbour("ESX", "Essex", "C241", 556_200, 196_300, is_listed=False),
    Neighbour("BUC", "Buckinghamshire", "C511", 503_300, 190_600, is_listed=False),
)
"""In records, not in the list: they have no coordinates."""
REACH_KM = 6.0
SHARE_SENT = 0.25
"""Share of runs near the border, for which a neighbour is nearer, that the neighbour makes."""


@cache
def neighbours() -> tuple[Neighbour, ...]:
    """Every station over the border that may come."""
    listed = tuple(
        Neighbour(s.code, s.name, f"{s.code}1", s.easting_m, s.northing_m, is_listed=True)
        for s in known_stations()
        if s.status == "border" and s.code != "KNT"
    )
    return listed + UNLISTED


@cache
def station_names() -> list[str]:
    """Names of `known_stations()`, then of UNLISTED."""
    return [s.name for s in known_stations()] + [n.name for n in UNLISTED]


@cache
def station_codes() -> list[str]:
    """Codes of `known_stations()`, then of UNLISTED."""
    return [s.code for s in known_stations()] + [n.code for n in UNLISTED]


def add_mutual_aid(records: Records, rng: np.random.Generator) -> tuple[Records, Ints]:
    """Let neighbours make some of the runs near them.

    Returns: the records with other deployed stations, and (m,) rows of `neighbours()`, -1 for London's own.
    """
    dispatches, location = records.dispatches, records.calls.location[records.dispatches.call]
    east, north = records.city.location_east_m[location], records.city.location_north_m[location]
    own_km, station = records.distance_km, dispatches.station.copy()
    visitor = np.full(len(dispatches), -1, dtype=np.int64)
    for row, neighbour in enumerate(neighbours()):
        apart_km = np.hypot(east - neighbour.easting_m, north - neighbour.northing_m) / 1000
        near = (apart_km < REACH_KM) & (np.abs(apart_km - own_km) < 1.0 + 0.3 * own_km) & (visitor < 0)
        sent = near & (rng.random(len(dispatches)) < SHARE_SENT)
        visitor[sent] = row
        station[sent] = station_codes().index(neighbour.code)
    return with_deployed_stations(records, station), visitor
