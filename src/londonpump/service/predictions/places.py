"""Where a call is: one point, or for a place that is only named the past places that stand for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from londonpump.brigade.grid import FARTHEST_M, TOO_FAR, to_grid
from londonpump.brigade.stations import Station
from londonpump.features.weather import EPOCH
from londonpump.models.bundle import Bundle
from londonpump.service.errors import Unprocessable
from londonpump.service.predictions.shapes import AskedPlace

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Place:
    """points: (k, 2) easting and northing, each as likely as the others; k is 1 for an exact place.

    ground_codes: (k,) ground of each point. stated_ground: the ground, where the question names that alone.
    """

    points: Floats
    ground_codes: tuple[str, ...]
    named: str | None = None
    stated_ground: str | None = None

    @property
    def ground_code(self) -> str | None:
        """The ground of all its points; None where they lie on more than one."""
        return self.ground_codes[0] if len(set(self.ground_codes)) == 1 else None

    @property
    def is_named(self) -> bool:
        """Whether it is answered for several points together."""
        return self.named is not None

    @property
    def middle(self) -> tuple[float, float]:
        """Easting and northing."""
        easting_m, northing_m = self.points.mean(axis=0)
        return float(easting_m), float(northing_m)


def understood(asked: AskedPlace, bundle: Bundle, day: date, stations: Mapping[str, Station]) -> Place:
    """A place as asked. day: London's, of the call. Raises: Unprocessable."""
    if asked.postcode_district is not None:
        return _district(asked.postcode_district, bundle, day)
    if asked.station_ground is not None:
        return _ground(asked.station_ground, bundle, stations)
    easting_m, northing_m = _point(asked)
    lookup = bundle.ground
    nearest_m = float(np.hypot(lookup.station_m[:, 0] - easting_m, lookup.station_m[:, 1] - northing_m).min())
    if not nearest_m <= FARTHEST_M:
        raise Unprocessable(("place", TOO_FAR.format(nearest_m / 1000)))
    points = np.array([[easting_m, northing_m]])
    return Place(points, _grounds_of(points, bundle, day))


def _point(asked: AskedPlace) -> tuple[float, float]:
    if asked.easting_m is not None and asked.northing_m is not None:
        return asked.easting_m, asked.northing_m
    easting_m, northing_m = to_grid(asked.latitude or 0.0, asked.longitude or 0.0)
    return float(easting_m), float(northing_m)


def _district(code: str, bundle: Bundle, day: date) -> Place:
    points = bundle.places_named.district(code)
    if points is None:
        raise Unprocessable(
            (
                "place.postcode_district",
                f"the model on duty has no past calls from {code}. Give easting_m and northing_m, or the station_ground",
            )
        )
    return Place(points, _grounds_of(points, bundle, day), named=code)


def _ground(code: str, bundle: Bundle, stations: Mapping[str, Station]) -> Place:
    if code not in stations:
        raise Unprocessable(("place.station_ground", f"{code} is no station. Use a code such as G30"))
    points = bundle.places_named.ground(code)
    if points is None:
        raise Unprocessable(
            (
                "place.station_ground",
                f"the model on duty has no past calls on the ground of {stations[code].name}. Give easting_m and northing_m",
            )
        )
    return Place(points, (code,) * len(points), named=code, stated_ground=code)


def _grounds_of(points: Floats, bundle: Bundle, day: date) -> tuple[str, ...]:
    days = np.full(len(points), (day - EPOCH.date()).days, np.int64)
    grounds = bundle.ground(points[:, 0], points[:, 1], days)
    return tuple(bundle.ground.codes[ground] for ground in grounds)
