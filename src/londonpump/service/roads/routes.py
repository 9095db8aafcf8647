"""`/v1/roads` and `/v1/roads/route`."""

import asyncio
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query
from pydantic import ConfigDict, model_validator

from londonpump.domain.columns import EASTING, LATITUDE, LONGITUDE, NORTHING
from londonpump.domain.national_grid import to_grid
from londonpump.roads.route import find_route
from londonpump.roads.table import RoadTable
from londonpump.service.board.schemas import StationCode
from londonpump.service.errors import NotFound
from londonpump.service.field_formats import ApiModel, Responses, in_range
from londonpump.service.rights import Operator, SignedIn
from londonpump.service.state import State

NO_ROADS: Responses = {404: {"description": "No roads are imported, or no way is known there."}}
GIVE_ONE = "give one of: easting_m and northing_m; latitude and longitude"


class ExtentResponse(ApiModel):
    """Box in WGS84 degrees."""

    west: float
    """Longitude of its west side."""
    south: float
    """Latitude of its south side."""
    east: float
    """Longitude of its east side."""
    north: float
    """Latitude of its north side."""


class RoadsResponse(ApiModel):
    """The road network in use."""

    name: str
    """Hash of the table of ways."""
    source: str
    """Publisher of the map."""
    date: str | None
    """Date of the map; null if the file did not state it."""
    licence: str
    """Licence of the map."""
    attribution: str
    """Text that must be shown with whatever is made from the map."""
    extent: ExtentResponse
    """What the map covers."""
    is_partial: bool
    """Whether the map covers only a part of London."""
    fields: list[str]
    """Names of the values that are known of a way."""
    stations: int
    """Number of stations with ways."""


class RouteQuery(ApiModel):
    """A station and a point."""

    model_config = ConfigDict(extra="forbid")

    station: StationCode
    """Code of the station."""
    easting_m: Annotated[float, in_range(EASTING)] | None = None
    """Easting of the British grid, with `northing_m`."""
    northing_m: Annotated[float, in_range(NORTHING)] | None = None
    """Northing of the British grid, with `easting_m`."""
    latitude: Annotated[float, in_range(LATITUDE)] | None = None
    """Latitude (WGS84), with `longitude`."""
    longitude: Annotated[float, in_range(LONGITUDE)] | None = None
    """Longitude (WGS84), with `latitude`."""

    @model_validator(mode="after")
    def _require_one_point(self) -> Self:
        given = {
            name
            for name in ("easting_m", "northing_m", "latitude", "longitude")
            if getattr(self, name) is not None
        }
        if given not in ({"easting_m", "northing_m"}, {"latitude", "longitude"}):
            raise ValueError(GIVE_ONE)
        return self

    @property
    def grid_m(self) -> tuple[float, float]:
        """Easting and northing of the point."""
        if self.easting_m is not None and self.northing_m is not None:
            return self.easting_m, self.northing_m
        easting_m, northing_m = to_grid(self.latitude or 0.0, self.longitude or 0.0)
        return float(easting_m), float(northing_m)


class LineString(ApiModel):
    """Line in GeoJSON."""

    type: Literal["LineString"] = "LineString"
    """Type of the geometry."""
    coordinates: list[list[float]]
    """Longitude and latitude (WGS84) of each point."""


class RouteProperties(ApiModel):
    """Time, length and attribution of a route."""

    station: str
    """Code of the station."""
    seconds: float
    """Driving time at the default blue-light speeds: not the predicted attendance time."""
    metres: float
    """Length of the route."""
    roads: str
    """Hash of the table of ways."""
    attribution: str
    """Text that must be shown with the route."""


class RouteResponse(ApiModel):
    """Fastest legal route, a feature in GeoJSON."""

    type: Literal["Feature"] = "Feature"
    """Type of the GeoJSON object."""
    geometry: LineString
    """The route, from the station to the road nearest to the middle of the point's 100 m square."""
    properties: RouteProperties
    """Time, length and attribution."""


router = APIRouter(prefix="/v1/roads", tags=["roads"])


@router.get("", operation_id="get_roads", response_description="The roads in use.", responses=NO_ROADS)
async def roads(_: SignedIn, state: State) -> RoadsResponse:
    """Return source, date, licence and extent of the road network in use."""
    table = await asyncio.to_thread(_table, state)
    return RoadsResponse(**table.summary())


@router.get("/route", operation_id="get_route", response_description="The route.", responses=NO_ROADS)
async def route(_: Operator, state: State, query: Annotated[RouteQuery, Query()]) -> RouteResponse:
    """Return the fastest legal route by road from a station to a point, as a GeoJSON feature."""
    # in a thread: a route takes about 10 ms, for which other requests would wait
    return await asyncio.to_thread(_find, state, query)


def _table(state: State) -> RoadTable:
    table = state.roads.find()
    if table is None:
        raise NotFound("No roads are imported. An administrator imports a map: londonpump roads import FILE.")
    return table


def _find(state: State, query: RouteQuery) -> RouteResponse:
    table = _table(state)
    found = find_route(table, query.station, *query.grid_m)
    if found is None:
        raise NotFound(
            f"No way by road is known from station {query.station} to this point. GET /v1/roads shows what the map covers."
        )
    return RouteResponse(
        geometry=LineString(coordinates=found.line),
        properties=RouteProperties(
            station=query.station,
            seconds=round(found.seconds, 1),
            metres=round(found.metres, 1),
            roads=table.name,
            attribution=table.attribution,
        ),
    )
