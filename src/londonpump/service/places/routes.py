"""`/v1/places`."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query

from londonpump.places.search import Match
from londonpump.places.text import MAX_LENGTH
from londonpump.service.field_formats import TEXT, ApiModel
from londonpump.service.rights import Operator
from londonpump.service.state import State


class PlaceSource(ApiModel):
    """A source of the matches, and what must be shown with them."""

    name: str
    """Name of the source."""
    licence: str
    """Licence of the source."""
    attribution: str
    """Text that must be shown with matches of this source."""
    date: str | None
    """Date of the source; null if its files did not state it."""


class PlaceMatch(ApiModel):
    """A place that may be meant."""

    id: str
    """Id of the place, which a question takes as its `location`. It stays when the same gazetteer is imported again."""
    kind: str
    """`station`, `borough`, `ward`, `district`, `postcode`, `street`, `junction`, `locality`, `interest` or `point`."""
    name: str
    """Name as in its source."""
    label: str
    """Name with borough and district."""
    borough: str | None
    """Borough in which it lies; null if it is not known."""
    postcode_district: str | None
    """Postcode district in which it lies; null if it is not known."""
    easting_m: float
    """Easting of the British grid."""
    northing_m: float
    """Northing of the British grid."""
    latitude: float
    """Latitude (WGS84)."""
    longitude: float
    """Longitude (WGS84)."""
    radius_m: float
    """Distance from the point within which the place lies."""
    exactness: str
    """How exact the point is: `exact`, or what it stands for with its distance, such as `street, 400 m`."""
    is_certain: bool
    """Whether every typed word was found as it is and the whole name was typed; only then does a question take the text."""
    left_out: str | None
    """Typed word that was left out to find this; null if none was."""
    source: str | None
    """Name of its source; null for coordinates."""

    @classmethod
    def of(cls, match: Match, sources: tuple[PlaceSource, ...]) -> "PlaceMatch":
        """Return the response of a match."""
        latitude, longitude = match.latitude_longitude()
        return cls(
            id=match.id,
            kind=match.kind,
            name=match.name,
            label=match.label,
            borough=match.borough or None,
            postcode_district=match.district or None,
            easting_m=match.easting_m,
            northing_m=match.northing_m,
            latitude=latitude,
            longitude=longitude,
            radius_m=match.radius_m,
            exactness=match.exactness,
            is_certain=match.is_certain,
            left_out=match.left_out or None,
            source=None if match.source is None else sources[match.source].name,
        )


class PlacesResponse(ApiModel):
    """Matches of a text, the most likely first."""

    matches: list[PlaceMatch]
    """At most ten places; empty if none is known."""
    sources: list[PlaceSource]
    """Sources of these matches. Show their attributions with the matches."""


router = APIRouter(prefix="/v1/places", tags=["places"])


@router.get("", operation_id="find_places", response_description="The matches.")
async def places(
    _: Operator,
    state: State,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=MAX_LENGTH,
            pattern=TEXT,
            description="What is typed: a name, a street with its borough or district, `A Road / B Street`, a postcode, a grid "
            "reference, easting and northing, or latitude and longitude",
            examples=["trafalgar sq", "church rd acton", "sw1a2aa", "TQ300803"],
        ),
    ],
) -> PlacesResponse:
    """Find a place.

    Words may be abbreviated, cut short or mistyped. Without an imported gazetteer, stations, boroughs, postcode districts, grid
    references and coordinates are found.
    """
    # in a thread, because opening an index takes tenths of a second
    return await asyncio.to_thread(_find, state, q)


def _find(state: State, typed: str) -> PlacesResponse:
    search = state.places.search()
    sources = tuple(PlaceSource.model_validate(each, from_attributes=True) for each in search.sources)
    matches = [PlaceMatch.of(each, sources) for each in search.find(typed)]
    used = {each.source for each in matches}
    return PlacesResponse(matches=matches, sources=[each for each in sources if each.name in used])
