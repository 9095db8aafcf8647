"""`airflow standalone` on loopback as a person would start it, queried over its API, and stopped with all its processes."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

import httpx2

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN_S, DONE_WITHIN_S, ENDS_WITHIN_S, LOOKS_EVERY_S = 600, 900, 30, 1
ENDED = ("success", "failed")
PARTS = ("metadatabase", "scheduler", "dag_processor")


@dataclass(frozen=True)
class Standalone:
    """Running Airflow with a client that is signed in."""

    api: httpx2.Client

    def start(self, dag: str) -> str:
        """Start a DAG by hand. Returns: the run."""
        response = self.api.post(f"/api/v2/dags/{dag}/dagRuns", json={"logical_date": None})
        assert response.status_code == 200, response.text
        return str(response.json()["dag_run_id"])

    def state(self, dag: str, run: str) -> str:
        """Return the final state of the run."""
        return str(until(lambda: self._ended(dag, run), DONE_WITHIN_S)["state"])

    def run_by_asset(self, dag: str) -> str:
        """Return the run that an asset started, once there is one."""
        return str(until(lambda: self._by_asset(dag), DONE_WITHIN_S)["dag_run_id"])

    def knows(self, dag: str) -> bool:
        """True if the DAG was read and can be started."""
        answer = self.api.get(f"/api/v2/dags/{dag}")
        return bool(answer.status_code == 200 and not answer.json()["is_paused"])

    def _ended(self, dag: str, run: str) -> Any:
        found = self.api.get(f"/api/v2/dags/{dag}/dagRuns/{run}").json()
        return found if found["state"] in ENDED else None

    def _by_asset(self, dag: str) -> Any:
        runs = self.api.get(f"/api/v2/dags/{dag}/dagRuns").json()["dag_runs"]
        return next((run for run in runs if run["run_type"] == "asset_triggered"), None)


@contextmanager
def standalone(settings: dict[str, str], log: Path) -> Iterator[Standalone]:
    """Run Airflow until the block ends; its output is in the log."""
    port = free_port()
    more = {
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST": "127.0.0.1",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    }
    with log.open("w") as stream:
        process = subprocess.Popen(
            [ROOT / "scripts/airflow", "standalone"],
            env={**settings, **more},
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as api:
            until(lambda: is_ready(api, process), READY_WITHIN_S)
            token = api.get("/auth/token").json()["access_token"]
            api.headers["Authorization"] = f"Bearer {token}"
            yield Standalone(api)
    finally:
        end(process)


def is_ready(api: httpx2.Client, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "airflow standalone has ended"
    try:
        health = api.get("/api/v2/monitor/health").json()
    except httpx2.TransportError:
        return False
    return all(health[part]["status"] == "healthy" for part in PARTS)


def until(found: Callable[[], Any], within_s: float) -> Any:
    """Return the first answer that is not empty."""
    end_at = time.monotonic() + within_s
    while time.monotonic() < end_at:
        if answer := found():
            return answer
        time.sleep(LOOKS_EVERY_S)
    raise AssertionError(f"nothing came within {within_s} s")


def free_port() -> int:
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop all processes that were started, in whatever session: first with SIGTERM, then with SIGKILL."""
    started = [process.pid, *below(process.pid)]
    process.terminate()
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    left = {pid for pid in started[1:] if pid in parents()} | members(process.pid)
    for pid in left:
        os.kill(pid, signal.SIGKILL)


def below(pid: int) -> list[int]:
    """Return the processes that it started, directly or not."""
    known = parents()
    children = [child for child, (parent, _) in known.items() if parent == pid]
    return [one for child in children for one in (child, *below(child))]


def members(session: int) -> set[int]:
    return {pid for pid, (_, own_session) in parents().items() if own_session == session}


def parents() -> dict[int, tuple[int, int]]:
    """Return (parent, session) of every running process."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, _, session = stat.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            found[int(stat.parent.name)] = (int(parent), int(session))
    return found
