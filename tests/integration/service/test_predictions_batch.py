"""Many questions at once: each has its own answer or problem, in their order."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from support.asking import SOHO

from londonpump.service.predictions.asking import ask
from londonpump.service.predictions.batches import MOST_BATCHES, BatchTurn, ask_many
from londonpump.service.predictions.rows import as_text
from londonpump.service.predictions.shapes import Question
from londonpump.service.rights import Person, Role

HARINGEY = {"easting_m": 532_000.0, "northing_m": 189_500.0}
WITHOUT = {"id": None, "board_age_s": None}
"""What differs between two answers to one question."""


def test_answers_stand_in_the_order_of_the_questions(asking) -> None:
    places = [SOHO, {"postcode_district": "ZZ9"}, HARINGEY, {"easting_m": 1.0}, {"station_ground": "A24"}]
    items = asking.ask_many(*({"place": place} for place in places)).json()["items"]
    told = [item["answer"] and item["answer"]["place"]["easting_m"] for item in items]
    assert told[0::2] == [SOHO["easting_m"], HARINGEY["easting_m"], pytest.approx(529_500, abs=1_500)]
    assert [item["problem"] and item["problem"]["status"] for item in items] == [None, 422, None, 422, None]


def test_an_answer_of_a_batch_is_that_of_the_question_alone(asking_once) -> None:
    questions = [{"place": place, "reasons": "all"} for place in (SOHO, HARINGEY, {"station_ground": "A24"})]
    together = [item["answer"] for item in asking_once.ask_many(*questions).json()["items"]]
    alone = [asking_once.told(**question) for question in questions]
    assert [{**each, **WITHOUT} for each in together] == [{**each, **WITHOUT} for each in alone]


def test_a_batch_of_nothing_but_problems_is_answered(asking_once) -> None:
    answer = asking_once.ask_many({"place": {}}, 7)
    assert (answer.status_code, [item["answer"] for item in answer.json()["items"]]) == (200, [None, None])


def test_each_answer_of_a_batch_is_stored(asking) -> None:
    items = asking.ask_many(*[{"place": SOHO}] * 12).json()["items"]
    kept = [asking.again(item["answer"]["id"]).text for item in items]
    assert kept == [as_text(item["answer"]) for item in items]


def test_a_thousand_questions_are_answered(asking_once) -> None:
    question = {"place": SOHO, "return_at_most": 1, "reasons": "none", "pumps": ["A241"]}
    items = asking_once.ask_many(*[question] * 1_000).json()["items"]
    assert len({item["answer"]["id"] for item in items}) == 1_000


def test_one_more_than_a_thousand_is_422(asking_once) -> None:
    refused = asking_once.ask_many(*[{"place": SOHO}] * 1_001)
    assert (refused.status_code, "1,000 at most" in refused.json()["detail"]) == (422, True)


def test_a_question_that_comes_meanwhile_is_answered_before(asking_once) -> None:
    """The loop is free after each slice of a batch."""
    state = asking_once.client.app.state.service
    person = Person(asking_once.user_id, "olaf", Role.OPERATOR, "session")
    question = Question.model_validate({"place": SOHO, "reasons": "none"})
    turns: list[str] = []

    async def many() -> None:
        await ask_many(state, person, [question] * 60, None)
        turns.append("many")

    async def one() -> None:
        await ask(state, person, question, None)
        turns.append("one")

    async def both() -> None:
        await asyncio.gather(many(), one())

    asking_once.client.portal.call(both)
    assert turns == ["one", "many"]


def test_more_batches_than_may_wait_are_told_when_to_come_again(asking_once) -> None:
    turn = asking_once.client.app.state.service.part(BatchTurn)
    question = {"place": SOHO}

    async def held(others: AsyncExitStack) -> None:
        turn.n_here += MOST_BATCHES - 1
        await others.enter_async_context(turn.taken())

    others = AsyncExitStack()
    asking_once.client.portal.call(held, others)
    refused = asking_once.ask_many(question)
    turn.n_here -= MOST_BATCHES - 1
    asking_once.client.portal.call(others.aclose)
    assert (refused.status_code, int(refused.headers["retry-after"]) >= 1) == (429, True)
    assert asking_once.ask_many(question).status_code == 200
