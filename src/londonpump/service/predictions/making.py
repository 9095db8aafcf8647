"""Calls to answers: through the model together, each put into words, and made ready to be stored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from londonpump.models.answering import SOONEST, answer, answer_named
from londonpump.service.champion import Champion
from londonpump.service.predictions.around import Standing
from londonpump.service.predictions.calls import Call
from londonpump.service.predictions.columns import Counted, columns_of, counted, known_of
from londonpump.service.predictions.ranking import Ranked, rank
from londonpump.service.predictions.rows import CALL, PredictionRecord, Row, as_row
from londonpump.service.predictions.telling import Teller

Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, when, and which model answers."""

    user_id: str
    now: datetime
    champion: Champion
    standing: Standing


def make(calls: Sequence[Call], asker: Asker) -> list[Row]:
    """Answer calls, each as the row that is stored; its `answer` is the text that is given."""
    counts = [counted(call) for call in calls]
    teller = Teller(asker.champion, asker.standing)
    made = []
    for ranked, count in zip(_ranked(calls, counts, asker), counts, strict=True):
        told = teller.tell(uuid4().hex, ranked, count)
        made.append(as_row(_record(ranked, told, asker)))
    return made


def _ranked(calls: Sequence[Call], counts: Sequence[Counted], asker: Asker) -> list[Ranked]:
    """Exact places go through the model together; one that is only named goes alone, for all its points."""
    exact = [i for i, call in enumerate(calls) if not call.place.is_named]
    ranked = dict(
        zip(exact, _exact([calls[i] for i in exact], [counts[i] for i in exact], asker), strict=True)
    )
    for i, call in enumerate(calls):
        if call.place.is_named:
            ranked[i] = _named(call, counts[i], asker)
    return [ranked[i] for i in range(len(calls))]


def _exact(calls: Sequence[Call], counts: Sequence[Counted], asker: Asker) -> Iterator[Ranked]:
    if not calls:
        return
    bundle = asker.champion.bundle
    known = known_of(calls, bundle.response.context.takes)
    predictions = answer(bundle, columns_of(calls, counts, asker.standing), known)
    first = 0
    for call in calls:
        yield rank(call, predictions, first, range(len(call.starts)))
        first += len(call.starts)


def _named(call: Call, counts: Counted, asker: Asker) -> Ranked:
    bundle = asker.champion.bundle
    known = known_of([call], bundle.response.context.takes)
    columns = columns_of([call], [counts], asker.standing)
    # pumps that are asked for by name are all answered
    is_open = call.question.pumps is None
    most = max(SOONEST, call.question.return_at_most) if is_open else len(call.starts)
    rows, predictions = answer_named(bundle, columns, call.place.points, known, most)
    return rank(call, predictions, 0, rows.tolist())


def _record(ranked: Ranked, told: Told, asker: Asker) -> PredictionRecord:
    # what is announced is the time of the pump to send: the first that can go
    row = ranked.row(ranked.able[0]) if ranked.able else None
    predictions = ranked.predictions
    return PredictionRecord(
        id=told["id"],
        user_id=asker.user_id,
        created_at=asker.now,
        kind=CALL,
        model=asker.champion.name,
        response_time_s=None if row is None else round(float(predictions.median_s[row]), 1),
        risk_underestimated=None if row is None else bool(predictions.is_risky[row]),
        inputs=ranked.call.question.model_dump(mode="json", exclude_unset=True),
        answer=told,
        incident_number=ranked.call.question.incident_number,
        asked_at=ranked.call.at,
    )
