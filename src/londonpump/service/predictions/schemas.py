"""What the operator asks."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from londonpump.domain.canonical_spelling import normalise_district
from londonpump.service.board.schemas import IncidentNumber, PumpCode, StationCode, Strict
from londonpump.service.field_formats import DISTRICT, TEXT, format_error

FIRST_AT = datetime(2009, 1, 1, tzinfo=UTC)
LAST_AT = datetime(2041, 1, 1, tzinfo=UTC)
MAX_RETURNED, DEFAULT_RETURNED = 200, 5
MAX_QUESTIONS_PER_BATCH = 1_000
PAIRS = (("easting_m", "northing_m"), ("latitude", "longitude"), ("postcode_district",), ("station_ground",))


def _require_text(value: object) -> object:
    # a number is a moment for pydantic, and a number as text too
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise ValueError("is no instant such as 2025-06-02T09:30:00Z")


def _require_time_in_records(value: datetime) -> datetime:
    try:
        timestamp = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no instant of our calendar") from None
    if not FIRST_AT <= timestamp < LAST_AT:
        raise ValueError("is not between 2009, where the records begin, and 2040")
    return timestamp


QuestionTime = Annotated[
    AwareDatetime,
    BeforeValidator(_require_text),
    AfterValidator(_require_time_in_records),
    Field(strict=False),
]
District = Annotated[
    str,
    Field(pattern=DISTRICT, examples=["SE1"]),
    BeforeValidator(lambda value: normalise_district(value) if isinstance(value, str) else value),
]
"""A full postcode is its district: no gazetteer says where in it."""
ShortText = Annotated[str, Field(min_length=1, max_length=200, pattern=TEXT)]


def _between(low: float, high: float) -> Any:
    return Field(ge=low, le=high, allow_inf_nan=False)


class AskedPlace(Strict):
    """Exactly one of: `easting_m` with `northing_m` (British grid), `latitude` with `longitude` (WGS84),
    `postcode_district` (a full postcode counts as its district), `station_ground` (the code of its station)."""

    easting_m: Annotated[float, _between(0, 700_000)] | None = None
    """Easting of the British grid, with `northing_m`."""
    northing_m: Annotated[float, _between(0, 1_300_000)] | None = None
    """Northing of the British grid, with `easting_m`."""
    latitude: Annotated[float, _between(49.0, 61.0)] | None = None
    """Latitude (WGS84), with `longitude`."""
    longitude: Annotated[float, _between(-9.0, 2.5)] | None = None
    """Longitude (WGS84), with `latitude`."""
    postcode_district: District | None = None
    """First half of a postcode, instead of coordinates."""
    station_ground: StationCode | None = None
    """Code of the station on whose ground the incident is, instead of coordinates."""

    @model_validator(mode="after")
    def _require_one_location(self) -> Self:
        sent = {name for name in type(self).model_fields if getattr(self, name) is not None}
        if not any(sent == set(pair) for pair in PAIRS):
            raise ValueError(
                "give one of: easting_m and northing_m; latitude and longitude; postcode_district; station_ground"
            )
        return self

    @property
    def is_exact(self) -> bool:
        """One point, not a district or a ground."""
        return self.postcode_district is None and self.station_ground is None


class StatedContext(Strict):
    """What is known better than the service derives it. Each value goes before what is derived."""

    pumps_out: Annotated[float, _between(0, 1_000)] | None = None
    """Mobilisations of other incidents under way in London."""
    ground_pumps_available: Annotated[float, _between(0, 50)] | None = None
    """Pumps of the incident's ground that are free."""
    recent_ground_calls: Annotated[float, _between(0, 1_000)] | None = None
    """Other calls on the same ground in the 30 minutes before."""
    temp_c: Annotated[float, _between(-40, 50)] | None = None
    """Air temperature."""
    precip_mm: Annotated[float, _between(0, 300)] | None = None
    """Rain in the hour."""
    cloudcover_pct: Annotated[float, _between(0, 100)] | None = None
    """Cloud cover."""
    visibility_km: Annotated[float, _between(0, 200)] | None = None
    """Visibility."""
    wind_kmh: Annotated[float, _between(0, 250)] | None = None
    """Wind speed at 10 m."""
    congestion_rate: Annotated[float, _between(0, 1)] | None = None
    """How much longer than in free flow a journey takes: 0 as long, 1 twice as long."""
    is_school_holiday: bool | None = None
    """Whether it is a day without school."""
    is_working_day: bool | None = None
    """Whether it is Monday to Friday and no bank holiday."""


class Question(Strict):
    """at: now, if it is left out. pumps: those to consider; all that can be sent, if left out. Pumps that are asked
    for by name are ranked whatever they do, and say their state. reasons: of the first candidate, of all, of none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"place": {"easting_m": 527912.0, "northing_m": 175110.0}, "kind_of_call": "Fire"}]
        }
    )

    place: AskedPlace
    """Where the incident is."""
    incident_number: IncidentNumber | None = None
    """Number of the incident in the control room."""
    at: QuestionTime | None = None
    """When the pump is mobilised; now, if left out."""
    kind_of_call: (
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
    """How exact the address is, as in the records, such as `Within same building`."""
    pumps: Annotated[list[PumpCode], Field(min_length=1, max_length=MAX_RETURNED)] | None = None
    """Codes of the pumps to consider; all that can be sent, if left out."""
    return_at_most: Annotated[int, Field(ge=1, le=MAX_RETURNED)] = DEFAULT_RETURNED
    """Number of candidates to return."""
    reasons: Literal["first", "all", "none"] = "first"
    """Whose reasons to return: of the first candidate, of all or of none."""
    context: StatedContext = Field(default_factory=StatedContext)
    """Values that are known better than the service derives them."""

    @property
    def max_explained(self) -> int:
        """Candidates whose reasons are told, at most."""
        return {"first": 1, "all": self.return_at_most, "none": 0}[self.reasons]

    def as_json(self) -> Any:
        """As it was asked, and nothing that was not."""
        return self.model_dump(mode="json", exclude_unset=True)


@dataclass(frozen=True, slots=True)
class InvalidQuestion:
    """A question of a batch that is none. errors: (field, problem) of each value."""

    sent: Any
    errors: tuple[tuple[str, str], ...]

    def as_json(self) -> Any:
        """As it came."""
        return self.sent


def _or_invalid(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    # one question that cannot be used spoils itself alone
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
    # before any of them is looked at
    if isinstance(value, list) and len(value) > MAX_QUESTIONS_PER_BATCH:
        raise ValueError(f"holds {len(value):,} questions, {MAX_QUESTIONS_PER_BATCH:,} at most")
    return value


class Batch(Strict):
    """Questions, each answered for itself; one that cannot be used spoils no other."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "questions": [
                        {"place": {"easting_m": 527912.0, "northing_m": 175110.0}},
                        {"place": {"postcode_district": "SE1"}},
                    ]
                }
            ]
        }
    )

    questions: Annotated[
        list[Annotated[Question, WrapValidator(_or_invalid)]],
        Field(min_length=1, max_length=MAX_QUESTIONS_PER_BATCH),
        BeforeValidator(_limit_questions),
    ]
    """Questions, each answered independently."""
