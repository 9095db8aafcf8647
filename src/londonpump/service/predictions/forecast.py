"""Calls to answers: through the model together, each put into words, and made ready to be stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import numpy as np

from londonpump.models.bundle import Bundle
from londonpump.models.predict import MAX_AREA_DISPATCHES, predict_area, predict_dispatches
from londonpump.service.champion import Champion
from londonpump.service.predictions.calls import Call
from londonpump.service.predictions.model_inputs import Counts, columns_of, context_columns, counts_of
from londonpump.service.predictions.ranking import Ranked, rank
from londonpump.service.predictions.repository import CALL, PredictionRecord, Row, as_row
from londonpump.service.predictions.request_context import StationIndex
from londonpump.service.predictions.response import ResponseBuilder

JsonObject = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """The model that answers, its stations, and when."""

    now: datetime
    champion: Champion
    station_index: StationIndex


def predict_calls(calls: Sequence[Call], active: ActiveModel) -> list[Row]:
    """Answer calls, each as the row that is stored; its `answer` is the text that is given."""
    counts = [counts_of(call) for call in calls]
    builder = ResponseBuilder(active.champion, active.station_index)
    made = []
    for ranked, count in zip(_ranked(calls, counts, active), counts, strict=True):
        content = builder.build(uuid4().hex, ranked, count)
        made.append(as_row(_record(ranked, content, active)))
    return made


def _ranked(calls: Sequence[Call], counts: Sequence[Counts], active: ActiveModel) -> list[Ranked]:
    """Exact places go through the model together; one that is only named goes alone, for all its points."""
    exact = [i for i, call in enumerate(calls) if not call.location.is_named]
    ranked = dict(
        zip(exact, _exact([calls[i] for i in exact], [counts[i] for i in exact], active), strict=True)
    )
    for i, call in enumerate(calls):
        if call.location.is_named:
            ranked[i] = _named(call, counts[i], active)
    return [ranked[i] for i in range(len(calls))]


def _exact(calls: Sequence[Call], counts: Sequence[Counts], active: ActiveModel) -> list[Ranked]:
    if not calls:
        return []
    bundle = active.champion.bundle
    known = context_columns(calls, bundle.response.context.takes)
    predictions = predict_dispatches(bundle, columns_of(calls, counts, active.station_index), known)
    ranked, first = [], 0
    for call in calls:
        ranked.append(rank(call, predictions, first, range(len(call.starts))))
        first += len(call.starts)
    return _explained(bundle, ranked)


def _named(call: Call, counts: Counts, active: ActiveModel) -> Ranked:
    bundle = active.champion.bundle
    known = context_columns([call], bundle.response.context.takes)
    columns = columns_of([call], [counts], active.station_index)
    # pumps that are asked for by name are all answered
    is_open = call.question.pumps is None
    most = max(MAX_AREA_DISPATCHES, call.question.return_at_most) if is_open else len(call.starts)
    rows, predictions = predict_area(bundle, columns, call.location.points, known, most)
    return _explained(bundle, [rank(call, predictions, 0, rows.tolist())])[0]


def _explained(bundle: Bundle, ranked: Sequence[Ranked]) -> list[Ranked]:
    """With their reasons. ranked: out of the same predictions."""
    rows = list(dict.fromkeys(row for each in ranked for row in each.explained))
    if not rows:
        return list(ranked)
    contributions = dict(zip(rows, ranked[0].predictions.explanations(bundle, np.array(rows)), strict=True))
    return [replace(each, contributions=contributions) for each in ranked]


def _record(ranked: Ranked, content: JsonObject, active: ActiveModel) -> PredictionRecord:
    # what is announced is the time of the pump to send: the first that can go
    row = ranked.row(ranked.sendable[0]) if ranked.sendable else None
    predictions = ranked.predictions
    return PredictionRecord(
        id=content["id"],
        user_id=ranked.call.user_id,
        created_at=active.now,
        kind=CALL,
        model=active.champion.name,
        response_time_s=None if row is None else round(float(predictions.median_s[row]), 1),
        risk_underestimated=None if row is None else bool(predictions.is_flagged[row]),
        inputs=ranked.call.question.model_dump(mode="json", exclude_unset=True),
        answer=content,
        incident_number=ranked.call.question.incident_number,
        asked_at=ranked.call.at,
    )
