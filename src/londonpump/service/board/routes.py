"""Routes `/v1/board`, `/v1/pumps` and `/v1/mobilisations`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import JSONResponse

from londonpump.domain.mobilisations import Event
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.mobilisations import read_board_version
from londonpump.service.board import updates
from londonpump.service.board.batch import NewMobilisations, SentPumps, pumps_of, send_pumps
from londonpump.service.board.responses import incident_response, mobilisation_response
from londonpump.service.board.schemas import (
    BoardResponse,
    EventTime,
    MobilisationResponse,
    NewMobilisation,
    NormalisedCode,
    PumpReport,
    PumpResponse,
    Snapshot,
    SnapshotResponse,
    Withdrawal,
)
from londonpump.service.board.view import BoardView
from londonpump.service.field_formats import INCIDENT, OUR_ID, PUMP, Responses, is_known
from londonpump.service.idempotency import OTHER_BODY, REPLAY, REPLAY_HEADERS, IdempotencyKey, Key
from londonpump.service.rights import Operator, Person, Right, Role, SignedIn
from londonpump.service.state import Services, State

PROBLEMS: Responses = {
    404: {"description": "The pump or the mobilisation does not exist."},
    409: {"description": "The present state does not allow it; `state` contains that state."},
}
BOARD_RESPONSES: Responses = {
    200: {"description": "The board now.", "headers": {"ETag": {"schema": {"type": "string"}}}},
    304: {"description": "The board is that of the tag in `If-None-Match`."},
}
PAGE = 100
SNAPSHOT_WITHIN_S = 5.0
"""Replaces the store's patience: after a gap a snapshot of the whole fleet stores many rows, and the next one more."""
CHANGE_WITHIN_S = 1.0
"""Replaces the store's patience for changes of mobilisations: a batch takes ten times as many statements as one pump, and
a report or a withdrawal that is rejected under load leaves the board wrong until somebody repeats it."""

router = APIRouter(prefix="/v1", tags=["board"])
Feed = Annotated[Person, Depends(Right(frozenset({Role.SERVICE, Role.ADMIN})))]
"""Right to replace the whole board: feeds and admins."""
MobilisationId = Annotated[
    str, Path(pattern=OUR_ID, description="Id of the mobilisation, from the response that created it")
]
PumpCode = Annotated[
    str, Path(pattern=PUMP, description="Code of the pump", examples=["H271"]), NormalisedCode
]
Incident = Annotated[
    str, Query(pattern=INCIDENT, description="Number of the incident", examples=["012345-02062025"])
]
KnownTags = Annotated[str, Header(max_length=1_000, description="`ETag` of the board that is known already")]
EventParameter = Annotated[Event, Path(description="What happened to the pump")]


@router.get(
    "/board",
    operation_id="get_board",
    response_description="The board now.",
    response_model=BoardResponse,
    responses=BOARD_RESPONSES,
)
async def board(_: SignedIn, state: State, response: Response, if_none_match: KnownTags = "") -> Any:
    """Return every pump of today's fleet, read from the database, so that all replicas return the same.

    `ETag` changes with `board_version`, with the active model, and once a minute, because states also depend on the time.
    """
    now, model, stations = state.clock(), state.champion.current, _stations(state)

    def read(connection: Connection) -> tuple[str, BoardResponse | None]:
        version = read_board_version(connection)
        # weak, because the time of the answer is another one
        tag = f'"{version}-{now.timestamp() // 60:.0f}-{model and model.name}"'
        if is_known(if_none_match, tag):
            return f"W/{tag}", None
        return f"W/{tag}", _board(updates.view_board(connection, stations, now), version)

    tag, found = await state.store.read(read)
    response.headers["ETag"] = tag
    return Response(status_code=304, headers={"ETag": tag}) if found is None else found


@router.put(
    "/board",
    operation_id="replace_board",
    response_description="The board with the snapshot applied.",
    responses={409: PROBLEMS[409]},
)
async def put_board(person: Feed, state: State, snapshot: Snapshot) -> SnapshotResponse:
    """Apply a snapshot of a feed. It never replaces later reports, and ends a mobilisation only with `has_returned`."""
    actor = _actor(person, state)
    result = await state.board.change(
        state,
        lambda connection: updates.take_snapshot(connection, actor, snapshot),
        lambda _: [pump.pump for pump in snapshot.pumps],
        # a feed can wait, and a rejected snapshot would leave the board older than a slow one
        within_s=max(SNAPSHOT_WITHIN_S, state.store.limits.patience_s),
    )
    return SnapshotResponse(
        unknown_pumps=result.unknown_pumps,
        not_reported=result.not_reported,
        still_out=result.still_out,
        board=_board(result.board, result.board_version),
    )


@router.put(
    "/pumps/{code}",
    operation_id="report_pump",
    response_description="The state of the pump by the newest report.",
    responses=PROBLEMS,
)
async def put_pump(person: Operator, state: State, code: PumpCode, pump_report: PumpReport) -> PumpResponse:
    """Take a pump off the run, send it on standby, or make it available. The response is its state by the newest report.

    A report cannot make a pump available that is out by a mobilisation (409): report `returned` of the mobilisation
    first, or send `has_returned`.
    """
    actor = _actor(person, state)
    return await state.board.change(
        state,
        lambda connection: updates.report_pump(connection, actor, code, pump_report),
        lambda pump: [pump.code],
    )


@router.post(
    "/mobilisations",
    operation_id="record_mobilisation",
    response_description="The mobilisation, recorded.",
    status_code=201,
    responses={
        200: {"description": "The same mobilisation was recorded before.", "model": MobilisationResponse},
        409: PROBLEMS[409],
    },
)
async def mobilise(
    person: Operator, state: State, new: NewMobilisation, response: Response
) -> MobilisationResponse:
    """Send a pump to an incident. A returning pump can be sent again; one that is out or off the run cannot.

    Only a feed (role `service`) may report times more than 4 hours ago; that holds for all routes of the board.
    """
    actor = _actor(person, state)
    recorded, is_new = await state.board.change(
        state, lambda connection: updates.mobilise(connection, actor, new), lambda done: [done[0].pump]
    )
    if not is_new:
        # a client that repeats a request after a timeout sees that nothing was created
        response.status_code = 200
    return recorded


@router.post(
    "/mobilisations/batch",
    operation_id="record_mobilisations",
    response_model=SentPumps,
    responses={
        200: {"description": "What became of each pump.", "headers": REPLAY_HEADERS},
        **OTHER_BODY,
    },
)
async def mobilise_several(
    person: Operator,
    state: State,
    new: NewMobilisations,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Send up to 10 pumps to one incident. What can go goes, and each pump has its own answer.

    If no number is given, one of ours is drawn for the first pump that can go. After a lost answer send the same body with
    the same key again: nothing is recorded twice. That answer has the present mobilisations; a pump whose mobilisation was
    withdrawn has a `problem`. A key under which no pump was sent is not kept.
    """
    actor = _actor(person, state)
    key = idempotency_key and Key.of(
        person.id, idempotency_key, "mobilisations/batch", new.model_dump(mode="json"), actor.now
    )
    result, is_replay = await state.board.change(
        state,
        lambda connection: send_pumps(connection, actor, new, key or None),
        pumps_of,
        within_s=max(CHANGE_WITHIN_S, state.store.limits.patience_s),
    )
    return JSONResponse(result, headers={REPLAY: "true"} if is_replay else {})


@router.post(
    "/mobilisations/{mobilisation_id}/withdrawn",
    operation_id="withdraw_mobilisation",
    response_description="The mobilisation, withdrawn.",
    responses=PROBLEMS,
)
async def withdraw(
    person: Operator, state: State, mobilisation_id: MobilisationId, withdrawal: Withdrawal
) -> MobilisationResponse:
    """Withdraw a mobilisation that was recorded by mistake, until the pump arrives.

    The record stays with the reason, and does not count: the pump is again what it was before.
    """
    actor = _actor(person, state)
    return await state.board.change(
        state,
        lambda connection: updates.withdraw(connection, actor, mobilisation_id, withdrawal.reason),
        lambda done: [done.pump],
        within_s=max(CHANGE_WITHIN_S, state.store.limits.patience_s),
    )


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
) -> list[MobilisationResponse]:
    """List the newest mobilisations of an incident, in order of time."""
    now = state.clock()
    return await state.store.read(
        lambda connection: incident_response(connection, (incident_number,), at_most, now)
    )


@router.get(
    "/mobilisations/{mobilisation_id}",
    operation_id="get_mobilisation",
    response_description="The mobilisation.",
    responses={404: PROBLEMS[404]},
)
async def mobilisation(_: SignedIn, state: State, mobilisation_id: MobilisationId) -> MobilisationResponse:
    """Return one mobilisation, with the error of its announced time once the pump arrived."""
    now = state.clock()
    return await state.store.read(lambda connection: mobilisation_response(connection, mobilisation_id, now))


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
    event: EventParameter,
    event_time: EventTime | None = None,
) -> MobilisationResponse:
    """Report when a pump was mobile, arrived, left or returned.

    A repeated report changes nothing. A pump may arrive without a report that it was mobile.
    """
    actor, at = _actor(person, state), event_time.at if event_time else None
    return await state.board.change(
        state,
        lambda connection: updates.report_event(connection, actor, mobilisation_id, event, at),
        lambda done: [done.pump],
        within_s=max(CHANGE_WITHIN_S, state.store.limits.patience_s),
    )


def _actor(person: Person, state: Services) -> updates.Actor:
    return updates.Actor(person.id, state.clock(), _stations(state), is_feed=person.role is Role.SERVICE)


def _stations(state: Services) -> tuple[Any, ...]:
    active = state.champion.current
    return active.bundle.stations if active else ()


def _board(view: BoardView, version: int) -> BoardResponse:
    pumps = [PumpResponse.model_validate(pump) for pump in view.pumps.values()]
    return BoardResponse(
        at=view.at,
        board_version=version,
        pumps_out=view.pumps_out(),
        n_reported=view.n_reported,
        pumps=pumps,
    )
