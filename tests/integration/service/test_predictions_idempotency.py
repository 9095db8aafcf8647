"""A question sent twice under one key is answered once, on both engines, even if both requests arrive together."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from support.accounts_service import bearer
from support.api_client import SOHO

from londonpump.persistence.database import open_database, reading
from londonpump.persistence.database.schema import idempotency_keys, predictions
from londonpump.service.idempotency import Key, claim, forget

KEY = "b2c1-7"
REPLAY = "idempotent-replay"


def count(api, table=predictions) -> int:
    engine = open_database(api.url)
    with reading(engine) as connection:
        found = connection.execute(select(func.count()).select_from(table)).scalar_one()
    engine.dispose()
    return found


def signed_in_again(api) -> dict[str, str]:
    return bearer(api.live_service.login("olaf").json()["access_token"])


def test_the_same_question_again_has_the_same_answer(api) -> None:
    first, second = api.ask(KEY), api.ask(KEY)
    assert (second.content, second.headers[REPLAY]) == (first.content, "true")
    assert (REPLAY in first.headers, count(api)) == (False, 1)


def test_blanks_and_the_order_of_members_do_not_make_another_question(sqlite_api) -> None:
    first = sqlite_api.ask(KEY, max_candidates=2, explanations="none")
    body = b'{ "explanations":"none", "max_candidates": 2,"location": {"northing_m":181100.0,"easting_m":529700.0}}'
    headers = {**sqlite_api.headers, "Idempotency-Key": KEY, "Content-Type": "application/json"}
    assert sqlite_api.client.post("/v1/predictions", content=body, headers=headers).content == first.content


def test_another_question_under_the_key_is_409_and_stores_nothing(api) -> None:
    api.ask(KEY)
    assert api.ask(KEY, max_candidates=1).status_code == 409
    assert count(api) == 1


def test_a_key_of_one_route_is_refused_on_the_other(sqlite_api) -> None:
    sqlite_api.ask(KEY)
    assert sqlite_api.ask_many({"location": SOHO}, key=KEY).status_code == 409


def test_a_batch_with_former_names_is_another_one_than_its_correction(sqlite_api) -> None:
    former = sqlite_api.ask_many({"place": SOHO}, key=KEY)
    assert "'place' is now 'location'" in str(former.json()["items"])
    assert sqlite_api.ask_many({"location": SOHO}, key=KEY).status_code == 409


def test_a_key_is_its_persons_own(api) -> None:
    mine = api.prediction(key=KEY)
    theirs = api.ask(KEY, headers=api.live_service.bearer("otto"))
    assert (theirs.json()["id"] != mine["id"], REPLAY in theirs.headers) == (True, False)


def test_without_a_key_each_question_is_a_new_one(sqlite_api) -> None:
    assert sqlite_api.prediction()["id"] != sqlite_api.prediction()["id"]


@pytest.mark.parametrize(("hours", "is_replay"), [(23, True), (25, False)])
def test_a_key_is_kept_for_a_day(hours, is_replay, api) -> None:
    first = api.prediction(key=KEY)
    api.clock.move(hours=hours)
    again = api.ask(KEY, headers=signed_in_again(api))
    assert (again.json()["id"] == first["id"], REPLAY in again.headers) == (is_replay, is_replay)


def test_two_at_once_are_answered_alike_and_stored_once(api) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.ask(KEY), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert count(api) == 1


def test_a_key_taken_while_an_answer_was_made_gives_the_other_answer(api) -> None:
    """Two processes: the second stores its answer after the first has stored another under the same key."""
    stored = api.prediction()
    state = api.client.app.state.service
    key = Key.of(api.user_id, KEY, "predictions", [{"location": SOHO}], api.clock())

    async def twice():
        items = [{"id": stored["id"]}]
        first = await state.store.write(lambda c: claim(c, key, items))
        second = await asyncio.gather(*(state.store.write(lambda c: claim(c, key, [])) for _ in range(3)))
        return first, second

    first, others = api.client.portal.call(twice)
    assert (first, others) == (None, [[{"id": stored["id"]}]] * 3)


def test_a_batch_is_replayed_whole(api) -> None:
    questions = [{"location": SOHO}, {"location": {}}, {"location": SOHO, "max_candidates": 1}]
    first, second = (api.ask_many(*questions, key=KEY) for _ in range(2))
    assert (second.content, second.headers[REPLAY]) == (first.content, "true")
    assert count(api) == 2


def test_old_keys_are_forgotten(api) -> None:
    api.ask("old")
    api.clock.move(hours=25)
    api.ask("new", headers=signed_in_again(api))
    state = api.client.app.state.service
    api.client.portal.call(state.store.write, lambda c: forget(c, api.clock() + timedelta(minutes=1)))
    assert count(api, idempotency_keys) == 1


@pytest.mark.parametrize("key", ["a b", "x" * 129, "ä".encode()], ids=["blank", "long", "no ASCII"])
def test_a_key_that_is_none_is_422(key, sqlite_api) -> None:
    headers = {**sqlite_api.headers, "Idempotency-Key": key}
    answer = sqlite_api.client.post("/v1/predictions", json={"location": SOHO}, headers=headers)
    assert answer.status_code == 422
