"""The station ground a record names: the station of the area, or who stands in for a closed one."""

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.stations import known_stations
from londonpump.simulation.calls import Calls
from londonpump.simulation.city import City
from londonpump.simulation.plan import SimulationPlan

Ints = NDArray[np.int64]


def station_grounds(calls: Calls, city: City, plan: SimulationPlan) -> Ints:
    """(n,) rows of `known_stations()`. The ground of a station closed by the plan goes to its neighbour.

    Like the published files, which name the grounds of today for calls before the closures of 2014.
    """
    stations = known_stations()
    closed = plan.closed_codes()
    heir = np.arange(len(stations))
    open_rows = np.array(
        [i for i, s in enumerate(stations) if s.status == "open" and s.code not in closed], dtype=np.int64
    )
    for row, station in enumerate(stations):
        if station.code in closed and len(open_rows):
            apart = [
                np.hypot(
                    stations[i].easting_m - station.easting_m, stations[i].northing_m - station.northing_m
                )
                for i in open_rows
            ]
            heir[row] = open_rows[int(np.argmin(apart))]
    return np.asarray(heir[city.cell_ground[city.location_cell[calls.location]]])
