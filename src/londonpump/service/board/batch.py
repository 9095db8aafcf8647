"""Several pumps sent to one incident by one request: what can go goes."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from londonpump.domain.json_values import JsonObject
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.mobilisations import lock_pumps
from londonpump.service.board import updates
from londonpump.service.board.schemas import (
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
    """The mobilisation, recorded now or before; null if the pump was not sent."""
    is_new: bool
    """Whether the mobilisation is recorded by this request."""
    problem: PumpProblem | None
    """Why the pump was not sent; null if it was."""


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

    Raises: Conflict if the key was sent with another body.
    """
    # all locks are taken first and in one order: two requests for the same pumps cannot deadlock, and the second one with
    # the same key waits here until the answer of the first is stored
    lock_pumps(connection, [pump.pump for pump in new.pumps])
    stored = None if key is None else find_answer(connection, key)
    if stored is not None:
        # as it was stored: a later version may have other fields
        return stored[0], True
    number, sent = new.incident_number, []
    for pump in new.pumps:
        entry = _send(connection, actor, new.model_copy(update={"incident_number": number}), pump)
        if entry.mobilisation is not None:
            # a number that was drawn for the first pump is that of all others
            number = entry.mobilisation.incident_number
        sent.append(entry)
    # claimed in the same transaction: either all is stored, or the same key may be sent again
    result = SentPumps(incident_number=number, pumps=sent).model_dump(mode="json")
    if key is not None and claim(connection, key, [result]) is not None:
        # it cannot come here with the same pumps, which are locked
        raise Conflict("This Idempotency-Key is used by another request at this moment. Send it again.")
    return result, False


def _send(connection: Connection, actor: updates.Actor, dispatch: Dispatch, pump: PumpToSend) -> SentPump:
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
        return SentPump(pump=pump.pump, mobilisation=None, is_new=False, problem=problem)
    return SentPump(pump=pump.pump, mobilisation=mobilisation, is_new=is_new, problem=None)


def pumps_of(result: tuple[JsonObject, bool]) -> Sequence[str]:
    """Return the pumps that were sent."""
    return [entry["pump"] for entry in result[0]["pumps"] if entry["mobilisation"] is not None]
