"""Killed at any moment, the service has kept all that it told anybody, and nothing by halves.

The rule of the audit: what people do is audited in the transaction that does it. Predictions are stored before they
are answered, and audited together within about a second; a killed service has predictions that no audit names, all of
them younger than its last batch, and never an audit of what is not stored.
"""

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection, RowMapping, select
from support.concurrent_clients import PASSWORD, Acknowledged, Clients
from support.service_process import environment, served

from londonpump.persistence.database import connect, reading, writing
from londonpump.persistence.database.schema import metadata
from londonpump.registry.manual_decisions import PromotionRequest, promote
from londonpump.service.auth import accounts
from londonpump.service.auth.passwords import Passwords
from londonpump.service.state import utc_now
from londonpump.settings import Settings

MIN_ACKNOWLEDGED = 20
WAITS_S = 60
ROUNDS = 10


@dataclass(frozen=True)
class KilledService:
    """Where a service keeps everything."""

    home: Path
    url: str
    settings: dict[str, Any]

    def verified(self) -> subprocess.CompletedProcess[str]:
        """`londonpump audit verify`."""
        command = [sys.executable, "-m", "londonpump.cli", "audit", "verify"]
        return subprocess.run(
            command, env=environment(self.home, **self.settings), capture_output=True, text=True
        )


@pytest.fixture
def killed_service(small_brigade, database_url, tmp_path) -> KilledService:
    """With a model on duty and an operator."""
    secret = tmp_path / "secret"
    secret.write_text("5f0b6a1c9d2e47388a7b1c0d9e8f7a6b5c4d3e2f")
    secret.chmod(0o600)
    options = {"database_url": database_url, "secret_file": secret}
    promote(
        Settings(home=tmp_path / "home", **options), PromotionRequest(str(small_brigade.bundle), "a test")
    )
    passwords, engine = Passwords(), connect(database_url)
    new = accounts.NewUser("the operator", "operator", passwords.make_now(PASSWORD))
    with writing(engine) as connection:
        accounts.create(connection, new, "os:test", utc_now())
    engine.dispose()
    passwords.close()
    return KilledService(
        tmp_path / "home",
        database_url,
        {
            "LONDONPUMP_DATABASE_URL": database_url,
            "LONDONPUMP_SECRET_FILE": str(secret),
            "LONDONPUMP_REGISTRATION": "true",
        },
    )


@pytest.mark.slow
def test_a_killed_service_has_kept_what_it_told(killed_service) -> None:
    acknowledged = kill_under_load(killed_service, "round-0", after_s=random.uniform(0.5, 1.5))  # noqa: S311
    assert_all_stored(killed_service, acknowledged)


@pytest.mark.slow
def test_a_service_killed_again_and_again_has_kept_what_it_told(killed_service) -> None:
    for number in range(ROUNDS):
        acknowledged = kill_under_load(killed_service, f"round-{number}", after_s=random.uniform(0.1, 4))  # noqa: S311
        assert_all_stored(killed_service, acknowledged)


def kill_under_load(killed_service: KilledService, name: str, after_s: float) -> Acknowledged:
    """What clients were told until the service was killed, some time after all of them had begun."""
    with served(killed_service.home, **killed_service.settings) as service:
        token = signed_in(service.address)
        pumps = [pump["code"] for pump in get(service.address, "/v1/board", token).json()["pumps"]]
        with Clients(service.address, token, name, pumps).at_work() as acknowledged:
            wait_for(
                lambda: (
                    len(acknowledged) >= MIN_ACKNOWLEDGED
                    and acknowledged.accounts
                    and acknowledged.predictions
                )
            )
            time.sleep(after_s)
            service.process.kill()
            service.process.wait()
    return acknowledged


def assert_all_stored(killed_service: KilledService, acknowledged: Acknowledged) -> None:
    """The service starts again, tells the same, and the database holds it whole."""
    with served(killed_service.home, **killed_service.settings) as service:
        token = signed_in(service.address)
        answer = next(iter(acknowledged.predictions.values()))
        assert get(service.address, f"/v1/predictions/{answer['id']}", token).json() == answer
        name = next(iter(acknowledged.accounts.values()))
        assert signed_in(service.address, name)
    engine = connect(killed_service.url)
    try:
        with reading(engine) as connection:
            assert_predictions_stored(connection, acknowledged)
            assert_board_stored(connection, acknowledged)
            assert_accounts_stored(connection, acknowledged)
    finally:
        engine.dispose()
    verified = killed_service.verified()
    assert verified.returncode == 0, verified.stdout + verified.stderr


def assert_predictions_stored(connection: Connection, acknowledged: Acknowledged) -> None:
    """All told; none twice under one key; none where the answer refused; the audit names only what is there."""
    stored = {row["id"]: row for row in rows_of(connection, "predictions")}
    for answer in acknowledged.predictions.values():
        assert stored[answer["id"]]["answer"] is not None
    keys = {row["key"] for row in rows_of(connection, "idempotency_keys")}
    assert keys >= acknowledged.predictions.keys()
    assert not keys & acknowledged.rejected_keys
    assert len(stored) == len(keys)
    batches = audited(connection, "predictions")
    assert {entry["id"] for about in batches for entry in about["entries"]} <= stored.keys()


def assert_board_stored(connection: Connection, acknowledged: Acknowledged) -> None:
    """Every moment told is stored; who arrived has an outcome, and who has an outcome arrived."""
    stored = {row["id"]: row for row in rows_of(connection, "mobilisations")}
    for stored_mobilisation in acknowledged.mobilisations.values():
        row = stored[stored_mobilisation["id"]]
        assert all(
            row[name] is not None
            for name in stored_mobilisation
            if name.endswith("_at") and stored_mobilisation[name]
        )
    arrived = {row["id"] for row in stored.values() if row["arrived_at"] is not None}
    assert {row["mobilisation_id"] for row in rows_of(connection, "outcomes")} == arrived
    newest = {row["pump_code"]: row["mobilisation_id"] for row in rows_of(connection, "board_pumps")}
    assert set(newest.values()) <= stored.keys()
    assert {row["pump_code"] for row in stored.values()} <= newest.keys()


def assert_accounts_stored(connection: Connection, acknowledged: Acknowledged) -> None:
    """Every account told is there, and each that is there has its line in the audit."""
    stored = {row["id"]: row["username"] for row in rows_of(connection, "users")}
    assert stored.items() >= acknowledged.accounts.items()
    assert {about["user"] for about in audited(connection, "user_created")} == stored.keys()


def rows_of(connection: Connection, table: str) -> list[RowMapping]:
    return list(connection.execute(select(metadata.tables[table])).mappings())


def audited(connection: Connection, kind: str) -> list[Any]:
    return [json.loads(row["details"]) for row in rows_of(connection, "audit") if row["event_type"] == kind]


def signed_in(address: str, name: str = "the operator") -> str:
    """A token."""
    form = {"username": name, "password": PASSWORD}
    return str(answered("POST", f"{address}/login", data=form).json()["access_token"])


def get(address: str, path: str, token: str) -> httpx2.Response:
    return answered("GET", f"{address}{path}", headers={"Authorization": f"Bearer {token}"})


def answered(method: str, url: str, **sent: Any) -> httpx2.Response:
    """What is answered once it is not "not now", which a busy machine may well say."""
    answers: list[httpx2.Response] = []

    def is_answered() -> bool:
        answers.append(httpx2.request(method, url, timeout=WAITS_S, trust_env=False, **sent))
        return answers[-1].status_code != httpx2.codes.SERVICE_UNAVAILABLE

    wait_for(is_answered)
    return answers[-1].raise_for_status()


def wait_for(is_so) -> None:
    end = time.monotonic() + WAITS_S
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)
