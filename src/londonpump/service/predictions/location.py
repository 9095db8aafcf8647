"""The location of a question: how it is sent, and the points that it means."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from londonpump.domain.canonical_spelling import normalise_district
from londonpump.domain.columns import EASTING, LATITUDE, LONGITUDE, NORTHING
from londonpump.domain.national_grid import MAX_DISTANCE_TO_STATION_M, TOO_FAR_PROBLEM, to_grid
from londonpump.domain.stations import Station
from londonpump.features.observations import EPOCH
from londonpump.models.bundle import Bundle
from londonpump.places.index import DISTRICT as DISTRICT_KIND
from londonpump.places.resolve import Resolved
from londonpump.places.text import MAX_LENGTH
from londonpump.service.board.schemas import StationCode
from londonpump.service.errors import Unprocessable
from londonpump.service.field_formats import DISTRICT, TEXT, Strict, in_range
from londonpump.service.state import Services

Floats = NDArray[np.float64]
FORMS = (
    ("easting_m", "northing_m"),
    ("latitude", "longitude"),
    ("postcode_district",),
    ("station_ground",),
    ("text",),
)
District = Annotated[
    str,
    Field(pattern=DISTRICT, examples=["SE1"]),
    BeforeValidator(lambda value: normalise_district(value) if isinstance(value, str) else value),
]
"""A postcode district; a full postcode is reduced to it, as the service has no coordinates of full postcodes."""
PlaceText = Annotated[
    str, Field(min_length=1, max_length=MAX_LENGTH, pattern=TEXT, examples=["trafalgar sq", "SW1A 2AA"])
]


class LocationQuery(Strict):
    """The location of an incident.

    Exactly one form is allowed: `easting_m` with `northing_m`, `latitude` with `longitude`, `postcode_district`,
    `station_ground`, or `text`. A text in place of the object is such a `text`.
    """

    easting_m: Annotated[float, in_range(EASTING)] | None = None
    """Easting of the British grid, with `northing_m`."""
    northing_m: Annotated[float, in_range(NORTHING)] | None = None
    """Northing of the British grid, with `easting_m`."""
    latitude: Annotated[float, in_range(LATITUDE)] | None = None
    """Latitude (WGS84), with `longitude`."""
    longitude: Annotated[float, in_range(LONGITUDE)] | None = None
    """Longitude (WGS84), with `latitude`."""
    postcode_district: District | None = None
    """Postcode district (a full postcode is reduced to it), instead of coordinates."""
    station_ground: StationCode | None = None
    """Code of the station on whose ground the incident is, instead of coordinates."""
    text: PlaceText | None = None
    """Id of a match of `/v1/places`, postcode, grid reference, or name with borough or district, as text. A text that may mean several
    places is rejected with the list of them."""

    @model_validator(mode="after")
    def _require_one_location(self) -> Self:
        sent = {name for name in type(self).model_fields if getattr(self, name) is not None}
        if not any(sent == set(form) for form in FORMS):
            raise ValueError(
                "give one of: easting_m and northing_m; latitude and longitude; postcode_district; station_ground; text"
            )
        return self

    @property
    def is_exact(self) -> bool:
        """Return whether the location is one point and not a named area. A place may be one."""
        return self.easting_m is not None or self.latitude is not None


def _from_text(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


Location = Annotated[
    LocationQuery, BeforeValidator(_from_text, json_schema_input_type=LocationQuery | PlaceText)
]
"""Location of a question: an object, or the text of a place."""


@dataclass(frozen=True, slots=True)
class CallLocation:
    """The location of an incident as k equally likely points; k is 1 for an exact location."""

    points: Floats
    """(k, 2) easting and northing."""
    ground_codes: tuple[str, ...]
    """(k,) station ground of each point."""
    area: str | None = None
    """Postcode district, station ground or place, if the question names only an area."""
    stated_ground: str | None = None
    """Station ground, if the question names only that."""
    place: Resolved | None = None
    """The place, if the question names one."""

    @property
    def ground_code(self) -> str | None:
        """Station ground of all points; None if they lie on more than one."""
        return self.ground_codes[0] if len(set(self.ground_codes)) == 1 else None

    @property
    def is_area(self) -> bool:
        """Return whether the location is an area, which is answered for several points together."""
        return self.area is not None

    @property
    def centre(self) -> tuple[float, float]:
        """Mean easting and northing of the points."""
        easting_m, northing_m = self.points.mean(axis=0)
        return float(easting_m), float(northing_m)


async def read_location(
    state: Services, query: LocationQuery, bundle: Bundle, day: date, stations: Mapping[str, Station]
) -> CallLocation:
    """Return the location of a question. `day` is the London date of the call. Raises: Unprocessable.

    A text that is not certainly one place is rejected with the candidates: a pump must not be sent to a guess.
    """
    if query.text is None:
        return resolve_location(query, bundle, day, stations)
    place, problem = await asyncio.to_thread(state.places.resolve, query.text)
    if place is None:
        raise Unprocessable(("location.text", problem))
    match = place.match
    is_known_district = match.kind == DISTRICT_KIND and bundle.area_points.district(match.name) is not None
    if is_known_district:
        # past calls show better than a disc where in a district incidents happen
        return replace(_district(match.name, bundle, day), place=place)
    # one point is answered as coordinates are, together with other questions
    area = match.label if len(place.points) > 1 else None
    points = _near_london(place.points, bundle)
    return CallLocation(points, _grounds_of(points, bundle, day), area, place=place)


def resolve_location(
    query: LocationQuery, bundle: Bundle, day: date, stations: Mapping[str, Station]
) -> CallLocation:
    """Resolve the location of a question. `day` is the London date of the call. Raises: Unprocessable."""
    if query.postcode_district is not None:
        return _district(query.postcode_district, bundle, day)
    if query.station_ground is not None:
        return _ground(query.station_ground, bundle, stations)
    points = _near_london(np.array([_point(query)]), bundle)
    return CallLocation(points, _grounds_of(points, bundle, day))


def _near_london(points: Floats, bundle: Bundle) -> Floats:
    """Return the points. Raises: Unprocessable if they lie too far from every station."""
    nearest_m = float(np.hypot(*(bundle.ground.station_m[:, :2] - points.mean(axis=0)).T).min())
    # "not <=" also rejects NaN
    if not nearest_m <= MAX_DISTANCE_TO_STATION_M:
        raise Unprocessable(("location", TOO_FAR_PROBLEM.format(nearest_m / 1000)))
    return points


def _point(query: LocationQuery) -> tuple[float, float]:
    if query.easting_m is not None and query.northing_m is not None:
        return query.easting_m, query.northing_m
    easting_m, northing_m = to_grid(query.latitude or 0.0, query.longitude or 0.0)
    return float(easting_m), float(northing_m)


def _district(code: str, bundle: Bundle, day: date) -> CallLocation:
    points = bundle.area_points.district(code)
    if points is None:
        raise Unprocessable(
            (
                "location.postcode_district",
                f"the active model has no past calls from {code}. Give easting_m and northing_m, or the station_ground",
            )
        )
    return CallLocation(points, _grounds_of(points, bundle, day), area=code)


def _ground(code: str, bundle: Bundle, stations: Mapping[str, Station]) -> CallLocation:
    if code not in stations:
        raise Unprocessable(("location.station_ground", f"{code} is no station. Use a code such as G30"))
    points = bundle.area_points.ground(code)
    if points is None:
        raise Unprocessable(
            (
                "location.station_ground",
                f"the active model has no past calls on the ground of {stations[code].name}. Give easting_m and northing_m",
            )
        )
    return CallLocation(points, (code,) * len(points), area=code, stated_ground=code)


def _grounds_of(points: Floats, bundle: Bundle, day: date) -> tuple[str, ...]:
    days = np.full(len(points), (day - EPOCH.date()).days, np.int64)
    grounds = bundle.ground(points[:, 0], points[:, 1], days)
    return tuple(bundle.ground.codes[ground] for ground in grounds)
