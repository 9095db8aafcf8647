"""Issue 11, A3: a large stored batch can be read again without delaying other requests."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from uuid import uuid4

import pytest
from support.api_client import SOHO, ApiClient, serve_api
from support.blocked_reads import LONG_S, BlockedJob

from londonpump.persistence.database.store import StoreLimits
from londonpump.persistence.repositories.predictions import add_rows, as_text, find_prediction
from londonpump.persistence.repositories.predictions import as_row as as_prediction_row
from londonpump.persistence.stored_json import request_to_hash
from londonpump.service.idempotency import Key, claim
from londonpump.service.predictions.schemas import BatchRequest

KEY = "a-large-batch"
QUESTION = {"location": SOHO, "max_candidates": 20}
N = 1_000
REPLAY = "idempotent-replay"
LIMITS = StoreLimits(long_readers=1, patience_s=30.0)


@pytest.fixture
def api(database_url, tmp_path, small_brigade) -> Iterator[ApiClient]:
    with serve_api(database_url, tmp_path, small_brigade.bundle, limits=LIMITS) as person:
        yield person


def store_batch(api: ApiClient, n: int) -> list[str]:
    """Store one answer n times as the answers to a batch, and return their ids."""
    state = api.client.app.state.service
    prediction = api.prediction(max_candidates=20)
    record = api.client.portal.call(state.store.read, lambda c: find_prediction(c, prediction["id"]))
    ids = [uuid4().hex for _ in range(n)]
    row = as_prediction_row(record)
    rows = [{**row, "id": new, "answer": as_text({**record.answer, "id": new})} for new in ids]
    questions = BatchRequest.model_validate({"questions": [QUESTION] * n}).questions
    body = [request_to_hash(question.as_json()) for question in questions]
    key = Key.of(api.user_id, KEY, "predictions/batch", body, api.clock())

    def stored(connection) -> None:
        assert claim(connection, key, [{"id": new} for new in ids]) is None
        add_rows(connection, rows)

    api.client.portal.call(partial(state.store.write, stored, within_s=LONG_S))
    return ids


def test_a_thousand_stored_answers_of_twenty_candidates_are_fetched_again(api) -> None:
    ids = store_batch(api, N)
    for _ in range(3):
        answer = api.ask_many(*[QUESTION] * N, key=KEY)
        assert (answer.status_code, answer.headers[REPLAY]) == (200, "true"), answer.text[:500]
        assert [item["answer"]["id"] for item in answer.json()["items"]] == ids


def test_several_fetch_a_stored_batch_at_once(api) -> None:
    store_batch(api, N)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: api.ask_many(*[QUESTION] * N, key=KEY), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_what_is_fetched_again_is_letter_for_letter_what_was_answered(api) -> None:
    questions = [QUESTION, {"location": {}}, {"location": SOHO, "max_candidates": 1}]
    first, second = (api.ask_many(*questions, key=KEY) for _ in range(2))
    assert (first.content, second.headers[REPLAY]) == (second.content, "true")


def test_sessions_are_looked_up_while_a_stored_batch_is_fetched(api) -> None:
    """Long reads have a lane of their own: while it is held, other requests are answered."""
    store_batch(api, 3)
    store = api.client.app.state.service.store
    blocked = BlockedJob()
    holding = api.client.portal.start_task_soon(partial(store.read, blocked, within_s=LONG_S))
    assert blocked.is_begun.wait(LONG_S)
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(api.ask_many, *[QUESTION] * 3, key=KEY)
        try:
            me = api.client.get("/me", headers=api.headers)
            is_waiting = not wait([fetching], timeout=0.2).done
        finally:
            blocked.may_end.set()
        fetched = fetching.result(LONG_S)
    holding.result(LONG_S)
    assert (me.status_code, is_waiting, fetched.status_code) == (200, True, 200)


def test_a_stored_batch_is_fetched_while_other_batches_are_at_work(api) -> None:
    """A stored batch does not wait for the batch lock, which another batch may hold for half a minute."""
    store_batch(api, 3)
    turn = api.client.app.state.service.batch_turn
    api.client.portal.call(turn.lock.acquire)
    try:
        assert api.ask_many(*[QUESTION] * 3, key=KEY).status_code == 200
    finally:
        api.client.portal.call(_released, turn)


async def _released(turn) -> None:
    turn.lock.release()


@pytest.mark.slow
def test_a_thousand_questions_that_were_answered_are_fetched_again(api) -> None:
    first = api.ask_many(*[QUESTION] * N, key=KEY)
    second = api.ask_many(*[QUESTION] * N, key=KEY)
    assert (first.status_code, second.status_code) == (200, 200)
    assert len(json.loads(second.content)["items"]) == N
    assert second.content == first.content
