"""Back up a service under load, lose it, restore it elsewhere, and compare with what it acknowledged.

Run by `deploy/restore-drill.sh` and by a slow test. Only commands of an operator are used: `londonpump`, `backup.sh`, `restore.sh`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from sqlalchemy import make_url
from support.concurrent_clients import PASSWORD, Clients
from support.postgres import ENGINES, Server, binaries, server
from support.service_process import environment, served
from support.steady_load import sign_in

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
OPERATOR = "drill"
MIN_PREDICTIONS, MIN_MOBILISATIONS = 60, 8
WAITS_S = 120
NOT_RUN = 2


class NotRun(Exception):
    """Something that the drill needs is not on this machine."""


@dataclass(frozen=True)
class Drilled:
    """Hold the findings of a drill."""

    engine: str
    predictions_before: int
    """Acknowledged before the backup began."""
    predictions_meanwhile: int
    """Acknowledged while it was taken."""
    predictions_after: int
    """Acknowledged from then on until the service was killed: these are lost, unless the copy was later than they."""
    mobilisations_before: int
    not_acknowledged: int
    """Predictions that were answered with an error at any time."""
    backup_s: float
    restore_s: float
    backup_kb: int
    missing_predictions: int
    """Of those acknowledged before the backup began: missing, or other than acknowledged."""
    missing_mobilisations: int
    restored_meanwhile: int
    is_audit_well: bool
    is_old_token_valid: bool
    is_new_prediction_made: bool

    @property
    def is_well(self) -> bool:
        """Return whether nothing acknowledged before the backup is missing, and the restored service works."""
        is_working = self.is_audit_well and self.is_old_token_valid and self.is_new_prediction_made
        return is_working and self.missing_predictions == self.missing_mobilisations == 0


def drill(engine: str, bundle: Path, folder: Path, server_url: str = "") -> Drilled:
    """Run the drill in a new folder. Raises: NotRun. Any failed command raises CalledProcessError."""
    first = Installation(folder / "first", _database(engine, server_url, "first"))
    second = Installation(folder / "second", _database(engine, server_url, "second"))
    try:
        return _drill(engine, bundle, folder / "backup", first, second)
    finally:
        for installation in (first, second):
            installation.drop()


@dataclass(frozen=True)
class Installation:
    """A home, and the address of its database; empty: SQLite in the home."""

    home: Path
    url: str = ""

    @property
    def settings(self) -> dict[str, str]:
        """Settings beside the home."""
        tools = [str(Path(sys.executable).parent), *([str(found)] if (found := binaries()) else [])]
        common = {
            # the tools of the tests' server first: pg_dump refuses a server newer than itself
            "PATH": os.pathsep.join([*tools, os.environ["PATH"]]),
            "LONDONPUMP_TOKEN_MINUTES": "120",
            "LONDONPUMP_REGISTRATION": "true",
            "LONDONPUMP_DATABASE_PATIENCE_MS": "1000",
        }
        if not self.url:
            return common
        secret = str(self.home / "secret")
        return {**common, "LONDONPUMP_DATABASE_URL": self.url, "LONDONPUMP_SECRET_FILE": secret}

    def run(self, *command: str | Path, stdin: str = "") -> str:
        """Run a command and return its output."""
        done = subprocess.run(
            [str(part) for part in command],
            env=environment(self.home, **self.settings),
            input=stdin,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
        return done.stdout

    def drop(self) -> None:
        """Drop the database of the server."""
        if self.url:
            _ask(self.url, f'DROP DATABASE IF EXISTS "{make_url(self.url).database}" WITH (FORCE)')


def _drill(engine: str, bundle: Path, backup: Path, first: Installation, second: Installation) -> Drilled:
    _prepare(first, bundle)
    with served(first.home, None, **first.settings) as service:
        token = sign_in(service.address, OPERATOR, PASSWORD)
        board = httpx2.get(f"{service.address}/v1/board", headers=token, trust_env=False, timeout=WAITS_S)
        pumps = [pump["code"] for pump in board.raise_for_status().json()["pumps"]]
        clients = Clients(service.address, token["Authorization"].removeprefix("Bearer "), engine, pumps)
        with clients.at_work() as acknowledged:
            _wait_for(
                lambda: (
                    len(acknowledged.predictions) >= MIN_PREDICTIONS
                    and len(acknowledged.mobilisations) >= MIN_MOBILISATIONS
                )
            )
            head = first.run("londonpump", "audit", "verify").split()[-1]
            before, mobilisations = dict(acknowledged.predictions), dict(acknowledged.mobilisations)
            backup_s = _seconds(lambda: first.run("sh", DEPLOY / "backup.sh", backup))
            meanwhile = dict(acknowledged.predictions)
            _wait_for(lambda: len(acknowledged.predictions) > len(meanwhile) + MIN_PREDICTIONS // 4)
            service.process.kill()
    restore_s = _seconds(lambda: second.run("sh", DEPLOY / "restore.sh", backup))
    verified = second.run("londonpump", "audit", "verify", "--head", head)
    with (
        served(second.home, None, **second.settings) as service,
        httpx2.Client(base_url=service.address, headers=token, trust_env=False, timeout=WAITS_S) as client,
    ):
        is_old_token_valid = client.get("/v1/board").is_success
        client.headers.update(sign_in(service.address, OPERATOR, PASSWORD))
        lost = [answer for answer in before.values() if not _is_kept(client, "predictions", answer)]
        lost_mobilisations = [
            stored for stored in mobilisations.values() if not _is_kept(client, "mobilisations", stored)
        ]
        later = [answer for key, answer in meanwhile.items() if key not in before]
        restored = [answer for answer in later if _is_kept(client, "predictions", answer)]
        new = client.post(
            "/v1/predictions", json={"location": {"easting_m": 530_000.0, "northing_m": 180_000.0}}
        )
    return Drilled(
        engine,
        predictions_before=len(before),
        predictions_meanwhile=len(later),
        predictions_after=len(acknowledged.predictions) - len(meanwhile),
        mobilisations_before=len(mobilisations),
        not_acknowledged=len(acknowledged.rejected_keys),
        backup_s=backup_s,
        restore_s=restore_s,
        backup_kb=sum(path.stat().st_size for path in backup.iterdir()) // 1024,
        missing_predictions=len(lost),
        missing_mobilisations=len(lost_mobilisations),
        restored_meanwhile=len(restored),
        is_audit_well="as they were written" in verified,
        is_old_token_valid=is_old_token_valid,
        is_new_prediction_made=new.is_success and bool(new.json()["candidates"]),
    )


def _prepare(installation: Installation, bundle: Path) -> None:
    """Create tables, a secret, an operator and the active model."""
    installation.home.mkdir(parents=True)
    if installation.url:
        secret = installation.home / "secret"
        secret.write_text(os.urandom(32).hex())
        secret.chmod(0o600)
        installation.run("londonpump", "db", "upgrade")
    installation.run("londonpump", "users", "create", OPERATOR, "--password-stdin", stdin=f"{PASSWORD}\n")
    store = installation.home / "bundle" / bundle.name
    store.parent.mkdir()
    subprocess.run(["cp", "-r", bundle, store], check=True)
    installation.run("londonpump", "models", "promote", store, "--why", "a restore drill")


def _is_kept(client: httpx2.Client, noun: str, acknowledged: dict[str, Any]) -> bool:
    """Return whether the restored service has everything that was acknowledged; a mobilisation may have gone on since."""
    answer = client.get(f"/v1/{noun}/{acknowledged['id']}")
    if not answer.is_success:
        return False
    restored = answer.json()
    changing = {"state"} if noun == "mobilisations" else set()
    facts = {
        name: value for name, value in acknowledged.items() if value is not None and name not in changing
    }
    return all(restored[name] == value for name, value in facts.items())


def _database(engine: str, server_url: str, name: str) -> str:
    """Create a database and return its address; empty for SQLite."""
    if engine == "sqlite":
        return ""
    if not server_url:
        running = server()
        if not isinstance(running, Server):
            raise NotRun(
                f"{running}. Run `make setup`, or name a server: --server postgresql://user@host/postgres"
            )
        server_url = running.url("postgres")
    unique = f"drill_{os.getpid()}_{time.monotonic_ns()}_{name}"
    _ask(server_url, f'CREATE DATABASE "{unique}" TEMPLATE template0')
    return make_url(server_url).set(database=unique).render_as_string(hide_password=False)


def _ask(url: str, statement: str) -> None:
    address = make_url(url).set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement)


def _seconds(work: Callable[[], object]) -> float:
    begun_s = time.monotonic()
    work()
    return time.monotonic() - begun_s


def _wait_for(is_so: Callable[[], bool]) -> None:
    end_s = time.monotonic() + WAITS_S
    while not is_so():
        assert time.monotonic() < end_s, "the service did not acknowledge enough requests in time"
        time.sleep(0.05)


def _small_bundle(folder: Path) -> Path:
    """Train a model on a small simulated Brigade."""
    home = Installation(folder / "training")
    home.home.mkdir(parents=True)
    raw, data = home.home / "raw", home.home / "data"
    home.run("londonpump", "simulate", "--out", raw, "--incidents", "5000", "--days", "16")
    files = ("--incidents", raw / "incidents.csv", "--mobilisations", raw / "mobilisations.csv")
    home.run("londonpump", "prepare", "--simulated", "--out", data, *files)
    home.run("londonpump", "train", "--data", data)
    (card,) = (home.home / "bundle").glob("*/bundle.json")
    return card.parent


def main() -> int:
    """Run the drill for each engine and print a table."""
    parser = argparse.ArgumentParser(
        prog="restore-drill.sh", description="Back up under load, restore, compare."
    )
    parser.add_argument("--engine", choices=ENGINES, help="one engine; else both")
    parser.add_argument("--bundle", type=Path, help="a bundle; else a small one is trained")
    parser.add_argument(
        "--server", help="address of a database of a server on which databases may be created"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lp-drill-") as name:
        folder = Path(name)
        try:
            bundle = options.bundle.resolve() if options.bundle else _small_bundle(folder)
            engines = [options.engine] if options.engine else ENGINES
            drilled = [drill(engine, bundle, folder / engine, options.server) for engine in engines]
        except NotRun as error:
            print(f"restore-drill.sh: {error}", file=sys.stderr)
            return NOT_RUN
        except subprocess.CalledProcessError as error:
            print(f"restore-drill.sh: {error}\n{error.stderr}", file=sys.stderr)
            return 1
    for field in fields(Drilled):
        values = [getattr(each, field.name) for each in drilled]
        texts = [f"{value:.1f}" if isinstance(value, float) else str(value) for value in values]
        print(f"{field.name:24}", *(f"{text:>12}" for text in texts))
    return 0 if all(each.is_well for each in drilled) else 1


if __name__ == "__main__":
    sys.exit(main())
