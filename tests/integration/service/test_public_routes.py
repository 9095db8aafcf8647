"""Issue 11, A4: the cost of public routes. Issue 11, A5: concurrent sign-ins."""

import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import jwt
import pytest
from fastapi.routing import iter_route_contexts
from support.accounts_service import CHEAP, PASSWORD, bearer, run_live_service
from support.running_service import database_with, running

from londonpump.service.anonymous_requests import BODY_BYTES, PUBLIC_PATHS
from londonpump.service.auth.passwords import HashCost, Passwords
from londonpump.service.middleware import SMALL_BODY_BYTES
from londonpump.service.rights import LONGEST_TOKEN, Public

BOGUS = "A" * 43
LARGE = b" " * (BODY_BYTES + 1)


class Counted:
    """Counter of the reads and writes of the store."""

    def __init__(self, live_service, monkeypatch) -> None:
        store = live_service.client.app.state.service.store
        self.n = {"read": 0, "write": 0}
        for name in self.n:
            monkeypatch.setattr(store, name, self._counting(name, getattr(store, name)))

    def _counting(self, name, work):
        async def counted(*given, **named):
            self.n[name] += 1
            return await work(*given, **named)

        return counted

    def since(self, work) -> dict[str, int]:
        before = dict(self.n)
        work()
        return {name: n - before[name] for name, n in self.n.items()}


@pytest.fixture
def counted(live_service, monkeypatch) -> Counted:
    return Counted(live_service, monkeypatch)


def refresh(live_service, token):
    return live_service.client.post("/refresh", json={"refresh_token": token}).status_code


def test_the_paths_with_a_small_body_are_those_that_everybody_may_use(tmp_path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    database_with(url)
    with running(url, tmp_path) as client:
        routes = [
            (context.path, context.dependant)
            for context in iter_route_contexts(client.app.routes)
            if getattr(context, "dependant", None)
        ]
    found = {path for path, needs in routes if Public in {type(one.call) for one in needs.dependencies}}
    assert found == PUBLIC_PATHS


@pytest.mark.parametrize("path", sorted(PUBLIC_PATHS))
def test_no_public_route_takes_a_large_body(path, live_service) -> None:
    answer = live_service.client.post(path, content=LARGE)
    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "The body exceeds the limit of 4,096 bytes.",
    )


def test_whoever_is_signed_in_may_send_no_more_to_a_public_route(live_service) -> None:
    answer = live_service.client.post("/register", content=LARGE, headers=live_service.bearer("amelia"))
    assert answer.status_code == 413


def test_a_long_query_of_a_public_route_is_refused(live_service) -> None:
    assert live_service.client.get("/livez", params={"a": "b" * BODY_BYTES}).status_code == 414


def test_a_large_body_without_a_token_is_asked_for_one(live_service) -> None:
    answer = live_service.client.post("/v1/predictions/batch", content=LARGE)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(("longer", "status"), [(0, 200), (LONGEST_TOKEN, 401)])
def test_a_token_longer_than_ours_is_not_decoded(longer, status, live_service) -> None:
    own = live_service.bearer("amelia")["Authorization"].split()[1]
    tokens = live_service.client.app.state.service.auth.tokens
    claims = jwt.decode(own, options={"verify_signature": False}) | {"more": "a" * longer}
    given = bearer(jwt.encode(claims, tokens._secret, "HS256"))
    assert live_service.client.get("/me", headers=given).status_code == status
    # and not before its turn
    large = live_service.client.post("/v1/predictions/batch", content=LARGE, headers=given)
    assert large.status_code == (422 if status == 200 else 401)


def test_a_body_too_large_for_anybody_is_refused_whoever_sends_it(live_service) -> None:
    body = b" " * (SMALL_BODY_BYTES + 1)
    statuses = [
        live_service.client.post("/v1/predictions", content=body, headers=headers).status_code
        for headers in (None, live_service.bearer("amelia"))
    ]
    assert statuses == [401, 413]


def test_a_large_body_with_a_token_that_is_too_old_is_told_so(live_service) -> None:
    amelia = live_service.bearer("amelia")
    live_service.clock.move(minutes=11)
    assert live_service.client.post("/v1/predictions/batch", content=LARGE, headers=amelia).status_code == 403


def test_a_large_body_with_a_token_is_read(live_service) -> None:
    answer = live_service.client.post(
        "/v1/predictions/batch", content=LARGE, headers=live_service.bearer("amelia")
    )
    assert answer.status_code == 422


def test_the_document_of_the_api_is_made_once_and_not_sent_again_to_who_has_it(
    live_service, monkeypatch
) -> None:
    document = Mock(wraps=live_service.client.app.openapi)
    monkeypatch.setattr(live_service.client.app, "openapi", document)
    first = live_service.client.get("/openapi.json")
    again = live_service.client.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (document.call_count, first.json()) == (1, document())
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("file", ["swagger-ui.css", "swagger-ui-bundle.js"])
def test_a_file_of_the_page_is_not_sent_again_to_who_has_it(file, live_service) -> None:
    tag = live_service.client.get(f"/docs/{file}").headers["etag"]
    answers = [
        live_service.client.get(f"/docs/{file}", headers={"If-None-Match": known}).status_code
        for known in (tag, f'"other", W/{tag}', '"other"')
    ]
    assert answers == [304, 304, 200]


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
def test_health_asks_the_database_once_a_second_at_most(path, live_service, counted) -> None:
    live_service.client.get("/metrics")
    live_service.clock.move(minutes=2)
    began_s = time.monotonic()
    once = counted.since(lambda: live_service.client.get(path))["read"]
    more = counted.since(lambda: [live_service.client.get(path) for _ in range(30)])["read"]
    seconds = int(time.monotonic() - began_s)
    assert once > 0
    assert more <= once * seconds


def test_after_a_second_health_is_looked_at_again(live_service, counted) -> None:
    live_service.client.get("/readyz")
    live_service.clock.move(seconds=1)
    assert counted.since(lambda: live_service.client.get("/readyz"))["read"] > 0


def test_a_throttled_sign_in_is_refused_without_the_database(live_service, counted) -> None:
    statuses = [live_service.login("amelia", "wrong").status_code for _ in range(7)]
    n_queries = counted.since(
        lambda: statuses.extend(live_service.login("amelia", "wrong").status_code for _ in range(5))
    )
    assert statuses[5:] == [429] * 7
    assert n_queries == {"read": 0, "write": 0}


def test_another_replica_refuses_it_without_a_turn_at_writing(live_service, tmp_path, monkeypatch) -> None:
    for _ in range(5):
        live_service.login("amelia", "wrong")
    (tmp_path / "other").mkdir()
    with run_live_service(live_service.url, tmp_path / "other") as replica:
        counted = Counted(replica, monkeypatch)
        statuses = []
        n_queries = counted.since(lambda: statuses.append(replica.login("amelia", "wrong").status_code))
    assert (statuses, n_queries) == ([429], {"read": 1, "write": 0})


def test_what_this_process_remembers_ends_with_the_wait(live_service) -> None:
    live_service.add("amelia")
    while (rejection := live_service.login("amelia", "wrong")).status_code != 429:
        pass
    live_service.clock.move(seconds=int(rejection.headers["Retry-After"]))
    assert live_service.login("amelia").status_code == 200


def test_a_throttled_registration_takes_no_turn_at_writing(live_service, counted) -> None:
    def register(number: int) -> int:
        body = {"username": f"n{number}", "password": PASSWORD, "passwordConfirm": PASSWORD}
        return live_service.client.post("/register", json=body).status_code

    assert [register(number) for number in range(51)][-1] == 429
    assert counted.since(lambda: register(99)) == {"read": 0, "write": 0}


def test_an_unknown_refresh_token_takes_no_turn_at_writing(live_service, counted) -> None:
    statuses = []
    assert counted.since(lambda: statuses.append(refresh(live_service, BOGUS))) == {"read": 1, "write": 0}
    assert counted.since(lambda: statuses.append(refresh(live_service, "none of ours"))) == {
        "read": 0,
        "write": 0,
    }
    assert statuses == [401, 401]


def test_a_refresh_token_of_a_session_that_ended_takes_no_turn_at_writing(live_service, counted) -> None:
    live_service.add("amelia")
    given = live_service.login("amelia").json()
    live_service.client.post("/logout", headers=bearer(given["access_token"]))
    assert counted.since(lambda: refresh(live_service, given["refresh_token"]))["write"] == 0


def test_a_dozen_sign_ins_of_one_account_at_once_are_all_granted(live_service) -> None:
    live_service.add("amelia")
    with ThreadPoolExecutor(12) as threads:
        statuses = list(threads.map(lambda _: live_service.login("amelia").status_code, range(12)))
    assert statuses == [200] * 12


def test_thirty_sign_ins_of_one_source_are_all_granted(live_service) -> None:
    names = [f"console{number}" for number in range(30)]
    for name in names:
        live_service.add(name)
    with ThreadPoolExecutor(12) as threads:
        statuses = list(threads.map(lambda name: live_service.login(name).status_code, names))
    assert statuses == [200] * 30


def test_a_hash_of_four_lanes_is_made_anew_at_the_next_sign_in(live_service) -> None:
    from sqlalchemy import select, update

    from londonpump.persistence.database import connect, reading, writing
    from londonpump.persistence.database.schema import users

    user_id, engine = live_service.add("amelia"), connect(live_service.url)
    earlier = Passwords(HashCost(time=3, memory_kib=64, lanes=4))
    with writing(engine) as connection:
        old = update(users).where(users.c.id == user_id)
        connection.execute(old.values(password_hash=earlier.make_now(PASSWORD)))
    earlier.close()
    statuses = [live_service.login("amelia", "wrong").status_code, live_service.login("amelia").status_code]
    with reading(engine) as connection:
        stored = connection.execute(select(users.c.password_hash).where(users.c.id == user_id)).scalar_one()
    engine.dispose()
    assert statuses == [400, 200]
    assert stored.startswith(f"$argon2id$v=19$m={CHEAP.memory_kib},t={CHEAP.time},p=1$")
    assert live_service.login("amelia").status_code == 200
