"""Issue 11: what happens to an account while somebody's password is being checked, and what no room costs whoever comes."""

import json

import bcrypt
import pytest
from sqlalchemy import select
from support.signing_in import PASSWORD, bearer

from londonpump.brigade.errors import DatabaseFailed
from londonpump.service.auth import accounts, rows, signing
from londonpump.service.auth.passwords import HashCost, Passwords
from londonpump.service.auth.refusals import HashingBusy
from londonpump.storage.database import connect, reading, writing
from londonpump.storage.database.audit_rows import read_audit
from londonpump.storage.database.people_tables import sign_in_counts

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


def write(desk, work) -> None:
    engine = connect(desk.url)
    with writing(engine) as connection:
        work(connection)
    engine.dispose()


def read(desk, work):
    engine = connect(desk.url)
    with reading(engine) as connection:
        found = work(connection)
    engine.dispose()
    return found


def kinds(desk) -> list[str]:
    return read(desk, lambda connection: [row.kind for row in read_audit(connection)])


def levels(desk) -> set[float]:
    return read(desk, lambda connection: set(connection.execute(select(sign_in_counts.c.level)).scalars()))


def add(desk, earlier) -> str:
    user_id = desk.add("amelia")
    write(desk, lambda connection: rows.change_user(connection, user_id, password_hash=earlier()))
    return user_id


def meanwhile(monkeypatch, act) -> None:
    """Let something happen before the next password that is checked is found right."""
    real, waiting = Passwords.check_now, [act]

    def check_now(self, *given, **named):
        checked = real(self, *given, **named)
        while waiting:
            waiting.pop()()
        return checked

    monkeypatch.setattr(Passwords, "check_now", check_now)


@EARLIER
def test_two_sign_ins_at_once_succeed_after_an_upgrade_or_an_import(desk, monkeypatch, earlier) -> None:
    add(desk, earlier)
    twin = []
    meanwhile(monkeypatch, lambda: twin.append(desk.login("amelia").status_code))
    assert (desk.login("amelia").status_code, twin) == (200, [200])
    assert kinds(desk)[1:] == ["sign_in", "sign_in"]
    assert levels(desk) == {0.0}


def set_password(desk, user_id) -> None:
    passwords = Passwords(HashCost(time=1, memory_kib=8, lanes=1))
    hashed = passwords.make_now(NEW)
    passwords.close()
    write(
        desk, lambda connection: accounts.set_password(connection, user_id, hashed, "os:test", desk.clock())
    )


def disable(desk, user_id) -> None:
    write(
        desk,
        lambda connection: accounts.set_disabled(
            connection, user_id, is_disabled=True, actor="os:test", now=desk.clock()
        ),
    )


@EARLIER
@pytest.mark.parametrize("change", [set_password, disable])
def test_a_password_that_was_really_changed_meanwhile_is_refused_and_the_refusal_is_kept(
    desk, monkeypatch, earlier, change
) -> None:
    user_id = add(desk, earlier)
    meanwhile(monkeypatch, lambda: change(desk, user_id))
    assert desk.login("amelia").status_code == 400
    assert kinds(desk)[-1] == "sign_in_refused"
    assert levels(desk) == {1.0}


def change_password(desk, headers):
    body = {"old_password": PASSWORD, "new_password": NEW}
    return desk.client.put("/me/password", json=body, headers=headers)


@EARLIER
def test_a_password_is_changed_while_a_sign_in_hashes_the_old_one_anew(desk, monkeypatch, earlier) -> None:
    user_id = desk.add("amelia")
    headers = bearer(desk.login("amelia").json()["access_token"])
    write(desk, lambda connection: rows.change_user(connection, user_id, password_hash=earlier()))
    meanwhile(monkeypatch, lambda: desk.login("amelia"))
    assert change_password(desk, headers).status_code == 204
    assert (desk.login("amelia").status_code, desk.login("amelia", NEW).status_code) == (400, 200)


def test_a_password_that_was_set_meanwhile_is_not_changed_and_the_refusal_is_kept(desk, monkeypatch) -> None:
    user_id = desk.add("amelia")
    headers = bearer(desk.login("amelia").json()["access_token"])
    meanwhile(monkeypatch, lambda: set_password(desk, user_id))
    assert change_password(desk, headers).status_code == 400
    assert kinds(desk)[-1] == "password_change_refused"


def no_room(*_: object, **__: object) -> None:
    raise HashingBusy


def no_database(*_: object, **__: object) -> None:
    raise DatabaseFailed("it is slow")


@pytest.mark.parametrize(
    ("of", "name", "refused", "status"),
    [(Passwords, "_in_turn", no_room, 429), (signing, "begin_session", no_database, 503)],
)
def test_whoever_is_refused_for_lack_of_room_as_often_as_they_like_signs_in_once_there_is_room(
    desk, of, name, refused, status
) -> None:
    desk.add("amelia")
    with pytest.MonkeyPatch.context() as full:
        full.setattr(of, name, refused)
        assert {desk.login("amelia").status_code for _ in range(ROUNDS)} == {status}
        assert levels(desk) == {0.0}
    assert desk.login("amelia").status_code == 200


def test_a_wrong_password_counts_however_slow_the_database_is(desk, monkeypatch) -> None:
    desk.add("amelia")
    monkeypatch.setattr(signing, "refuse_attempt", no_database)
    answers = [desk.login("amelia", "wrong") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [503] * 5 + [429]
    assert "Too many attempts" in answers[-1].json()["detail"]


def test_a_change_of_password_or_a_registration_that_found_no_room_is_not_counted(desk) -> None:
    headers = desk.bearer("amelia")
    wanted = {"username": "bea", "password": PASSWORD, "passwordConfirm": PASSWORD}
    with pytest.MonkeyPatch.context() as full:
        full.setattr(Passwords, "_in_turn", no_room)
        assert {change_password(desk, headers).status_code for _ in range(ROUNDS)} == {429}
        assert desk.client.post("/register", json=wanted).status_code == 429
        assert levels(desk) == {0.0}
    assert change_password(desk, headers).status_code == 204


@pytest.mark.parametrize("typed", ["amelia", "AMELIA"])
def test_a_wait_ends_for_everybody_with_the_right_password(desk, typed) -> None:
    desk.add("amelia")
    for _ in range(5):
        desk.login("amelia", "wrong")
    desk.clock.move(seconds=1)
    twin = []
    with pytest.MonkeyPatch.context() as patched:
        meanwhile(patched, lambda: twin.append(desk.login(typed).status_code))
        assert desk.login("amelia").status_code == 200
    assert (twin, desk.login(typed).status_code) == ([429], 200)


@pytest.mark.parametrize(("is_disabled", "is_in_use"), [(False, True), (True, False)])
def test_an_imported_account_that_is_disabled_makes_no_sign_in_dearer(desk, is_disabled, is_in_use) -> None:
    user_id = add(desk, of_the_original)
    if is_disabled:
        disable(desk, user_id)
    assert read(desk, rows.has_bcrypt_hashes) is is_in_use


def test_the_audit_of_a_refusal_names_the_account_that_it_was_about(desk, monkeypatch) -> None:
    user_id = add(desk, of_the_original)
    meanwhile(monkeypatch, lambda: set_password(desk, user_id))
    desk.login("amelia")
    row = read(desk, lambda connection: list(read_audit(connection))[-1])
    assert (row.actor, json.loads(row.about)) == (user_id, {"source": "testclient"})
