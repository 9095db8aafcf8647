"""`/v1/board`, `/v1/pumps` and `/v1/mobilisations`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from londonpump.service.board import acts
from londonpump.service.board.kept import KeptBoard
from londonpump.service.board.rules import Event
from londonpump.service.board.shapes import (
    BoardShown,
    MobilisationShown,
    Moment,
    NewMobilisation,
    PumpReport,
    PumpShown,
    Snapshot,
    SnapshotTaken,
    Spelt,
)
from londonpump.service.board.view import BoardView
from londonpump.service.rights import Operator, Person, Right, Role, SignedIn
from londonpump.service.state import ServiceState, State
from londonpump.service.words import INCIDENT, OUR_ID, PUMP

PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is no such pump or mobilisation."},
    409: {"description": "It cannot be; `state` tells the present state."},
}
PAGE = 100
SNAPSHOT_WITHIN_S = 5.0
"""Instead of the store's patience: a snapshot of a whole fleet after a gap has much to store, and the next one more."""

router = APIRouter(prefix="/v1", tags=["board"])
Feed = Annotated[Person, Depends(Right(frozenset({Role.SERVICE, Role.ADMIN})))]
"""Who may replace the whole board: machines that watch it, and admins."""
MobilisationId = Annotated[
    str, Path(pattern=OUR_ID, description="Id of the mobilisation, from the answer that recorded it")
]
PumpCode = Annotated[str, Path(pattern=PUMP, description="Code of the pump", examples=["H271"]), Spelt]
Incident = Annotated[
    str, Query(pattern=INCIDENT, description="Number of the incident", examples=["012345-02062025"])
]
Happened = Annotated[Event, Path(description="What happened to the pump")]


@router.get("/board", operation_id="get_board", response_description="The board now.")
async def board(_: SignedIn, state: State) -> BoardShown:
    """Every pump of today's fleet. Read from the database each time, so that all replicas answer alike."""
    now, stations = state.clock(), _stations(state)
    return _board(await state.store.read(lambda connection: acts.view_board(connection, stations, now)))


@router.put(
    "/board",
    operation_id="replace_board",
    response_description="The board with the snapshot taken in.",
    responses={409: PROBLEMS[409]},
)
async def put_board(person: Feed, state: State, told: Snapshot) -> SnapshotTaken:
    """What a feed sees at a moment. It never takes the place of what is known from later, and ends no mobilisation unless
    it says so: `has_returned`."""
    who = _who(person, state)
    taken = await state.part(KeptBoard).act(
        state,
        lambda connection: acts.take_snapshot(connection, who, told),
        lambda _: [pump.pump for pump in told.pumps],
        within_s=max(SNAPSHOT_WITHIN_S, state.store.limits.patience_s),
    )
    return SnapshotTaken(
        ignored=taken.ignored,
        not_told=taken.not_told,
        still_out=taken.still_out,
        board=_board(taken.board),
    )


@router.put(
    "/pumps/{code}",
    operation_id="report_pump",
    response_description="The state of the pump by the newest report.",
    responses=PROBLEMS,
)
async def put_pump(person: Operator, state: State, code: PumpCode, told: PumpReport) -> PumpShown:
    """Take a pump off the run, send it on standby, or make it available. The answer is its state by the newest word.

    A pump that is out by a mobilisation is not made available by a report (409): report `returned` of the mobilisation
    first, or send `has_returned`."""
    who = _who(person, state)
    return await state.part(KeptBoard).act(
        state, lambda connection: acts.report_pump(connection, who, code, told), lambda pump: [pump.code]
    )


@router.post(
    "/mobilisations",
    operation_id="record_mobilisation",
    response_description="The mobilisation, recorded.",
    status_code=201,
    responses={
        200: {"description": "It was sent already.", "model": MobilisationShown},
        409: PROBLEMS[409],
    },
)
async def mobilise(
    person: Operator, state: State, new: NewMobilisation, response: Response
) -> MobilisationShown:
    """Send a pump to an incident. A pump on its road back can be sent again; one that is out or off the run cannot. Of
    more than 4 hours ago only a feed (role `service`) reports; that holds for every moment on the board."""
    who = _who(person, state)
    kept, is_new = await state.part(KeptBoard).act(
        state, lambda connection: acts.mobilise(connection, who, new), lambda done: [done[0].pump]
    )
    if not is_new:
        response.status_code = 200
    return kept


@router.get(
    "/mobilisations",
    operation_id="list_mobilisations",
    response_description="Mobilisations of the incident; empty if there are none.",
)
async def of_incident(
    _: SignedIn,
    state: State,
    incident_number: Incident,
    at_most: Annotated[int, Query(ge=1, le=500, description="Number of mobilisations to return")] = PAGE,
) -> list[MobilisationShown]:
    """The mobilisations of an incident, the first one first."""
    now = state.clock()
    return await state.store.read(
        lambda connection: acts.show_incident(connection, incident_number, at_most, now)
    )


@router.get(
    "/mobilisations/{mobilisation_id}",
    operation_id="get_mobilisation",
    response_description="The mobilisation.",
    responses={404: PROBLEMS[404]},
)
async def mobilisation(_: SignedIn, state: State, mobilisation_id: MobilisationId) -> MobilisationShown:
    """One mobilisation; with what its announced time came to, once it arrived."""
    now = state.clock()
    return await state.store.read(lambda connection: acts.show(connection, mobilisation_id, now))


@router.post(
    "/mobilisations/{mobilisation_id}/{event}",
    operation_id="report_event",
    response_description="The mobilisation with the event.",
    responses=PROBLEMS,
)
async def report(
    person: Operator,
    state: State,
    mobilisation_id: MobilisationId,
    event: Happened,
    told: Moment | None = None,
) -> MobilisationShown:
    """Say when a pump was mobile, arrived, left or returned. The same again changes nothing. It may arrive although
    nobody said that it was mobile."""
    who, at = _who(person, state), told.at if told else None
    return await state.part(KeptBoard).act(
        state,
        lambda connection: acts.report_event(connection, who, mobilisation_id, event, at),
        lambda done: [done.pump],
    )


def _who(person: Person, state: ServiceState) -> acts.Who:
    return acts.Who(person.id, state.clock(), _stations(state), is_feed=person.role is Role.SERVICE)


def _stations(state: ServiceState) -> tuple[Any, ...]:
    on_duty = state.champion.current
    return on_duty.bundle.stations if on_duty else ()


def _board(view: BoardView) -> BoardShown:
    pumps = [PumpShown.model_validate(pump) for pump in view.pumps.values()]
    return BoardShown(at=view.at, pumps_out=view.pumps_out(), n_heard_of=view.n_heard_of, pumps=pumps)
