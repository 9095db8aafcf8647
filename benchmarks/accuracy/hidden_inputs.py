"""Dispatches with some inputs hidden, to measure what each input adds to the product's own model."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.features.dispatches import Columns, Dispatches, Floats, Texts
from londonpump.features.ground_lookup import GroundLookup
from londonpump.features.roads import WayLookUp

HOUR, LOCATION, OWN, PROPERTY, RIVER = "hour", "location", "own ground", "property", "river"
EVERYTHING = frozenset({HOUR, LOCATION, OWN, PROPERTY, RIVER})


class Blinded(Dispatches):
    """Dispatches whose hidden inputs are the same for all, so that the curve, the location effects and the shapes are fitted
    without them. The distance from the station is never hidden."""

    def __init__(
        self,
        columns: Columns,
        ground: GroundLookup,
        hidden: frozenset[str],
        roads: WayLookUp | None = None,
    ) -> None:
        super().__init__(columns, ground, roads)
        self.hidden = hidden

    def number(self, name: str) -> Floats:
        """Return the same number for all while locations are hidden."""
        values = super().number(name)
        is_location = LOCATION in self.hidden and name in ("easting_m", "northing_m")
        return np.zeros_like(values) if is_location else values

    def text(self, name: str) -> Texts:
        """Return no station while locations are hidden."""
        is_location = LOCATION in self.hidden and name == "station_code"
        return np.full(self.n, None, object) if is_location else super().text(name)

    @cached_property
    def east_m(self) -> Floats:
        """Return the offset of the true location, because the distance is not hidden."""
        return super().number("easting_m") - super().number("station_easting_m")

    @cached_property
    def north_m(self) -> Floats:
        """Return the offset of the true location, because the distance is not hidden."""
        return super().number("northing_m") - super().number("station_northing_m")

    @cached_property
    def hour(self) -> Floats:
        """Return midnight for all while the hour is hidden."""
        hours: Floats = super().hour
        return np.zeros_like(hours) if HOUR in self.hidden else hours

    @cached_property
    def by_bridge_m(self) -> Floats:
        """Return the straight distance while the river is hidden."""
        by_bridge: Floats = super().by_bridge_m
        return self.distance_m if RIVER in self.hidden else by_bridge

    @cached_property
    def is_own_ground(self) -> NDArray[np.bool_]:
        """Return True for all while own ground is hidden."""
        if OWN in self.hidden:
            return np.ones(self.n, np.bool_)
        own: NDArray[Any] = super().is_own_ground
        return own

    @cached_property
    def is_at_station(self) -> NDArray[np.bool_]:
        """Return False for all while the property is hidden."""
        if PROPERTY in self.hidden:
            return np.zeros(self.n, np.bool_)
        at: NDArray[Any] = super().is_at_station
        return at
