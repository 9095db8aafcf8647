"""Ways by road from the station of a pump to the incident, looked up in a table that an import made."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

ROAD_FIELDS: Mapping[str, str] = {
    "road_s": "s",
    "road_m": "m",
    "road_m_trunk": "m",
    "road_m_primary": "m",
    "road_m_secondary": "m",
    "road_m_tertiary": "m",
    "road_m_minor": "m",
    "road_junctions": "junctions",
    "road_turns": "turns",
    "road_signals": "signals",
    "road_crossings": "crossings",
    "road_m_20mph": "m",
    "road_calming": "obstacles",
}
"""Values of a way and their units. Maps without signals, crossings, limits and traffic calming leave those unknown."""


class WayLookUp(Protocol):
    """Whatever knows ways from stations to places."""

    def look_up(
        self, stations: ArrayLike, easting_m: ArrayLike, northing_m: ArrayLike
    ) -> Mapping[str, NDArray[np.float32]]:
        """Return (n,) values by field, NaN where unknown."""

    def has_moved(
        self, stations: ArrayLike, easting_m: ArrayLike, northing_m: ArrayLike
    ) -> NDArray[np.bool_]:
        """Return (n,) whether a station lies elsewhere than where its ways begin."""


class RoadLookUp(WayLookUp, Protocol):
    """A table of ways, with its origin."""

    @property
    def name(self) -> str:
        """Return the hash of its content."""

    @property
    def source(self) -> str:
        """Return the publisher of its map."""

    @property
    def date(self) -> str | None:
        """Return the date of its map; None if unknown."""

    @property
    def licence(self) -> str:
        """Return the licence of its map."""

    @property
    def attribution(self) -> str:
        """Return the text that must be shown with whatever is made from it."""


def ways(table: WayLookUp | None, columns: Mapping[str, NDArray[Any]]) -> Floats:
    """Return (n, ROAD_FIELDS) the way of each dispatch, NaN where unknown."""
    way = np.full((len(columns["mobilised_us"]), len(ROAD_FIELDS)), np.nan)
    if table is None:
        return way
    stations = columns["station_code"]
    found = table.look_up(stations, columns["easting_m"], columns["northing_m"])
    # a way from where a station was would be taken for that from where it is
    moved = table.has_moved(stations, columns["station_easting_m"], columns["station_northing_m"])
    for i, name in enumerate(ROAD_FIELDS):
        if name in found:
            way[:, i] = np.where(moved, np.nan, found[name])
    return way
