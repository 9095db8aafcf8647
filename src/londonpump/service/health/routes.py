"""Routes `/livez`, `/readyz`, `/statusz` and `/metrics`.

The probes are public and reveal nothing that helps an attacker. `/metrics` is public too, because Prometheus has no
account; it contains no personal data, and a proxy should not expose it.
"""

import asyncio
import logging
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from londonpump import __version__
from londonpump.domain.errors import BadFile, DatabaseFailed
from londonpump.models.bundle import check_self_test
from londonpump.persistence.database.schema_version import database_responds, write_something
from londonpump.persistence.repositories.context import ContextState, context_state
from londonpump.roads.bundles import IMPORT_AGAIN
from londonpump.service.champion import HOW_TO_PROMOTE
from londonpump.service.errors import public_text, request_id_of
from londonpump.service.field_formats import OUR_ID
from londonpump.service.health.lifespan import acknowledge, age_s, read_alarm_list, read_alarms
from londonpump.service.health.schemas import (
    AlarmResponse,
    Alive,
    Check,
    ContextStatus,
    ListedAlarmResponse,
    ModelState,
    Readiness,
    SourceState,
    Status,
)
from londonpump.service.openapi import PROBLEM_CONTENT
from londonpump.service.rights import Analyst, Anybody, SignedIn, Supervisor
from londonpump.service.state import Services, State
from londonpump.service.telemetry import log

router = APIRouter(tags=["health"])
PASS: Final = "pass"  # noqa: S105 - a status
WARN: Final = "warn"
FAIL: Final = "fail"
WRITTEN_WITHIN_S = 1.0
"""A longer limit than that of a request, because waiting for other writers does not mean that writing fails."""


@router.get("/v1/alarms", operation_id="list_alarms", response_description="The alarms, the newest first.")
async def alarms(
    _: Analyst,
    state: State,
    is_open: Annotated[bool, Query(description="Open alarms, or those that were cleared")] = True,
    at_most: Annotated[int, Query(ge=1, le=500, description="Number of alarms to return")] = 100,
) -> list[ListedAlarmResponse]:
    """List the alarms of `monitor` with their evidence, and who took note of them."""
    return await state.store.read(lambda connection: read_alarm_list(connection, at_most, is_open=is_open))


@router.post(
    "/v1/alarms/{alarm_id}/acknowledge",
    operation_id="acknowledge_alarm",
    response_description="The alarm, acknowledged.",
    responses={404: {"description": "The alarm does not exist."}},
)
async def acknowledge_one(
    person: Supervisor,
    state: State,
    alarm_id: Annotated[str, Path(pattern=OUR_ID, description="Id of the alarm, from the list of alarms")],
) -> ListedAlarmResponse:
    """Note that you have seen an alarm. It stays open until its condition ends; the first person stays noted."""
    now = state.clock()
    seen = await state.store.write(lambda connection: acknowledge(connection, alarm_id, person.id, now))
    # the status line of supervisors must not name it for another minute
    state.alarms.expire()
    return seen


@router.get("/livez", operation_id="get_liveness", response_description="The process answers.")
async def livez(_: Anybody) -> Alive:
    """Return that the process answers. Nothing else is checked, because a restart would not repair a database."""
    return Alive(status="alive")


@router.get(
    "/readyz",
    operation_id="get_readiness",
    response_description="The service can answer calls.",
    responses={
        HTTPStatus.SERVICE_UNAVAILABLE: {
            "model": Readiness,
            # the limiter of anonymous requests answers with a problem document
            "content": {**PROBLEM_CONTENT},
            "description": "The service cannot answer calls, or too many requests arrive; `Retry-After` gives the wait.",
        }
    },
)
async def readyz(_: Anybody, state: State, response: Response) -> Readiness:
    """Return whether calls can be answered.

    They can if the active model passes its self-test, the database can be read and written, and the service is not about to stop.
    """
    readiness = await _shared_readiness(state)
    if readiness.status == FAIL:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        # as for a call without a model (`NoModel`)
        response.headers["Retry-After"] = "5"
    return readiness


@router.get("/statusz", operation_id="get_health", response_description="Ages and alarms.")
async def statusz(_: SignedIn, state: State, request: Request) -> Status:
    """Return the ages of the model, its training data, weather and calendars, and the open alarms."""
    now = state.clock()
    database, context, alarms = await _read_database_state(state, now, request_id_of(request.scope))
    return Status(
        version=__version__,
        now_at=now,
        uptime_s=age_s(state.started_at, now) or 0.0,
        model=_model_state(state),
        database=database,
        context=context,
        alarms=alarms,
    )


@router.get(
    "/metrics",
    operation_id="get_metrics",
    response_description="Figures in the text format of Prometheus.",
    response_class=Response,
)
async def metrics(_: Anybody, state: State) -> Response:
    """Return the metrics in the format of Prometheus."""
    text = await state.health.metrics.get(partial(_figures, state), state.clock())
    return Response(text, media_type=CONTENT_TYPE_LATEST)


async def _shared_readiness(state: Services) -> Readiness:
    champion = state.champion
    # a promotion or a failed activation makes the cached response obsolete at once
    about = (
        champion.current and (champion.current.name, champion.current.roads_problem),
        champion.ledger_model,
        state.is_draining,
    )
    return await state.health.readiness.get(partial(_readiness, state), state.clock(), about)


async def _readiness(state: Services) -> Readiness:
    model, database = _model_check(state), await _database_check(state)
    process = (
        Check(status=FAIL, output="is about to stop; send requests to another replica")
        if state.is_draining
        else Check(status=PASS, output="runs")
    )
    found = {check.status for check in (model, database, process)}
    worst: Literal["pass", "warn", "fail"] = FAIL if FAIL in found else WARN if WARN in found else PASS
    return Readiness(status=worst, model=model, database=database, process=process)


async def _figures(state: Services) -> bytes:
    # concurrently, so that a slow database delays the response only once
    readiness, *_ = await asyncio.gather(
        _shared_readiness(state), state.live.refresh_if_old(state), state.alarms.refresh(state)
    )
    for name in ("model", "database", "process"):
        state.metrics.checks.labels(name).set(getattr(readiness, name).status != FAIL)
    return await asyncio.to_thread(state.metrics.text)


def _model_check(state: Services) -> Check:
    champion = state.champion.current
    if champion is None:
        # the route is public: only /statusz shows signed-in people what is wrong with it
        text = (
            "The model named by the ledger cannot be used: the log of the service says why"
            if state.champion.ledger_model
            else "No model is active"
        )
        return Check(status=FAIL, output=f"{text}. {HOW_TO_PROMOTE}")
    try:
        check_self_test(champion.bundle, champion.name)
    except BadFile as error:
        log("model fails its self-test", logging.ERROR, problem=str(error))
        return Check(status=FAIL, output=f"{champion.name} fails its self-test. Promote another one.")
    if champion.roads_problem is not None:
        # the route is public: the path of the folder stays in the log
        return Check(status=WARN, output=f"{champion.name} answers without its roads. {IMPORT_AGAIN}")
    return Check(status=PASS, output=f"{champion.name} passes its self-test")


async def _read_database_state(
    state: Services, now: datetime, request_id: str
) -> tuple[Check, ContextStatus | None, list[AlarmResponse] | None]:
    try:
        found, alarms = await state.store.read(
            lambda connection: (context_state(connection, now), read_alarms(connection))
        )
    except DatabaseFailed as error:
        log("status without the database", logging.WARNING, problem=str(error), request_id=request_id)
        return Check(status=FAIL, output=public_text(error)), None, None
    return Check(status=PASS, output="answers"), _context_status(found, now), alarms


async def _database_check(state: Services) -> Check:
    try:
        await state.store.read(database_responds)
    except DatabaseFailed as error:
        log("database does not answer", logging.WARNING, problem=str(error))
        return Check(
            status=FAIL, output="The database does not answer. The log of the service has the details."
        )
    # a full disk still answers queries, but predictions have to be stored
    try:
        await state.store.write(write_something, within_s=WRITTEN_WITHIN_S)
    except DatabaseFailed as error:
        log("database cannot be written", logging.WARNING, problem=str(error))
        return Check(
            status=FAIL, output="The database cannot be written. The log of the service has the details."
        )
    return Check(status=PASS, output="answers")


def _model_state(state: Services) -> ModelState:
    champion = state.champion.current
    facts = champion.bundle.card.data if champion else None
    today = state.clock().date()
    return ModelState(
        name=champion.name if champion else None,
        ledger_model=state.champion.ledger_model,
        is_simulated=champion.is_simulated if champion else None,
        active_since_at=champion.since_at if champion else None,
        made_at=champion.provenance.get("made_at") if champion else None,
        trained_from=facts.trained_from.isoformat() if facts and facts.trained_from else None,
        trained_until=facts.trained_until.isoformat() if facts else None,
        data_age_days=max((today - facts.trained_until).days, 0) if facts else None,
        problem=state.champion.problem,
    )


def _context_status(found: ContextState, now: datetime) -> ContextStatus:
    return ContextStatus(
        weather_age_s=age_s(found.weather_hour_at, now),
        weather_fetched_age_s=age_s(found.weather_fetched_at, now),
        school_years=list(found.school_years),
        bank_holiday_years=list(found.bank_holiday_years),
        sources=[
            SourceState(
                source=note.source,
                last_fetch_age_s=age_s(note.at, now),
                last_success_age_s=age_s(note.succeeded_at, now),
                problem=note.problem,
            )
            for note in found.fetches
        ],
    )
