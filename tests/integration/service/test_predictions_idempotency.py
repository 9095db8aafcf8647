"""One question under one key is answered once, on both engines, also when it arrives twice at once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from support.asking import SOHO
from support.signing_in import bearer

from londonpump.service.predictions.idempotency import Key, claim, forget
from londonpump.storage.database import open_database, reading
from londonpump.storage.database.prediction_tables import idempotency_keys, predictions

KEY = "b2c1-7"
REPLAY = "idempotent-replay"


def count(asking, table=predictions) -> int:
    engine = open_database(asking.url)
    with reading(engine) as connection:
        found = connection.execute(select(func.count()).select_from(table)).scalar_one()
    engine.dispose()
    return found


def signed_in_again(asking) -> dict[str, str]:
    return bearer(asking.desk.login("olaf").json()["access_token"])


def test_the_same_question_again_has_the_same_answer(asking) -> None:
    first, second = asking.ask(KEY), asking.ask(KEY)
    assert (second.content, second.headers[REPLAY]) == (first.content, "true")
    assert (REPLAY in first.headers, count(asking)) == (False, 1)


def test_blanks_and_the_order_of_members_do_not_make_another_question(asking_sqlite) -> None:
    first = asking_sqlite.ask(KEY, return_at_most=2, reasons="none")
    body = b'{ "reasons":"none", "return_at_most": 2,"place": {"northing_m":181100.0,"easting_m":529700.0}}'
    headers = {**asking_sqlite.headers, "Idempotency-Key": KEY, "Content-Type": "application/json"}
    assert (
        asking_sqlite.client.post("/v1/predictions", content=body, headers=headers).content == first.content
    )


def test_another_question_under_the_key_is_409_and_stores_nothing(asking) -> None:
    asking.ask(KEY)
    assert asking.ask(KEY, return_at_most=1).status_code == 409
    assert count(asking) == 1


def test_a_key_of_one_route_is_refused_on_the_other(asking_sqlite) -> None:
    asking_sqlite.ask(KEY)
    assert asking_sqlite.ask_many({"place": SOHO}, key=KEY).status_code == 409


def test_a_key_is_its_persons_own(asking) -> None:
    mine = asking.told(key=KEY)
    theirs = asking.ask(KEY, headers=asking.desk.bearer("otto"))
    assert (theirs.json()["id"] != mine["id"], REPLAY in theirs.headers) == (True, False)


def test_without_a_key_each_question_is_a_new_one(asking_sqlite) -> None:
    assert asking_sqlite.told()["id"] != asking_sqlite.told()["id"]


@pytest.mark.parametrize(("hours", "is_replay"), [(23, True), (25, False)])
def test_a_key_is_kept_for_a_day(hours, is_replay, asking) -> None:
    first = asking.told(key=KEY)
    asking.clock.move(hours=hours)
    again = asking.ask(KEY, headers=signed_in_again(asking))
    assert (again.json()["id"] == first["id"], REPLAY in again.headers) == (is_replay, is_replay)


def test_two_at_once_are_answered_alike_and_stored_once(asking) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: asking.ask(KEY), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert count(asking) == 1


def test_a_key_taken_while_an_answer_was_made_gives_the_other_answer(asking) -> None:
    """Two processes: the second stores its answer after the first has stored another under the same key."""
    stored = asking.told()
    state = asking.client.app.state.service
    key = Key.of(asking.user_id, KEY, "predictions", [{"place": SOHO}], asking.clock())

    async def twice():
        items = [{"id": stored["id"]}]
        first = await state.store.write(lambda c: claim(c, key, items))
        second = await asyncio.gather(*(state.store.write(lambda c: claim(c, key, [])) for _ in range(3)))
        return first, second

    first, others = asking.client.portal.call(twice)
    assert (first, others) == (None, [[{"id": stored["id"]}]] * 3)


def test_a_batch_is_replayed_whole(asking) -> None:
    questions = [{"place": SOHO}, {"place": {}}, {"place": SOHO, "return_at_most": 1}]
    first, second = (asking.ask_many(*questions, key=KEY) for _ in range(2))
    assert (second.content, second.headers[REPLAY]) == (first.content, "true")
    assert count(asking) == 2


def test_old_keys_are_forgotten(asking) -> None:
    asking.ask("old")
    asking.clock.move(hours=25)
    asking.ask("new", headers=signed_in_again(asking))
    state = asking.client.app.state.service
    asking.client.portal.call(state.store.write, lambda c: forget(c, asking.clock() + timedelta(minutes=1)))
    assert count(asking, idempotency_keys) == 1


@pytest.mark.parametrize("key", ["a b", "x" * 129, "ä".encode()], ids=["blank", "long", "no ASCII"])
def test_a_key_that_is_none_is_422(key, asking_sqlite) -> None:
    headers = {**asking_sqlite.headers, "Idempotency-Key": key}
    answer = asking_sqlite.client.post("/v1/predictions", json={"place": SOHO}, headers=headers)
    assert answer.status_code == 422
