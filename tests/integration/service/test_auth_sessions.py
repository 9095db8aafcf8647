"""What ends a session ends it at once, and what is stolen is of no use."""

from concurrent.futures import ThreadPoolExecutor

from support.signing_in import bearer


def signed_in(desk, name="amelia"):
    desk.add(name)
    return desk.login(name).json()


def status_of_me(desk, given) -> int:
    return desk.client.get("/me", headers=bearer(given["access_token"])).status_code


def refreshed(desk, token):
    return desk.client.post("/refresh", json={"refresh_token": token})


def test_a_token_replayed_after_logout_is_401(desk) -> None:
    given = signed_in(desk)
    assert desk.client.post("/logout", headers=bearer(given["access_token"])).status_code == 204
    assert status_of_me(desk, given) == 401


def test_logout_ends_the_refresh_token_too(desk) -> None:
    given = signed_in(desk)
    desk.client.post("/logout", headers=bearer(given["access_token"]))
    assert refreshed(desk, given["refresh_token"]).status_code == 401


def test_logout_leaves_the_other_session(desk) -> None:
    first, second = signed_in(desk), desk.login("amelia").json()
    desk.client.post("/logout", headers=bearer(first["access_token"]))
    assert status_of_me(desk, second) == 200


def test_a_refresh_token_is_exchanged(desk) -> None:
    given = signed_in(desk)
    new = refreshed(desk, given["refresh_token"]).json()
    assert refreshed(desk, new["refresh_token"]).status_code == 200


def test_a_refresh_token_that_comes_twice_ends_the_family(desk) -> None:
    given = signed_in(desk)
    new = refreshed(desk, given["refresh_token"]).json()
    assert refreshed(desk, given["refresh_token"]).status_code == 401
    assert refreshed(desk, new["refresh_token"]).status_code == 401
    assert status_of_me(desk, new) == 401


def test_of_refreshes_at_once_one_is_granted_at_most(desk) -> None:
    token = signed_in(desk)["refresh_token"]
    with ThreadPoolExecutor(6) as threads:
        told = list(threads.map(lambda _: refreshed(desk, token).status_code, range(6)))
    assert told.count(200) == 1


def test_a_refresh_token_is_stored_as_a_hash_only(desk) -> None:
    from sqlalchemy import select

    from londonpump.storage.database import connect, reading
    from londonpump.storage.database.people_tables import refresh_tokens

    token = signed_in(desk)["refresh_token"]
    engine = connect(desk.url)
    with reading(engine) as connection:
        stored = str(connection.execute(select(refresh_tokens)).all())
    engine.dispose()
    assert token not in stored


def test_disabling_takes_effect_at_once(desk) -> None:
    given, admin = signed_in(desk), desk.bearer("ada", "admin")
    user_id = desk.client.get("/me", headers=bearer(given["access_token"])).json()["user"]["id"]
    desk.client.patch(f"/v1/users/{user_id}", json={"is_disabled": True}, headers=admin)
    assert (status_of_me(desk, given), desk.login("amelia").status_code) == (401, 400)


def test_enabling_brings_no_session_back(desk) -> None:
    given, admin = signed_in(desk), desk.bearer("ada", "admin")
    user_id = desk.client.get("/me", headers=bearer(given["access_token"])).json()["user"]["id"]
    for is_disabled in (True, False):
        desk.client.patch(f"/v1/users/{user_id}", json={"is_disabled": is_disabled}, headers=admin)
    assert (status_of_me(desk, given), desk.login("amelia").status_code) == (401, 200)


def test_a_role_takes_effect_with_the_next_request(desk) -> None:
    admin, amelia = desk.bearer("ada", "admin"), desk.bearer("amelia")
    user_id = desk.client.get("/me", headers=amelia).json()["user"]["id"]
    desk.client.patch(f"/v1/users/{user_id}", json={"role": "admin"}, headers=admin)
    assert desk.client.get("/v1/users", headers=amelia).status_code == 200


def test_the_last_admin_stays(desk) -> None:
    admin = desk.bearer("ada", "admin")
    own = desk.client.get("/me", headers=admin).json()["user"]["id"]
    told = [
        desk.client.patch(f"/v1/users/{own}", json=change, headers=admin).status_code
        for change in ({"is_disabled": True}, {"role": "operator"})
    ]
    assert told == [409, 409]


def test_only_admins_change_users(desk) -> None:
    user_id = desk.add("bea")
    told = {
        desk.client.patch(
            f"/v1/users/{user_id}", json={"role": "admin"}, headers=desk.bearer(role, role)
        ).status_code
        for role in ("operator", "analyst", "service")
    }
    assert told == {403}


def test_a_change_takes_nothing_else(desk) -> None:
    user_id, admin = desk.add("bea"), desk.bearer("ada", "admin")
    answer = desk.client.patch(f"/v1/users/{user_id}", json={"password_hash": "x"}, headers=admin)
    assert answer.status_code == 422


def test_nobody_s_account_is_404(desk) -> None:
    admin = desk.bearer("ada", "admin")
    assert desk.client.patch("/v1/users/none", json={"role": "admin"}, headers=admin).status_code == 404


def test_users_come_in_pages(desk) -> None:
    admin = desk.bearer("ada", "admin")
    for name in ("bea", "Cleo"):
        desk.add(name)
    first = desk.client.get("/v1/users", params={"limit": 2}, headers=admin).json()
    rest = desk.client.get("/v1/users", params={"after": first["next"]}, headers=admin).json()
    names = [user["username"] for page in (first, rest) for user in page["users"]]
    assert (names, rest["next"]) == (["ada", "bea", "Cleo"], None)
