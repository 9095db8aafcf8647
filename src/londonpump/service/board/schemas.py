"""What the routes of the board take and give."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from londonpump.domain.attendance_targets import MAX_PUBLISHED_S
from londonpump.domain.canonical_spelling import normalise_code
from londonpump.service.board.rules import State
from londonpump.service.field_formats import INCIDENT, NAME, PUMP, REASON, STATION, ApiModel

FIRST_YEAR, LAST_YEAR = 2009, 9998
"""The records begin in 2009."""


def _text(value: object) -> object:
    # a number is a moment for pydantic, and a number as text too
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise ValueError("is no instant such as 2025-06-02T09:30:00Z")


def _utc(value: datetime) -> datetime:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"lies before {FIRST_YEAR} or after {LAST_YEAR}")
    return value.astimezone(UTC)


At = Annotated[AwareDatetime, BeforeValidator(_text), AfterValidator(_utc), Field(strict=False)]
"""An instant with its offset from UTC, as ISO 8601 text."""
NormalisedCode = BeforeValidator(lambda value: normalise_code(value) if isinstance(value, str) else value)
"""A code in small letters or between blanks is the same code. It stands last: what stands last is done first."""
PumpCode = Annotated[str, Field(pattern=PUMP, examples=["H271"]), NormalisedCode]
StationCode = Annotated[str, Field(pattern=STATION, examples=["H27"]), NormalisedCode]
IncidentNumber = Annotated[str, Field(pattern=INCIDENT, examples=["012345-02062025"])]
Name = Annotated[str, Field(pattern=NAME)]
Reason = Annotated[str, Field(max_length=500, pattern=REASON)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class Strict(ApiModel):
    """Nothing is taken for something else, and nothing that is not asked for is taken."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Announced(Strict):
    """The attendance time that was announced for the pump, and the model that said so."""

    model: Name
    """Name of the model that announced the time."""
    p10_s: Seconds
    """Seconds by which 10 % of such runs have arrived."""
    p50_s: Seconds
    """Seconds by which half of such runs have arrived: the announced time."""
    p90_s: Seconds
    """Seconds by which 90 % of such runs have arrived."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.p10_s <= self.p50_s <= self.p90_s:
            raise ValueError("p10_s, p50_s and p90_s must not fall")
        return self


class Place(Strict):
    """British grid."""

    easting_m: Annotated[float, Field(ge=0, le=700_000, allow_inf_nan=False)]
    """Easting of the British grid."""
    northing_m: Annotated[float, Field(ge=0, le=1_300_000, allow_inf_nan=False)]
    """Northing of the British grid."""


class NewMobilisation(Strict):
    """at: now, if it is left out. recommended_pump: first of the ranking; another one needs override_reason.

    prediction_id: place, announced and recommended_pump are taken from there, if they are left out. Another pump than that
    one needs no reason then: it may be the second or third of several. With a reason it is an override, and kept as one.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "incident_number": "012345-02062025",
                    "pump": "H271",
                    "place": {"easting_m": 527912.0, "northing_m": 175110.0},
                }
            ]
        }
    )

    incident_number: IncidentNumber
    """Number of the incident in the control room."""
    pump: PumpCode
    """Code of the pump that is sent."""
    at: At | None = None
    """When the pump was mobilised; now, if left out."""
    place: Place | None = None
    """Where the incident is; taken from the prediction, if left out."""
    prediction_id: Name | None = None
    """Id of the prediction that recommended the pump."""
    announced: Announced | None = None
    """Attendance time that was announced; taken from the prediction, if left out."""
    recommended_pump: PumpCode | None = None
    """First pump of the ranking; taken from the prediction, if left out."""
    override_reason: Reason | None = None
    """Why another pump than the recommended one is sent."""

    @property
    def is_override(self) -> bool:
        """Whether another pump than the recommended one is sent."""
        return self.recommended_pump not in {None, self.pump}

    @model_validator(mode="after")
    def _requires_reason(self) -> Self:
        if self.is_override and self.override_reason is None:
            raise ValueError(f"override_reason is needed: {self.recommended_pump} was recommended")
        # with a prediction it is known later which pump was recommended
        if self.override_reason is not None and not self.is_override and self.prediction_id is None:
            raise ValueError("override_reason is given, but no other pump was recommended")
        return self


class Moment(Strict):
    """at: now, if it is left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    at: At | None = None
    """When it happened; now, if left out."""


class _PumpStatus(Strict):
    state: str
    """What the pump does."""
    station_code: StationCode | None = None
    """Code of the station where the pump is on standby; needed for `standby` and for no other state."""

    @model_validator(mode="after")
    def _requires_station_on_standby(self) -> Self:
        if (self.state == State.STANDBY) != (self.station_code is not None):
            raise ValueError("station_code is needed for standby, and for standby alone")
        return self

    has_returned: bool = False
    """Whether the pump is back: ends the mobilisation that it was out for, at the same moment."""


class PumpReport(_PumpStatus):
    """at: now, if it is left out. Off the run and standby last until another report. has_returned: the pump is back,
    and `returned` is stored at the same moment for the mobilisation that it was out for. Without it a pump that is out
    cannot be reported available or on standby (409)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"state": "off_run", "reason": "Defective brakes"}]}
    )

    state: Literal["available", "standby", "off_run"]
    """What the pump does from now on."""
    at: At | None = None
    """When this began; now, if left out."""
    reason: Reason | None = None
    """Why, in words."""


class PumpTold(_PumpStatus):
    """A pump in a snapshot. has_returned: as in a report of a pump; without it a pump that is out by a mobilisation stays
    out, and the answer names it in still_out."""

    pump: PumpCode
    """Code of the pump."""
    state: Literal[
        "available", "mobilised", "mobile", "at_incident", "returning", "standby", "off_run", "unknown"
    ]
    """What the pump does."""
    incident_number: IncidentNumber | None = None
    """Incident that the pump is out for."""

    @model_validator(mode="after")
    def _is_back(self) -> Self:
        if self.has_returned and self.state not in {State.AVAILABLE, State.STANDBY, State.OFF_RUN}:
            raise ValueError(f"has_returned cannot be true of a pump that is {self.state}")
        return self


class Snapshot(Strict):
    """The board as a feed sees it at a moment. Pumps that it does not name stay as they are."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"at": "2025-06-02T09:30:00Z", "pumps": [{"pump": "H271", "state": "available"}]}]
        }
    )

    at: At
    """When the feed saw this."""
    pumps: Annotated[list[PumpTold], Field(max_length=1_000)]
    """Pumps with their states; each pump once."""

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        if len({entry.pump for entry in self.pumps}) < len(self.pumps):
            raise ValueError("pumps names one pump twice")
        return self


class PumpShown(ApiModel):
    """station_code: where it stands, or set out from. is_assumed: unknown, and ranked as available."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    """Code of the pump."""
    state: State
    """What the pump does."""
    station_code: str
    """Code of the station where the pump is, or from which it set out."""
    home_station_code: str
    """Code of the pump's own station."""
    is_assumed: bool
    """Whether the state is not known and the pump is ranked as available."""
    reported_at: datetime | None
    """When the state was last reported; null if never."""
    incident_number: str | None
    """Incident that the pump is out for."""
    mobilisation_id: str | None
    """Id of the mobilisation that the pump is out for."""
    reason: str | None
    """Why the pump is off the run or on standby, as reported."""


class BoardShown(ApiModel):
    """pumps_out: between mobilised and left; null where fewer than half were heard of in 12 hours."""

    at: datetime
    """When the board was read."""
    pumps_out: int | None
    """Number of pumps between mobilised and left; null where fewer than half of the fleet were reported in 12
    hours."""
    n_heard_of: int
    """Number of pumps that were reported in the last 12 hours."""
    pumps: list[PumpShown]
    """Every pump of today's fleet."""


class StillOut(ApiModel):
    """A pump that a snapshot shows available or on standby while its mobilisation has not ended."""

    pump: str
    """Code of the pump."""
    mobilisation_id: str
    """Id of the mobilisation that has not ended."""
    problem: str
    """What to do."""


class SnapshotTaken(ApiModel):
    """ignored: pumps that are not in the fleet. not_told: pumps of the fleet that the snapshot does not name. still_out:
    pumps that are out by a mobilisation although the snapshot says otherwise."""

    ignored: list[str]
    """Pumps of the snapshot that are not in the fleet."""
    not_told: list[str]
    """Pumps of the fleet that the snapshot does not name."""
    still_out: list[StillOut]
    """Pumps that are out by a mobilisation although the snapshot says otherwise."""
    board: BoardShown
    """The board with the snapshot taken in."""


class OutcomeShown(ApiModel):
    """error_s: actual less announced (p50). is_inside_80: between p10 and p90. is_implausible: it took more than 1,200 s,
    the longest time in published records: stored, and left out of live error and coverage."""

    actual_s: float
    """Seconds from mobilised to arrived."""
    error_s: float
    """Actual less announced time (p50)."""
    is_inside_80: bool
    """Whether the actual time lies between p10 and p90."""
    is_implausible: bool
    """Whether it took more than 1,200 s: stored, and left out of live error and coverage."""

    @classmethod
    def of(cls, actual_s: float, error_s: float, *, is_inside_80: bool) -> Self:
        """From what is stored."""
        return cls(
            actual_s=actual_s,
            error_s=error_s,
            is_inside_80=is_inside_80,
            is_implausible=actual_s > MAX_PUBLISHED_S,
        )


class MobilisationShown(ApiModel):
    """is_from_road: it was on its way back from another incident. state: what the pump does by this one; unknown where it
    was sent elsewhere since and nobody said that it returned."""

    id: str
    """Id of the mobilisation."""
    incident_number: str
    """Number of the incident."""
    pump: str
    """Code of the pump."""
    state: State
    """What the pump does by this mobilisation."""
    station_code: str
    """Code of the station from which the pump set out."""
    is_from_road: bool
    """Whether the pump was on its way back from another incident."""
    mobilised_at: datetime
    """When the pump was mobilised."""
    mobile_at: datetime | None
    """When the pump left its station; null if not reported."""
    arrived_at: datetime | None
    """When the pump arrived; null if not reported."""
    left_at: datetime | None
    """When the pump left the incident; null if not reported."""
    returned_at: datetime | None
    """When the pump was back; null if not reported."""
    place: Place | None
    """Where the incident is."""
    prediction_id: str | None
    """Id of the prediction that recommended the pump."""
    announced: Announced | None
    """Attendance time that was announced."""
    recommended_pump: str | None
    """First pump of the ranking."""
    override_reason: str | None
    """Why another pump than the recommended one was sent."""
    outcome: OutcomeShown | None
    """Announced against actual time; null until the pump arrived."""


class Conflicting(ApiModel):
    """The present state, as a refusal (409) tells it in `state`."""

    pump: PumpShown | None = None
    """Present state of the pump."""
    mobilisation: MobilisationShown | None = None
    """Present state of the mobilisation."""

    def as_json(self) -> dict[str, Any]:
        """As it stands in the answer."""
        return self.model_dump(mode="json", exclude_none=True)
