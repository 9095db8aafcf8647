"""The original's routes of accounts, status by status."""

import re

import pytest
from support.signing_in import PASSWORD, bearer, running_desk


def registering(name="amelia", password=PASSWORD, **changes):
    return {"username": name, "password": password, "passwordConfirm": password, **changes}


def test_registering_gives_the_account(desk) -> None:
    answer = desk.client.post("/register", json=registering())
    assert (answer.status_code, set(answer.json())) == (201, {"id", "username", "created_at"})


def test_a_name_that_exists_is_409(desk) -> None:
    desk.client.post("/register", json=registering("amelia"))
    assert desk.client.post("/register", json=registering("AMELIA")).status_code == 409


def test_two_passwords_that_differ_are_400(desk) -> None:
    assert desk.client.post("/register", json=registering(passwordConfirm=PASSWORD + "!")).status_code == 400


@pytest.mark.parametrize("password", ["short", "password", "x" * 129, "amelia99"])
def test_an_unfit_password_is_422(desk, password) -> None:
    answer = desk.client.post("/register", json=registering(password=password))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "password")


def test_a_refused_password_is_not_repeated(desk) -> None:
    assert "arsenal1" not in desk.client.post("/register", json=registering(password="arsenal1")).text  # noqa: S106


@pytest.mark.parametrize("name", ["", " ", "a" * 65, "a\u0000b", "a\nb", " amelia", "\ud800"])
def test_an_unfit_name_is_422(desk, name) -> None:
    import json

    body = json.dumps(registering(name)).encode()
    answer = desk.client.post("/register", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_a_role_that_is_asked_for_is_ignored(desk) -> None:
    """Issue 11, C1: the original ignored what it did not know."""
    assert desk.client.post("/register", json=registering(role="admin")).status_code == 201
    token = desk.login("amelia").json()["access_token"]
    assert desk.client.get("/v1/users", headers=bearer(token)).status_code == 403


def test_a_new_account_is_an_operators(desk) -> None:
    desk.client.post("/register", json=registering())
    token = desk.login("amelia").json()["access_token"]
    assert desk.client.get("/v1/users", headers=bearer(token)).status_code == 403


def test_the_original_s_clients_may_use_its_six_characters(database_url, tmp_path) -> None:
    with running_desk(database_url, tmp_path, password_min=6) as desk:
        assert desk.client.post("/register", json=registering(password="123456")).status_code == 201  # noqa: S106


def test_registration_can_be_closed(database_url, tmp_path) -> None:
    with running_desk(database_url, tmp_path, registration=False) as desk:
        assert desk.client.post("/register", json=registering()).status_code == 403


def test_login_gives_a_token_and_its_end_in_utc(desk) -> None:
    desk.add("amelia")
    given = desk.login("Amelia").json()
    assert given["token_expiry"] == "02/06/2025, 09:40:00"  # noqa: S105
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", given["access_token"])


def test_a_wrong_password_is_400(desk) -> None:
    desk.add("amelia")
    assert desk.login("amelia", "wrong").status_code == 400


def test_an_unknown_user_a_disabled_one_and_a_wrong_password_are_told_alike(desk) -> None:
    desk.add("amelia")
    admin = desk.bearer("ada", "admin")
    disabled = desk.add("bea")
    desk.client.patch(f"/v1/users/{disabled}", json={"is_disabled": True}, headers=admin)
    told = [desk.login("amelia", "wrong"), desk.login("bea"), desk.login("nobody")]
    assert {(one.status_code, one.json()["detail"]) for one in told} == {(400, "Incorrect Email or Password")}


def test_an_account_without_a_password_lets_nobody_in(desk) -> None:
    from sqlalchemy import update

    from londonpump.storage.database import connect, writing
    from londonpump.storage.database.schema import users

    desk.add("imported")
    engine = connect(desk.url)
    with writing(engine) as connection:
        connection.execute(update(users).values(password_hash=None))
    engine.dispose()
    assert desk.login("imported").status_code == 400


def test_me_is_who_signed_in(desk) -> None:
    shown = desk.client.get("/me", headers=desk.bearer("amelia")).json()
    assert set(shown) == {"status", "user"}
    assert (set(shown["user"]), shown["user"]["username"]) == ({"id", "username", "created_at"}, "amelia")


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Basic YTpi", "Bearer a.b.c"])
def test_me_without_a_valid_token_is_401(desk, header) -> None:
    answer = desk.client.get("/me", headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_me_with_an_expired_token_is_403(desk) -> None:
    amelia = desk.bearer("amelia")
    desk.clock.move(minutes=10)
    assert desk.client.get("/me", headers=amelia).status_code == 403


def test_a_valid_token_gives_a_new_one(desk) -> None:
    amelia = desk.bearer("amelia")
    desk.clock.move(minutes=9)
    given = desk.client.post("/refresh", headers=amelia).json()
    desk.clock.move(minutes=9)
    assert desk.client.get("/me", headers=bearer(given["access_token"])).status_code == 200


def test_no_token_outlives_its_session(desk) -> None:
    token = desk.login("amelia").json() if desk.add("amelia") else {}
    desk.clock.move(hours=11, minutes=55)
    late = desk.client.post("/refresh", json={"refresh_token": token["refresh_token"]}).json()
    assert late["token_expiry"] == "02/06/2025, 21:30:00"  # noqa: S105


def test_a_session_ends_after_twelve_hours(desk) -> None:
    desk.add("amelia")
    refresh = desk.login("amelia").json()["refresh_token"]
    desk.clock.move(hours=12)
    assert desk.client.post("/refresh", json={"refresh_token": refresh}).status_code == 401


@pytest.mark.parametrize("text", ["' OR 1=1 --", "amelia'; DROP TABLE users; --", '"', "%"])
def test_sql_in_a_name_is_a_name(desk, text) -> None:
    desk.add("amelia")
    assert desk.login(text).status_code == 400
    assert desk.client.post("/register", json=registering(text)).status_code == 201
    assert desk.login(text).status_code == 200


def test_login_wants_both_fields(desk) -> None:
    assert desk.client.post("/login", data={"username": "amelia"}).status_code == 422
