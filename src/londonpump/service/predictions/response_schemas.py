"""Schemas of the responses. They document the API: responses are built as plain values and stored as text."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from londonpump.domain.mobilisations import State
from londonpump.service.field_formats import ApiModel


class ResponseModel(ApiModel):
    """Base of all responses; no undocumented field is allowed."""

    model_config = ConfigDict(extra="forbid")


class ModelInfo(ResponseModel):
    """A model, and whether it was trained on simulated records."""

    name: str
    """Name of the model."""
    is_simulated: bool
    """Whether the model was trained on simulated records."""
    trained_until: str | None
    """Day from which on it has seen no records."""


class StationInfo(ResponseModel):
    """A fire station."""

    code: str
    """Code of the station."""
    name: str
    """Name of the station."""


class ResolvedLocation(ResponseModel):
    """A location as the service understands it."""

    easting_m: float
    """Easting of the British grid; the mean of its points if only an area was given."""
    northing_m: float
    """Northing of the British grid; the mean of its points if only an area was given."""
    area: str | None
    """Postcode district or station ground, if only an area was given."""
    n_points: int
    """Number of past locations that represent a named area; 1 for coordinates."""
    station_ground: StationInfo | None
    """Station on whose ground the location is; null if the points lie on several grounds."""


class PumpsNeeded(ResponseModel):
    """The number of pumps that such calls need."""

    number: int
    """Most likely number of pumps."""
    chances: dict[str, float]
    """Chance of 1, 2, 3, 4, and 5 or more pumps."""


class Explanation(ResponseModel):
    """The contribution of an input to the p50; the contributions of a candidate add up to its p50."""

    feature_group: str
    """Group of inputs that contributes."""
    contribution_s: float
    """Seconds that it adds to the p50; negative if it makes the time shorter."""
    text: str
    """Text that explains the contribution."""


class RiskWarning(ResponseModel):
    """The warning that the announced time may be too low."""

    risk_underestimated: bool
    """Whether the pump may take much longer than announced."""
    text: str | None
    """Text of the warning; null without one."""


class Candidate(ResponseModel):
    """A pump with its predicted time from mobilisation to arrival."""

    pump: str
    """Code of the pump."""
    station: StationInfo
    """Station that the pump leaves from."""
    home_station: StationInfo | None
    """Home station of the pump, if it leaves from another station; else null."""
    distance_m: float
    """Straight distance to the incident; the mean over the points of a named area."""
    mean_s: float
    """Expected seconds from mobilisation to arrival."""
    p10_s: float
    """Seconds by which 10 % of such mobilisations have arrived."""
    p50_s: float
    """Seconds by which half of such mobilisations have arrived: the announced time."""
    p90_s: float
    """Seconds by which 90 % of such mobilisations have arrived."""
    chance_within_s: dict[str, float]
    """Chance of arriving within each number of seconds."""
    warning: RiskWarning
    """Warning that the announced time is likely to be too low."""
    state: State
    """State of the pump on the board."""
    is_assumed: bool
    """Whether the state is not known and was assumed."""
    reported_at: datetime | None
    """Time of the last report of the state; null if there is none."""
    imputed: list[str]
    """`column=source` of each input imputed or outside the training data for this pump alone."""
    explanations: list[Explanation]
    """Contributions to the p50, if they were requested for this candidate."""


class SecondPump(ResponseModel):
    """The time by which both pumps have arrived if the first two candidates that can be sent are sent.

    The two times are correlated as in simulated records: what slows down one pump slows down the other.
    """

    pump: str
    """Code of the pump that arrives second."""
    p10_s: float
    """Seconds by which both have arrived in 10 % of such pairs."""
    p50_s: float
    """Seconds by which both have arrived in half of such pairs."""
    p90_s: float
    """Seconds by which both have arrived in 90 % of such pairs."""


class ContextValueResponse(ResponseModel):
    """One context value that the prediction used."""

    value: float | bool | str | None
    """The value that was used; null if there is none."""
    unit: str | None
    """Unit of the value."""
    source: str | None
    """`call` for a stated value, a publisher, or a fallback of the model (`climate`, `profile`, `default`)."""
    observed_at: datetime | None
    """Time of the observation."""
    age_min: float | None
    """Age of the observation."""
    is_imputed: bool
    """Whether the value replaces one that is not known."""


class PredictionResponse(ResponseModel):
    """The ranked pumps for one incident."""

    id: str
    """Id of the prediction."""
    at: datetime
    """Time of mobilisation that the prediction is for."""
    incident_number: str | None
    """Number of the incident, as sent."""
    model: ModelInfo
    """The model that answered."""
    location: ResolvedLocation
    """The resolved location of the incident."""
    pumps_needed: PumpsNeeded
    """Number of pumps that such calls need."""
    candidates: list[Candidate]
    """Pumps in the order of their p50, the quickest first."""
    second_pump: SecondPump | None
    """Time by which two pumps have arrived, if the first two candidates are sent."""
    n_ranked: int = Field(
        description="Number of pumps that were ranked; at most `max_candidates` of them are returned."
    )
    context: dict[str, ContextValueResponse]
    """Inputs by name, each with its source and age."""
    pumps_out: float | None
    """Mobilisations of other incidents under way; null if the board is not known."""
    ground_pumps_available: float | None
    """Free pumps of the incident's ground; null if the board is not known."""
    recent_ground_calls: float | None
    """Other calls on the same ground in the 30 minutes before; null if the board is not known."""
    imputed: list[str]
    """`column=source` of each input that was imputed for all pumps."""
    missing: list[str]
    """Texts that say which inputs are not known."""
    board_age_s: float | None = None
    """Seconds since the board was last verified against the database; null if no board was used."""
    warning: str | None
    """Warning about the whole response: no pump can be ranked, or the board is old or not known; null without one."""


class ItemProblem(ResponseModel):
    """The reason why one question of a batch has no answer."""

    status: Literal[422]
    """Status code that the question would get on its own."""
    detail: str
    """Text that says what is wrong with the question."""
    errors: list[dict[str, Any]]
    """Each value that cannot be used."""


class BatchItem(ResponseModel):
    """The prediction for one question, or the problem with it."""

    answer: PredictionResponse | None
    """The prediction; null if there is none."""
    problem: ItemProblem | None
    """Reason why there is no prediction; null if there is one."""


class BatchResponse(ResponseModel):
    """The responses to a batch."""

    items: list[BatchItem]
    """One item per question, in their order."""
