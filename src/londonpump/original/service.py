"""Answers to `/predict/time_pump`: predict, warn by the risk list or the model, store, then return.

The original warned for every run from a station on its risk list. On the last quarter of 2023, 14.3 % of the runs from
the 14 stations on that list came over 120 s later than announced, and 11.1 % of the others; so the model's own warning
counts too.
"""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Annotated

from fastapi import Depends, FastAPI
from starlette.requests import HTTPConnection

from londonpump.domain.json_values import JsonObject
from londonpump.domain.stations import Station
from londonpump.models.risk_stations import listed
from londonpump.original.arrival_times import GroundPathCache, PredictedTime, predict_response_times
from londonpump.original.interpretation import ParsedRequest, parse_request
from londonpump.original.schemas import TimePumpRequest
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.predictions import (
    TIME_PUMP,
    PredictionRecord,
    add_rows,
    as_row,
    newest_risk_list,
)
from londonpump.service.champion import Champion
from londonpump.service.errors import Unprocessable
from londonpump.service.field_formats import ORIGINAL_ID_LENGTH
from londonpump.service.micro_batching import MicroBatcher
from londonpump.service.predictions.service import record_stored, require_audit_room
from londonpump.service.rights import Person
from londonpump.service.state import Services

MAX_TIMES_PER_BATCH = 16
MAX_AGE = timedelta(minutes=1)
ON_THE_LIST = "its station is on the list of risk stations"
OFTEN_LATER = "a late arrival is more likely than usual"
OUTSIDE = "it lies outside the training data of the model"


@dataclass(frozen=True, slots=True)
class RiskList:
    """The stations that are often slow, as of a time."""

    listed_at: datetime
    codes: frozenset[str]
    """Codes of the stations on the list."""


@dataclass(slots=True)
class RiskListCache:
    """Cached risk list of the database."""

    stored: RiskList | None = None
    """The newest list; None if the database has none."""
    read_at: datetime | None = None

    async def read(self, state: Services, champion: Champion) -> RiskList:
        """Return the newest list, from the database or the active model.

        Raises: DatabaseFailed: no list would mean no risk.
        """
        now = state.clock()
        # read once a minute rather than once per request; a negative age means that the clock was set back
        if self.read_at is None or not timedelta(0) <= now - self.read_at < MAX_AGE:
            self.stored, self.read_at = await state.store.read(_stored), now
        own = _of_champion(champion)
        return self.stored if self.stored is not None and self.stored.listed_at > own.listed_at else own


def risk_reasons_of(
    used_risk_list: RiskList, station_code: str, predicted: PredictedTime, risk_threshold: float
) -> list[str]:
    """Return the reasons why the predicted time may be too low; empty if there are none."""
    applies = {
        ON_THE_LIST: station_code in used_risk_list.codes,
        OFTEN_LATER: predicted.p_underestimate >= risk_threshold,
        OUTSIDE: predicted.is_outside,
    }
    return [reason for reason, does_apply in applies.items() if does_apply]


def _stored(connection: Connection) -> RiskList | None:
    listed_at, codes = newest_risk_list(connection)
    return None if listed_at is None else RiskList(listed_at, codes)


def _of_champion(champion: Champion) -> RiskList:
    # the list of a bundle is as old as its training data
    until = datetime.combine(champion.bundle.card.data.trained_until, time(), UTC)
    return RiskList(until, frozenset(listed(champion.bundle.risk_stations)))


@dataclass(frozen=True, slots=True)
class TimePumpQuery:
    """A request with its user."""

    user_id: str
    query: TimePumpRequest


@dataclass(slots=True)
class OriginalServices:
    """Services that all requests of the original's routes share."""

    state: Services
    risk_list: RiskListCache = field(default_factory=RiskListCache)
    paths: GroundPathCache = field(default_factory=GroundPathCache)
    times: MicroBatcher[TimePumpQuery, str] = field(init=False)
    """Requests that arrive together share one pass of the model and one transaction."""

    def __post_init__(self) -> None:
        self.times = MicroBatcher(partial(predict_times, self), MAX_TIMES_PER_BATCH)


async def _get_original(connection: HTTPConnection) -> OriginalServices:
    services: OriginalServices = connection.app.state.original
    return services


Original = Annotated[OriginalServices, Depends(_get_original)]
"""Services of the original's routes, as a parameter of an endpoint."""


@asynccontextmanager
async def original_lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Provide the services of the original's routes. The lifespan of the application surrounds it."""
    app.state.original = OriginalServices(app.state.service)
    yield


async def predict_time(services: OriginalServices, person: Person, query: TimePumpRequest) -> str:
    """Store an answer and return it as JSON. Raises: NoModel, Unprocessable, DatabaseFailed."""
    return await services.times(TimePumpQuery(person.id, query))


async def predict_times(
    services: OriginalServices, queries: Sequence[TimePumpQuery]
) -> list[str | Exception]:
    """Return the answer to each request, or its error. Raises: NoModel, DatabaseFailed if they concern all requests."""
    state, paths = services.state, services.paths
    champion, now = state.champion.require(), state.clock()
    used_risk_list = await services.risk_list.read(state, champion)
    stations = paths.stations_of(champion)
    parsed = [_parse(each.query, champion, stations, now) for each in queries]
    calls = {i: each for i, each in enumerate(parsed) if isinstance(each, ParsedRequest)}
    rows: dict[int, JsonObject] = {}
    if calls:
        call_paths = [paths.path(champion, call.station, call.ground_code) for call in calls.values()]
        predicted = predict_response_times(champion.bundle, list(calls.values()), call_paths)
        for (i, call), each in zip(calls.items(), predicted, strict=True):
            response = _response(champion, call, each, used_risk_list)
            rows[i] = as_row(_record(queries[i], call, response, used_risk_list, now))
        # the audit is checked before and written after storing: no answer without an entry, no entry without an answer
        require_audit_room(state, len(rows))
        await state.store.write(lambda connection: add_rows(connection, list(rows.values())))
        record_stored(state, list(rows.values()))
    return [
        each if isinstance(each, Unprocessable) else str(rows[i]["answer"]) for i, each in enumerate(parsed)
    ]


def _parse(
    query: TimePumpRequest, champion: Champion, stations: Mapping[str, Station], now: datetime
) -> ParsedRequest | Unprocessable:
    try:
        return parse_request(query, champion.bundle, stations, now)
    except Unprocessable as error:
        return error


def _response(
    champion: Champion, call: ParsedRequest, predicted: PredictedTime, used_risk_list: RiskList
) -> JsonObject:
    risk_reasons = risk_reasons_of(
        used_risk_list, call.station.code, predicted, champion.bundle.risk_threshold
    )
    time_s = round(predicted.p50_s, 1)
    return {
        # clients of the original expect this exact form
        "time_pump": f"{round(time_s)} secondes",
        "risk_underestimated": bool(risk_reasons),
        "time_pump_s": time_s,
        "p10_s": round(predicted.p10_s, 1),
        "p90_s": round(predicted.p90_s, 1),
        "risk_reasons": risk_reasons,
        "imputed": [*call.imputed, *predicted.imputed],
        # the length of the original's MongoDB ids
        "id": secrets.token_hex(ORIGINAL_ID_LENGTH // 2),
        "model": champion.name,
    }


def _record(
    query: TimePumpQuery,
    call: ParsedRequest,
    response: JsonObject,
    used_risk_list: RiskList,
    now: datetime,
) -> PredictionRecord:
    return PredictionRecord(
        id=response["id"],
        user_id=query.user_id,
        created_at=now,
        endpoint=TIME_PUMP,
        model=response["model"],
        response_time_s=response["time_pump_s"],
        risk_underestimated=response["risk_underestimated"],
        inputs=query.query.model_dump(),
        answer=response,
        call_at=call.at,
        risk_listed_at=used_risk_list.listed_at,
    )
