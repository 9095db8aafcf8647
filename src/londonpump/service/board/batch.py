"""Several pumps sent to one incident by one request: what can go goes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from londonpump.domain.json_values import JsonObject
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.mobilisations import lock_pumps
from londonpump.service.board import updates
from londonpump.service.board.responses import mobilisation_response
from londonpump.service.board.schemas import (
    ConflictState,
    Dispatch,
    MobilisationResponse,
    NewMobilisation,
    PumpToSend,
    require_each_once,
)
from londonpump.service.errors import Conflict, Unprocessable, status_of
from londonpump.service.field_formats import ApiModel
from londonpump.service.idempotency import Key, claim, find_answer

MAX_PUMPS = 10
"""Pumps of one request."""


class NewMobilisations(Dispatch):
    """Pumps to send to one incident."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "pumps": [{"pump": "H271"}, {"pump": "H272"}],
                    "location": {"easting_m": 527912.0, "northing_m": 175110.0},
                }
            ]
        }
    )

    pumps: Annotated[list[PumpToSend], Field(min_length=1, max_length=MAX_PUMPS)]
    """Pumps that are sent; each once."""

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        require_each_once(entry.pump for entry in self.pumps)
        return self


class PumpProblem(ApiModel):
    """Reason why one pump of several was not sent."""

    status: int
    """Status code that the pump would get on its own: 409 or 422."""
    detail: str
    """What is in the way, and what to do."""
    state: JsonObject | None
    """Present state that is in the way (409), as a problem has it."""


class SentPump(ApiModel):
    """One pump of several: its mobilisation, or why it was not sent."""

    pump: str
    """Code of the pump."""
    mobilisation: MobilisationResponse | None
    """The mobilisation, recorded now or before; null if the pump was not sent, or if that was withdrawn."""
    is_new: bool
    """Whether the mobilisation is recorded by this request."""
    problem: PumpProblem | None
    """Why the pump is not sent: it cannot go, or its mobilisation was withdrawn (409); null if it is."""


class SentPumps(ApiModel):
    """Result of sending several pumps."""

    incident_number: str | None
    """Number of the incident; null if it was to be drawn and no pump could be sent."""
    pumps: list[SentPump]
    """One entry per pump, in the order of the request."""


def send_pumps(
    connection: Connection, actor: updates.Actor, new: NewMobilisations, key: Key | None
) -> tuple[JsonObject, bool]:
    """Send the pumps that can go. Returns: `SentPumps` as JSON, and whether an earlier request stored it.

    A stored answer has the present mobilisations, so that a withdrawn one is not returned as sent. An answer in which no
    pump was sent is not stored.
    Raises: Conflict if the key was sent with another body.
    """
    # all locks are taken first and in one order: two requests for the same pumps cannot deadlock, and the second one with
    # the same key waits here until the answer of the first is stored
    # pumps of no fleet are refused below: a lock would store a row for each of them for good
    homes = updates.fleet_on(connection, actor.stations, actor.now).homes
    lock_pumps(connection, [pump.pump for pump in new.pumps if pump.pump in homes])
    stored = None if key is None else find_answer(connection, key)
    if stored is not None:
        return _at_present(connection, stored[0], actor.now), True
    number, sent = new.incident_number, []
    for pump in new.pumps:
        # a number that was drawn for the first pump is that of all others
        entry, number = _send(connection, actor, new.model_copy(update={"incident_number": number}), pump)
        sent.append(entry)
    # claimed in the same transaction: either all is stored, or the same key may be sent again
    result = SentPumps(incident_number=number, pumps=sent).model_dump(mode="json")
    # a pump that was refused may be free later: nothing was recorded, so the same key may be sent again, with any body
    has_sent = any(entry.mobilisation is not None for entry in sent)
    if key is not None and has_sent and claim(connection, key, [result]) is not None:
        # it cannot come here with the same pumps, which are locked
        raise Conflict("This Idempotency-Key is used by another request at this moment. Send it again.")
    return result, False


def _send(
    connection: Connection, actor: updates.Actor, dispatch: Dispatch, pump: PumpToSend
) -> tuple[SentPump, str | None]:
    """Return what became of a pump, and the number of its incident as far as it is known."""
    shared = {name: getattr(dispatch, name) for name in Dispatch.model_fields}
    own = {name: getattr(pump, name) for name in PumpToSend.model_fields}
    try:
        # not validated again: both parts are, and text of a time would be needed
        mobilisation, is_new = updates.mobilise(
            connection, actor, NewMobilisation.model_construct(**shared, **own)
        )
    except (Conflict, Unprocessable) as error:
        # both are raised before anything of this pump is written
        state = error.state if isinstance(error, Conflict) else None
        problem = PumpProblem(status=status_of(error), detail=str(error), state=state)
        entry = SentPump(pump=pump.pump, mobilisation=None, is_new=False, problem=problem)
        return entry, dispatch.incident_number
    return _entry(mobilisation, is_new=is_new), mobilisation.incident_number


def _entry(mobilisation: MobilisationResponse, *, is_new: bool) -> SentPump:
    pump = mobilisation.pump
    if mobilisation.withdrawn_at is None:
        return SentPump(pump=pump, mobilisation=mobilisation, is_new=is_new, problem=None)
    problem = PumpProblem(
        status=status_of(Conflict("")),
        detail=f"The mobilisation of {pump} by this request was withdrawn, so {pump} is not sent. To send it, send a new "
        "request, with a new Idempotency-Key and a later time if it has them.",
        state=ConflictState(mobilisation=mobilisation).as_json(),
    )
    return SentPump(pump=pump, mobilisation=None, is_new=False, problem=problem)


def _at_present(connection: Connection, stored: JsonObject, now: datetime) -> JsonObject:
    """Return a stored answer with the present mobilisations of its pumps."""
    pumps = []
    for each in stored["pumps"]:
        entry = each
        if each["mobilisation"] is not None:
            found = mobilisation_response(connection, each["mobilisation"]["id"], now)
            # all else stays as it was stored: a later version may have other fields
            entry = each | _entry(found, is_new=each["is_new"]).model_dump(mode="json")
        pumps.append(entry)
    return stored | {"pumps": pumps}


def pumps_of(result: tuple[JsonObject, bool]) -> Sequence[str]:
    """Return the pumps that were sent."""
    return [entry["pump"] for entry in result[0]["pumps"] if entry["mobilisation"] is not None]
