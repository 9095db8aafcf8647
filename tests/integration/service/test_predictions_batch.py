"""Batches of questions: each question has its own answer or problem, in the order of the questions."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from support.api_client import SOHO

from londonpump.persistence.repositories.predictions import as_text
from londonpump.service.predictions.batching import MAX_BATCHES
from londonpump.service.predictions.schemas import PredictionRequest
from londonpump.service.predictions.service import answer_batch, answer_question
from londonpump.service.rights import Person, Role

HARINGEY = {"easting_m": 532_000.0, "northing_m": 189_500.0}
WITHOUT = {"id": None, "board_age_s": None}
"""What differs between two answers to one question."""


def test_answers_stand_in_the_order_of_the_questions(api) -> None:
    locations = [SOHO, {"postcode_district": "ZZ9"}, HARINGEY, {"easting_m": 1.0}, {"station_ground": "A24"}]
    items = api.ask_many(*({"location": place} for place in locations)).json()["items"]
    prediction = [item["answer"] and item["answer"]["location"]["easting_m"] for item in items]
    assert prediction[0::2] == [SOHO["easting_m"], HARINGEY["easting_m"], pytest.approx(529_500, abs=1_500)]
    assert [item["problem"] and item["problem"]["status"] for item in items] == [None, 422, None, 422, None]


def test_an_answer_of_a_batch_is_that_of_the_question_alone(shared_api) -> None:
    questions = [
        {"location": place, "explanations": "all"} for place in (SOHO, HARINGEY, {"station_ground": "A24"})
    ]
    together = [item["answer"] for item in shared_api.ask_many(*questions).json()["items"]]
    alone = [shared_api.prediction(**question) for question in questions]
    assert [{**each, **WITHOUT} for each in together] == [{**each, **WITHOUT} for each in alone]


def test_a_batch_of_nothing_but_problems_is_answered(shared_api) -> None:
    answer = shared_api.ask_many({"location": {}}, 7)
    assert (answer.status_code, [item["answer"] for item in answer.json()["items"]]) == (200, [None, None])


def test_each_answer_of_a_batch_is_stored(api) -> None:
    items = api.ask_many(*[{"location": SOHO}] * 12).json()["items"]
    stored = [api.again(item["answer"]["id"]).text for item in items]
    assert stored == [as_text(item["answer"]) for item in items]


def test_a_thousand_questions_are_answered(shared_api) -> None:
    question = {"location": SOHO, "max_candidates": 1, "explanations": "none", "pumps": ["A241"]}
    items = shared_api.ask_many(*[question] * 1_000).json()["items"]
    assert len({item["answer"]["id"] for item in items}) == 1_000


def test_one_more_than_a_thousand_is_422(shared_api) -> None:
    rejection = shared_api.ask_many(*[{"location": SOHO}] * 1_001)
    assert (rejection.status_code, "at most 1,000 are allowed" in rejection.json()["detail"]) == (422, True)


def test_a_question_that_comes_meanwhile_is_answered_before(shared_api) -> None:
    """The event loop is free after each slice of a batch."""
    state = shared_api.client.app.state.service
    person = Person(shared_api.user_id, "olaf", Role.OPERATOR, "session")
    question = PredictionRequest.model_validate({"location": SOHO, "explanations": "none"})
    turns: list[str] = []

    async def many() -> None:
        await answer_batch(state, person, [question] * 60, None)
        turns.append("many")

    async def one() -> None:
        await answer_question(state, person, question, None)
        turns.append("one")

    async def both() -> None:
        await asyncio.gather(many(), one())

    shared_api.client.portal.call(both)
    assert turns == ["one", "many"]


def test_more_batches_than_may_wait_are_told_when_to_come_again(shared_api) -> None:
    turn = shared_api.client.app.state.service.batch_turn
    question = {"location": SOHO}

    async def hold_places(others: AsyncExitStack) -> None:
        turn.n_waiting += MAX_BATCHES - 1
        await others.enter_async_context(turn.taken())

    others = AsyncExitStack()
    shared_api.client.portal.call(hold_places, others)
    rejection = shared_api.ask_many(question)
    turn.n_waiting -= MAX_BATCHES - 1
    shared_api.client.portal.call(others.aclose)
    assert (rejection.status_code, int(rejection.headers["retry-after"]) >= 1) == (429, True)
    assert shared_api.ask_many(question).status_code == 200
