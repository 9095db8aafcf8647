"""The service with accounts, for tests: cheap password hashes, and a clock that the test sets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from londonpump.assembly import create_app
from londonpump.persistence.database import connect, open_database, writing
from londonpump.persistence.database.store import StoreLimits
from londonpump.service.auth import accounts
from londonpump.service.auth.passwords import HashCost, Passwords
from londonpump.service.state import ServiceOptions
from londonpump.settings import Settings

CHEAP = HashCost(time=1, memory_kib=8, lanes=1)
PATIENT = StoreLimits(patience_s=10)
PASSWORD = "three quiet lanterns"  # noqa: S105
SECRET = b"5f0b6a1c9d2e47388a7b1c0d9e8f7a6b5c4d3e2f"


@dataclass
class Clock:
    """A clock that the test sets, for the service."""

    now: datetime = datetime(2025, 6, 2, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


class ServiceClient(TestClient):
    """A client that gives typed access to the application and its state."""

    app: FastAPI


@dataclass
class LiveService:
    """A running service. people: ids of the accounts created through the database, by name."""

    client: ServiceClient
    clock: Clock
    url: str

    def add(self, username: str, role: str = "operator", password: str = PASSWORD) -> str:
        """Create an account in the database. Returns: its id."""
        passwords = Passwords(CHEAP)
        new = accounts.NewUser(username, role, passwords.make_now(password))
        engine = connect(self.url)
        with writing(engine) as connection:
            user = accounts.create(connection, new, "os:test", self.clock())
        engine.dispose()
        passwords.close()
        return user.id

    def login(self, username: str, password: str = PASSWORD, source: str | None = None):
        """Return the response of POST /login. source: address of the client that a proxy forwards."""
        headers = {"X-Forwarded-For": source} if source else {}
        return self.client.post("/login", data={"username": username, "password": password}, headers=headers)

    def bearer(self, username: str, role: str = "operator") -> dict[str, str]:
        """Create an account, sign it in and return its headers."""
        self.add(username, role)
        return bearer(self.login(username).json()["access_token"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def run_live_service(url: str, folder: Path, **settings: object) -> Iterator[LiveService]:
    """Run the service over a database, with a secret of the test's own."""
    secret = folder / "signing-secret"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    clock = Clock()
    open_database(url).dispose()
    service_settings: dict[str, Any] = {"registration": True, **settings}
    app = create_app(
        Settings(home=folder / "home", database_url=SecretStr(url), secret_file=secret, **service_settings),
        options=ServiceOptions(clock=clock, store_limits=PATIENT, champion_poll_s=3600, hash_cost=CHEAP),
    )
    with ServiceClient(app, raise_server_exceptions=False) as client:
        yield LiveService(client, clock, url)


@pytest.fixture
def live_service(database_url: str, tmp_path: Path) -> Iterator[LiveService]:
    """Run the service on each engine."""
    with run_live_service(database_url, tmp_path) as running:
        yield running


@pytest.fixture
def live_service_behind_proxy(database_url: str, tmp_path: Path) -> Iterator[LiveService]:
    """Run the service on each engine, with one trusted proxy."""
    with run_live_service(database_url, tmp_path, proxies=1) as running:
        yield running
