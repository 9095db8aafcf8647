"""Checks of a rehearsed year: each answer against the bundle it names, and the history against the ledger."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from londonpump.domain import incident_types
from londonpump.domain.stations import by_code
from londonpump.features.observations import us_of
from londonpump.models.bundle import Bundle
from londonpump.models.distribution import P10, P90
from londonpump.models.predict import predict_dispatches
from londonpump.persistence.repositories.decisions import Decision
from londonpump.persistence.verified_bundle import folder_of, open_verified
from londonpump.rehearsal.month import MonthResult
from londonpump.rehearsal.request_traffic import Answer
from londonpump.service.predictions.schemas import Candidate, PredictionResponse

# The service rounds times to 0.1 s.
ROUNDED_S = 0.051
UNSTATED_COLUMNS = ("property_category", "property_type", "address_qualifier", "station_ground_code")
ANSWERS_PER_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Exactness:
    """Numbers of answers that were compared with their bundles."""

    checked: int
    mixed: int
    """Answers that differ from those of the bundle they name."""


def exactness_of(bundles: Path, answers: Sequence[Answer]) -> Exactness:
    """Predict every answer again with the bundle it names. Raises: BadFile if a bundle cannot be opened."""
    answered = [each for each in answers if each.response is not None]
    mixed = 0
    for model in sorted({str(each.model) for each in answered}):
        _, bundle, _ = open_verified(folder_of(bundles, model))
        own = [each for each in answered if each.model == model]
        # in batches, which limits memory
        for first in range(0, len(own), ANSWERS_PER_BATCH):
            mixed += _n_mixed(bundle, own[first : first + ANSWERS_PER_BATCH])
    return Exactness(len(answered), mixed)


def _n_mixed(bundle: Bundle, answers: Sequence[Answer]) -> int:
    # an answer without candidates cannot be compared, so it counts as mixed
    candidates = [
        (i, each, candidate) for i, each in enumerate(answers) for candidate in _response(each).candidates
    ]
    predicted = predict_dispatches(bundle, _columns(bundle, candidates))
    ends_s = predicted.times.quantiles((P10, P90))
    own_s = np.column_stack([ends_s[:, 0], predicted.median_s, ends_s[:, 1]])
    served_s = np.array([(each.p10_s, each.p50_s, each.p90_s) for *_, each in candidates])
    is_other = (np.abs(own_s - served_s) > ROUNDED_S).any(axis=1)
    of_answer = np.array([i for i, *_ in candidates])
    empty = len(answers) - len(np.unique(of_answer))
    return len(np.unique(of_answer[is_other])) + empty


def _columns(bundle: Bundle, candidates: Sequence[tuple[int, Answer, Candidate]]) -> dict[str, NDArray[Any]]:
    """Return the inputs of the bundle, from each question and the workload counts in its answer."""
    stations, n = by_code(bundle.stations), len(candidates)
    bodies = [each.question.body for _, each, _ in candidates]
    station = [stations[candidate.station.code] for *_, candidate in candidates]
    counted = ("pumps_out", "ground_pumps_available", "recent_ground_calls")
    homes = [
        incident_types.HOME_STATION if candidate.home_station is None else incident_types.OTHER_STATION
        for *_, candidate in candidates
    ]
    return {
        "mobilised_us": np.array([us_of(body.at) for body in bodies if body.at is not None], np.int64),
        "station_code": np.array([each.code for each in station], object),
        "station_easting_m": np.array([each.easting_m for each in station]),
        "station_northing_m": np.array([each.northing_m for each in station]),
        "deployed_from": np.array(homes, object),
        "incident_type": np.array([body.incident_type for body in bodies], object),
        **{name: np.full(n, None, object) for name in UNSTATED_COLUMNS},
        **{
            axis: np.array([float(getattr(body.location, axis)) for body in bodies])
            for axis in ("easting_m", "northing_m")
        },
        **{
            name: np.array([_number(getattr(_response(each), name)) for _, each, _ in candidates])
            for name in counted
        },
    }


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _response(answer: Answer) -> PredictionResponse:
    assert answer.response is not None  # noqa: S101 - `exactness_of` drops requests without an answer
    return answer.response


@dataclass(frozen=True, slots=True)
class LiveMetrics:
    """Errors of the times announced for the pump that then arrived first."""

    answered: int
    matched: int
    mae_s: float
    bias_s: float
    cover_80_share: float
    """Share of actual times between P10 and P90."""


def live_of(answers: Sequence[Answer]) -> Mapping[int, LiveMetrics]:
    """Compare announced times with what the simulation then did, by month.

    An answer is matched if the station of the first pump is among its candidates.
    """
    months = sorted({answer.month for answer in answers})
    found = (
        (month, _live_metrics([answer for answer in answers if answer.month == month])) for month in months
    )
    return {month: live for month, live in found if live is not None}


def problems_of(
    months: Sequence[MonthResult], ledger: Sequence[Decision], answered_by: Sequence[str]
) -> list[str]:
    """Return each difference between the months, the ledger, and the models that answered.

    Args: ledger: all lines, the oldest first. answered_by: the models that answered, in order of time.
    """
    return [
        *_differences_from_ledger(months, ledger),
        *_broken(ledger),
        *_other_models_answered(ledger, answered_by),
    ]


def active_models_in_order(ledger: Sequence[Decision]) -> list[str]:
    """Return the active models of the ledger in order of time."""
    named: list[str] = []
    for line in ledger:
        if line.champion_after is not None and line.champion_after not in named[-1:]:
            named.append(line.champion_after)
    return named


def _differences_from_ledger(months: Sequence[MonthResult], ledger: Sequence[Decision]) -> Iterator[str]:
    recorded = [line for month in months for line in month.decisions]
    if recorded != list(ledger):
        yield f"the months record {len(recorded)} decisions, the ledger holds {len(ledger)}, or they differ"
    for month in months:
        line = month.decision
        if line.challenger != month.challenger:
            yield f"month {month.number}: {month.challenger} was trained, {line.challenger} was evaluated"
        if line.evidence.get("data_hash") != month.data_hash:
            yield f"month {month.number}: not evaluated on the data that was prepared"
        if line.decided_at != month.decided_at:
            yield f"month {month.number}: decided on another day"


def _broken(ledger: Sequence[Decision]) -> Iterator[str]:
    """Yield each line that does not begin with the model that the line before ended with."""
    for before, after in pairwise(ledger):
        if after.champion_before != before.champion_after:
            yield f"line {after.id} begins with {after.champion_before}, but {before.champion_after} was active"


def _other_models_answered(ledger: Sequence[Decision], answered_by: Sequence[str]) -> Iterator[str]:
    named = active_models_in_order(ledger)
    if list(answered_by) != named:
        yield f"{', '.join(answered_by)} answered in this order, the ledger names {', '.join(named)}"


def _live_metrics(answers: Sequence[Answer]) -> LiveMetrics | None:
    # two pumps of one station have the same times, so the first one is enough
    found = [
        (candidate.p10_s, candidate.p50_s, candidate.p90_s, answer.question.actual_s)
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


def _of_station(answer: Answer) -> list[Candidate]:
    candidates = [] if answer.response is None else answer.response.candidates
    return [candidate for candidate in candidates if candidate.station.code == answer.question.station]
