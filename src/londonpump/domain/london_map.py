"""The outlines of London's boroughs and the Thames as GeoJSON (WGS84), for maps of every kind.

Source: "Statistical GIS Boundary Files for London", Greater London Authority, simplified to 120 m with common borders kept; the
Thames is the gap between the boroughs at mean high water, without the slivers along the outer border that simplifying left.
Licence: Open Government Licence v3.0, with MAP_ATTRIBUTION.
"""

import json
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

MAP_ATTRIBUTION = (
    "Outlines contain National Statistics data © Crown copyright and database right, and Ordnance Survey data © Crown "
    "copyright and database right."
)

GeoJson: TypeAlias = dict[str, Any]
"""An object of RFC 7946: longitude before latitude, in degrees of WGS84."""


@cache
def borough_outlines() -> GeoJson:
    """Return the 33 boroughs, the City among them, with `name` and `code` (GSS)."""
    return _read("boroughs.geojson")


@cache
def thames_outline() -> GeoJson:
    """Return the tidal Thames as one feature."""
    return _read("thames.geojson")


def _read(name: str) -> GeoJson:
    found: GeoJson = json.loads(resources.files(__package__).joinpath(name).read_text("utf-8"))
    return found
