"""Times of the original's kind: answered, stored, then told."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from londonpump.domain.errors import DatabaseFailed
from londonpump.domain.stations import Station
from londonpump.service.champion import Champion
from londonpump.service.errors import Unprocessable
from londonpump.service.field_formats import ORIGINAL_ID_LENGTH
from londonpump.service.micro_batching import MicroBatcher
from londonpump.service.original.arrival_times import PredictedTime, predict_response_times
from londonpump.service.original.ground_paths import GroundPathCache
from londonpump.service.original.interpretation import ParsedRequest, parse_request
from londonpump.service.original.risk import RiskList, risk_list, risk_reasons_of
from londonpump.service.original.schemas import TimePumpRequest
from londonpump.service.predictions.repository import (
    TIME_PUMP,
    PredictionRecord,
    Row,
    add_rows,
    as_row,
    digest_of,
)
from londonpump.service.rights import Person
from londonpump.service.state import ServiceState
from londonpump.storage.database.audit_repository import MAX_WAITING, AuditBatch


@dataclass(frozen=True, slots=True)
class TimePumpQuery:
    """What was asked, and who asks."""

    user_id: str
    query: TimePumpRequest


class TimeBatcher(MicroBatcher[TimePumpQuery, str]):
    """Times of the original's kind: those that are asked for together go through the model, and are stored, at once."""


MAX_TIMES_PER_BATCH = 16


async def predict_time(state: ServiceState, person: Person, query: TimePumpRequest) -> str:
    """The answer as json, once it is stored. Raises: NoModel, Unprocessable, DatabaseFailed."""
    return await state.part(TimeBatcher)(TimePumpQuery(person.id, query))


async def predict_times(state: ServiceState, queries: Sequence[TimePumpQuery]) -> list[str | Exception]:
    """What comes of each. Raises: what befalls all of them: NoModel, DatabaseFailed."""
    champion, now = state.champion.require(), state.clock()
    used_risk_list = await risk_list(state, champion)
    paths = state.part(GroundPathCache)
    stations = paths.stations_of(champion)
    parsed = [_parse(each.query, champion, stations, now) for each in queries]
    calls = {i: each for i, each in enumerate(parsed) if isinstance(each, ParsedRequest)}
    rows: dict[int, Row] = {}
    if calls:
        taken = [paths.path(champion, call.station, call.ground_code) for call in calls.values()]
        predicted = predict_response_times(champion.bundle, list(calls.values()), taken)
        for (i, call), one in zip(calls.items(), predicted, strict=True):
            response = _response(champion, call, one, used_risk_list)
            rows[i] = as_row(_record(queries[i], call, response, used_risk_list, now))
        await _keep(state, list(rows.values()), now)
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
) -> dict[str, Any]:
    risk_reasons = risk_reasons_of(
        used_risk_list, call.station.code, predicted, champion.bundle.risk_threshold
    )
    time_s = round(predicted.p50_s, 1)
    return {
        "time_pump": f"{round(time_s)} secondes",
        "risk_underestimated": bool(risk_reasons),
        "time_pump_s": time_s,
        "p10_s": round(predicted.p10_s, 1),
        "p90_s": round(predicted.p90_s, 1),
        "risk_because": risk_reasons,
        "filled": [*call.imputed, *predicted.imputed],
        "id": secrets.token_hex(ORIGINAL_ID_LENGTH // 2),
        "model": champion.name,
    }


def _record(
    query: TimePumpQuery,
    call: ParsedRequest,
    response: Mapping[str, Any],
    used_risk_list: RiskList,
    now: datetime,
) -> PredictionRecord:
    return PredictionRecord(
        id=response["id"],
        user_id=query.user_id,
        created_at=now,
        kind=TIME_PUMP,
        model=response["model"],
        response_time_s=response["time_pump_s"],
        risk_underestimated=response["risk_underestimated"],
        inputs=query.query.model_dump(),
        answer=response,
        asked_at=call.at,
        risk_listed_at=used_risk_list.listed_at,
    )


async def _keep(state: ServiceState, rows: Sequence[Row], now: datetime) -> None:
    audit = state.part(AuditBatch)
    if audit.n_waiting + len(rows) > MAX_WAITING // 2:
        # before anything is stored: an answer that the audit cannot hold is not given
        raise DatabaseFailed("The audit of predictions cannot be written. Check the database.")
    await state.store.write(lambda connection: add_rows(connection, rows))
    for row in rows:
        audit.add(row["id"], row["user_id"], now, digest_of(row))
        state.metrics.predictions.labels(TIME_PUMP, row["model"]).inc()
