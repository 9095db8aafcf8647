"""Where a call is: one point, or for a place that is only named the past places that stand for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.national_grid import MAX_DISTANCE_TO_STATION_M, TOO_FAR_PROBLEM, to_grid
from londonpump.domain.stations import Station
from londonpump.features.observations import EPOCH
from londonpump.models.bundle import Bundle
from londonpump.service.errors import Unprocessable
from londonpump.service.predictions.schemas import AskedPlace

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CallLocation:
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
    def centre(self) -> tuple[float, float]:
        """Easting and northing."""
        easting_m, northing_m = self.points.mean(axis=0)
        return float(easting_m), float(northing_m)


def resolve_location(
    query: AskedPlace, bundle: Bundle, day: date, stations: Mapping[str, Station]
) -> CallLocation:
    """A place as asked. day: London's, of the call. Raises: Unprocessable."""
    if query.postcode_district is not None:
        return _district(query.postcode_district, bundle, day)
    if query.station_ground is not None:
        return _ground(query.station_ground, bundle, stations)
    easting_m, northing_m = _point(query)
    lookup = bundle.ground
    nearest_m = float(np.hypot(lookup.station_m[:, 0] - easting_m, lookup.station_m[:, 1] - northing_m).min())
    if not nearest_m <= MAX_DISTANCE_TO_STATION_M:
        raise Unprocessable(("place", TOO_FAR_PROBLEM.format(nearest_m / 1000)))
    points = np.array([[easting_m, northing_m]])
    return CallLocation(points, _grounds_of(points, bundle, day))


def _point(query: AskedPlace) -> tuple[float, float]:
    if query.easting_m is not None and query.northing_m is not None:
        return query.easting_m, query.northing_m
    easting_m, northing_m = to_grid(query.latitude or 0.0, query.longitude or 0.0)
    return float(easting_m), float(northing_m)


def _district(code: str, bundle: Bundle, day: date) -> CallLocation:
    points = bundle.area_points.district(code)
    if points is None:
        raise Unprocessable(
            (
                "place.postcode_district",
                f"the model on duty has no past calls from {code}. Give easting_m and northing_m, or the station_ground",
            )
        )
    return CallLocation(points, _grounds_of(points, bundle, day), named=code)


def _ground(code: str, bundle: Bundle, stations: Mapping[str, Station]) -> CallLocation:
    if code not in stations:
        raise Unprocessable(("place.station_ground", f"{code} is no station. Use a code such as G30"))
    points = bundle.area_points.ground(code)
    if points is None:
        raise Unprocessable(
            (
                "place.station_ground",
                f"the model on duty has no past calls on the ground of {stations[code].name}. Give easting_m and northing_m",
            )
        )
    return CallLocation(points, (code,) * len(points), named=code, stated_ground=code)


def _grounds_of(points: Floats, bundle: Bundle, day: date) -> tuple[str, ...]:
    days = np.full(len(points), (day - EPOCH.date()).days, np.int64)
    grounds = bundle.ground(points[:, 0], points[:, 1], days)
    return tuple(bundle.ground.codes[ground] for ground in grounds)
