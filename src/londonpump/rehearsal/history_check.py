"""The history of a year, put beside what the ledger, the service and the data say: is it right?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from londonpump.rehearsal.month import MonthResult
from londonpump.rehearsal.request_traffic import Answer
from londonpump.storage.database.decision_repository import Decision


@dataclass(frozen=True, slots=True)
class LiveMetrics:
    """Announced times of pumps that then were the first to arrive. cover_80_share: between P10 and P90."""

    answered: int
    matched: int
    mae_s: float
    bias_s: float
    cover_80_share: float


def live_of(answers: Sequence[Answer]) -> Mapping[int, LiveMetrics]:
    """By month: how far the announced times were from what the simulation then let happen.

    An answer counts where the station that the first pump came from is among the candidates that were told.
    """
    months = sorted({answer.month for answer in answers})
    found = (
        (month, _live_metrics([answer for answer in answers if answer.month == month])) for month in months
    )
    return {month: live for month, live in found if live is not None}


def problems_of(
    months: Sequence[MonthResult], ledger: Sequence[Decision], answered_by: Sequence[str]
) -> list[str]:
    """Where the history is not what the ledger holds, or the service answered with another model than it names.

    Args: ledger: all lines, the oldest first. answered_by: the models that answered, one after another.
    """
    return [
        *_differences_from_ledger(months, ledger),
        *_broken(ledger),
        *_other_models_answered(ledger, answered_by),
    ]


def active_models_in_order(ledger: Sequence[Decision]) -> list[str]:
    """The models that the ledger names, one after another."""
    named: list[str] = []
    for line in ledger:
        if line.champion_after is not None and line.champion_after not in named[-1:]:
            named.append(line.champion_after)
    return named


def _differences_from_ledger(months: Sequence[MonthResult], ledger: Sequence[Decision]) -> Iterator[str]:
    recorded = [line for month in months for line in month.decisions]
    if recorded != list(ledger):
        yield f"the months tell of {len(recorded)} decisions, the ledger holds {len(ledger)}, or they differ"
    for month in months:
        line = month.decision
        if line.challenger != month.challenger:
            yield f"month {month.number}: {month.challenger} was trained, {line.challenger} was judged"
        if line.evidence.get("data_hash") != month.data_hash:
            yield f"month {month.number}: not judged on the data that was prepared"
        if line.decided_at != month.decided_at:
            yield f"month {month.number}: decided on another day"


def _broken(ledger: Sequence[Decision]) -> Iterator[str]:
    """Each line begins with the model that the one before ended with."""
    for before, after in pairwise(ledger):
        if after.champion_before != before.champion_after:
            yield f"line {after.id} begins with {after.champion_before}, {before.champion_after} was on duty"


def _other_models_answered(ledger: Sequence[Decision], answered_by: Sequence[str]) -> Iterator[str]:
    named = active_models_in_order(ledger)
    if list(answered_by) != named:
        yield f"{', '.join(answered_by)} answered in turn, the ledger names {', '.join(named)}"


def _live_metrics(answers: Sequence[Answer]) -> LiveMetrics | None:
    # two pumps of one station are told alike
    found = [
        (candidate["p10_s"], candidate["p50_s"], candidate["p90_s"], answer.question.actual_s)
        for answer in answers
        for candidate in _of_station(answer)[:1]
    ]
    p10_s, p50_s, p90_s, actual_s = np.array(found, np.float64).reshape(-1, 4).T
    if not len(actual_s):
        return None
    return LiveMetrics(
        answered=len(answers),
        matched=len(actual_s),
        mae_s=round(float(np.abs(p50_s - actual_s).mean()), 1),
        bias_s=round(float((p50_s - actual_s).mean()), 1),
        cover_80_share=round(float(((p10_s <= actual_s) & (actual_s <= p90_s)).mean()), 3),
    )


def _of_station(answer: Answer) -> list[dict[str, Any]]:
    candidates = [] if answer.response is None else answer.response["candidates"]
    return [candidate for candidate in candidates if candidate["station"]["code"] == answer.question.station]
