"""Issue 11, A4: what a public route costs. Issue 11, A5: sign-ins that come together."""

import time
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from fastapi.routing import iter_route_contexts
from support.running_service import database_with, running
from support.signing_in import CHEAP, PASSWORD, bearer, running_desk

from londonpump.service.auth.desk import Auth
from londonpump.service.auth.passwords import HashCost, Passwords
from londonpump.service.middleware import SMALL_BODY_BYTES
from londonpump.service.rights import LONGEST_TOKEN, Public
from londonpump.service.strangers import BODY_BYTES, PUBLIC

BOGUS = "A" * 43
LARGE = b" " * (BODY_BYTES + 1)


class Counted:
    """Counts how often the store reads and writes."""

    def __init__(self, desk, monkeypatch) -> None:
        store = desk.client.app.state.service.store
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
def counted(desk, monkeypatch) -> Counted:
    return Counted(desk, monkeypatch)


def refresh(desk, token):
    return desk.client.post("/refresh", json={"refresh_token": token}).status_code


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
    assert found == PUBLIC


@pytest.mark.parametrize("path", sorted(PUBLIC))
def test_no_public_route_takes_a_large_body(path, desk) -> None:
    answer = desk.client.post(path, content=LARGE)
    assert (answer.status_code, answer.json()["detail"]) == (413, "A body has 4,096 bytes at most here.")


def test_whoever_is_signed_in_may_send_no_more_to_a_public_route(desk) -> None:
    answer = desk.client.post("/register", content=LARGE, headers=desk.bearer("amelia"))
    assert answer.status_code == 413


def test_a_long_query_of_a_public_route_is_refused(desk) -> None:
    assert desk.client.get("/livez", params={"a": "b" * BODY_BYTES}).status_code == 414


def test_a_large_body_without_a_token_is_asked_for_one(desk) -> None:
    answer = desk.client.post("/v1/predictions/batch", content=LARGE)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(("longer", "status"), [(0, 200), (LONGEST_TOKEN, 401)])
def test_a_token_longer_than_ours_is_not_decoded(longer, status, desk) -> None:
    own = desk.bearer("amelia")["Authorization"].split()[1]
    tokens = desk.client.app.state.service.part(Auth).tokens
    claims = jwt.decode(own, options={"verify_signature": False}) | {"more": "a" * longer}
    given = bearer(jwt.encode(claims, tokens._secret, "HS256"))
    assert desk.client.get("/me", headers=given).status_code == status
    # nor before its turn comes
    large = desk.client.post("/v1/predictions/batch", content=LARGE, headers=given)
    assert large.status_code == (422 if status == 200 else 401)


def test_a_body_too_large_for_anybody_is_refused_whoever_sends_it(desk) -> None:
    body = b" " * (SMALL_BODY_BYTES + 1)
    told = [
        desk.client.post("/v1/predictions", content=body, headers=headers).status_code
        for headers in ({}, desk.bearer("amelia"))
    ]
    assert told == [401, 413]


def test_a_large_body_with_a_token_that_is_too_old_is_told_so(desk) -> None:
    amelia = desk.bearer("amelia")
    desk.clock.move(minutes=11)
    assert desk.client.post("/v1/predictions/batch", content=LARGE, headers=amelia).status_code == 403


def test_a_large_body_with_a_token_is_read(desk) -> None:
    answer = desk.client.post("/v1/predictions/batch", content=LARGE, headers=desk.bearer("amelia"))
    assert answer.status_code == 422


def test_the_document_of_the_api_is_made_once_and_not_sent_again_to_who_has_it(desk, monkeypatch) -> None:
    made = []
    document = desk.client.app.openapi
    monkeypatch.setattr(desk.client.app, "openapi", lambda: made.append(1) or document())
    first = desk.client.get("/openapi.json")
    again = desk.client.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (first.json(), len(made)) == (document(), 1)
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("file", ["swagger-ui.css", "swagger-ui-bundle.js"])
def test_a_file_of_the_page_is_not_sent_again_to_who_has_it(file, desk) -> None:
    tag = desk.client.get(f"/docs/{file}").headers["etag"]
    answers = [
        desk.client.get(f"/docs/{file}", headers={"If-None-Match": known}).status_code
        for known in (tag, f'"other", W/{tag}', '"other"')
    ]
    assert answers == [304, 304, 200]


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
def test_health_asks_the_database_once_a_second_at_most(path, desk, counted) -> None:
    desk.client.get("/metrics")
    desk.clock.move(minutes=2)
    began_s = time.monotonic()
    once = counted.since(lambda: desk.client.get(path))["read"]
    more = counted.since(lambda: [desk.client.get(path) for _ in range(30)])["read"]
    seconds = int(time.monotonic() - began_s)
    assert once > 0
    assert more <= once * seconds


def test_after_a_second_health_is_looked_at_again(desk, counted) -> None:
    desk.client.get("/readyz")
    desk.clock.move(seconds=1)
    assert counted.since(lambda: desk.client.get("/readyz"))["read"] > 0


def test_a_throttled_sign_in_is_refused_without_the_database(desk, counted) -> None:
    told = [desk.login("amelia", "wrong").status_code for _ in range(7)]
    asked = counted.since(lambda: told.extend(desk.login("amelia", "wrong").status_code for _ in range(5)))
    assert told[5:] == [429] * 7
    assert asked == {"read": 0, "write": 0}


def test_another_replica_refuses_it_without_a_turn_at_writing(desk, tmp_path, monkeypatch) -> None:
    for _ in range(5):
        desk.login("amelia", "wrong")
    (tmp_path / "other").mkdir()
    with running_desk(desk.url, tmp_path / "other") as replica:
        counted = Counted(replica, monkeypatch)
        told = []
        asked = counted.since(lambda: told.append(replica.login("amelia", "wrong").status_code))
    assert (told, asked) == ([429], {"read": 1, "write": 0})


def test_what_this_process_remembers_ends_with_the_wait(desk) -> None:
    desk.add("amelia")
    while (refused := desk.login("amelia", "wrong")).status_code != 429:
        pass
    desk.clock.move(seconds=int(refused.headers["Retry-After"]))
    assert desk.login("amelia").status_code == 200


def test_a_throttled_registration_takes_no_turn_at_writing(desk, counted) -> None:
    def register(number: int) -> int:
        body = {"username": f"n{number}", "password": PASSWORD, "passwordConfirm": PASSWORD}
        return desk.client.post("/register", json=body).status_code

    assert [register(number) for number in range(51)][-1] == 429
    assert counted.since(lambda: register(99)) == {"read": 0, "write": 0}


def test_an_unknown_refresh_token_takes_no_turn_at_writing(desk, counted) -> None:
    told = []
    assert counted.since(lambda: told.append(refresh(desk, BOGUS))) == {"read": 1, "write": 0}
    assert counted.since(lambda: told.append(refresh(desk, "none of ours"))) == {"read": 0, "write": 0}
    assert told == [401, 401]


def test_a_refresh_token_of_a_session_that_ended_takes_no_turn_at_writing(desk, counted) -> None:
    desk.add("amelia")
    given = desk.login("amelia").json()
    desk.client.post("/logout", headers=bearer(given["access_token"]))
    assert counted.since(lambda: refresh(desk, given["refresh_token"]))["write"] == 0


def test_a_dozen_sign_ins_of_one_account_at_once_are_all_granted(desk) -> None:
    desk.add("amelia")
    with ThreadPoolExecutor(12) as threads:
        told = list(threads.map(lambda _: desk.login("amelia").status_code, range(12)))
    assert told == [200] * 12


def test_thirty_sign_ins_of_one_source_are_all_granted(desk) -> None:
    names = [f"console{number}" for number in range(30)]
    for name in names:
        desk.add(name)
    with ThreadPoolExecutor(12) as threads:
        told = list(threads.map(lambda name: desk.login(name).status_code, names))
    assert told == [200] * 30


def test_a_hash_of_four_lanes_is_made_anew_at_the_next_sign_in(desk) -> None:
    from sqlalchemy import select, update

    from londonpump.storage.database import connect, reading, writing
    from londonpump.storage.database.schema import users

    user_id, engine = desk.add("amelia"), connect(desk.url)
    earlier = Passwords(HashCost(time=3, memory_kib=64, lanes=4))
    with writing(engine) as connection:
        old = update(users).where(users.c.id == user_id)
        connection.execute(old.values(password_hash=earlier.make_now(PASSWORD)))
    earlier.close()
    told = [desk.login("amelia", "wrong").status_code, desk.login("amelia").status_code]
    with reading(engine) as connection:
        stored = connection.execute(select(users.c.password_hash).where(users.c.id == user_id)).scalar_one()
    engine.dispose()
    assert told == [400, 200]
    assert stored.startswith(f"$argon2id$v=19$m={CHEAP.memory_kib},t={CHEAP.time},p=1$")
    assert desk.login("amelia").status_code == 200
