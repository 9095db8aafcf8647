"""Places that a typed text may mean, for New call."""

import re

from londonpump.domain.canonical_spelling import normalise_district
from londonpump.domain.json_values import JsonObject
from londonpump.service.field_formats import DISTRICT
from londonpump.service.state import Services

NUMBERS = re.compile(r"\s*(-?\d+(?:\.\d+)?)[\s,;]+(-?\d+(?:\.\d+)?)\s*")


async def find_places(state: Services, typed: str, limit: int) -> list[JsonObject]:
    """Return [{label, detail, location}] of the places that a text may mean, the likeliest first."""
    if (numbers := NUMBERS.fullmatch(typed)) is not None:
        first, second = map(float, numbers.groups())
        names = ("latitude", "longitude") if abs(first) < 100 else ("easting_m", "northing_m")
        return [
            {"label": typed.strip(), "detail": "", "location": dict(zip(names, (first, second), strict=True))}
        ]
    champion, parts = state.champion.current, typed.casefold().split()
    found: list[JsonObject] = []
    district = normalise_district(typed)
    if re.fullmatch(DISTRICT, district):
        found.append({"label": district, "detail": "", "location": {"postcode_district": district}})
    for station in champion.bundle.stations if champion and parts else ():
        if all(part in station.name.casefold() for part in parts):
            location = {"easting_m": station.easting_m, "northing_m": station.northing_m}
            found.append({"label": station.name, "detail": station.code, "location": location})
    return found[:limit]
