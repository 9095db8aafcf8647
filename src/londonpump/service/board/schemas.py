"""Request and response models of the board."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

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
from londonpump.domain.columns import EASTING, NORTHING
from londonpump.domain.json_values import JsonObject
from londonpump.domain.mobilisations import State
from londonpump.service.field_formats import (
    INCIDENT,
    NAME,
    PUMP,
    REASON,
    STATION,
    WHOLE_SECONDS,
    ApiModel,
    Strict,
    in_range,
)

FIRST_YEAR, LAST_YEAR = 2009, 9998
"""The records begin in 2009."""


def _text(value: object) -> object:
    # pydantic would accept numbers, also as text, as Unix timestamps
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise ValueError("is not a time. Write it like 2025-06-02T09:30:00Z")


def _utc(value: datetime) -> datetime:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"is before {FIRST_YEAR} or after {LAST_YEAR}")
    return value.astimezone(UTC)


At = Annotated[AwareDatetime, BeforeValidator(_text), AfterValidator(_utc), Field(strict=False)]
"""Time with its offset from UTC, as ISO 8601 text."""
NormalisedCode = BeforeValidator(lambda value: normalise_code(value) if isinstance(value, str) else value)
"""Normaliser of case and blanks. It is the last annotation, because pydantic runs the last one first."""
PumpCode = Annotated[str, Field(pattern=PUMP, examples=["H271"]), NormalisedCode]
StationCode = Annotated[str, Field(pattern=STATION, examples=["H27"]), NormalisedCode]
IncidentNumber = Annotated[str, Field(pattern=INCIDENT, examples=["012345-02062025"])]
Name = Annotated[str, Field(pattern=NAME)]
Reason = Annotated[str, Field(max_length=500, pattern=REASON)]
WholeSeconds = Annotated[str, Field(pattern=WHOLE_SECONDS, examples=["360"])]
Chance = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


def require_each_once(pumps: Iterable[str]) -> None:
    """Raise ValueError if a pump is named twice."""
    # with two entries of one pump the result would depend on their order
    if max(Counter(pumps).values(), default=0) > 1:
        raise ValueError("pumps names one pump twice")


class Announced(Strict):
    """Attendance time that was announced for the pump, and the model that predicted it."""

    model: Name
    """Name of the model that predicted the time."""
    p10_s: Seconds
    """Seconds in which 10 % of such mobilisations arrive."""
    p50_s: Seconds
    """Seconds in which half of such mobilisations arrive: the announced time."""
    p90_s: Seconds
    """Seconds in which 90 % of such mobilisations arrive."""
    chance_within_s: Annotated[dict[WholeSeconds, Chance], Field(max_length=20)] | None = None
    """Announced chance of arriving within each number of seconds; kept with the outcome."""
    has_warning: bool | None = None
    """Whether the announced time came with a warning; null if that is not known."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        # coverage of the interval is computed from these values later, so they must be ordered
        if not self.p10_s <= self.p50_s <= self.p90_s:
            raise ValueError("p10_s, p50_s and p90_s must not fall")
        return self


class GridLocation(Strict):
    """Point of the British grid."""

    easting_m: Annotated[float, in_range(EASTING)]
    """Easting of the British grid."""
    northing_m: Annotated[float, in_range(NORTHING)]
    """Northing of the British grid."""


class PumpToSend(Strict):
    """A pump to send to an incident, and what was announced.

    If `recommended_pump` is given and another pump is sent, `override_reason` is required. If the recommendation comes
    from `prediction_id`, another pump needs no reason, because it may be the second or third of several; with a reason
    it is recorded as an override.
    """

    pump: PumpCode
    """Code of the pump that is sent."""
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
        """True if another pump than the recommended one is sent."""
        return self.recommended_pump not in {None, self.pump}

    @model_validator(mode="after")
    def _requires_reason(self) -> Self:
        if self.is_override and self.override_reason is None:
            raise ValueError(f"override_reason is needed: {self.recommended_pump} was recommended")
        # with a prediction the recommended pump is looked up later
        if self.override_reason is not None and not self.is_override and self.prediction_id is None:
            raise ValueError("override_reason is given, but no other pump was recommended")
        return self


class Dispatch(Strict):
    """The incident that pumps are sent to."""

    incident_number: IncidentNumber | None = None
    """Number of the incident. If it is left out, that of the prediction, or else a new one of ours, such as
    `L0042-29112026` by London's day."""
    at: At | None = None
    """When the pumps were mobilised; now, if left out."""
    location: GridLocation | None = None
    """Where the incident is; taken from the prediction, if left out."""


class NewMobilisation(PumpToSend, Dispatch):
    """A pump to send to an incident.

    If `recommended_pump` is given and another pump is sent, `override_reason` is required. If the recommendation comes
    from `prediction_id`, another pump needs no reason, because it may be the second or third of several; with a reason
    it is recorded as an override.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "incident_number": "012345-02062025",
                    "pump": "H271",
                    "location": {"easting_m": 527912.0, "northing_m": 175110.0},
                }
            ]
        }
    )


class Withdrawal(Strict):
    """Withdrawal of a mobilisation that was recorded by mistake."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Wrong pump"}]})

    reason: Reason
    """Reason, kept with the mobilisation and in the audit."""


class EventTime(Strict):
    """Time of an event."""

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
    """Whether the pump is back: ends the mobilisation that it was out for, at the same time."""


class PumpReport(_PumpStatus):
    """Report about a pump. The states off the run and standby last until another report.

    Without `has_returned` a pump that is out cannot be reported available or on standby (409).
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"state": "off_run", "reason": "Defective brakes"}]}
    )

    state: Literal["available", "standby", "off_run"]
    """What the pump does from now on."""
    at: At | None = None
    """When this began; now, if left out."""
    reason: Reason | None = None
    """Reason of the report."""


class SnapshotPump(_PumpStatus):
    """A pump in a snapshot.

    Without `has_returned` a pump that is out by a mobilisation stays out, and the response lists it in `still_out`.
    """

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
    """The board as a feed sees it at a time. Pumps that it does not name stay unchanged."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"at": "2025-06-02T09:30:00Z", "pumps": [{"pump": "H271", "state": "available"}]}]
        }
    )

    at: At
    """When the feed saw this."""
    pumps: Annotated[list[SnapshotPump], Field(max_length=1_000)]
    """Pumps with their states; each pump once."""

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        require_each_once(entry.pump for entry in self.pumps)
        return self


class PumpResponse(ApiModel):
    """State of a pump."""

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
    """Whether the state is unknown and the pump is ranked as available."""
    reported_at: datetime | None
    """When the state was last reported; null if never."""
    incident_number: str | None
    """Incident that the pump is out for."""
    mobilisation_id: str | None
    """Id of the mobilisation that the pump is out for."""
    reason: str | None
    """Why the pump is off the run or on standby, as reported."""


class BoardResponse(ApiModel):
    """State of the whole fleet."""

    at: datetime
    """When the board was read."""
    board_version: int
    """Number that every change of a pump or a mobilisation raises."""
    pumps_out: int | None
    """Number of pumps between mobilised and left; null where fewer than half of the fleet were reported in 12
    hours."""
    n_reported: int
    """Number of pumps that were reported in the last 12 hours."""
    pumps: list[PumpResponse]
    """Every pump of today's fleet."""


class StillOut(ApiModel):
    """A pump that a snapshot shows available or on standby while its mobilisation has not ended."""

    pump: str
    """Code of the pump."""
    mobilisation_id: str
    """Id of the mobilisation that has not ended."""
    problem: str
    """What to do."""


class SnapshotResponse(ApiModel):
    """Result of a snapshot."""

    unknown_pumps: list[str]
    """Pumps of the snapshot that are not in the fleet."""
    not_reported: list[str]
    """Pumps of the fleet that the snapshot does not name."""
    still_out: list[StillOut]
    """Pumps that are out by a mobilisation although the snapshot says otherwise."""
    board: BoardResponse
    """The board with the snapshot applied."""


class OutcomeResponse(ApiModel):
    """Announced against actual time."""

    actual_s: float
    """Seconds from mobilised to arrived."""
    error_s: float
    """Actual minus announced time (p50)."""
    is_inside_80: bool
    """Whether the actual time lies between p10 and p90."""
    is_implausible: bool
    """Whether it took more than 1,200 s, the longest published time; then it does not count in live error and coverage."""

    @classmethod
    def of(cls, actual_s: float, error_s: float, *, is_inside_80: bool) -> Self:
        """Build the outcome from its stored values."""
        return cls(
            actual_s=actual_s,
            error_s=error_s,
            is_inside_80=is_inside_80,
            is_implausible=actual_s > MAX_PUBLISHED_S,
        )


class MobilisationResponse(ApiModel):
    """A mobilisation with its events."""

    id: str
    """Id of the mobilisation."""
    incident_number: str
    """Number of the incident."""
    pump: str
    """Code of the pump."""
    state: State
    """State of the pump by this mobilisation; unknown if it was sent elsewhere and its return was not reported."""
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
    withdrawn_at: datetime | None
    """When the mobilisation was withdrawn because it had been recorded by mistake; null otherwise."""
    withdrawn_reason: str | None
    """Why it was withdrawn."""
    location: GridLocation | None
    """Where the incident is."""
    prediction_id: str | None
    """Id of the prediction that recommended the pump."""
    announced: Announced | None
    """Attendance time that was announced."""
    recommended_pump: str | None
    """First pump of the ranking."""
    override_reason: str | None
    """Why another pump than the recommended one was sent."""
    outcome: OutcomeResponse | None
    """Announced against actual time; null until the pump arrived."""


class ConflictState(ApiModel):
    """Present state, as a 409 returns it in `state`."""

    pump: PumpResponse | None = None
    """Present state of the pump."""
    mobilisation: MobilisationResponse | None = None
    """Present state of the mobilisation."""

    def as_json(self) -> JsonObject:
        """Return the state for the response."""
        return self.model_dump(mode="json", exclude_none=True)
