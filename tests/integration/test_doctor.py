"""`doctor` and `config show`: what is found, where settings come from, and that no secret is shown."""

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from support import context_publishers as sources
from support import publisher_server as server
from support import weather_responses
from support.context_publishers import KEY
from support.datastore import small_datastore
from support.publisher_server import Publisher, Sleeper
from typer.testing import CliRunner

from londonpump.cli import app, application
from londonpump.ingest.http import Http
from londonpump.ingest.http.limits import Limits
from londonpump.persistence.database import connect, upgrade
from londonpump.registry.manual_decisions import PromotionRequest, promote
from londonpump.settings import Settings, read_settings

PUBLISHERS = (
    "London Datastore",
    "Open-Meteo",
    "GOV.UK",
    "school terms",
    "roads",
    "Visual Crossing",
    "TomTom",
)


def run(*arguments: str):
    return CliRunner().invoke(app, arguments)


def examined(*arguments: str, code: int = 0) -> dict[str, list[dict[str, str]]]:
    """Return the findings of `doctor` by name."""
    result = run("doctor", *arguments, "--json", "-")
    assert result.exit_code == code, result.output
    found: dict[str, list[dict[str, str]]] = {}
    for each in json.loads(result.stdout)["checks"]:
        found.setdefault(each["name"], []).append(each)
    return found


def test_a_new_machine_is_well_and_nothing_is_made(own_home: Path) -> None:
    found = examined()
    assert {each["status"] for name in ("versions", "home", "disk", "database") for each in found[name]} == {
        "pass"
    }
    assert (found["model"][0]["status"], "londonpump models promote" in found["model"][0]["action"]) == (
        "warn",
        True,
    )
    assert found["sources"][0]["action"].endswith("londonpump refresh context.")
    assert not own_home.exists()


def test_each_finding_is_shown_with_what_to_do(own_home: Path) -> None:
    lines = run("doctor").stdout.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("warn  examples"))
    assert lines[place + 1].strip() == "Make them: londonpump prepare."


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("LONDONPUMP_DATABSE_URL", "LONDONPUMP_DATABASE_URL"),
        ("LONDONPUMP_TOMTOM_KEY_FILES", "LONDONPUMP_TOMTOM_KEY_FILE"),
    ],
)
def test_a_misspelt_variable_is_named_with_the_nearest_setting(name, hint, own_home, monkeypatch) -> None:
    monkeypatch.setenv(name, "x")
    outputs = [each["output"] for each in examined()["settings"] if each["status"] == "warn"]
    assert outputs == [f"{name} is no setting (nearest: {hint})"]


def test_settings_that_cannot_be_read_are_the_finding(own_home: Path, monkeypatch) -> None:
    monkeypatch.setenv("LONDONPUMP_PROXIES", "99")
    found = examined(code=1)
    assert found["settings"][0]["output"].startswith("LONDONPUMP_PROXIES: ")


def test_a_home_that_is_a_file_and_a_database_that_does_not_answer_must_be_repaired(
    own_home, monkeypatch
) -> None:
    own_home.write_text("mine")
    monkeypatch.setenv("LONDONPUMP_DATABASE_URL", "postgresql://amelia:s3cr3t@127.0.0.1:1/none")
    result = run("doctor")
    assert result.exit_code == 1
    assert {"fail  home", "fail  database"} <= {line[:14].strip() for line in result.stdout.splitlines()}
    assert "s3cr3t" not in result.output


def test_tables_of_another_version_are_named(own_home: Path) -> None:
    own_home.mkdir()
    (own_home / "londonpump.db").touch()
    assert "londonpump db upgrade" in examined()["database"][0]["action"]


def test_the_active_model_is_read_and_one_that_is_damaged_must_be_repaired(own_home, small_brigade) -> None:
    settings = read_settings()
    name = promote(settings, PromotionRequest(str(small_brigade.bundle), "a test")).after
    (model,) = examined()["model"]
    assert (model["status"], model["output"]) == ("pass", f"{name} is active, its files are whole")
    provenance = own_home / "bundle" / name / "provenance.json"
    kept = provenance.read_bytes()
    provenance.write_text("damaged")
    (model,) = examined()["model"]
    assert (model["status"], "provenance.json" in model["output"]) == ("warn", True)
    provenance.write_bytes(kept)
    (own_home / "bundle" / name / "scale.txt").write_text("damaged")
    (model,) = examined(code=1)["model"]
    assert model["status"] == "fail"


def test_the_last_fetch_of_each_source_is_shown(own_home: Path, publisher: Publisher, monkeypatch) -> None:
    _serve_all(publisher, monkeypatch)
    publisher.answers(sources.GOVUK, server.not_found())
    assert run("refresh", "context").exit_code == 3
    found = examined()
    assert "sources" not in found
    assert found["weather"][0]["status"] == "pass"
    assert (found["bank-holidays"][0]["status"], "404" in found["bank-holidays"][0]["output"]) == (
        "warn",
        True,
    )


def _serve_all(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    sources.all_is_well(publisher)
    small_datastore(date(2024, 1, 1), date(2025, 3, 31)).opens_at(publisher)
    publisher.answers("/map.osm.pbf.md5", server.as_text("0" * 32))
    today = datetime.now(UTC).date()
    publisher.answers(f"{sources.TIMELINE}/{today}/{today}", weather_responses.visual_crossing_of)
    own = {"DATASTORE_URL": publisher.url, "ROADS_URL": f"{publisher.url}/map.osm.pbf"}
    for name, value in (sources.addresses(publisher) | own).items():
        monkeypatch.setenv(f"LONDONPUMP_{name}", value)
    quick = Limits(tries=1, connect_s=1, read_s=1, total_s=2)
    monkeypatch.setattr(application, "open_http", lambda: Http(quick, Sleeper()))


def test_online_every_publisher_is_asked_and_says_what_came(own_home, publisher, monkeypatch) -> None:
    _serve_all(publisher, monkeypatch)
    found = examined("--online")
    assert {name: found[name][0]["status"] for name in PUBLISHERS} == dict.fromkeys(PUBLISHERS, "pass")
    assert found["London Datastore"][0]["output"] == "answers: 2 files of incidents"
    assert found["GOV.UK"][0]["output"] == "answers: 8 bank holidays"
    assert not any(path.startswith("/download") for path in publisher.paths())
    assert KEY not in json.dumps(found)
    assert not own_home.exists()


def test_a_publisher_that_fails_is_named_and_the_others_are_asked(own_home, publisher, monkeypatch) -> None:
    _serve_all(publisher, monkeypatch)
    publisher.answers(sources.GOVUK, server.broken())
    found = examined("--online", code=1)
    assert (found["GOV.UK"][0]["status"], "(500)" in found["GOV.UK"][0]["output"]) == ("fail", True)
    assert found["TomTom"][0]["status"] == "pass"


def test_a_publisher_that_needs_a_key_is_not_asked_without_one(own_home, publisher, monkeypatch) -> None:
    _serve_all(publisher, monkeypatch)
    monkeypatch.delenv("LONDONPUMP_TOMTOM_KEY")
    assert examined("--online")["TomTom"][0]["output"] == "not asked: no key is set"
    assert not any("flowSegment" in path for path in publisher.paths())


def test_settings_are_shown_with_their_source_and_without_secrets(
    own_home: Path, tmp_path, monkeypatch
) -> None:
    (tmp_path / "londonpump.toml").write_text('drain_s = 5\ntomtom_key = "s3cr3t-toml"\nproxies = 1\n')
    (tmp_path / "url").write_text("sqlite:////s3cr3t.db")
    monkeypatch.setenv("LONDONPUMP_PROXIES", "2")
    monkeypatch.setenv("LONDONPUMP_DATABASE_URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("LONDONPUMP_DATASTORE_URL", "https://amelia:s3cr3t@mirror.example")
    result = run("config", "show", "--json", "-")
    shown = json.loads(result.stdout)
    file = str(tmp_path / "londonpump.toml")
    assert shown["file"] == file
    assert {name: shown["settings"][name] for name in ("drain_s", "proxies", "roll_back", "tomtom_key")} == {
        "drain_s": {"value": 5.0, "from": file},
        "proxies": {"value": 2, "from": "LONDONPUMP_PROXIES"},
        "roll_back": {"value": "propose", "from": "default"},
        "tomtom_key": {"value": "set, hidden", "from": file},
    }
    assert shown["settings"]["database_url"] == {
        "value": "set, hidden",
        "from": "LONDONPUMP_DATABASE_URL_FILE",
    }
    assert set(shown["settings"]) == set(Settings.model_fields)
    assert "s3cr3t" not in result.output + run("config", "show").output


@pytest.mark.parametrize("line", ['database_url = ""', 'bundles = ["a"]', 'secret_file = ""'])
def test_a_value_that_is_none_is_refused(line: str, own_home: Path, tmp_path: Path) -> None:
    (tmp_path / "londonpump.toml").write_text(line)
    result = run("config", "show")
    assert result.exit_code == 2
    assert f"{line.split(maxsplit=1)[0]} = " in result.output
    assert "is no value" in result.output


def test_paths_are_relative_to_the_file(own_home: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "s.toml").write_text('map_tiles = "t.pmtiles"\nbundles = "b"\n')
    monkeypatch.setenv("LONDONPUMP_CONFIG", str(tmp_path / "s.toml"))
    monkeypatch.chdir("/")
    settings = read_settings()
    assert settings.map_tiles == tmp_path / "t.pmtiles"
    assert settings.bundles == tmp_path / "b"


def test_a_secret_in_a_file_that_others_can_read_is_a_warning(own_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "londonpump.toml"
    file.write_text('tomtom_key = "abc"')
    file.chmod(0o644)
    assert [each["action"] for each in examined()["settings"] if each["status"] == "warn"] == [
        f"chmod 600 {file}"
    ]
    file.chmod(0o600)
    assert [each for each in examined()["settings"] if each["status"] == "warn"] == []


def test_json_goes_to_a_file_that_is_ours_only(own_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    assert run("config", "show", "--json", str(file)).exit_code == 0
    assert json.loads(file.read_text())["file"] is None
    assert run("config", "show", "--json", str(file)).exit_code == 0
    file.write_text('{"name": "package"}')
    assert run("config", "show", "--json", str(file)).exit_code == 2
    assert file.read_text() == '{"name": "package"}'


@pytest.mark.parametrize("where", ["named", "here", "home"])
def test_the_file_of_settings_is_the_one_named_or_here_or_in_the_home(
    where, own_home, tmp_path, monkeypatch
) -> None:
    own_home.mkdir()
    files = {
        "named": tmp_path / "other.toml",
        "here": tmp_path / "londonpump.toml",
        "home": own_home / "londonpump.toml",
    }
    order = list(files)
    for number, name in enumerate(order[order.index(where) :]):
        files[name].write_text(f"proxies = {number}\n")
    if where == "named":
        monkeypatch.setenv("LONDONPUMP_CONFIG", "other.toml")
    assert (json.loads(run("config", "show", "--json", "-").stdout)["file"], read_settings().proxies) == (
        str(files[where]),
        0,
    )


def test_a_user_without_a_home_folder_may_name_one_in_a_file(tmp_path: Path, monkeypatch) -> None:
    def no_home(*_: object, **__: object) -> Path:
        raise RuntimeError("no home folder")

    monkeypatch.setattr("londonpump.settings.user_data_path", no_home)
    monkeypatch.delenv("LONDONPUMP_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "londonpump.toml").write_text('home = "state"')
    assert read_settings().home == tmp_path / "state"
    (tmp_path / "londonpump.toml").unlink()
    assert Settings(home=tmp_path).home == tmp_path


def test_the_null_device_stands_for_no_file(own_home: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "londonpump.toml").write_text("proxies = 3")
    monkeypatch.setenv("LONDONPUMP_CONFIG", os.devnull)
    assert read_settings().proxies == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("drain = 3", "'drain' is no setting (nearest: drain_s)"),
        ("[londonpump]\nproxies = 1", "'londonpump' is no setting"),
        ("proxies =", "cannot be read as TOML"),
        ("proxies = 99", "londonpump.toml, proxies: input should be less than or equal to 8"),
        ('tomtom_key = "schlüssel"', "londonpump.toml, tomtom_key: it is not a key"),
    ],
)
def test_a_wrong_file_of_settings_ends_in_one_line(text, problem, own_home, tmp_path) -> None:
    (tmp_path / "londonpump.toml").write_text(text, encoding="utf-8")
    result = run("models", "list")
    assert (result.exit_code, result.stderr.count("\n"), problem in result.stderr) == (2, 1, True)
    assert "schl" not in result.stderr


def test_a_named_file_that_is_missing_is_an_error(own_home: Path, monkeypatch) -> None:
    monkeypatch.setenv("LONDONPUMP_CONFIG", "nowhere.toml")
    result = run("models", "list")
    assert (result.exit_code, "LONDONPUMP_CONFIG: it names no file" in result.stderr) == (2, True)


def test_paths_in_the_file_are_relative_to_it(own_home: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "site.toml").write_text('bundles = "models"')
    monkeypatch.setenv("LONDONPUMP_CONFIG", "conf/site.toml")
    assert read_settings().bundles == tmp_path / "conf" / "models"


def test_an_upgraded_database_is_well(own_home: Path) -> None:
    own_home.mkdir()
    engine = connect(read_settings().database)
    upgrade(engine)
    engine.dispose()
    assert examined()["database"][0]["status"] == "pass"
