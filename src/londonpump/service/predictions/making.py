"""Calls to answers: through the model together, each put into words, and made ready to be stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import numpy as np

from londonpump.models.answering import SOONEST, answer, answer_named
from londonpump.models.bundle import Bundle
from londonpump.service.champion import Champion
from londonpump.service.predictions.around import Standing
from londonpump.service.predictions.calls import Call
from londonpump.service.predictions.columns import Counted, columns_of, counted, known_of
from londonpump.service.predictions.ranking import Ranked, rank
from londonpump.service.predictions.rows import CALL, PredictionRecord, Row, as_row
from londonpump.service.predictions.telling import Teller

Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Duty:
    """The model that answers, its stations, and when."""

    now: datetime
    champion: Champion
    standing: Standing


def make(calls: Sequence[Call], duty: Duty) -> list[Row]:
    """Answer calls, each as the row that is stored; its `answer` is the text that is given."""
    counts = [counted(call) for call in calls]
    teller = Teller(duty.champion, duty.standing)
    made = []
    for ranked, count in zip(_ranked(calls, counts, duty), counts, strict=True):
        told = teller.tell(uuid4().hex, ranked, count)
        made.append(as_row(_record(ranked, told, duty)))
    return made


def _ranked(calls: Sequence[Call], counts: Sequence[Counted], duty: Duty) -> list[Ranked]:
    """Exact places go through the model together; one that is only named goes alone, for all its points."""
    exact = [i for i, call in enumerate(calls) if not call.place.is_named]
    ranked = dict(
        zip(exact, _exact([calls[i] for i in exact], [counts[i] for i in exact], duty), strict=True)
    )
    for i, call in enumerate(calls):
        if call.place.is_named:
            ranked[i] = _named(call, counts[i], duty)
    return [ranked[i] for i in range(len(calls))]


def _exact(calls: Sequence[Call], counts: Sequence[Counted], duty: Duty) -> list[Ranked]:
    if not calls:
        return []
    bundle = duty.champion.bundle
    known = known_of(calls, bundle.response.context.takes)
    predictions = answer(bundle, columns_of(calls, counts, duty.standing), known)
    ranked, first = [], 0
    for call in calls:
        ranked.append(rank(call, predictions, first, range(len(call.starts))))
        first += len(call.starts)
    return _explained(bundle, ranked)


def _named(call: Call, counts: Counted, duty: Duty) -> Ranked:
    bundle = duty.champion.bundle
    known = known_of([call], bundle.response.context.takes)
    columns = columns_of([call], [counts], duty.standing)
    # pumps that are asked for by name are all answered
    is_open = call.question.pumps is None
    most = max(SOONEST, call.question.return_at_most) if is_open else len(call.starts)
    rows, predictions = answer_named(bundle, columns, call.place.points, known, most)
    return _explained(bundle, [rank(call, predictions, 0, rows.tolist())])[0]


def _explained(bundle: Bundle, ranked: Sequence[Ranked]) -> list[Ranked]:
    """With their reasons. ranked: out of the same predictions."""
    rows = list(dict.fromkeys(row for each in ranked for row in each.explained))
    if not rows:
        return list(ranked)
    because = dict(zip(rows, ranked[0].predictions.reasons(bundle, np.array(rows)), strict=True))
    return [replace(each, because=because) for each in ranked]


def _record(ranked: Ranked, told: Told, duty: Duty) -> PredictionRecord:
    # what is announced is the time of the pump to send: the first that can go
    row = ranked.row(ranked.able[0]) if ranked.able else None
    predictions = ranked.predictions
    return PredictionRecord(
        id=told["id"],
        user_id=ranked.call.user_id,
        created_at=duty.now,
        kind=CALL,
        model=duty.champion.name,
        response_time_s=None if row is None else round(float(predictions.median_s[row]), 1),
        risk_underestimated=None if row is None else bool(predictions.is_risky[row]),
        inputs=ranked.call.question.model_dump(mode="json", exclude_unset=True),
        answer=told,
        incident_number=ranked.call.question.incident_number,
        asked_at=ranked.call.at,
    )
