"""`deploy/smoke.sh` passes on a service that can be used; otherwise it says which of its four questions failed."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.service_process import Served, environment, served

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "smoke.sh"
PASSWORD = "three quiet lanterns"  # noqa: S105
ALL_FOUR = "ok  /livez\nok  /readyz\nok  /login\nok  /v1/predictions\n"


def londonpump(home: Path, *arguments: str, standard_input: str = "") -> str:
    command = [sys.executable, "-m", "londonpump.cli", *arguments]
    return subprocess.run(
        command, env=environment(home), input=standard_input, text=True, check=True, capture_output=True
    ).stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home with an account for a machine, and no model."""
    home = tmp_path_factory.mktemp("smoke") / "home"
    londonpump(
        home, "users", "create", "feed", "--service", "--password-stdin", standard_input=f"{PASSWORD}\n"
    )
    return home


@pytest.fixture(scope="module")
def usable(home, small_brigade) -> Iterator[Served]:
    londonpump(home, "models", "promote", str(small_brigade.bundle), "--why", "a test")
    with served(home) as running:
        yield running


def smoke(
    *arguments: str, password: str = PASSWORD, home: Path = Path(), wait_s: int = 120
) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", str(SCRIPT), *arguments],
        input=password,
        env=environment(home, PATH=path, SMOKE_WAIT_S=str(wait_s)),
        text=True,
        capture_output=True,
    )


def test_a_service_without_a_model_is_not_ready(home) -> None:
    with served(home) as running:
        done = smoke(running.address, "feed", wait_s=0)
    assert done.returncode == 1
    assert done.stdout == "ok  /livez\n"
    assert "/readyz answered 503" in done.stderr


def test_a_service_that_can_be_used_passes(usable) -> None:
    done = smoke(f"{usable.address}/", "feed")
    assert (done.returncode, done.stdout, done.stderr) == (0, ALL_FOUR, "")


def test_it_makes_an_account_of_its_own_and_uses_it_again(usable, home) -> None:
    for _ in range(2):
        done = smoke("--new-password", usable.address, home=home)
        assert (done.returncode, done.stdout) == (0, ALL_FOUR), done.stderr
    assert londonpump(home, "users", "list").count("smoke") == 1


def test_a_wrong_password_is_named_and_not_shown(usable) -> None:
    done = smoke(usable.address, "feed", password="not the password")  # noqa: S106
    assert done.returncode == 1
    assert "/login answered 400" in done.stderr
    assert "not the password" not in done.stdout + done.stderr


def test_no_service_is_a_failure() -> None:
    with socket.socket() as bound:  # not listening: it refuses, and nobody else can take the port
        bound.bind(("127.0.0.1", 0))
        done = smoke(f"http://127.0.0.1:{bound.getsockname()[1]}", wait_s=0)
    assert done.returncode == 1
    assert "/livez did not answer" in done.stderr


@pytest.mark.parametrize(("address", "password"), [("localhost:8000", PASSWORD), ("http://localhost", "")])
def test_a_wrong_use_has_its_own_exit_code(address, password) -> None:
    assert smoke(address, password=password).returncode == 2
