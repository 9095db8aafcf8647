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
from datetime import UTC, datetime
from pathlib import Path

import pytest

from londonpump.domain.errors import BadFile
from londonpump.lifecycle.progress import silent
from londonpump.persistence.atomic_files import read_json
from londonpump.persistence.bundles import save_bundle
from londonpump.persistence.database import open_database
from londonpump.persistence.repositories.context import context_at
from londonpump.registry.manual_decisions import ledger
from londonpump.rehearsal.demo_home import (
    DemoPlan,
    claim_folder,
    demo_user,
    fill_weather,
    is_complete,
    make_demo,
    record_made,
    settings_of,
    simulated_weather,
)

ENDS_WITHIN_S = 120
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


@pytest.mark.slow
def test_the_demo_leaves_a_marked_home_with_every_part_simulated(tmp_path) -> None:
    home = tmp_path / "demo"
    output = make_demo(home, PLAN, silent)
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
    fill_weather(home, NOON)
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
