"""Issue 11: changes of an account while a password is checked, and attempts that are rejected because the service is busy."""

import json

import bcrypt
import pytest
from sqlalchemy import select
from support.accounts_service import PASSWORD, bearer

from londonpump.domain.errors import DatabaseFailed
from londonpump.persistence.database import connect, reading, writing
from londonpump.persistence.database.schema import sign_in_counts
from londonpump.persistence.repositories import users
from londonpump.persistence.repositories.audit import read_audit
from londonpump.service.auth import accounts, service
from londonpump.service.auth.errors import HashingBusy
from londonpump.service.auth.passwords import HashCost, Passwords

NEW = "five loud umbrellas"
ROUNDS = 10
"""Twice the free attempts."""


def of_four_lanes() -> str:
    dearer = Passwords(HashCost(time=1, memory_kib=64, lanes=4))
    made = dearer.make_now(PASSWORD)
    dearer.close()
    return made


def of_the_original() -> str:
    return bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


EARLIER = pytest.mark.parametrize("earlier", [of_four_lanes, of_the_original])


def write(live_service, work) -> None:
    engine = connect(live_service.url)
    with writing(engine) as connection:
        work(connection)
    engine.dispose()


def read(live_service, work):
    engine = connect(live_service.url)
    with reading(engine) as connection:
        found = work(connection)
    engine.dispose()
    return found


def event_types(live_service) -> list[str]:
    return read(live_service, lambda connection: [row.event_type for row in read_audit(connection)])


def levels(live_service) -> set[float]:
    return read(
        live_service, lambda connection: set(connection.execute(select(sign_in_counts.c.level)).scalars())
    )


def add(live_service, earlier) -> str:
    user_id = live_service.add("amelia")
    write(live_service, lambda connection: users.change_user(connection, user_id, password_hash=earlier()))
    return user_id


def meanwhile(monkeypatch, act) -> None:
    """Call a function before the next correct password check returns."""
    real, waiting = Passwords.check_now, [act]

    def check_now(self, *arguments, **named):
        checked = real(self, *arguments, **named)
        while waiting:
            waiting.pop()()
        return checked

    monkeypatch.setattr(Passwords, "check_now", check_now)


@EARLIER
def test_two_sign_ins_at_once_succeed_after_an_upgrade_or_an_import(
    live_service, monkeypatch, earlier
) -> None:
    add(live_service, earlier)
    twin = []
    meanwhile(monkeypatch, lambda: twin.append(live_service.login("amelia").status_code))
    assert (live_service.login("amelia").status_code, twin) == (200, [200])
    assert event_types(live_service)[1:] == ["sign_in", "sign_in"]
    assert levels(live_service) == {0.0}


def set_password(live_service, user_id) -> None:
    passwords = Passwords(HashCost(time=1, memory_kib=8, lanes=1))
    hashed = passwords.make_now(NEW)
    passwords.close()
    write(
        live_service,
        lambda connection: accounts.set_password(
            connection, user_id, hashed, "os:test", live_service.clock()
        ),
    )


def disable(live_service, user_id) -> None:
    write(
        live_service,
        lambda connection: accounts.set_disabled(
            connection, user_id, is_disabled=True, actor="os:test", now=live_service.clock()
        ),
    )


@EARLIER
@pytest.mark.parametrize("change", [set_password, disable])
def test_a_password_that_was_really_changed_meanwhile_is_refused_and_the_refusal_is_kept(
    live_service, monkeypatch, earlier, change
) -> None:
    user_id = add(live_service, earlier)
    meanwhile(monkeypatch, lambda: change(live_service, user_id))
    assert live_service.login("amelia").status_code == 400
    assert event_types(live_service)[-1] == "sign_in_refused"
    assert levels(live_service) == {1.0}


def change_password(live_service, headers):
    body = {"old_password": PASSWORD, "new_password": NEW}
    return live_service.client.put("/me/password", json=body, headers=headers)


@EARLIER
def test_a_password_is_changed_while_a_sign_in_hashes_the_old_one_anew(
    live_service, monkeypatch, earlier
) -> None:
    user_id = live_service.add("amelia")
    headers = bearer(live_service.login("amelia").json()["access_token"])
    write(live_service, lambda connection: users.change_user(connection, user_id, password_hash=earlier()))
    meanwhile(monkeypatch, lambda: live_service.login("amelia"))
    assert change_password(live_service, headers).status_code == 204
    assert (live_service.login("amelia").status_code, live_service.login("amelia", NEW).status_code) == (
        400,
        200,
    )


def test_a_password_that_was_set_meanwhile_is_not_changed_and_the_refusal_is_kept(
    live_service, monkeypatch
) -> None:
    user_id = live_service.add("amelia")
    headers = bearer(live_service.login("amelia").json()["access_token"])
    meanwhile(monkeypatch, lambda: set_password(live_service, user_id))
    assert change_password(live_service, headers).status_code == 400
    assert event_types(live_service)[-1] == "password_change_refused"


def no_room(*_: object, **__: object) -> None:
    raise HashingBusy


def no_database(*_: object, **__: object) -> None:
    raise DatabaseFailed("it is slow")


@pytest.mark.parametrize(
    ("of", "name", "is_rejected", "status"),
    [(Passwords, "_in_turn", no_room, 429), (service, "begin_session", no_database, 503)],
)
def test_whoever_is_refused_for_lack_of_room_as_often_as_they_like_signs_in_once_there_is_room(
    live_service, of, name, is_rejected, status
) -> None:
    live_service.add("amelia")
    with pytest.MonkeyPatch.context() as full:
        full.setattr(of, name, is_rejected)
        assert {live_service.login("amelia").status_code for _ in range(ROUNDS)} == {status}
        assert levels(live_service) == {0.0}
    assert live_service.login("amelia").status_code == 200


def test_a_wrong_password_counts_however_slow_the_database_is(live_service, monkeypatch) -> None:
    live_service.add("amelia")
    monkeypatch.setattr(service, "record_refused_attempt", no_database)
    answers = [live_service.login("amelia", "wrong") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [503] * 5 + [429]
    assert "Too many attempts" in answers[-1].json()["detail"]


def test_a_change_of_password_or_a_registration_that_found_no_room_is_not_counted(live_service) -> None:
    headers = live_service.bearer("amelia")
    registration = {"username": "bea", "password": PASSWORD, "passwordConfirm": PASSWORD}
    with pytest.MonkeyPatch.context() as full:
        full.setattr(Passwords, "_in_turn", no_room)
        assert {change_password(live_service, headers).status_code for _ in range(ROUNDS)} == {429}
        assert live_service.client.post("/register", json=registration).status_code == 429
        assert levels(live_service) == {0.0}
    assert change_password(live_service, headers).status_code == 204


@pytest.mark.parametrize("typed", ["amelia", "AMELIA"])
def test_a_wait_ends_for_everybody_with_the_right_password(live_service, typed) -> None:
    live_service.add("amelia")
    for _ in range(5):
        live_service.login("amelia", "wrong")
    live_service.clock.move(seconds=1)
    twin = []
    with pytest.MonkeyPatch.context() as patched:
        meanwhile(patched, lambda: twin.append(live_service.login(typed).status_code))
        assert live_service.login("amelia").status_code == 200
    assert (twin, live_service.login(typed).status_code) == ([429], 200)


@pytest.mark.parametrize(("is_disabled", "is_in_use"), [(False, True), (True, False)])
def test_an_imported_account_that_is_disabled_makes_no_sign_in_dearer(
    live_service, is_disabled, is_in_use
) -> None:
    user_id = add(live_service, of_the_original)
    if is_disabled:
        disable(live_service, user_id)
    assert read(live_service, users.has_bcrypt_hashes) is is_in_use


def test_the_audit_of_a_refusal_names_the_account_that_it_was_about(live_service, monkeypatch) -> None:
    user_id = add(live_service, of_the_original)
    meanwhile(monkeypatch, lambda: set_password(live_service, user_id))
    live_service.login("amelia")
    row = read(live_service, lambda connection: list(read_audit(connection))[-1])
    assert (row.actor, json.loads(row.details)) == (user_id, {"source": "testclient"})
