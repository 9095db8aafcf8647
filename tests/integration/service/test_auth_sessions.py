"""Sessions end at once, and stolen tokens are useless."""

from concurrent.futures import ThreadPoolExecutor

from support.accounts_service import bearer


def signed_in(live_service, name="amelia"):
    live_service.add(name)
    return live_service.login(name).json()


def own_status(live_service, session) -> int:
    return live_service.client.get("/me", headers=bearer(session["access_token"])).status_code


def refreshed(live_service, token):
    return live_service.client.post("/refresh", json={"refresh_token": token})


def test_a_token_replayed_after_logout_is_401(live_service) -> None:
    session = signed_in(live_service)
    assert live_service.client.post("/logout", headers=bearer(session["access_token"])).status_code == 204
    assert own_status(live_service, session) == 401


def test_logout_ends_the_refresh_token_too(live_service) -> None:
    session = signed_in(live_service)
    live_service.client.post("/logout", headers=bearer(session["access_token"]))
    assert refreshed(live_service, session["refresh_token"]).status_code == 401


def test_logout_leaves_the_other_session(live_service) -> None:
    first, second = signed_in(live_service), live_service.login("amelia").json()
    live_service.client.post("/logout", headers=bearer(first["access_token"]))
    assert own_status(live_service, second) == 200


def test_a_refresh_token_is_exchanged(live_service) -> None:
    session = signed_in(live_service)
    new = refreshed(live_service, session["refresh_token"]).json()
    assert refreshed(live_service, new["refresh_token"]).status_code == 200


def test_a_refresh_token_that_comes_twice_ends_the_family(live_service) -> None:
    session = signed_in(live_service)
    new = refreshed(live_service, session["refresh_token"]).json()
    assert refreshed(live_service, session["refresh_token"]).status_code == 401
    assert refreshed(live_service, new["refresh_token"]).status_code == 401
    assert own_status(live_service, new) == 401


def test_of_refreshes_at_once_one_is_granted_at_most(live_service) -> None:
    token = signed_in(live_service)["refresh_token"]
    with ThreadPoolExecutor(6) as threads:
        statuses = list(threads.map(lambda _: refreshed(live_service, token).status_code, range(6)))
    assert statuses.count(200) == 1


def test_a_refresh_token_is_stored_as_a_hash_only(live_service) -> None:
    from sqlalchemy import select

    from londonpump.persistence.database import connect, reading
    from londonpump.persistence.database.schema import refresh_tokens

    token = signed_in(live_service)["refresh_token"]
    engine = connect(live_service.url)
    with reading(engine) as connection:
        stored = str(connection.execute(select(refresh_tokens)).all())
    engine.dispose()
    assert token not in stored


def test_disabling_takes_effect_at_once(live_service) -> None:
    session, admin = signed_in(live_service), live_service.bearer("ada", "admin")
    user_id = live_service.client.get("/me", headers=bearer(session["access_token"])).json()["user"]["id"]
    live_service.client.patch(f"/v1/users/{user_id}", json={"is_disabled": True}, headers=admin)
    assert (own_status(live_service, session), live_service.login("amelia").status_code) == (401, 400)


def test_enabling_brings_no_session_back(live_service) -> None:
    session, admin = signed_in(live_service), live_service.bearer("ada", "admin")
    user_id = live_service.client.get("/me", headers=bearer(session["access_token"])).json()["user"]["id"]
    for is_disabled in (True, False):
        live_service.client.patch(f"/v1/users/{user_id}", json={"is_disabled": is_disabled}, headers=admin)
    assert (own_status(live_service, session), live_service.login("amelia").status_code) == (401, 200)


def test_a_role_takes_effect_with_the_next_request(live_service) -> None:
    admin, amelia = live_service.bearer("ada", "admin"), live_service.bearer("amelia")
    user_id = live_service.client.get("/me", headers=amelia).json()["user"]["id"]
    live_service.client.patch(f"/v1/users/{user_id}", json={"role": "admin"}, headers=admin)
    assert live_service.client.get("/v1/users", headers=amelia).status_code == 200


def test_the_last_admin_stays(live_service) -> None:
    admin = live_service.bearer("ada", "admin")
    own = live_service.client.get("/me", headers=admin).json()["user"]["id"]
    statuses = [
        live_service.client.patch(f"/v1/users/{own}", json=change, headers=admin).status_code
        for change in ({"is_disabled": True}, {"role": "operator"})
    ]
    assert statuses == [409, 409]


def test_only_admins_change_users(live_service) -> None:
    user_id = live_service.add("bea")
    statuses = {
        live_service.client.patch(
            f"/v1/users/{user_id}", json={"role": "admin"}, headers=live_service.bearer(role, role)
        ).status_code
        for role in ("operator", "analyst", "service")
    }
    assert statuses == {403}


def test_a_change_takes_nothing_else(live_service) -> None:
    user_id, admin = live_service.add("bea"), live_service.bearer("ada", "admin")
    answer = live_service.client.patch(f"/v1/users/{user_id}", json={"password_hash": "x"}, headers=admin)
    assert answer.status_code == 422


def test_nobody_s_account_is_404(live_service) -> None:
    admin = live_service.bearer("ada", "admin")
    assert (
        live_service.client.patch("/v1/users/none", json={"role": "admin"}, headers=admin).status_code == 404
    )


def test_users_come_in_pages(live_service) -> None:
    admin = live_service.bearer("ada", "admin")
    for name in ("bea", "Cleo"):
        live_service.add(name)
    first = live_service.client.get("/v1/users", params={"limit": 2}, headers=admin).json()
    rest = live_service.client.get("/v1/users", params={"after": first["next"]}, headers=admin).json()
    names = [user["username"] for page in (first, rest) for user in page["users"]]
    assert (names, rest["next"]) == (["ada", "bea", "Cleo"], None)
