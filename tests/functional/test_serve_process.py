"""The service as a process: it starts, is ready, ends in order, and loads nothing of what training needs."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from londonpump.registry.manual_decisions import PromotionRequest, promote
from londonpump.settings import Settings, operating_system_user

ENDS_WITHIN_S = 60
NOT_OURS = ("pandas", "sklearn", "pyarrow", "mlflow", "ibis", "duckdb", "fastexcel", "matplotlib")
WITHOUT = f"""
import sys
NOT_OURS = {NOT_OURS}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in NOT_OURS:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Absent())
"""


def environment(home: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LONDONPUMP_")}
    return {**inherited, "LONDONPUMP_HOME": str(home), **more}


@contextmanager
def serving(home: Path, **more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """(process, address) of a service on a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "londonpump.cli", "serve", "--port", "0"],
        env=environment(home, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().split()[-1]
    finally:
        process.kill()
        process.communicate()


def run(*arguments: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment(home, **more),
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN_S,
    )


@pytest.fixture
def home(small_brigade, tmp_path) -> Path:
    """A home with a model on duty."""
    promote(Settings(home=tmp_path / "home"), PromotionRequest(str(small_brigade.bundle), "a test"))
    return tmp_path / "home"


def test_it_is_ready_with_a_model_and_ends_in_order(home) -> None:
    with serving(home) as (process, address):
        assert httpx2.get(f"{address}/readyz", trust_env=False).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(ENDS_WITHIN_S) == 0
        events = [json.loads(line)["event"] for line in process.communicate()[1].splitlines()]
    assert events[-1] == "service stopping"


def test_without_a_model_it_says_how_to_promote_one(tmp_path) -> None:
    with serving(tmp_path / "home") as (process, _):
        line = process.stdout.readline()
    assert line == (
        "Calls cannot be answered yet. No model is active. Promote one: londonpump models promote BUNDLE --why TEXT.\n"
    )


def test_before_it_stops_it_answers_while_it_says_that_it_is_not_ready(home) -> None:
    """Load balancers need a moment to choose another replica; a request that arrives meanwhile is not lost."""
    with (
        serving(home, LONDONPUMP_DRAIN_S="3") as (process, address),
        httpx2.Client(trust_env=False) as client,
    ):
        assert client.get(f"{address}/readyz").json()["process"]["status"] == "pass"
        process.send_signal(signal.SIGTERM)
        answers = [client.get(f"{address}/readyz"), client.get(f"{address}/livez")]
        assert [answer.status_code for answer in answers] == [503, 200]
        assert answers[0].json()["process"] == {
            "status": "fail",
            "output": "is about to stop; send requests to another replica",
        }
        # a connection that is kept would be closed under a later request
        assert {answer.headers["connection"] for answer in answers} == {"close"}
        assert process.wait(ENDS_WITHIN_S) == 0
        with pytest.raises(httpx2.ConnectError):
            client.get(f"{address}/livez")


def test_a_second_signal_ends_the_drain(home) -> None:
    with serving(home, LONDONPUMP_DRAIN_S="600") as (process, address):
        assert httpx2.get(f"{address}/readyz", trust_env=False).status_code == 200
        process.send_signal(signal.SIGTERM)
        while httpx2.get(f"{address}/readyz", trust_env=False).status_code == 200:
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(ENDS_WITHIN_S) == 0


def test_the_health_check_asks_without_loading_the_other_commands(home) -> None:
    loaded = (
        "import sys; from londonpump.__main__ import main; sys.argv = ['londonpump', 'healthcheck']\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        "print(code, sorted({'typer', 'rich', 'pydantic', 'londonpump.cli'} & set(sys.modules)))"
    )
    with socket.socket() as free:
        # 8000 may be in use on this machine: whatever answers there, nothing else is loaded
        assert run("-c", loaded, home=home).stdout.strip() in {"0 []", "1 []"}
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        done = run("-m", "londonpump", "healthcheck", "--port", port, home=home)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    with serving(home) as (_, address):
        done = run("-m", "londonpump", "healthcheck", "--port", address.rpartition(":")[2], home=home)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without a name")
def test_a_user_without_a_name_is_recorded_by_number() -> None:
    """As in a container with a user id of its own."""
    os.seteuid(54321)
    try:
        assert operating_system_user() == "uid 54321"
    finally:
        os.seteuid(0)


def test_the_first_start_makes_a_database_and_a_secret_of_its_own(tmp_path) -> None:
    with serving(tmp_path / "home") as (_, address):
        assert httpx2.get(f"{address}/readyz", trust_env=False).status_code == 503
    assert stat.S_IMODE((tmp_path / "home" / "secret").stat().st_mode) == 0o600
    assert (tmp_path / "home" / "londonpump.db").exists()


def test_a_port_in_use_is_one_clear_line(tmp_path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run("-m", "londonpump.cli", "serve", "--port", port, home=tmp_path)
    assert done.returncode == 2
    assert done.stderr == f"londonpump: --port {port}: is in use by another process. Choose another one\n"


def test_an_address_of_another_machine_is_one_clear_line(tmp_path) -> None:
    done = run("-m", "londonpump.cli", "serve", "--host", "203.0.113.7", "--port", "0", home=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_without_a_secret_it_refuses_to_start_beside_a_named_database(tmp_path) -> None:
    url = f"sqlite:///{tmp_path}/named.db"
    done = run("-m", "londonpump.cli", "serve", "--port", "0", home=tmp_path, LONDONPUMP_DATABASE_URL=url)
    assert done.returncode == 2
    assert "LONDONPUMP_SECRET_FILE" in done.stderr


def test_it_serves_where_nothing_of_training_is_installed(home) -> None:
    program = WITHOUT + (
        "from starlette.testclient import TestClient\n"
        "from londonpump.settings import Settings\n"
        "from londonpump.assembly import create_app\n"
        "with TestClient(create_app(Settings())) as client:\n"
        "    assert client.get('/readyz').status_code == 200\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('londonpump.')}\n"
        "unused = {'lifecycle', 'ingest', 'presentation', 'cleaning', 'simulation', 'rehearsal', 'cli'}\n"
        "print(*sorted(rooms & unused))\n"
    )
    done = run("-c", program, home=home)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("list", "promote"),
        ("list --bundles", "active, newest"),
        ("show", "features: "),
        ("as-of 2026-01-01T00:00Z", "no model was active"),
    ],
)
def test_who_is_active_can_be_asked_where_nothing_of_training_is_installed(arguments, expected, home) -> None:
    program = WITHOUT + (
        f"sys.argv = ['londonpump', 'models', *{arguments.split()!r}]\n"
        "from londonpump.__main__ import main\n"
        "main()\n"
    )
    done = run("-c", program, home=home)
    assert (done.returncode, done.stderr) == (0, "")
    assert expected in done.stdout


def test_a_bundle_is_checked_where_nothing_of_training_is_installed(small_brigade, tmp_path) -> None:
    program = WITHOUT + (
        f"sys.argv = ['check', {str(small_brigade.bundle)!r}]\n"
        "from londonpump.persistence.verified_bundle import main\n"
        "sys.exit(main())\n"
    )
    done = run("-c", program, home=tmp_path)
    assert done.returncode == 0, done.stderr
