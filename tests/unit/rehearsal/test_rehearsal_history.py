"""The history of a rehearsal is compared with ledger, data and service, and each difference is reported."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from londonpump.persistence.repositories.decisions import KEEP, PROMOTE, Decision
from londonpump.rehearsal.answer_check import active_models_in_order, live_of, problems_of
from londonpump.rehearsal.month import MonthResult
from londonpump.rehearsal.request_traffic import Answer, Question
from londonpump.service.predictions.schemas import (
    Candidate,
    ModelInfo,
    PredictionRequest,
    PredictionResponse,
    StationInfo,
)

FIRST_AT, THEN_AT = (datetime(2017, month, 26, 2, tzinfo=UTC) for month in (8, 9))


def line(number: int, at: datetime, before: str | None, after: str, challenger: str) -> Decision:
    action = PROMOTE if after == challenger else KEEP
    return Decision(at, action, before, after, challenger, "", "", {"data_hash": f"data{number}"}, "", number)


LEDGER = (line(1, FIRST_AT, None, "a", "a"), line(2, THEN_AT, "a", "a", "b"))
MONTHS = tuple(
    MonthResult(i, one.decided_at, 9, f"data{one.id}", str(one.challenger), (one,), (), (), (), None)
    for i, one in enumerate(LEDGER)
)


def check_months(months=MONTHS, ledger=LEDGER, answered_by=("a",)) -> str:
    return "; ".join(problems_of(months, ledger, answered_by))


def test_a_right_history_has_no_problem() -> None:
    assert check_months() == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"challenger": "c"}, "month 1: c was trained, b was evaluated"),
        ({"data_hash": "data1"}, "month 1: not evaluated on the data that was prepared"),
        ({"decided_at": FIRST_AT}, "month 1: decided on another day"),
        ({"decisions": ()}, "the months record 1 decisions, the ledger holds 2"),
    ],
)
def test_a_month_that_is_not_as_the_ledger_has_it_is_told(change, message) -> None:
    if "decisions" in change:
        changed = replace(MONTHS[0], decisions=(LEDGER[0],))
        assert message in check_months(months=(changed,))
    else:
        assert message in check_months(months=(MONTHS[0], replace(MONTHS[1], **change)))


def test_a_line_that_does_not_begin_where_the_last_ended_is_told() -> None:
    broken = replace(LEDGER[1], champion_before="c")
    months = (MONTHS[0], replace(MONTHS[1], decisions=(broken,)))
    assert check_months(months, (LEDGER[0], broken)) == "line 2 begins with c, but a was active"


@pytest.mark.parametrize("answered_by", [(), ("b",), ("a", "b"), ("a", "b", "a")])
def test_a_service_that_answered_with_another_model_is_told(answered_by) -> None:
    assert "the ledger names a" in check_months(answered_by=answered_by)


def test_a_model_that_comes_back_is_named_again() -> None:
    promoted = replace(LEDGER[1], champion_after="b")
    assert active_models_in_order((LEDGER[0], promoted, line(3, THEN_AT, "b", "a", "a"))) == ["a", "b", "a"]


def test_the_live_error_is_of_the_station_that_the_first_pump_came_from() -> None:
    def candidate(code: str, p50_s: float) -> Candidate:
        station = StationInfo(code=code, name="")
        return Candidate.model_construct(station=station, p10_s=p50_s - 60, p50_s=p50_s, p90_s=p50_s + 60)

    candidates = [candidate("A24", 200.0), candidate("H22", 300.0)]
    model = ModelInfo(name="a", is_simulated=True, trained_until=None)
    answer = PredictionResponse.model_construct(model=model, candidates=candidates)
    body = PredictionRequest.model_construct()
    answers = [Answer(3, Question(body, station, 350.0), 200, answer) for station in ("H22", "A24", "F40")]
    live = live_of(answers)[3]
    assert (live.answered, live.matched) == (3, 2)
    assert (live.mae_s, live.bias_s, live.cover_80_share) == (100.0, -100.0, 0.5)
