"""Issue 11, A13: people change their own password, and see and end their own sessions."""

import json

import pytest
from support.signing_in import PASSWORD, bearer

from londonpump.storage.database import open_database, reading
from londonpump.storage.database.audit_rows import read_audit, verify_audit

NEW = "five loud umbrellas"


@pytest.fixture
def amelia(desk):
    return desk.bearer("amelia")


def change(desk, headers, old: str = PASSWORD, new: str = NEW):
    body = {"old_password": old, "new_password": new}
    return desk.client.put("/me/password", json=body, headers=headers)


def sessions(desk, headers) -> list[dict]:
    return desk.client.get("/me/sessions", headers=headers).json()


def end(desk, headers, session_id: str) -> int:
    return desk.client.delete(f"/me/sessions/{session_id}", headers=headers).status_code


def status_of_me(desk, headers) -> int:
    return desk.client.get("/me", headers=headers).status_code


def last_in_audit(desk) -> tuple[str, str | None, dict]:
    engine = open_database(desk.url)
    with reading(engine) as connection:
        assert verify_audit(connection).problem is None
        row = list(read_audit(connection))[-1]
    engine.dispose()
    return row.kind, row.actor, json.loads(row.about)


def test_a_password_is_changed_by_whoever_knows_the_old_one(desk, amelia) -> None:
    assert change(desk, amelia).status_code == 204
    kind, actor, about = last_in_audit(desk)
    assert (kind, actor, about["user"]) == ("user_password_set", actor, actor)
    assert NEW not in json.dumps(about)
    assert (desk.login("amelia").status_code, desk.login("amelia", NEW).status_code) == (400, 200)


def test_a_new_password_ends_the_other_sessions_and_not_this_one(desk, amelia) -> None:
    other = desk.login("amelia").json()
    stranger = desk.bearer("bea")
    change(desk, amelia)
    told = [status_of_me(desk, headers) for headers in (amelia, bearer(other["access_token"]), stranger)]
    refreshed = desk.client.post("/refresh", json={"refresh_token": other["refresh_token"]})
    assert (told, refreshed.status_code) == ([200, 401, 200], 401)


def test_a_wrong_old_password_changes_nothing_and_is_kept(desk, amelia) -> None:
    other = bearer(desk.login("amelia").json()["access_token"])
    answer = change(desk, amelia, old="wrong")
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "The old password is wrong, and nothing was changed.",
    )
    assert last_in_audit(desk)[0] == "password_change_refused"
    assert (status_of_me(desk, other), desk.login("amelia").status_code) == (200, 200)


def test_guessing_the_old_password_is_slowed_down_and_signing_in_is_not(desk, amelia) -> None:
    told = [change(desk, amelia, old="wrong").status_code for _ in range(6)]
    refused = change(desk, amelia)
    assert (told, refused.status_code) == ([400] * 5 + [429], 429)
    assert int(refused.headers["Retry-After"]) >= 1
    assert desk.login("amelia").status_code == 200
    desk.clock.move(seconds=1)
    assert change(desk, amelia).status_code == 204


def test_a_new_session_does_not_begin_the_count_anew(desk, amelia) -> None:
    for _ in range(5):
        change(desk, amelia, old="wrong")
    again = bearer(desk.login("amelia").json()["access_token"])
    assert change(desk, again, old="wrong").status_code == 429


@pytest.mark.parametrize("new", ["short", "password1", "x" * 129])
def test_a_new_password_keeps_to_the_rules(new, desk, amelia) -> None:
    answer = change(desk, amelia, new=new)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "new_password")
    assert new not in answer.json()["detail"]


@pytest.mark.parametrize("role", ["analyst", "service", "admin"])
def test_every_role_changes_its_own(role, desk) -> None:
    assert change(desk, desk.bearer("bea", role)).status_code == 204


def test_sessions_are_shown_to_their_owner(desk, amelia) -> None:
    desk.bearer("bea")
    desk.clock.move(minutes=1)
    desk.login("amelia")
    shown = sessions(desk, amelia)
    assert [each["is_current"] for each in shown] == [False, True]
    assert {each["source"] for each in shown} == {"testclient"}
    assert shown[1]["started_at"] == "2025-06-02T09:30:00Z"


def test_sessions_that_ended_are_not_shown(desk, amelia) -> None:
    desk.client.post("/logout", headers=bearer(desk.login("amelia").json()["access_token"]))
    assert [each["is_current"] for each in sessions(desk, amelia)] == [True]
    desk.clock.move(hours=13)
    later = bearer(desk.login("amelia").json()["access_token"])
    assert [each["is_current"] for each in sessions(desk, later)] == [True]


def test_one_s_own_session_is_ended_at_once(desk, amelia) -> None:
    other = bearer(desk.login("amelia").json()["access_token"])
    (session_id,) = [each["id"] for each in sessions(desk, amelia) if not each["is_current"]]
    assert end(desk, amelia, session_id) == 204
    kind, actor, about = last_in_audit(desk)
    assert (kind, about) == ("sign_out", {"session": session_id})
    assert (status_of_me(desk, other), status_of_me(desk, amelia)) == (401, 200)
    assert end(desk, amelia, session_id) == 404
    assert actor == desk.client.get("/me", headers=amelia).json()["user"]["id"]


def test_the_session_that_asks_may_end_itself(desk, amelia) -> None:
    (shown,) = sessions(desk, amelia)
    assert (end(desk, amelia, shown["id"]), status_of_me(desk, amelia)) == (204, 401)


def test_another_s_session_is_404_and_goes_on(desk, amelia) -> None:
    bea = desk.bearer("bea", "admin")
    (theirs,) = [each["id"] for each in sessions(desk, bea)]
    answers = [desk.client.delete(f"/me/sessions/{each}", headers=amelia) for each in (theirs, "nobody-s")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]
    assert status_of_me(desk, bea) == 200


def test_nobody_s_account_has_none_of_it(desk) -> None:
    told = [
        change(desk, {}).status_code,
        desk.client.get("/me/sessions").status_code,
        desk.client.delete("/me/sessions/x").status_code,
    ]
    assert told == [401, 401, 401]
