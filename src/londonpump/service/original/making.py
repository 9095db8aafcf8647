"""A time of the original's kind: answered, stored, then told."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from londonpump.brigade.errors import DatabaseFailed
from londonpump.service.champion import Champion
from londonpump.service.original.places import WaysKept
from londonpump.service.original.risk import RiskList, reasons_to_warn, risk_list
from londonpump.service.original.rules import Understood, understood
from londonpump.service.original.shapes import TimePumpAsked
from londonpump.service.original.times import announce
from londonpump.service.predictions.rows import TIME_PUMP, PredictionRecord, Row, add_rows, as_row, digest_of
from londonpump.service.rights import Person
from londonpump.service.state import ServiceState
from londonpump.storage.database.audit_batch import MOST_WAITING, AuditBatch


async def make(state: ServiceState, person: Person, asked: TimePumpAsked) -> str:
    """The answer as json, once it is stored. Raises: NoModel, Unprocessable, DatabaseFailed."""
    champion, now = state.champion.require(), state.clock()
    ways = state.part(WaysKept)
    call = understood(asked, champion.bundle, ways.stations_of(champion), now)
    list_used = await risk_list(state, champion)
    told = _told(champion, call, ways, list_used)
    record = PredictionRecord(
        id=told["id"],
        user_id=person.id,
        created_at=now,
        kind=TIME_PUMP,
        model=champion.name,
        response_time_s=told["time_pump_s"],
        risk_underestimated=told["risk_underestimated"],
        inputs=asked.model_dump(),
        answer=told,
        asked_at=call.at,
        risk_listed_at=list_used.listed_at,
    )
    row = as_row(record)
    await _keep(state, row, now)
    return str(row["answer"])


def _told(champion: Champion, call: Understood, ways: WaysKept, list_used: RiskList) -> dict[str, Any]:
    bundle = champion.bundle
    announced = announce(bundle, call, ways.way(champion, call.station, call.ground_code))
    because = reasons_to_warn(list_used, call.station.code, announced, bundle.warn_at)
    time_s = round(announced.p50_s, 1)
    return {
        "time_pump": f"{round(time_s)} secondes",
        "risk_underestimated": bool(because),
        "time_pump_s": time_s,
        "p10_s": round(announced.p10_s, 1),
        "p90_s": round(announced.p90_s, 1),
        "risk_because": because,
        "filled": [*call.filled, *announced.filled],
        "id": uuid4().hex,
        "model": champion.name,
    }


async def _keep(state: ServiceState, row: Row, now: datetime) -> None:
    audit = state.part(AuditBatch)
    if audit.n_waiting >= MOST_WAITING // 2:
        # before anything is stored: an answer that the audit cannot hold is not given
        raise DatabaseFailed("The audit of predictions cannot be written. Check the database.")
    await state.store.write(lambda connection: add_rows(connection, [row]))
    audit.add(row["id"], row["user_id"], now, digest_of(row))
    state.metrics.predictions.labels(TIME_PUMP, row["model"]).inc()
