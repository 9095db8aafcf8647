"""Settings that cannot be used end in one line that names them but not their value, and in exit code 2."""

import os

import pytest
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.errors import BadSetting
from londonpump.ingest.http import Http
from londonpump.settings import Settings, read_settings

BAD = [
    ("OPEN_METEO_URL", "foo"),
    ("GOVUK_URL", "http://"),
    ("GOVUK_URL", "http://["),
    ("TOMTOM_URL", "https://host:99999"),
    ("TOMTOM_URL", "http://mirror.example"),
    ("PASSWORD_MIN", "x"),
    ("PROXIES", "99"),
    ("REGISTRATION", "perhaps"),
]


@pytest.mark.parametrize(
    "expected", ["refresh context", "fetch records", "prepare", "stations list", "users list"]
)
@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_command_names_a_bad_setting_in_one_line(name, value, expected, own_home, monkeypatch) -> None:
    monkeypatch.setenv(f"LONDONPUMP_{name}", value)
    done = CliRunner().invoke(app, expected.split())
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"londonpump: LONDONPUMP_{name}: ")


@pytest.mark.parametrize("value", ["s3cr3t\udcff", "s3cr3t\nmore", "schlüssel", " "])
@pytest.mark.parametrize("name", ["TOMTOM_KEY", "VISUAL_CROSSING_KEY"])
def test_a_key_that_is_none_is_told_and_not_shown(name, value, monkeypatch) -> None:
    monkeypatch.setenv(f"LONDONPUMP_{name}", value)
    with pytest.raises(BadSetting, match=f"LONDONPUMP_{name}: it is not a key") as caught:
        read_settings()
    assert "s3cr3t" not in str(caught.value)


def test_a_key_is_taken_without_the_line_end_of_its_file(monkeypatch) -> None:
    monkeypatch.setenv("LONDONPUMP_TOMTOM_KEY", " s3cr3t\n")
    assert read_settings().tomtom_key.get_secret_value() == "s3cr3t"


def test_every_bad_setting_is_named(monkeypatch) -> None:
    monkeypatch.setenv("LONDONPUMP_PROXIES", "99")
    monkeypatch.setenv("LONDONPUMP_GOVUK_URL", "foo")
    with pytest.raises(BadSetting, match=r"GOVUK_URL: .*; LONDONPUMP_PROXIES: "):
        read_settings()


def test_the_value_of_a_bad_setting_is_not_shown(monkeypatch) -> None:
    monkeypatch.setenv("LONDONPUMP_GOVUK_URL", "ftp://user:s3cr3t@host")
    with pytest.raises(BadSetting) as caught:
        read_settings()
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["socks9://user:s3cr3t@127.0.0.1:1", "foo://user:s3cr3t@127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_told_without_its_address(proxy, monkeypatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(BadSetting, match="ALL_PROXY: this kind of proxy") as caught:
        Http()
    assert "s3cr3t" not in str(caught.value)


def test_certificates_that_are_not_there_are_told(monkeypatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/certificates.pem")
    with pytest.raises(BadSetting, match="SSL_CERT_FILE"):
        Http()


SECRETS = [
    ("DATABASE_URL", "sqlite:////folder/file.db"),
    ("VISUAL_CROSSING_KEY", "s3cr3t"),
    ("TOMTOM_KEY", "s3cr3t"),
    ("ALARM_WEBHOOK", "https://host/s3cr3t"),
]


@pytest.mark.parametrize(("name", "value"), SECRETS)
def test_every_secret_setting_can_come_from_a_file(name, value, tmp_path, monkeypatch) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{value}\n")
    monkeypatch.setenv(f"LONDONPUMP_{name}_FILE", str(file))
    assert getattr(read_settings(), name.lower()).get_secret_value() == value


def test_these_are_all_the_settings_that_are_never_shown() -> None:
    secret = {name for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)}
    assert secret == {name.lower() for name, _ in SECRETS}


@pytest.mark.parametrize(
    ("content", "other", "problem"),
    [
        (b"", "", "the file is empty"),
        (b"\xff\xfe", "", "it is not text"),
        (b"x" * 5000, "", "has more than 4096 bytes"),
        (b"s3cr3t", "an0ther", "LONDONPUMP_TOMTOM_KEY is set too"),
        (None, "", "cannot be read"),
    ],
)
def test_a_file_of_a_secret_that_cannot_be_used_is_named_without_its_content(
    content, other, problem, tmp_path, monkeypatch
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("LONDONPUMP_TOMTOM_KEY_FILE", str(file))
    monkeypatch.setenv("LONDONPUMP_TOMTOM_KEY", other)
    with pytest.raises(BadSetting, match=f"LONDONPUMP_TOMTOM_KEY_FILE: .*{problem}") as caught:
        read_settings()
    assert "s3cr3t" not in str(caught.value)
    assert "an0ther" not in str(caught.value)


def test_a_value_of_a_file_is_checked_as_that_of_the_environment_is(tmp_path, monkeypatch) -> None:
    file = tmp_path / "secret"
    file.write_text("ftp://host")
    monkeypatch.setenv("LONDONPUMP_ALARM_WEBHOOK_FILE", str(file))
    with pytest.raises(BadSetting, match="LONDONPUMP_ALARM_WEBHOOK_FILE: it is not an address"):
        read_settings()


def test_a_user_without_a_home_folder_must_name_one(monkeypatch) -> None:
    """As in a container with a user id of its own."""
    for name in ("LONDONPUMP_HOME", "HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(BadSetting, match="LONDONPUMP_HOME: is not set, and this user has no home folder"):
        read_settings()
