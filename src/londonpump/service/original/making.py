"""Times of the original's kind: answered, stored, then told."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from londonpump.brigade.errors import DatabaseFailed
from londonpump.brigade.stations import Station
from londonpump.service.champion import Champion
from londonpump.service.errors import Unprocessable
from londonpump.service.original.places import WaysKept
from londonpump.service.original.risk import RiskList, reasons_to_warn, risk_list
from londonpump.service.original.rules import Understood, understood
from londonpump.service.original.shapes import TimePumpAsked
from londonpump.service.original.times import Announced, announce
from londonpump.service.predictions.rows import TIME_PUMP, PredictionRecord, Row, add_rows, as_row, digest_of
from londonpump.service.rights import Person
from londonpump.service.state import ServiceState
from londonpump.service.together import Together
from londonpump.service.words import ORIGINAL_ID_LENGTH
from londonpump.storage.database.audit_batch import MOST_WAITING, AuditBatch


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, and who asks."""

    user_id: str
    asked: TimePumpAsked


class Times(Together[Asked, str]):
    """Times of the original's kind: those that are asked for together go through the model, and are stored, at once."""


MOST_TIMES = 16


async def make(state: ServiceState, person: Person, asked: TimePumpAsked) -> str:
    """The answer as json, once it is stored. Raises: NoModel, Unprocessable, DatabaseFailed."""
    return await state.part(Times)(Asked(person.id, asked))


async def make_all(state: ServiceState, asked: Sequence[Asked]) -> list[str | Exception]:
    """What comes of each. Raises: what befalls all of them: NoModel, DatabaseFailed."""
    champion, now = state.champion.require(), state.clock()
    list_used = await risk_list(state, champion)
    ways = state.part(WaysKept)
    stations = ways.stations_of(champion)
    meant = [_meant(each.asked, champion, stations, now) for each in asked]
    calls = {i: each for i, each in enumerate(meant) if isinstance(each, Understood)}
    rows: dict[int, Row] = {}
    if calls:
        taken = [ways.way(champion, call.station, call.ground_code) for call in calls.values()]
        announced = announce(champion.bundle, list(calls.values()), taken)
        for (i, call), one in zip(calls.items(), announced, strict=True):
            told = _told(champion, call, one, list_used)
            rows[i] = as_row(_record(asked[i], call, told, list_used, now))
        await _keep(state, list(rows.values()), now)
    return [
        each if isinstance(each, Unprocessable) else str(rows[i]["answer"]) for i, each in enumerate(meant)
    ]


def _meant(
    asked: TimePumpAsked, champion: Champion, stations: Mapping[str, Station], now: datetime
) -> Understood | Unprocessable:
    try:
        return understood(asked, champion.bundle, stations, now)
    except Unprocessable as error:
        return error


def _told(champion: Champion, call: Understood, announced: Announced, list_used: RiskList) -> dict[str, Any]:
    because = reasons_to_warn(list_used, call.station.code, announced, champion.bundle.warn_at)
    time_s = round(announced.p50_s, 1)
    return {
        "time_pump": f"{round(time_s)} secondes",
        "risk_underestimated": bool(because),
        "time_pump_s": time_s,
        "p10_s": round(announced.p10_s, 1),
        "p90_s": round(announced.p90_s, 1),
        "risk_because": because,
        "filled": [*call.filled, *announced.filled],
        "id": secrets.token_hex(ORIGINAL_ID_LENGTH // 2),
        "model": champion.name,
    }


def _record(
    asked: Asked, call: Understood, told: Mapping[str, Any], list_used: RiskList, now: datetime
) -> PredictionRecord:
    return PredictionRecord(
        id=told["id"],
        user_id=asked.user_id,
        created_at=now,
        kind=TIME_PUMP,
        model=told["model"],
        response_time_s=told["time_pump_s"],
        risk_underestimated=told["risk_underestimated"],
        inputs=asked.asked.model_dump(),
        answer=told,
        asked_at=call.at,
        risk_listed_at=list_used.listed_at,
    )


async def _keep(state: ServiceState, rows: Sequence[Row], now: datetime) -> None:
    audit = state.part(AuditBatch)
    if audit.n_waiting + len(rows) > MOST_WAITING // 2:
        # before anything is stored: an answer that the audit cannot hold is not given
        raise DatabaseFailed("The audit of predictions cannot be written. Check the database.")
    await state.store.write(lambda connection: add_rows(connection, rows))
    for row in rows:
        audit.add(row["id"], row["user_id"], now, digest_of(row))
        state.metrics.predictions.labels(TIME_PUMP, row["model"]).inc()
