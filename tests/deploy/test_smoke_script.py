"""`deploy/smoke.sh` passes on a service that can be used; otherwise it says which of its four questions failed."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.service_process import Served, environment, served

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "smoke.sh"
PASSWORD = "three quiet lanterns"  # noqa: S105
QUICK = {"SMOKE_WAIT_S": "0"}


def londonpump(home: Path, *arguments: str, **options: str) -> None:
    command = [sys.executable, "-m", "londonpump.cli", *arguments]
    subprocess.run(command, env=environment(home), text=True, check=True, capture_output=True, **options)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home with an account for a machine, and no model."""
    home = tmp_path_factory.mktemp("smoke") / "home"
    londonpump(home, "users", "create", "smoke", "--service", "--password-stdin", input=PASSWORD)
    return home


@pytest.fixture(scope="module")
def usable(home, small_brigade) -> Iterator[Served]:
    londonpump(home, "models", "promote", str(small_brigade.bundle), "--why", "a test")
    with served(home) as running:
        yield running


def smoke(address: str, password: str = PASSWORD, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(SCRIPT), address],
        input=password,
        env=environment(Path(), **settings),
        text=True,
        capture_output=True,
    )


def test_a_service_without_a_model_is_not_ready(home) -> None:
    with served(home) as running:
        done = smoke(running.address, **QUICK)
    assert done.returncode == 1
    assert done.stdout == "ok  /livez\n"
    assert "/readyz answered 503" in done.stderr


def test_a_service_that_can_be_used_passes(usable) -> None:
    done = smoke(usable.address + "/")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["ok", "/livez", "ok", "/readyz", "ok", "/login", "ok", "/v1/predictions"]


def test_a_wrong_password_is_named_and_not_shown(usable) -> None:
    done = smoke(usable.address, "not the password")
    assert done.returncode == 1
    assert "/login answered 400" in done.stderr
    assert "not the password" not in done.stdout + done.stderr


def test_no_service_is_a_failure() -> None:
    with socket.socket() as bound:  # bound but not listening: refused, and nobody else can take the port
        bound.bind(("127.0.0.1", 0))
        done = smoke(f"http://127.0.0.1:{bound.getsockname()[1]}", **QUICK)
    assert done.returncode == 1
    assert "/livez answered 000" in done.stderr


@pytest.mark.parametrize(("address", "password"), [("localhost:8000", PASSWORD), ("http://localhost", "")])
def test_a_wrong_use_has_its_own_exit_code(address, password) -> None:
    assert smoke(address, password).returncode == 2
