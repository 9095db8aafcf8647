"""Schemas of the questions that `/v1/predictions` answers, and of its responses.

The response schemas document the API: responses are built as plain values and stored as text.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
)

from londonpump.domain.columns import CALLER_NUMBERS, RANGES
from londonpump.domain.json_values import JsonObject
from londonpump.domain.mobilisations import State
from londonpump.service.board.schemas import IncidentNumber, PumpCode
from londonpump.service.field_formats import TEXT, ApiModel, Strict, format_error, in_range
from londonpump.service.predictions.location import Location

FIRST_AT = datetime(2009, 1, 1, tzinfo=UTC)
LAST_AT = datetime(2041, 1, 1, tzinfo=UTC)
MAX_RETURNED, DEFAULT_RETURNED = 200, 5
MAX_QUESTIONS_PER_BATCH = 1_000


def _require_text(value: object) -> object:
    # pydantic would read a number, and a number as text, as a Unix timestamp
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise ValueError("is not a timestamp such as 2025-06-02T09:30:00Z")


def _require_time_in_records(value: datetime) -> datetime:
    try:
        timestamp = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the calendar") from None
    if not FIRST_AT <= timestamp < LAST_AT:
        raise ValueError("is not between 2009, when the records begin, and 2040")
    return timestamp


# not strict, because JSON has no timestamps: they arrive as text
QuestionTime = Annotated[
    AwareDatetime,
    BeforeValidator(_require_text),
    AfterValidator(_require_time_in_records),
    Field(strict=False),
]
ShortText = Annotated[str, Field(min_length=1, max_length=200, pattern=TEXT)]


_STATED: JsonObject = {
    column.name: (
        Annotated[float, in_range(RANGES[column.name])] | None,
        Field(None, description=f"{column.meaning[:1].upper()}{column.meaning[1:]}."),
    )
    for column in CALLER_NUMBERS
} | {
    "is_school_holiday": (bool | None, Field(None, description="Whether the day is without school.")),
    "is_working_day": (
        bool | None,
        Field(None, description="Whether the day is Monday to Friday and not a bank holiday."),
    ),
}
ContextOverrides = create_model(
    "ContextOverrides",
    __base__=Strict,
    __module__=__name__,
    __doc__="Values known to the caller. They take precedence over the values that the service derives.",
    **_STATED,
)


class PredictionRequest(Strict):
    """A question: which pumps can reach an incident, and how soon."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"location": {"easting_m": 527912.0, "northing_m": 175110.0}, "incident_type": "Fire"},
                {"location": "SW1A 2AA"},
            ]
        }
    )

    location: Location
    """Location of the incident: coordinates, an area, or the text of a place."""
    incident_number: IncidentNumber | None = None
    """Number of the incident in the control room."""
    at: QuestionTime | None = None
    """Time of mobilisation; now, if left out."""
    incident_type: (
        Literal[
            "Fire",
            "Domestic Incidents",
            "Local Emergencies",
            "Prior Arrangement",
            "Major Environmental Disasters",
        ]
        | None
    ) = None
    """Type of the incident, if it is known."""
    property_category: ShortText | None = None
    """Property category as in the records, such as `Dwelling`."""
    property_type: ShortText | None = None
    """Property type as in the records, such as `House - single occupancy`."""
    address_qualifier: ShortText | None = None
    """Accuracy of the address as in the records, such as `Within same building`."""
    pumps: Annotated[list[PumpCode], Field(min_length=1, max_length=MAX_RETURNED)] | None = None
    """Codes of the pumps to rank whatever their state; if left out, all pumps that can be sent."""
    max_candidates: Annotated[int, Field(ge=1, le=MAX_RETURNED)] = DEFAULT_RETURNED
    """Number of candidates to return."""
    explanations: Literal["first", "all", "none"] = "first"
    """Candidates to explain: the first, all or none."""
    quantiles: bool = False
    """Whether to return `quantiles_s` of each candidate."""
    context: ContextOverrides = Field(default_factory=ContextOverrides)  # type: ignore[valid-type]  # mypy knows no model that is created
    """Values known to the caller, which take precedence over derived ones."""

    @property
    def max_explained(self) -> int:
        """Maximum number of candidates to explain."""
        return {"first": 1, "all": self.max_candidates, "none": 0}[self.explanations]

    def as_json(self) -> Any:
        """Return the fields that were sent."""
        # defaults are left out: a later change of a default must not change what a user is said to have asked
        return self.model_dump(mode="json", exclude_unset=True)


@dataclass(frozen=True, slots=True)
class InvalidQuestion:
    """An invalid question of a batch."""

    sent: Any
    errors: tuple[tuple[str, str], ...]
    """(field, problem) of each invalid value."""

    def as_json(self) -> Any:
        """Return the question as it was sent."""
        return self.sent


def _or_invalid(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    # an invalid question must not invalidate the whole batch
    try:
        return read(value)
    except ValidationError as error:
        return InvalidQuestion(
            value,
            tuple(
                (".".join(str(part) for part in each["loc"]) or "question", format_error(each))
                for each in error.errors()
            ),
        )


def _limit_questions(value: object) -> object:
    # checked before the questions are parsed, as each costs time
    if isinstance(value, list) and len(value) > MAX_QUESTIONS_PER_BATCH:
        raise ValueError(f"has {len(value):,} questions; at most {MAX_QUESTIONS_PER_BATCH:,} are allowed")
    return value


class BatchRequest(Strict):
    """A batch of questions. An invalid question does not affect the others."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "questions": [
                        {"location": {"easting_m": 527912.0, "northing_m": 175110.0}},
                        {"location": {"postcode_district": "SE1"}},
                    ]
                }
            ]
        }
    )

    questions: Annotated[
        list[Annotated[PredictionRequest, WrapValidator(_or_invalid)]],
        Field(min_length=1, max_length=MAX_QUESTIONS_PER_BATCH),
        BeforeValidator(_limit_questions),
    ]
    """Questions, each answered independently."""


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


class ResolvedPlace(ResponseModel):
    """A place as it was found."""

    id: str
    """Id of the place."""
    kind: str
    """What it is, as in `/v1/places`."""
    label: str
    """Name with borough and district."""
    exactness: str
    """How exact its point is, such as `street, 400 m`."""
    attribution: str | None
    """Text that must be shown with it; null for coordinates."""
    radius_m: float | None = None
    """Distance from its point within which it lies; null in answers that were stored before it was kept."""


class ResolvedLocation(ResponseModel):
    """A location as the service understands it."""

    easting_m: float
    """Easting of the British grid; the mean of its points if only an area was given."""
    northing_m: float
    """Northing of the British grid; the mean of its points if only an area was given."""
    area: str | None
    """Postcode district, station ground or place, if only an area was given."""
    n_points: int
    """Number of locations that represent a named area or an inexact place; 1 for coordinates."""
    match: ResolvedPlace | None = None
    """The place that the text was taken for, if the location was sent as text."""
    station_ground: StationInfo | None
    """Station on whose ground the location is; null if the points lie on several grounds."""


class PumpsNeeded(ResponseModel):
    """The number of pumps that such calls need."""

    number: int
    """Number chosen with weights that find rare numbers too (macro F1), so that it may be above or below the likeliest; see `chances`."""
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
    chance_before_next: float | None = None
    """Chance of arriving before the next candidate of the list if both are sent; null for the last one, after the tenth, and in
    answers that were stored before it was computed."""
    quantiles_s: list[float] | None = None
    """Seconds by which 2.5 %, 7.5 % ... 97.5 % have arrived, 20 equally likely times, if `quantiles` was sent."""
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

    The two times are correlated as in the records of 2023: what slows down one pump slows down the other, more so if both
    leave from one station.
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
    errors: list[JsonObject]
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
