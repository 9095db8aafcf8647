"""The demo: a complete home that it marks as its own, and the service that answers from it."""

import json
import os
import pty
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from support.altered_bundles import slower
from support.service_process import served
from support.steady_load import sign_in

from londonpump.domain.errors import BadFile
from londonpump.lifecycle.progress import silent
from londonpump.persistence.atomic_files import read_json
from londonpump.persistence.bundles import save_bundle
from londonpump.persistence.database import open_database
from londonpump.persistence.repositories.context import context_at, read_weather
from londonpump.registry.manual_decisions import PromotionRequest, ledger, promote
from londonpump.rehearsal.demo_home import (
    EXAMPLE,
    USER,
    DemoPlan,
    claim_folder,
    demo_user,
    fill_empty,
    fill_weather,
    is_complete,
    make_demo,
    record_made,
    settings_of,
    simulated_weather,
)
from londonpump.rehearsal.demo_service import QUESTION

ENDS_WITHIN_S, FILLED_WITHIN_S = 120, 900
PLAN = DemoPlan(incidents=2_500, seed=3)
SIZE_OPTIONS = ("--incidents", str(PLAN.incidents), "--seed", str(PLAN.seed))
WEATHER = "temp,precip,cloudcover,visibility,conditions,icon,date\n" + "".join(
    f"{hour}.5,0.0,50.1,25.5,Overcast,cloudy,2023-06-02 {hour:02d}\n" for hour in range(24)
)
NOON = datetime(2026, 6, 2, 11, 20, tzinfo=UTC)
"""12:20 in London."""


def new_home(folder: Path) -> Path:
    home = folder / "demo"
    claim_folder(home)
    (home / "raw").mkdir()
    (home / "raw" / "weather_hourly.csv").write_text(WEATHER, encoding="utf-8")
    return home


@pytest.fixture
def home(tmp_path) -> Path:
    """Return a home without a model."""
    return new_home(tmp_path)


@pytest.fixture(scope="module")
def made_home(small_brigade, tmp_path_factory) -> Path:
    """Return a home like that of an earlier demo, without the minutes of simulation."""
    home = new_home(tmp_path_factory.mktemp("made"))
    files = {file.name: file.read_bytes() for file in small_brigade.bundle.iterdir()}
    provenance = json.loads(files.pop("provenance.json"))
    save_bundle(files, provenance, home / "bundle")
    (home / "report.html").write_text("a report", encoding="utf-8")
    record_made(home, PLAN)
    return home


def environment(home: Path) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("LONDONPUMP_", "CI"))
    }
    return {**inherited, "LONDONPUMP_HOME": str(home)}


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `londonpump demo` without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "londonpump.cli", "demo", *SIZE_OPTIONS, *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN_S,
    )


def last_event(home: Path) -> str:
    """Return the last event in the log of the service."""
    return str(json.loads((home / "service.log").read_text(encoding="utf-8").splitlines()[-1])["event"])


@pytest.fixture(scope="module")
def whole_demo(tmp_path_factory) -> tuple[Path, str]:
    """Return the home of a demo with every part, and the summary."""
    home = tmp_path_factory.mktemp("whole") / "demo"
    return home, make_demo(home, PLAN, silent)


@pytest.mark.slow
def test_the_demo_leaves_a_marked_home_with_every_part_simulated(whole_demo) -> None:
    home, output = whole_demo
    for expected in ("SIMULATED Brigade", "Distance alone", "Report: file://", "SIMULATED records"):
        assert expected in output
    assert is_complete(home, PLAN)
    assert read_json(home / "data" / "report.json")["simulated"] is True
    assert (home / "predictions.csv").read_text(encoding="utf-8").count("\n") == 5
    for page in ("report.html", "model_card.html"):
        assert "simulated" in (home / page).read_text(encoding="utf-8").lower()
    decisions = ledger(settings_of(home), 5)
    assert [(line.champion_before, line.champion_after) for line in decisions] == [
        (None, read_json(home / "bundle" / "current.json")["bundle"])
    ]


@pytest.mark.slow
def test_an_empty_installation_filled_by_example_answers_as_the_demo_does(whole_demo, tmp_path) -> None:
    home, user = whole_demo[0], demo_user(whole_demo[0])
    secret = tmp_path / "secret"
    secret.write_text("5f0b6a1c9d2e47388a7b1c0d9e8f7a6b5c4d3e2f", encoding="ascii")
    secret.chmod(0o600)
    settings = {
        "LONDONPUMP_SECRET_FILE": str(secret),
        "LONDONPUMP_DATABASE_URL": f"sqlite:///{tmp_path}/another.db",
        "LONDONPUMP_BUNDLES": str(tmp_path / "bundles"),
    }
    filled = environment(tmp_path / "filled") | settings
    command = [sys.executable, "-m", "londonpump.cli"]
    create = ["users", "create", "--admin", "--password-stdin", user.name]
    subprocess.run([*command, *create], env=filled, input=user.password, text=True, check=True)
    subprocess.run([*command, "example", *SIZE_OPTIONS], env=filled, check=True, timeout=FILLED_WITHIN_S)
    at = datetime.now(UTC)
    first, second = (
        ask(home, user.password, at),
        ask(tmp_path / "filled", user.password, at, **settings),
    )
    assert first["context"]["temp_c"]["source"] == "simulated"
    for part in ("candidates", "pumps_needed", "context", "missing", "model"):
        assert first[part] == second[part]


def ask(home: Path, password: str, at: datetime, **settings: str) -> dict[str, Any]:
    """Return the answer of a service in this home to the question of the demo."""
    with served(home, None, **settings) as service:
        headers = sign_in(service.address, USER, password)
        answer = httpx2.post(
            f"{service.address}/v1/predictions",
            json=QUESTION | {"at": at.isoformat()},
            headers=headers,
            trust_env=False,
            timeout=ENDS_WITHIN_S,
        )
    return dict(answer.raise_for_status().json())


def test_an_installation_with_a_simulated_model_keeps_it_and_gets_the_weather_of_now(
    small_brigade, tmp_path
) -> None:
    settings = settings_of(tmp_path)
    promote(settings, PromotionRequest(str(small_brigade.bundle), "a test"))
    raw = tmp_path / EXAMPLE / "raw"
    raw.mkdir(parents=True)
    year = [(NOON + timedelta(days=day)).strftime("%m-%d") for day in range(366)]
    rows = [f"9.5,0.0,50.1,25.5,Overcast,cloudy,2023-{day} {hour:02d}" for day in year for hour in range(24)]
    (raw / "weather_hourly.csv").write_text("\n".join([WEATHER.splitlines()[0], *rows]), encoding="utf-8")
    assert "Nothing to train" in fill_empty(settings, PLAN, silent)
    assert len(ledger(settings, 5)) == 1
    now = datetime.now(UTC)
    engine = open_database(settings.database)
    known = context_at(engine, now)["temp_c"]
    engine.dispose()
    assert (known.value, known.source) == (9.5, "simulated")


def test_a_real_model_gets_no_simulated_weather(small_brigade, tmp_path) -> None:
    settings = settings_of(tmp_path)
    promote(
        settings,
        PromotionRequest(str(slower(small_brigade.bundle, tmp_path, 5, is_simulated=False)), "a test"),
    )
    (tmp_path / EXAMPLE / "raw").mkdir(parents=True)
    (tmp_path / EXAMPLE / "raw" / "weather_hourly.csv").write_text(WEATHER, encoding="utf-8")
    assert "Nothing to train" in fill_empty(settings, PLAN, silent)
    engine = open_database(settings.database)
    stored = read_weather(engine, datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    engine.dispose()
    assert stored == []


def test_a_home_of_something_else_is_never_claimed(tmp_path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(BadFile, match="was not made by the demo"):
        claim_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_an_empty_folder_becomes_the_demos(tmp_path) -> None:
    claim_folder(tmp_path)
    assert (tmp_path / "demo.json").exists()


@pytest.mark.parametrize("other", [DemoPlan(2_501, 3), DemoPlan(2_500, 4)])
def test_another_plan_is_not_made_yet(other, made_home) -> None:
    assert is_complete(made_home, PLAN)
    assert not is_complete(made_home, other)


def test_a_home_whose_making_anew_was_broken_off_is_not_made(made_home, tmp_path) -> None:
    home = shutil.copytree(made_home, tmp_path / "demo")
    claim_folder(home)
    assert not is_complete(home, PLAN)


def test_the_database_of_the_environment_is_left_alone(home, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("LONDONPUMP_DATABASE_URL", f"sqlite:///{tmp_path}/not-the-demos.db")
    demo_user(home)
    assert (home / "londonpump.db").exists()
    assert not (tmp_path / "not-the-demos.db").exists()


def test_the_password_is_kept_where_only_its_owner_reads_it(home) -> None:
    user = demo_user(home)
    assert stat.S_IMODE(user.password_file.stat().st_mode) == 0o600
    assert user.password_file.read_text(encoding="ascii").strip() == user.password


def test_a_home_keeps_its_user(home) -> None:
    first, second = demo_user(home), demo_user(home)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.password == second.password


def test_every_home_has_a_password_of_its_own(tmp_path) -> None:
    drawn = {demo_user(new_home(tmp_path / name)).password for name in ("a", "b", "c")}
    assert len(drawn) == 3


def test_the_weather_of_now_is_that_of_the_same_london_hour_and_says_that_it_is_simulated(home) -> None:
    fill_weather(settings_of(home), home, NOON)
    engine = open_database(settings_of(home).database)
    known = context_at(engine, NOON)["temp_c"]
    engine.dispose()
    assert (known.value, known.source) == (12.5, "simulated")


def test_the_weather_of_an_hour_to_come_was_known_before_it_began(home) -> None:
    hours = simulated_weather(home / "raw" / "weather_hourly.csv", NOON)
    assert {hour.available_at for hour in hours if hour.observed_at > NOON} == {NOON}
    assert all(hour.available_at == hour.observed_at for hour in hours if hour.observed_at <= NOON)


def test_without_a_terminal_it_predicts_through_the_service_stops_it_and_ends_well(made_home) -> None:
    done = run(made_home)
    assert done.returncode == 0, done.stderr
    assert "of an earlier demo" in done.stdout
    assert "Asked through the service" in done.stdout
    assert last_event(made_home) == "service stopping"
    # the output may be stored where others read it
    assert (made_home / "demo_password").read_text(encoding="ascii").strip() not in done.stdout


def test_in_a_terminal_it_serves_until_ctrl_c_and_ends_well(made_home) -> None:
    with in_a_terminal(made_home) as (process, terminal):
        output = read_until(terminal, "Ctrl-C")
        # like a terminal, send it to the whole foreground group
        os.killpg(process.pid, signal.SIGINT)
        output += read_until(terminal, "Stopping.")
        assert process.wait(ENDS_WITHIN_S) == 0, output
    assert "serves on http://localhost:" in output
    assert "Traceback" not in output
    assert last_event(made_home) == "service stopping"


@contextmanager
def in_a_terminal(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run `londonpump demo` in a terminal: yield (process, the other side of the terminal)."""
    terminal, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "londonpump.cli", "demo", *SIZE_OPTIONS, "--port", "0"],
        env=environment(home),
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
    )
    os.close(side)
    try:
        yield process, terminal
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(terminal)


def test_a_port_in_use_is_one_clear_line(made_home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run(made_home, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("is in use by another process. Choose another one")


def read_until(terminal: int, expected: str) -> str:
    """Return the output of a terminal up to a text."""
    output, ends_at = "", time.monotonic() + ENDS_WITHIN_S
    while expected not in output and time.monotonic() < ends_at:
        output += os.read(terminal, 4096).decode()
    assert expected in output, output
    return output
