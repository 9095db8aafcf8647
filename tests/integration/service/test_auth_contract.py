"""The original's routes of accounts, status by status."""

import re

import pytest
from support.accounts_service import PASSWORD, bearer, run_live_service


def registering(name="amelia", password=PASSWORD, **changes):
    return {"username": name, "password": password, "passwordConfirm": password, **changes}


def test_registering_gives_the_account(live_service) -> None:
    answer = live_service.client.post("/register", json=registering())
    assert (answer.status_code, set(answer.json())) == (201, {"id", "username", "created_at"})


def test_a_name_that_exists_is_409(live_service) -> None:
    live_service.client.post("/register", json=registering("amelia"))
    assert live_service.client.post("/register", json=registering("AMELIA")).status_code == 409


def test_two_passwords_that_differ_are_400(live_service) -> None:
    assert (
        live_service.client.post("/register", json=registering(passwordConfirm=PASSWORD + "!")).status_code
        == 400
    )


@pytest.mark.parametrize("password", ["short", "password", "x" * 129, "amelia99"])
def test_an_unfit_password_is_422(live_service, password) -> None:
    answer = live_service.client.post("/register", json=registering(password=password))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "password")


def test_a_refused_password_is_not_repeated(live_service) -> None:
    assert "arsenal1" not in live_service.client.post("/register", json=registering(password="arsenal1")).text  # noqa: S106


@pytest.mark.parametrize("name", ["", " ", "a" * 65, "a\u0000b", "a\nb", " amelia", "\ud800"])
def test_an_unfit_name_is_422(live_service, name) -> None:
    import json

    body = json.dumps(registering(name)).encode()
    answer = live_service.client.post("/register", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_a_role_that_is_asked_for_is_ignored(live_service) -> None:
    """Issue 11, C1: the original ignored unknown fields."""
    assert live_service.client.post("/register", json=registering(role="admin")).status_code == 201
    token = live_service.login("amelia").json()["access_token"]
    assert live_service.client.get("/v1/users", headers=bearer(token)).status_code == 403


def test_a_new_account_is_an_operators(live_service) -> None:
    live_service.client.post("/register", json=registering())
    token = live_service.login("amelia").json()["access_token"]
    assert live_service.client.get("/v1/users", headers=bearer(token)).status_code == 403


def test_the_original_s_clients_may_use_its_six_characters(database_url, tmp_path) -> None:
    with run_live_service(database_url, tmp_path, password_min=6) as live_service:
        assert live_service.client.post("/register", json=registering(password="123456")).status_code == 201  # noqa: S106


def test_registration_can_be_closed(database_url, tmp_path) -> None:
    with run_live_service(database_url, tmp_path, registration=False) as live_service:
        assert live_service.client.post("/register", json=registering()).status_code == 403


def test_login_gives_a_token_and_its_end_in_utc(live_service) -> None:
    live_service.add("amelia")
    tokens = live_service.login("Amelia").json()
    assert tokens["token_expiry"] == "02/06/2025, 09:40:00"  # noqa: S105
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", tokens["access_token"])


def test_a_wrong_password_is_400(live_service) -> None:
    live_service.add("amelia")
    assert live_service.login("amelia", "wrong").status_code == 400


def test_an_unknown_user_a_disabled_one_and_a_wrong_password_are_told_alike(live_service) -> None:
    live_service.add("amelia")
    admin = live_service.bearer("ada", "admin")
    disabled = live_service.add("bea")
    live_service.client.patch(f"/v1/users/{disabled}", json={"is_disabled": True}, headers=admin)
    answers = [live_service.login("amelia", "wrong"), live_service.login("bea"), live_service.login("nobody")]
    assert {(one.status_code, one.json()["detail"]) for one in answers} == {
        (400, "Incorrect Email or Password")
    }


def test_an_account_without_a_password_lets_nobody_in(live_service) -> None:
    from sqlalchemy import update

    from londonpump.persistence.database import connect, writing
    from londonpump.persistence.database.schema import users

    live_service.add("imported")
    engine = connect(live_service.url)
    with writing(engine) as connection:
        connection.execute(update(users).values(password_hash=None))
    engine.dispose()
    assert live_service.login("imported").status_code == 400


def test_me_is_who_signed_in(live_service) -> None:
    profile = live_service.client.get("/me", headers=live_service.bearer("amelia")).json()
    assert set(profile) == {"status", "user"}
    assert (set(profile["user"]), profile["user"]["username"]) == ({"id", "username", "created_at"}, "amelia")


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Basic YTpi", "Bearer a.b.c"])
def test_me_without_a_valid_token_is_401(live_service, header) -> None:
    answer = live_service.client.get("/me", headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_me_with_an_expired_token_is_403(live_service) -> None:
    amelia = live_service.bearer("amelia")
    live_service.clock.move(minutes=10)
    assert live_service.client.get("/me", headers=amelia).status_code == 403


def test_a_valid_token_gives_a_new_one(live_service) -> None:
    amelia = live_service.bearer("amelia")
    live_service.clock.move(minutes=9)
    tokens = live_service.client.post("/refresh", headers=amelia).json()
    live_service.clock.move(minutes=9)
    assert live_service.client.get("/me", headers=bearer(tokens["access_token"])).status_code == 200


def test_no_token_outlives_its_session(live_service) -> None:
    token = live_service.login("amelia").json() if live_service.add("amelia") else {}
    live_service.clock.move(hours=11, minutes=55)
    late = live_service.client.post("/refresh", json={"refresh_token": token["refresh_token"]}).json()
    assert late["token_expiry"] == "02/06/2025, 21:30:00"  # noqa: S105


def test_a_session_ends_after_twelve_hours(live_service) -> None:
    live_service.add("amelia")
    refresh = live_service.login("amelia").json()["refresh_token"]
    live_service.clock.move(hours=12)
    assert live_service.client.post("/refresh", json={"refresh_token": refresh}).status_code == 401


@pytest.mark.parametrize("text", ["' OR 1=1 --", "amelia'; DROP TABLE users; --", '"', "%"])
def test_sql_in_a_name_is_a_name(live_service, text) -> None:
    live_service.add("amelia")
    assert live_service.login(text).status_code == 400
    assert live_service.client.post("/register", json=registering(text)).status_code == 201
    assert live_service.login(text).status_code == 200


def test_login_wants_both_fields(live_service) -> None:
    assert live_service.client.post("/login", data={"username": "amelia"}).status_code == 422
