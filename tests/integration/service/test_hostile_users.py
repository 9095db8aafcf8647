"""Attacks by signed-in people: on data of other users, by volume, and by stored texts."""

import json

import pytest
from sqlalchemy import text as sql
from support.accounts_service import PASSWORD, bearer
from support.running_service import name_champion, put_in_store, running

from londonpump.persistence.database import connect, open_database, reading, writing
from londonpump.service.auth import accounts
from londonpump.service.auth.passwords import Passwords
from londonpump.service.rights import Role

SQL = (
    "'; DROP TABLE users; --",
    "x', 'admin', NULL); DELETE FROM audit; --",
    "'||(SELECT password_hash FROM users LIMIT 1)||'",
    '" OR ""="',
)
LOCATION = {"easting_m": 530_000.0, "northing_m": 180_000.0}
ROWS = 10_000
NOBODY_S_ID = "0" * 32


@pytest.fixture
def service(small_brigade, database_url, tmp_path):
    """Client of a service with an active model, on each engine; `signed_in` creates users."""
    engine = open_database(database_url)
    name_champion(engine, put_in_store(small_brigade.bundle, tmp_path).name)
    engine.dispose()
    with running(database_url, tmp_path) as client:
        client.app.state.url = database_url
        yield client


def signed_in(service, username: str, role: str = Role.OPERATOR) -> dict[str, str]:
    """Return the headers of a new account."""
    from support.accounts_service import CHEAP

    passwords, engine = Passwords(CHEAP), connect(service.app.state.url)
    new = accounts.NewUser(username, role, passwords.make_now(PASSWORD))
    with writing(engine) as connection:
        accounts.create(connection, new, "os:test", service.app.state.service.clock())
    engine.dispose()
    passwords.close()
    answer = service.post("/login", data={"username": username, "password": PASSWORD})
    return bearer(answer.json()["access_token"])


def rows(service, question: str) -> list[tuple]:
    engine = connect(service.app.state.url)
    with reading(engine) as connection:
        found = [tuple(row) for row in connection.execute(sql(question))]
    engine.dispose()
    return found


def post_prediction(service, headers: dict[str, str], **more: object):
    return service.post("/v1/predictions", json={"location": LOCATION, **more}, headers=headers)


def test_another_s_prediction_is_told_as_if_there_were_none(service) -> None:
    theirs = post_prediction(service, signed_in(service, "amelia")).json()["id"]
    mallory = signed_in(service, "mallory")
    answers = [service.get(f"/v1/predictions/{each}", headers=mallory) for each in (theirs, NOBODY_S_ID)]
    assert [answer.status_code for answer in answers] == [404, 404]
    texts = [answer.text.replace(answer.json()["request_id"], "") for answer in answers]
    assert texts[0].replace(theirs, NOBODY_S_ID) == texts[1]


def test_another_s_history_is_told_as_if_there_were_no_such_user(service) -> None:
    service.post("/predict/time_pump", headers=signed_in(service, "amelia"))
    mallory = signed_in(service, "mallory")
    answers = [
        service.get("/historique", params={"username": name}, headers=mallory)
        for name in ("amelia", "nobody")
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    texts = [answer.text.replace(answer.json()["request_id"], "") for answer in answers]
    assert texts[0] == texts[1]


def test_a_key_of_another_person_gives_nothing_of_theirs(service) -> None:
    key = {"Idempotency-Key": "one"}
    theirs = post_prediction(service, signed_in(service, "amelia") | key).json()["id"]
    assert post_prediction(service, signed_in(service, "mallory") | key).json()["id"] != theirs


def test_ten_thousand_questions_at_once_are_refused(service) -> None:
    headers = signed_in(service, "mallory")
    many = {"questions": [{"location": LOCATION}] * ROWS}
    answer = service.post("/v1/predictions/batch", json=many, headers=headers)
    assert answer.status_code in {413, 422}
    assert len(answer.content) < 10_000
    assert rows(service, "SELECT count(*) FROM predictions") == [(0,)]


def test_a_snapshot_of_ten_thousand_pumps_is_refused(service) -> None:
    headers = signed_in(service, "a feed", Role.SERVICE)
    pumps = [{"pump": f"A{number}", "state": "available"} for number in range(ROWS)]
    answer = service.put("/v1/board", json={"at": "2025-06-02T09:00:00Z", "pumps": pumps}, headers=headers)
    assert answer.status_code == 422
    assert len(answer.content) < 10_000
    assert rows(service, "SELECT count(*) FROM board_pumps") == [(0,)]


@pytest.mark.parametrize("text", SQL)
def test_sql_in_the_reason_of_an_override_is_kept_as_it_is(text, service) -> None:
    headers = signed_in(service, "mallory")
    first, second = [pump["code"] for pump in service.get("/v1/board", headers=headers).json()["pumps"]][:2]
    sent = {"incident_number": "000001-02062025", "pump": first, "recommended_pump": second}
    answer = service.post("/v1/mobilisations", json=sent | {"override_reason": text}, headers=headers)
    assert (answer.status_code, answer.json()["override_reason"]) == (201, text)
    assert rows(service, "SELECT override_reason FROM mobilisations") == [(text,)]
    audited = [
        json.loads(about)
        for (about,) in rows(service, "SELECT details FROM audit WHERE event_type = 'override'")
    ]
    assert [about["reason"] for about in audited] == [text]


@pytest.mark.parametrize("text", SQL)
def test_sql_in_the_reason_of_a_pump_is_kept_as_it_is(text, service) -> None:
    headers = signed_in(service, "mallory")
    pump = service.get("/v1/board", headers=headers).json()["pumps"][0]["code"]
    texts = {"state": "off_run", "reason": text}
    assert service.put(f"/v1/pumps/{pump}", json=texts, headers=headers).json()["reason"] == text
    assert rows(service, "SELECT report_reason FROM board_pumps") == [(text,)]


@pytest.mark.parametrize("text", SQL)
def test_sql_in_a_property_is_asked_about_as_it_is(text, service) -> None:
    answer = post_prediction(
        service, signed_in(service, "mallory"), property_category=text, address_qualifier=text
    )
    assert answer.status_code == 200
    (stored,) = rows(service, "SELECT inputs FROM predictions")
    assert text in json.dumps(stored[0]) or text in str(stored[0]) or json.dumps(text)[1:-1] in str(stored[0])
    assert [name for (name,) in rows(service, "SELECT username FROM users")] == ["mallory"]
