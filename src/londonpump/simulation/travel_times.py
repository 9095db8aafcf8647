"""How long crews take to turn out and engines to travel, before chance has its say.

Source: LFB records 2020 to 2023, where travel = 68.8 + 53.9 d + 83.0 sqrt(d) seconds for d km straight (R2
.50, residual log sd .34) once very short trips are left out; with them the line starts lower and climbs
faster. Turnout doubles at night; congestion moves engines by a few per cent.
"""

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.stations import known_stations
from londonpump.simulation.measured_tables import table

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
