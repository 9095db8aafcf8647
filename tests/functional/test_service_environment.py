"""The service in its own environment: what `scripts/service-env` makes, with nothing of training in it.

The environment is made once, `.venv-service` in the project's folder (not tracked), and again when the locks or the
code have changed. It needs a package index; where none answers these tests skip.
"""

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv-service"
STAMP = VENV / ".tested"
ENDS_WITHIN_S = 300
OF_TRAINING = {"pandas", "sklearn", "pyarrow", "mlflow", "ibis", "duckdb", "matplotlib", "fastexcel", "bson"}
OF_REFRESHING = {"httpx2", "bs4"}
"""Installed for `refresh context`, and never loaded by the service."""
NO_INDEX = ("No matching distribution found", "Could not find a version", "Max retries exceeded")
SERVE = """
import atexit, pathlib, sys
log, *sys.argv[1:] = sys.argv[1:]
atexit.register(lambda: pathlib.Path(log).write_text(" ".join(sys.modules)))
from londonpump.cli import main
main()
"""
"""The command, and at its end a list of all that was loaded."""
USER, PASSWORD = "ada", "three quiet lanterns"
QUESTION = {"location": {"easting_m": 530030, "northing_m": 180390}, "incident_type": "Fire"}


@dataclass(frozen=True)
class Served:
    """What a service of that environment was seen to do. loaded: the packages of its whole life."""

    ready: int
    answered: httpx2.Response
    loaded: set[str]


def of_the_code() -> str:
    """What the environment is made from, as one hash."""
    whole = hashlib.sha256()
    made_from = [
        *(ROOT / "requirements").glob("*.lock"),
        ROOT / "pyproject.toml",
        ROOT / "scripts/service-env",
    ]
    for path in sorted([*made_from, *(ROOT / "src").rglob("*.py")]):
        whole.update(path.read_bytes())
    return whole.hexdigest()


@pytest.fixture(scope="module")
def programs() -> Path:
    """The folder of the environment's programs."""
    VENV.mkdir(exist_ok=True)
    lock_file = os.open(VENV, os.O_RDONLY)
    try:
        # two workers of one run make it once
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        expected_packages = of_the_code()
        if not STAMP.exists() or STAMP.read_text(encoding="ascii") != expected_packages:
            make_environment()
            STAMP.write_text(expected_packages, encoding="ascii")
    finally:
        os.close(lock_file)
    return VENV / "bin"


def make_environment() -> None:
    done = subprocess.run(
        [ROOT / "scripts/service-env", sys.executable, VENV],
        env={**os.environ, "PIP_RETRIES": "1", "PIP_TIMEOUT": "10"},
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN_S,
    )
    if done.returncode and any(sign in done.stderr for sign in NO_INDEX):
        pytest.skip("no package index answers: the service's environment cannot be made")
    assert done.returncode == 0, done.stderr


def environment(home: Path) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LONDONPUMP_") and name != "PYTHONPATH"
    }
    return {**inherited, "LONDONPUMP_HOME": str(home)}


def run(programs: Path, home: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [programs / "londonpump", *arguments],
        env=environment(home),
        cwd=home.parent,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN_S,
    )


@contextmanager
def serving(programs: Path, home: Path, log: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """(process, address); what it had loaded stands in the log at its end."""
    process = subprocess.Popen(
        [programs / "python", "-c", SERVE, log, "serve", "--port", "0"],
        env=environment(home),
        cwd=home.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=ENDS_WITHIN_S)


def peak_mb(process: subprocess.Popen[str]) -> str:
    """The most memory it had; not told on every system."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return "unknown"
    kilobytes = re.search(r"VmHWM:\s+(\d+)", status.read_text(encoding="ascii"))
    return f"{int(kilobytes[1]) / 1024:.0f} MB" if kilobytes else "unknown"


@pytest.fixture(scope="module")
def home(programs, small_brigade, tmp_path_factory) -> Path:
    """A home made by the commands of that environment alone: a database, an admin, a model on duty."""
    made = tmp_path_factory.mktemp("apart") / "home"
    for arguments in (
        ("db", "upgrade"),
        ("users", "create", USER, "--admin", "--password-stdin"),
        ("models", "promote", str(small_brigade.bundle), "--why", "a test"),
        ("audit", "verify"),
    ):
        done = run(programs, made, *arguments, stdin=f"{PASSWORD}\n")
        assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def served(programs, home) -> Served:
    log = home.parent / "loaded.txt"
    began = time.monotonic()
    with serving(programs, home, log) as (process, address):
        with httpx2.Client(base_url=address, trust_env=False, timeout=60) as client:
            ready = client.get("/readyz").status_code
            took_s = time.monotonic() - began
            figures = f"ready after {took_s:.2f} s, {peak_mb(process)} at most so far"
            token = client.post("/login", data={"username": USER, "password": PASSWORD}).json()
            headers = {"Authorization": f"Bearer {token['access_token']}"}
            answered = client.post("/v1/predictions", json=QUESTION, headers=headers)
        # for the reader; `make bench` measures them
        print(f"{figures}, {peak_mb(process)} after a sign-in and a prediction")
    return Served(ready, answered, {name.partition(".")[0] for name in log.read_text("utf-8").split()})


@pytest.mark.slow
def test_the_service_is_ready_and_answers_a_call(served) -> None:
    assert served.ready == 200
    assert served.answered.status_code == 200, served.answered.text
    assert len(served.answered.json()["candidates"]) == 5


@pytest.mark.slow
def test_nothing_of_training_is_loaded_from_start_to_end(served) -> None:
    assert {"londonpump", "lightgbm", "fastapi"} <= served.loaded
    assert served.loaded & (OF_TRAINING | OF_REFRESHING) == set()


@pytest.mark.slow
def test_nothing_of_training_is_installed(programs) -> None:
    code = f"import importlib.util as u; print(*[n for n in {sorted(OF_TRAINING)} if u.find_spec(n)])"
    done = subprocess.run([programs / "python", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""


@pytest.mark.slow
def test_help_names_every_command_there(programs, tmp_path) -> None:
    done = run(programs, tmp_path / "home", "--help")
    assert (done.returncode, "train" in done.stdout, done.stderr) == (0, True, "")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "evaluate", "demo"])
def test_a_command_of_training_says_in_one_line_what_to_install(command, programs, tmp_path) -> None:
    done = run(programs, tmp_path / "home", command)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install 'londonpump[train]'" in done.stderr


@pytest.mark.slow
def test_refreshing_the_context_can_be_run_beside_it(programs) -> None:
    code = "import londonpump.lifecycle.refresh, londonpump.ingest.http"
    done = subprocess.run([programs / "python", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
