"""Only complete and unexpired tokens that the service signed are accepted."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from londonpump.service.auth.errors import NoValidToken, TokenTooOld
from londonpump.service.auth.tokens import ACCESS_LIFE, Claims, Tokens

SECRET = b"5f0b6a1c9d2e47388a7b1c0d9e8f7a6b"
NOW = datetime(2025, 6, 2, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=12)
WHO = Claims("user", "session")
TOKENS = Tokens(SECRET)


def payload(**changes):
    seconds = int(NOW.timestamp())
    whole = {"sub": "user", "sid": "session", "iat": seconds, "exp": seconds + 60, "jti": "x", **changes}
    return {name: value for name, value in whole.items() if value is not None}


def part(value) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def signed_by_hand(header, digest="sha256") -> str:
    body = f"{part(header)}.{part(payload())}"
    signature = hmac.digest(SECRET, body.encode(), digest)
    return f"{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def test_a_token_says_who() -> None:
    assert TOKENS.read(TOKENS.make(WHO, NOW, LATER).text, NOW) == WHO


def test_the_hand_made_token_of_these_tests_would_be_taken() -> None:
    assert TOKENS.read(signed_by_hand({"alg": "HS256", "typ": "JWT"}), NOW) == WHO


def test_a_token_that_is_over_is_told_apart() -> None:
    with pytest.raises(TokenTooOld):
        TOKENS.read(TOKENS.make(WHO, NOW, LATER).text, NOW + ACCESS_LIFE)


def test_a_token_counts_to_its_last_second() -> None:
    assert TOKENS.read(TOKENS.make(WHO, NOW, LATER).text, NOW + ACCESS_LIFE - timedelta(seconds=1)) == WHO


def test_a_clock_put_back_lets_nobody_out() -> None:
    assert TOKENS.read(TOKENS.make(WHO, NOW, LATER).text, NOW - timedelta(hours=1)) == WHO


@pytest.mark.parametrize("algorithm", ["none", "None", "RS256", "ES256", "HS384", "HS512", "", None])
def test_no_other_algorithm_is_taken(algorithm) -> None:
    with pytest.raises(NoValidToken):
        TOKENS.read(signed_by_hand({"alg": algorithm, "typ": "JWT"}), NOW)


def test_an_unsigned_token_is_not_taken() -> None:
    with pytest.raises(NoValidToken):
        TOKENS.read(f"{part({'alg': 'none'})}.{part(payload())}.", NOW)


def test_another_algorithm_of_the_same_secret_is_not_taken() -> None:
    with pytest.raises(NoValidToken):
        TOKENS.read(signed_by_hand({"alg": "HS512"}, "sha512"), NOW)


def test_another_secret_is_not_taken() -> None:
    text = Tokens(b"another secret of thirty-two bytes or more").make(WHO, NOW, LATER).text
    with pytest.raises(NoValidToken):
        TOKENS.read(text, NOW)


def test_a_key_in_the_header_is_not_taken() -> None:
    other = b"another secret of thirty-two bytes or more"
    key = {"kty": "oct", "k": base64.urlsafe_b64encode(other).decode()}
    text = jwt.encode(payload(), other, "HS256", headers={"jwk": key, "kid": "../../dev/null"})
    with pytest.raises(NoValidToken):
        TOKENS.read(text, NOW)


@pytest.mark.parametrize("claim", ["exp", "iat", "sub", "sid", "jti"])
def test_a_token_without_a_claim_is_not_taken(claim) -> None:
    with pytest.raises(NoValidToken):
        TOKENS.read(jwt.encode(payload(**{claim: None}), SECRET, "HS256"), NOW)


@pytest.mark.parametrize("changes", [{"exp": "soon"}, {"exp": 1e400}, {"sid": 7}, {"sid": ["session"]}])
def test_a_claim_of_another_kind_is_not_taken(changes) -> None:
    with pytest.raises(NoValidToken):
        TOKENS.read(jwt.encode(payload(**changes), SECRET, "HS256"), NOW)


@pytest.mark.parametrize("where", [0, 1, 2])
def test_a_changed_part_is_not_taken(where) -> None:
    parts = TOKENS.make(WHO, NOW, LATER).text.split(".")
    parts[where] = parts[where][:4] + ("A" if parts[where][4] != "A" else "B") + parts[where][5:]
    with pytest.raises(NoValidToken):
        TOKENS.read(".".join(parts), NOW)


@given(st.text())
def test_no_text_is_more_than_not_valid(text) -> None:
    with pytest.raises(NoValidToken):
        TOKENS.read(text, NOW)


def test_a_token_ends_with_its_session() -> None:
    soon = NOW + timedelta(minutes=3)
    assert TOKENS.make(WHO, NOW, soon).expires_at == soon
