"""Accepted and rejected names, passwords, sources and secrets."""

import os
from contextlib import nullcontext
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.requests import Request

from londonpump.domain.errors import BadFile
from londonpump.domain.usernames import normalise_username, username_key
from londonpump.service.auth.rules import is_common
from londonpump.service.auth.throttle import SITE_BITS, network_of, source_of
from londonpump.service.auth.tokens import load_secret
from londonpump.settings import Settings

GOOD = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Password1",
        "P4ssw0rd!",
        "12345678",
        "87654321",
        "qwertyuiop",
        "1qaz2wsx",
        "abc12345",
        "aaaaaaaa",
        "abababab",
        "abcdabcd",
        "31121999",
        "07700900123",
        "Arsenal2024!",
        "liverpool",
        "london123",
        "firefighter1",
        "LondonPump!",
        "iloveyou",
        "welcome1",
        "letmein123",
        "summer2024",
        "qwer1234",
        "1q2w3e4r",
        "amelia2024",
        "Amelia.B.",
        "adminadmin",
        "passw0rd",
        "trustno1",
    ],
)
def test_what_is_guessed_first_is_common(password) -> None:
    assert is_common(password, "amelia" if "b." not in password.lower() else "amelia.b")


@pytest.mark.parametrize(
    "password",
    [
        "three quiet lanterns",
        "correct horse battery",
        "Tr7-gk2!mq",
        "kQ8vLmZ2",
        "ladderwren41",
        "930274018365",
        "violetsandrain",
    ],
)
def test_what_nobody_guesses_first_is_not_common(password) -> None:
    assert not is_common(password, "amelia")


@pytest.mark.parametrize("name", ["amelia", "a", "a" * 64, "Amélie O'Neill", "消防"])
def test_a_name_that_can_be_seen_is_fit(name) -> None:
    assert normalise_username(name) == name


@pytest.mark.parametrize("name", ["", "a" * 65, "a\x00b", "a\tb", " a", "a\u202eb", "a\u200bb", "\ud800"])
def test_a_name_that_cannot_be_seen_is_not_fit(name) -> None:
    assert normalise_username(name) is None


@pytest.mark.parametrize(
    ("one", "other"), [("Amelia", "AMELIA"), ("Straße", "STRASSE"), ("ﬁona", "fiona"), ("é", "e\u0301")]
)
def test_two_spellings_of_a_name_are_one(one, other) -> None:
    assert username_key(normalise_username(one)) == username_key(normalise_username(other))


def asked_from(peer: str, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return Request({"type": "http", "client": (peer, 5000), "headers": headers})


@pytest.mark.parametrize(
    ("n_proxies", "forwarded", "source"),
    [
        (0, ["192.0.2.9"], "10.0.0.1"),
        (1, ["192.0.2.9"], "192.0.2.9"),
        (1, ["6.6.6.6, 192.0.2.9"], "192.0.2.9"),
        (1, ["6.6.6.6", "192.0.2.9"], "192.0.2.9"),
        (2, ["192.0.2.9, 10.0.0.7"], "192.0.2.9"),
        (2, ["192.0.2.9"], "10.0.0.1"),
        (1, [], "10.0.0.1"),
        (1, ["rubbish"], "10.0.0.1"),
        (1, ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        (1, ["::ffff:192.0.2.9"], "192.0.2.9"),
    ],
)
def test_the_source_is_what_our_own_proxies_saw(n_proxies, forwarded, source) -> None:
    assert source_of(asked_from("10.0.0.1", *forwarded), n_proxies) == source


def test_one_site_of_ipv6_is_one_source_of_connections() -> None:
    own = {network_of(f"2001:db8:1:2{last:02x}::1", SITE_BITS) for last in (0, 1, 255)}
    assert own == {"2001:db8:1:200::/56"}
    assert network_of("2001:db8:1:300::1", SITE_BITS) not in own


def test_the_embedded_default_makes_a_secret_once(tmp_path) -> None:
    settings = Settings(home=tmp_path)
    assert load_secret(settings) == load_secret(settings)
    assert len(load_secret(settings)) == 64


def test_a_made_secret_is_its_owners_alone(tmp_path) -> None:
    load_secret(Settings(home=tmp_path))
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_another_database_wants_a_secret_file(tmp_path) -> None:
    with pytest.raises(BadFile, match=r"LONDONPUMP_SECRET_FILE: is not set"):
        load_secret(Settings(home=tmp_path, database_url=SecretStr("sqlite:////tmp/other.db")))


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        (GOOD, 0o604, "lets other users use the secret"),
        (GOOD, 0o622, "lets other users use the secret"),
        ("a1b2c3d4", 0o600, "has 8 bytes; at least 32"),
        ("", 0o600, "has 0 bytes"),
        ("ab" * 20, 0o600, "too simple"),
        (GOOD * 200, 0o600, "more than 4096 bytes"),
    ],
)
def test_an_unfit_secret_is_refused(tmp_path, text, mode, problem) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(BadFile, match=problem) as caught:
        load_secret(Settings(home=tmp_path, secret_file=file))
    assert not text or text not in str(caught.value)


NOBODY = 54321


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("owner", "mode", "is_accepted"),
    [(0, 0o444, True), (NOBODY, 0o444, False), (NOBODY, 0o644, False), (0, 0o666, False)],
)
def test_a_secret_that_everybody_may_read_is_taken_if_this_process_cannot_change_it(
    tmp_path, owner, mode, is_accepted
) -> None:
    """As Docker Compose and Kubernetes mount secrets."""
    file = tmp_path / "key"
    file.write_text(GOOD)
    os.chown(file, owner, owner)
    file.chmod(mode)
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/") and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    os.seteuid(NOBODY)
    try:
        with nullcontext() if is_accepted else pytest.raises(BadFile, match="lets other users"):
            load_secret(Settings(home=tmp_path, secret_file=file))
    finally:
        os.seteuid(0)


def test_a_secret_file_that_is_not_there_is_told(tmp_path) -> None:
    with pytest.raises(BadFile, match="cannot be read"):
        load_secret(Settings(home=tmp_path, secret_file=tmp_path / "none"))


def test_a_good_secret_is_taken_without_its_line_end(tmp_path) -> None:
    file = tmp_path / "key"
    file.write_text(GOOD + "\n")
    file.chmod(0o400)
    assert load_secret(Settings(home=tmp_path, secret_file=file)) == GOOD.encode()
