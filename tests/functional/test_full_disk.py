"""Issue 11, A1: a disk that fills and is freed again, under a service that goes on running.

Two ways to a full disk, both real: a file system of a few MB (where this process may mount one), and the limit of the
size of a file (`RLIMIT_FSIZE`), set from outside on the running process.
"""

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
from support.service_process import Served, environment, served

from londonpump.persistence.database import connect, open_database, writing
from londonpump.registry.manual_decisions import PromotionRequest, promote
from londonpump.service.auth import accounts
from londonpump.service.auth.passwords import Passwords
from londonpump.service.state import utc_now
from londonpump.settings import Settings

PASSWORD = "a sentence that is long enough"  # noqa: S105
ENDS_WITHIN_S = 60
MAX_WRITES = 400
"""What is free inside the files is used up long before."""
ROOM = "24m"
SETTINGS = {"LONDONPUMP_DATABASE_PATIENCE_MS": "5000"}
"""A slow machine is not what these tests are about."""


@dataclass
class Disk:
    """The home of a service, and how its disk is filled and freed."""

    home: Path
    fill: Callable[[Served], None]
    free: Callable[[Served], None]


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """A small file system of its own. Skips where this process may not mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(params=["a small file system", "a limit of files"])
def disk(request, tmp_path) -> Iterator[Disk]:
    """A home whose disk can be filled."""
    if request.param == "a limit of files":

        def limit(service: Served, most_bytes: int) -> None:
            if service.process.poll() is not None:
                return
            # the hard limit stays, so that the soft one can be lifted again
            _, hard = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (most_bytes, hard))

        yield Disk(
            tmp_path / "home",
            # above the size of the log, below that of the write-ahead log that the writes need
            lambda service: limit(service, 262_144),
            lambda service: limit(service, resource.RLIM_INFINITY),
        )
        return
    with mounted(tmp_path / "disk") as folder:
        filling = folder / "filling"

        def fill(_service: Served) -> None:
            with filling.open("wb", buffering=0) as file:
                for size in (1_048_576, 4_096, 1):
                    try:
                        while True:
                            file.write(b"\0" * size)
                    except OSError:
                        continue

        yield Disk(folder / "home", fill, lambda _service: filling.unlink())


@pytest.fixture
def secret(tmp_path) -> dict[str, str]:
    """Settings of a service whose secret does not stand on the disk that is filled."""
    file = tmp_path / "secret"
    file.write_text("5f0b6a1c9d2e47388a7b1c0d9e8f7a6b5c4d3e2f")
    file.chmod(0o600)
    return {"LONDONPUMP_SECRET_FILE": str(file), **SETTINGS}


@pytest.fixture
def filled(disk, small_brigade, secret) -> Disk:
    """With a model on duty and an operator."""
    given = Settings(home=disk.home, secret_file=Path(secret["LONDONPUMP_SECRET_FILE"]))
    promote(given, PromotionRequest(str(small_brigade.bundle), "a test"))
    passwords, engine = Passwords(), open_database(given.database)
    new = accounts.NewUser("olaf", "operator", passwords.make_now(PASSWORD))
    with writing(engine) as connection:
        accounts.create(connection, new, "os:test", utc_now())
    engine.dispose()
    passwords.close()
    return disk


class Operator:
    """A person who is signed in."""

    def __init__(self, service: Served) -> None:
        self.client = httpx2.Client(base_url=service.address, timeout=ENDS_WITHIN_S, trust_env=False)

    def __enter__(self) -> Self:
        token = self.client.post("/login", data={"username": "olaf", "password": PASSWORD}).json()
        self.client.headers["Authorization"] = f"Bearer {token['access_token']}"
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def ask(self) -> httpx2.Response:
        return self.client.post(
            "/v1/predictions", json={"location": {"easting_m": 529_700, "northing_m": 181_100}}
        )

    def report(self, state: str) -> httpx2.Response:
        return self.client.put("/v1/pumps/A241", json={"state": state})

    def ready(self) -> tuple[int, Any]:
        answer = self.client.get("/readyz")
        return answer.status_code, answer.json()["database"]

    def until_ready(self) -> int:
        """The last status: an answer of /readyz is kept for a second."""
        for _ in range(MAX_WRITES):
            if (status := self.ready()[0]) == httpx2.codes.OK:
                break
            time.sleep(0.2)
        return status

    def until_full(self) -> tuple[int, int]:
        """The statuses of a question and of a report, once neither can be stored: a small write may fit for longer."""
        for _ in range(MAX_WRITES):
            statuses = self.ask().status_code, self.report("off_run").status_code
            if httpx2.codes.OK not in statuses:
                break
        return statuses


def verified(home: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    verify_command = [sys.executable, "-m", "londonpump.cli", "audit", "verify"]
    return subprocess.run(verify_command, env=environment(home, **settings), capture_output=True, text=True)


def ended(service: Served) -> int:
    """The exit code after SIGTERM."""
    service.process.send_signal(signal.SIGTERM)
    return service.process.wait(ENDS_WITHIN_S)


@pytest.mark.slow
def test_writes_are_503_while_the_disk_is_full_and_work_again_once_it_is_freed(filled, secret) -> None:
    with served(filled.home, **secret) as service, Operator(service) as olaf:
        assert olaf.ask().status_code == 200
        filled.fill(service)
        assert olaf.until_full() == (503, 503)
        while_full = [answer.status_code for _ in range(3) for answer in (olaf.ask(), olaf.report("off_run"))]
        assert while_full == [503] * 6
        status, database = olaf.ready()
        assert (status, database["status"]) == (503, "fail")
        assert "cannot be written" in database["output"]
        assert olaf.client.get("/v1/board").status_code == 200
        filled.free(service)
        assert (olaf.ask().status_code, olaf.report("off_run").status_code) == (200, 200)
        assert olaf.until_ready() == 200
        assert ended(service) == 0
    assert verified(filled.home, secret).returncode == 0
    stored, audited = predictions_of(filled.home)
    assert stored == audited


@pytest.mark.slow
def test_ended_while_the_disk_is_full_it_ends_in_order_and_the_log_has_what_the_audit_lacks(
    filled, secret, tmp_path
) -> None:
    with served(filled.home, tmp_path / "log", **secret) as service, Operator(service) as olaf:
        filled.fill(service)
        assert olaf.until_full() == (503, 503)
        assert ended(service) == 0
        filled.free(service)
    assert verified(filled.home, secret).returncode == 0
    stored, audited = predictions_of(filled.home)
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    logged = {entry["id"] for line in lines for entry in line.get("entries", [])}
    assert stored == audited | logged


def predictions_of(home: Path) -> tuple[set[str], set[str]]:
    """The ids of those that are stored, and of those that the audit names."""
    engine = connect(f"sqlite:///{home}/londonpump.db")
    with engine.connect() as connection:
        stored = {row[0] for row in connection.exec_driver_sql("SELECT id FROM predictions")}
        about = [
            row[0]
            for row in connection.exec_driver_sql(
                "SELECT details FROM audit WHERE event_type = 'predictions'"
            )
        ]
    engine.dispose()
    return stored, {entry["id"] for text in about for entry in json.loads(text)["entries"]}
