"""Issue 11, A13: people change their own password, and see and end their own sessions."""

import json

import pytest
from support.accounts_service import PASSWORD, bearer

from londonpump.persistence.database import open_database, reading
from londonpump.persistence.repositories.audit import read_audit, verify_audit

NEW = "five loud umbrellas"


@pytest.fixture
def amelia(live_service):
    return live_service.bearer("amelia")


def change(live_service, headers, old: str = PASSWORD, new: str = NEW):
    body = {"old_password": old, "new_password": new}
    return live_service.client.put("/me/password", json=body, headers=headers)


def sessions(live_service, headers) -> list[dict]:
    return live_service.client.get("/me/sessions", headers=headers).json()


def end(live_service, headers, session_id: str) -> int:
    return live_service.client.delete(f"/me/sessions/{session_id}", headers=headers).status_code


def own_status(live_service, headers) -> int:
    return live_service.client.get("/me", headers=headers).status_code


def last_in_audit(live_service) -> tuple[str, str | None, dict]:
    engine = open_database(live_service.url)
    with reading(engine) as connection:
        assert verify_audit(connection).problem is None
        row = list(read_audit(connection))[-1]
    engine.dispose()
    return row.event_type, row.actor, json.loads(row.details)


def test_a_password_is_changed_by_whoever_knows_the_old_one(live_service, amelia) -> None:
    assert change(live_service, amelia).status_code == 204
    kind, actor, about = last_in_audit(live_service)
    assert (kind, actor, about["user"]) == ("user_password_set", actor, actor)
    assert NEW not in json.dumps(about)
    assert (live_service.login("amelia").status_code, live_service.login("amelia", NEW).status_code) == (
        400,
        200,
    )


def test_a_new_password_ends_the_other_sessions_and_not_this_one(live_service, amelia) -> None:
    other = live_service.login("amelia").json()
    stranger = live_service.bearer("bea")
    change(live_service, amelia)
    statuses = [
        own_status(live_service, headers) for headers in (amelia, bearer(other["access_token"]), stranger)
    ]
    refreshed = live_service.client.post("/refresh", json={"refresh_token": other["refresh_token"]})
    assert (statuses, refreshed.status_code) == ([200, 401, 200], 401)


def test_a_wrong_old_password_changes_nothing_and_is_kept(live_service, amelia) -> None:
    other = bearer(live_service.login("amelia").json()["access_token"])
    answer = change(live_service, amelia, old="wrong")
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "The old password is wrong. The password was not changed.",
    )
    assert last_in_audit(live_service)[0] == "password_change_refused"
    assert (own_status(live_service, other), live_service.login("amelia").status_code) == (200, 200)


def test_guessing_the_old_password_is_slowed_down_and_signing_in_is_not(live_service, amelia) -> None:
    statuses = [change(live_service, amelia, old="wrong").status_code for _ in range(6)]
    rejection = change(live_service, amelia)
    assert (statuses, rejection.status_code) == ([400] * 5 + [429], 429)
    assert int(rejection.headers["Retry-After"]) >= 1
    assert live_service.login("amelia").status_code == 200
    live_service.clock.move(seconds=1)
    assert change(live_service, amelia).status_code == 204


def test_a_new_session_does_not_begin_the_count_anew(live_service, amelia) -> None:
    for _ in range(5):
        change(live_service, amelia, old="wrong")
    again = bearer(live_service.login("amelia").json()["access_token"])
    assert change(live_service, again, old="wrong").status_code == 429


@pytest.mark.parametrize("new", ["short", "password1", "x" * 129])
def test_a_new_password_keeps_to_the_rules(new, live_service, amelia) -> None:
    answer = change(live_service, amelia, new=new)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "new_password")
    assert new not in answer.json()["detail"]


@pytest.mark.parametrize("role", ["analyst", "service", "admin"])
def test_every_role_changes_its_own(role, live_service) -> None:
    assert change(live_service, live_service.bearer("bea", role)).status_code == 204


def test_sessions_are_shown_to_their_owner(live_service, amelia) -> None:
    live_service.bearer("bea")
    live_service.clock.move(minutes=1)
    live_service.login("amelia")
    own_sessions = sessions(live_service, amelia)
    assert [each["is_current"] for each in own_sessions] == [False, True]
    assert {each["source"] for each in own_sessions} == {"testclient"}
    assert own_sessions[1]["started_at"] == "2025-06-02T09:30:00Z"


def test_sessions_that_ended_are_not_shown(live_service, amelia) -> None:
    live_service.client.post("/logout", headers=bearer(live_service.login("amelia").json()["access_token"]))
    assert [each["is_current"] for each in sessions(live_service, amelia)] == [True]
    live_service.clock.move(hours=13)
    later = bearer(live_service.login("amelia").json()["access_token"])
    assert [each["is_current"] for each in sessions(live_service, later)] == [True]


def test_one_s_own_session_is_ended_at_once(live_service, amelia) -> None:
    other = bearer(live_service.login("amelia").json()["access_token"])
    (session_id,) = [each["id"] for each in sessions(live_service, amelia) if not each["is_current"]]
    assert end(live_service, amelia, session_id) == 204
    kind, actor, about = last_in_audit(live_service)
    assert (kind, about) == ("sign_out", {"session": session_id})
    assert (own_status(live_service, other), own_status(live_service, amelia)) == (401, 200)
    assert end(live_service, amelia, session_id) == 404
    assert actor == live_service.client.get("/me", headers=amelia).json()["user"]["id"]


def test_the_session_that_asks_may_end_itself(live_service, amelia) -> None:
    (own_sessions,) = sessions(live_service, amelia)
    assert (end(live_service, amelia, own_sessions["id"]), own_status(live_service, amelia)) == (204, 401)


def test_another_s_session_is_404_and_goes_on(live_service, amelia) -> None:
    bea = live_service.bearer("bea", "admin")
    (theirs,) = [each["id"] for each in sessions(live_service, bea)]
    answers = [
        live_service.client.delete(f"/me/sessions/{each}", headers=amelia) for each in (theirs, "nobody-s")
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]
    assert own_status(live_service, bea) == 200


def test_nobody_s_account_has_none_of_it(live_service) -> None:
    statuses = [
        change(live_service, {}).status_code,
        live_service.client.get("/me/sessions").status_code,
        live_service.client.delete("/me/sessions/x").status_code,
    ]
    assert statuses == [401, 401, 401]
