"""The request and the response of `POST /v1/predictions`, as far as the demo and a rehearsal read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Location:
    """A location on the National Grid."""

    easting_m: int
    northing_m: int


@dataclass(frozen=True, slots=True)
class RequestBody:
    """The body of a request."""

    location: Location
    at: datetime
    incident_type: str | None
    max_candidates: int
    explanations: str = "none"


@dataclass(frozen=True, slots=True)
class NamedStation:
    """A station of a response."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pump that may be sent."""

    pump: str
    station: NamedStation
    home_station: NamedStation | None
    """None if the pump is at its home station."""
    distance_m: int
    p10_s: float
    p50_s: float
    p90_s: float
    chance_within_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PumpsNeeded:
    """The number of pumps usually sent."""

    number: int


@dataclass(frozen=True, slots=True)
class ContextOfResponse:
    """A value of the context."""

    value: bool | float | str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class ModelOfResponse:
    """The model that gave the answer."""

    name: str
    is_simulated: bool


@dataclass(frozen=True, slots=True)
class PredictionResponse:
    """The response to a request."""

    model: ModelOfResponse
    candidates: tuple[Candidate, ...]
    pumps_needed: PumpsNeeded
    context: Mapping[str, ContextOfResponse]
    missing: tuple[str, ...]
    pumps_out: float | None
    ground_pumps_available: float | None
    recent_ground_calls: float | None
