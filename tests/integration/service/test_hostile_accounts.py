"""Attacks on accounts, sessions and rights, over HTTP.

Shown elsewhere, and not again here:
- algorithm confusion, token by token: tests/unit/service/test_auth_tokens.py
- expired tokens: test_auth_contract.test_me_with_an_expired_token_is_403, test_no_token_outlives_its_session
- replayed tokens: test_auth_sessions.test_a_token_replayed_after_logout_is_401
- refresh reuse: test_auth_sessions.test_a_refresh_token_that_comes_twice_ends_the_family, and of many at once
- a role asked for in a change of users: test_auth_sessions.test_a_change_takes_nothing_else
- spoofed X-Forwarded-For: test_auth_throttle.test_a_header_is_not_believed_without_the_setting,
  tests/unit/service/test_auth_rules.py for what stands left of our own proxies
- path tricks in names of bundles: test_serve_champion.test_a_name_that_is_no_hash_leads_nowhere,
  test_serve_promote.test_a_bundle_that_is_not_there_is_refused
"""

import base64
import hmac
import json

import jwt
import pytest
from support.accounts_service import PASSWORD, SECRET, bearer

from londonpump.service.rights import Role

PUBLIC_KEY = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
FOR_ADMINS = ("/v1/users", "get")
REGISTRATION = {
    "role": "admin",
    "roles": ["admin"],
    "is_admin": True,
    "id": "0" * 32,
    "created_at": "2009-01-01T00:00:00Z",
    "disabled_at": None,
    "is_disabled": False,
    "password_hash": "",
    "username_folded": "root",
    "imported_from": "original",
}
OVERRIDES = {
    "X-HTTP-Method-Override": "DELETE",
    "X-HTTP-Method": "PATCH",
    "X-Method-Override": "PUT",
    "X-Original-URL": "/v1/users",
    "X-Rewrite-URL": "/v1/users",
    "X-Forwarded-User": "root",
    "X-Remote-User": "root",
    "X-Role": "admin",
    "Forwarded": "for=127.0.0.1",
}


def by_hand(header: dict, claims: dict, key: bytes, digest: str = "sha256") -> str:
    """Return a token whose signature does not match its header."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)
    ]
    signature = hmac.digest(key, ".".join(parts).encode(), digest)
    return ".".join([*parts, base64.urlsafe_b64encode(signature).decode().rstrip("=")])


def claims_of(headers: dict[str, str]) -> dict:
    return jwt.decode(headers["Authorization"].split()[1], options={"verify_signature": False})


@pytest.mark.parametrize(
    ("header", "key", "digest"),
    [
        ({"alg": "none"}, SECRET, "sha256"),
        ({"alg": "HS512"}, SECRET, "sha512"),
        ({"alg": "RS256"}, SECRET, "sha256"),
        ({"alg": "HS256"}, PUBLIC_KEY, "sha256"),
        ({"alg": "HS256"}, b"", "sha256"),
        ({"alg": "HS256", "kid": "../../../../dev/null"}, b"", "sha256"),
        ({"alg": "HS256", "kid": "' UNION SELECT 'secret' --"}, b"secret", "sha256"),
        ({"alg": "HS256", "jku": "http://127.0.0.1/keys"}, b"secret", "sha256"),
        ({"alg": "HS256", "crit": ["exp"], "exp": 0}, SECRET, "sha256"),
    ],
)
def test_a_forged_token_of_a_living_session_is_401(header, key, digest, live_service) -> None:
    claims = claims_of(live_service.bearer("root", Role.ADMIN))
    forged = by_hand(header, claims, key, digest)
    assert live_service.client.get("/v1/users", headers=bearer(forged)).status_code == 401


def test_the_hand_made_token_of_these_tests_would_be_taken(live_service) -> None:
    claims = claims_of(live_service.bearer("root", Role.ADMIN))
    made = by_hand({"alg": "HS256", "typ": "JWT"}, claims, SECRET)
    assert live_service.client.get("/v1/users", headers=bearer(made)).status_code == 200


def test_a_role_in_a_token_is_not_looked_at(live_service) -> None:
    claims = claims_of(live_service.bearer("amelia")) | {"role": "admin", "scope": "admin"}
    made = by_hand({"alg": "HS256", "typ": "JWT"}, claims, SECRET)
    assert live_service.client.get("/v1/users", headers=bearer(made)).status_code == 403


def test_the_user_of_a_token_is_the_one_of_its_session(live_service) -> None:
    admin = live_service.add("root", Role.ADMIN)
    claims = claims_of(live_service.bearer("amelia")) | {"sub": admin}
    made = by_hand({"alg": "HS256", "typ": "JWT"}, claims, SECRET)
    assert live_service.client.get("/me", headers=bearer(made)).status_code == 401


@pytest.mark.parametrize("field", REGISTRATION)
def test_nothing_but_a_name_and_a_password_can_be_registered(field, live_service) -> None:
    payload = {"username": "mallory", "password": PASSWORD, "passwordConfirm": PASSWORD}
    answer = live_service.client.post("/register", json=payload | {field: REGISTRATION[field]})
    # ignored, as in the original (issue 11, C1)
    assert answer.status_code == 201
    assert (answer.json()["username"], answer.json()["created_at"]) == ("mallory", "2025-06-02 09:30:00")
    admin = live_service.bearer("root", Role.ADMIN)
    users = live_service.client.get("/v1/users", headers=admin).json()["users"]
    (made,) = [user for user in users if user["username"] == "mallory"]
    assert (made["role"], made["disabled_at"], made["id"] == "0" * 32) == ("operator", None, False)
    assert live_service.login("mallory").status_code == 200


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_nobody_makes_themselves_an_admin(role, live_service) -> None:
    headers = live_service.bearer("mallory", role)
    own = live_service.client.get("/me", headers=headers).json()["user"]["id"]
    assert (
        live_service.client.patch(f"/v1/users/{own}", json={"role": "admin"}, headers=headers).status_code
        == 403
    )
    assert live_service.client.get("/v1/users", headers=headers).status_code == 403


@pytest.mark.parametrize("name", OVERRIDES)
def test_a_header_changes_neither_method_nor_route_nor_person(name, live_service) -> None:
    headers = live_service.bearer("mallory") | {name: OVERRIDES[name]}
    answer = live_service.client.get("/me", headers=headers)
    assert (answer.status_code, answer.json()["user"]["username"]) == (200, "mallory")
    assert live_service.client.get("/v1/users", headers=headers).status_code == 403


def test_a_method_in_the_query_or_the_form_is_not_one(live_service) -> None:
    headers = live_service.bearer("mallory")
    assert (
        live_service.client.post("/me?_method=GET", data={"_method": "GET"}, headers=headers).status_code
        == 405
    )


@pytest.mark.parametrize(
    "authorization", ["{}", "{0} {0}", "{0},{0}", "Basic {0}", "bearer\t{0}x", "Bearer\u00a0{0}"]
)
def test_a_header_that_is_no_bearer_s_is_401(authorization, live_service) -> None:
    token = live_service.bearer("amelia")["Authorization"].split()[1]
    headers = {"Authorization": authorization.format(token).encode("latin-1")}
    assert live_service.client.get("/me", headers=headers).status_code == 401


def test_a_token_in_the_query_or_a_cookie_signs_nobody_in(live_service) -> None:
    token = live_service.bearer("amelia")["Authorization"].split()[1]
    answer = live_service.client.get(f"/me?access_token={token}", headers={"Cookie": f"access_token={token}"})
    assert answer.status_code == 401


def test_of_a_key_that_comes_twice_the_last_counts_for_all(live_service) -> None:
    body = f'{{"username": "root", "username": "mallory", "password": "x", "password": "{PASSWORD}", '
    answer = live_service.client.post(
        "/register",
        content=f'{body}"passwordConfirm": "{PASSWORD}"}}',
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["username"]) == (201, "mallory")
    assert live_service.login("root").status_code == 400


def test_a_refusal_of_many_values_is_short(live_service) -> None:
    payload = {f"k{number}": number for number in range(300)} | {"k" * 1_000: 1}
    answer = live_service.client.post("/register", json=payload)
    assert answer.status_code == 422
    assert len(answer.content) < 10_000


def test_a_refusal_of_more_values_than_a_body_holds_names_none(live_service) -> None:
    payload = {f"key {number}": number for number in range(5_000)}
    answer = live_service.client.post("/register", json=payload)
    assert answer.status_code == 413
    assert "errors" not in answer.json()


def test_a_token_of_another_service_s_secret_is_401(live_service) -> None:
    claims = claims_of(live_service.bearer("amelia"))
    other = jwt.encode(claims, b"another secret of thirty-two bytes or more", "HS256")
    assert live_service.client.get("/me", headers=bearer(other)).status_code == 401
