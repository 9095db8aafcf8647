"""The one place that a text means, or the candidates if it may mean several."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.places.search import MAX_MATCHES, SAME_M, Match, PlaceSearch

POINT_M = 100.0
"""Up to this distance a match is predicted as one point: most records are published by 100 m cells, so the intervals hold it."""
DISC_POINTS = 16
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
ADVICE = "Send its id, or coordinates"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A place that is certain."""

    match: Match
    points: NDArray[np.float64]
    """(k, 2) equally likely points; k is 1 if the place is exact enough."""
    attribution: str | None = None
    """Text that must be shown with the place; None for coordinates."""

    @property
    def text(self) -> str:
        """The place in one line, with what must be shown with it."""
        match = self.match
        parts = [match.exactness, f"{match.easting_m:.0f}, {match.northing_m:.0f}", self.attribution]
        return f"{match.label} ({'; '.join(part for part in parts if part)})"

    @classmethod
    def of(cls, search: PlaceSearch, match: Match) -> "Resolved":
        """Return a match of a search with its points."""
        source = None if match.source is None else search.sources[match.source]
        return cls(match, points_of(match), None if source is None else source.attribution)


def resolve(search: PlaceSearch, text: str) -> tuple[Resolved | None, str]:
    """Return the place of an id or a text; if it is not certain, None and what to do, with the candidates.

    A place is certain if each typed word was found as it is, the whole name was typed, and no other place of that name
    fits. A corrected word, a word left out and "near" are never enough: a pump must not be sent to a guess.
    """
    text = text.strip()
    if found := search.by_id(text):
        return Resolved.of(search, found), ""
    # an id that is not known may still be a name, such as a word of hexadecimal letters
    matches = search.find(text)
    # of one name in several districts none is certain, unless they lie together
    certain = [each for each in matches if each.is_certain]
    if certain and all(_is_same(certain[0], each) for each in certain[1:]):
        return Resolved.of(search, certain[0]), ""
    if not matches:
        return None, f"is no known place. {ADVICE}"
    listed = "; ".join(f"{each.label} (id {each.id})" for each in (certain or matches)[:MAX_MATCHES])
    return None, f"may mean several places. {ADVICE}: {listed}" if len(
        matches
    ) > 1 else f"may mean {listed}. {ADVICE}"


def _is_same(one: Match, other: Match) -> bool:
    distance_m = math.dist((one.easting_m, one.northing_m), (other.easting_m, other.northing_m))
    return distance_m <= SAME_M


def points_of(match: Match) -> NDArray[np.float64]:
    """Return points that are spread evenly over the disc in which a place lies; one point if it is small."""
    k = 1 if match.radius_m <= POINT_M else DISC_POINTS
    i = np.arange(k)
    # the golden angle spreads points evenly over a disc (Vogel 1979)
    radius_m = match.radius_m * np.sqrt((i + 0.5) / k) * (k > 1)
    return np.column_stack(
        [
            match.easting_m + radius_m * np.cos(i * GOLDEN_ANGLE),
            match.northing_m + radius_m * np.sin(i * GOLDEN_ANGLE),
        ]
    )
