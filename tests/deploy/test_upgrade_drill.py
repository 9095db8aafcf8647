"""An upgrade under load, and back: no request fails, and nothing that was acknowledged is lost.

Two replicas of an older version serve behind nginx on one PostgreSQL. The newer version expands the tables while both
serve; then each replica is replaced by the newer version, and each by the older one again, on the newer tables.
Run it with `-s` to see the figures: `pytest -n 0 -s -m slow tests/deploy/test_upgrade_drill.py`.
"""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
from support.migration_steps import EXPANSION, NEXT, folder_with_step
from support.postgres import Server
from support.replicas import DRAIN_S, ROOT, Proxy, Replica, Version, behind_nginx, find_nginx, free_port

OLD = "06de52ba31247c6f1b0e52fad6f58e0cab8c8859"
"""The commit from which on replicas of two versions can serve side by side (database version 0011)."""
STEADY_S = 5.0
PASSWORD = "three quiet lanterns"  # noqa: S105
LOCATION = {"easting_m": 530_000.0, "northing_m": 180_000.0}
EVENTS = ("mobile", "arrived", "left", "returned")


@dataclass(frozen=True)
class Request:
    """A request that was answered or failed. status: 0 if there was no answer."""

    began_s: float
    took_s: float
    name: str
    status: int
    problem: str


@dataclass
class Load:
    """Clients that go on until the drill ends. Every answer is remembered."""

    address: str
    headers: dict[str, str]
    pumps: list[str]
    requests: list[Request] = field(default_factory=list)
    predictions: dict[str, Any] = field(default_factory=dict)
    mobilisations: dict[str, Any] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with ThreadPoolExecutor() as pool:
            running = [
                pool.submit(self._repeat, work)
                for work in (self._predict, self._predict_again, self._mobilise, self._read)
            ]
            try:
                yield
            finally:
                self._ended.set()
        for each in running:
            each.result()

    def failed(self) -> list[Request]:
        return [request for request in self.requests if not 200 <= request.status < 300]

    def _repeat(self, work: Callable[[httpx2.Client, int], None]) -> None:
        # a connection per request: nginx closes those that are idle when it is loaded anew
        limits = httpx2.Limits(max_keepalive_connections=0)
        with httpx2.Client(base_url=self.address, limits=limits, timeout=30, trust_env=False) as client:
            for number in count():
                if self._ended.wait(0.02):
                    return
                work(client, number)

    def _send(self, client: httpx2.Client, method: str, path: str, name: str, **sent: Any) -> Any:
        sent["headers"] = {**self.headers, **sent.get("headers", {})}
        began_s = time.monotonic()
        status, problem, value = 0, "", None
        try:
            answer = client.request(method, path, **sent)
            status = answer.status_code
            value = answer.json() if answer.is_success else None
            problem = "" if answer.is_success else answer.text[:300]
        except httpx2.TransportError as error:
            problem = repr(error)
        self.requests.append(Request(began_s, time.monotonic() - began_s, name, status, problem))
        return value

    def _predict(self, client: httpx2.Client, number: int) -> None:
        self._ask(client, {"Idempotency-Key": f"key-{number}"})

    def _predict_again(self, client: httpx2.Client, number: int) -> None:
        # without a key
        self._ask(client, {})

    def _ask(self, client: httpx2.Client, headers: dict[str, str]) -> None:
        sent = {"location": LOCATION, "max_candidates": 2, "explanations": "none"}
        answer = self._send(client, "POST", "/v1/predictions", "predict", json=sent, headers=headers)
        if answer is not None:
            self.predictions[answer["id"]] = answer

    def _mobilise(self, client: httpx2.Client, number: int) -> None:
        announced = {"model": "a-model", "p10_s": 200.0, "p50_s": 300.0, "p90_s": 400.0}
        sent = {
            "incident_number": f"drill-{number}",
            "pump": self.pumps[number % len(self.pumps)],
            "announced": announced,
        }
        answer = self._send(client, "POST", "/v1/mobilisations", "mobilise", json=sent)
        for event in EVENTS:
            if answer is None:
                return
            self.mobilisations[answer["id"]] = answer
            answer = self._send(client, "POST", f"/v1/mobilisations/{answer['id']}/{event}", "mobilise")
        if answer is not None:
            self.mobilisations[answer["id"]] = answer

    def _read(self, client: httpx2.Client, number: int) -> None:
        self._send(client, "GET", "/v1/board", "read")
        if self.predictions:
            known = list(self.predictions)
            self._send(client, "GET", f"/v1/predictions/{known[number % len(known)]}", "read")


def old_tree(folder: Path) -> Path:
    """Return the sources of the old version."""
    archive = folder / "old.tar"
    done = subprocess.run(
        ["git", "archive", "--output", archive, OLD, "src"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(
            f"The commit {OLD} is not in this repository, so there is no old version to upgrade from "
            f"({done.stderr.strip()}). In a shallow clone run `git fetch --unshallow`; if the history was rewritten, "
            "set OLD in this file to the commit that added migration 0011."
        )
    (folder / "old").mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", folder / "old"], check=True)
    return folder / "old" / "src"


def new_tree(folder: Path) -> Path:
    """Return the present sources with one further migration, which expands the tables."""
    source = folder / "new" / "src"
    package = source / "londonpump"
    shutil.copytree(ROOT / "src" / "londonpump", package, ignore=shutil.ignore_patterns("__pycache__"))
    steps = folder_with_step(folder / "step", "expand", *EXPANSION)
    shutil.copy(
        steps / "versions" / f"v{NEXT}_test.py",
        package / "persistence" / "database" / "migrations" / "versions",
    )
    return source


@dataclass
class Drill:
    """What happened. phases: name, and when each began and ended."""

    load: Load
    phases: list[tuple[str, float, float]] = field(default_factory=list)

    def phase(self, name: str, action: Callable[[], Any]) -> Any:
        # a token is valid for ten minutes, and a slow machine may take longer for all phases
        self.load.headers = signed_in(self.load.address)
        began_s = time.monotonic()
        done = action()
        self.phases.append((name, began_s, time.monotonic()))
        return done

    def table(self) -> str:
        lines = [
            f"{'':<34} {'seconds':>8} {'requests':>9} {'failed':>7} {'median ms':>10} {'longest ms':>11}"
        ]
        for name, began_s, ended_s in self.phases:
            here = [one for one in self.load.requests if began_s <= one.began_s < ended_s]
            times = sorted(one.took_s * 1000 for one in here) or [0.0]
            failed = sum(one in self.load.failed() for one in here)
            lines.append(
                f"{name:<34} {ended_s - began_s:>8.1f} {len(here):>9} {failed:>7} "
                f"{times[len(times) // 2]:>10.0f} {times[-1]:>11.0f}"
            )
        return "\n".join(lines)


@pytest.mark.slow
def test_an_upgrade_and_the_way_back_lose_nothing(
    small_brigade: Any, postgresql: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    find_nginx()
    home = tmp_path / "home"
    home.mkdir()
    secret = tmp_path / "secret"
    secret.write_text("5f0b6a1c9d2e47388a7b1c0d9e8f7a6b5c4d3e2f")
    secret.chmod(0o600)
    postgresql.ask("DROP DATABASE IF EXISTS drill WITH (FORCE)")
    postgresql.ask("CREATE DATABASE drill TEMPLATE template0")
    settings = {
        "LONDONPUMP_DATABASE_URL": postgresql.url("drill"),
        "LONDONPUMP_SECRET_FILE": str(secret),
        "LONDONPUMP_BUNDLES": str(home / "bundle"),
        "LONDONPUMP_TRACKING": "false",
        "LONDONPUMP_PROXIES": "1",
        "LONDONPUMP_DRAIN_S": str(DRAIN_S),
        "LONDONPUMP_DATABASE_PATIENCE_MS": "5000",
    }
    old, new = (Version(source, home, settings) for source in (old_tree(tmp_path), new_tree(tmp_path)))
    old.run("db", "upgrade")
    # the model of the old version is the one that the new one finds
    old.run("train", "--data", str(small_brigade.data), "--out", str(home / "bundle"))
    old.run("models", "promote", str(home / "bundle"), "--why", "the drill")
    old.run("users", "create", "olaf", "--operator", "--password-stdin", stdin=f"{PASSWORD}\n")
    replicas = [Replica(free_port(), tmp_path / f"replica-{number}.log") for number in (1, 2)]
    with behind_nginx(replicas, tmp_path / "nginx") as proxy:
        for replica in replicas:
            replica.start(old)
        drill = upgraded_and_back(proxy, old, new)
        with capsys.disabled():
            print(
                f"\n{drill.table()}\n{len(drill.load.predictions)} predictions, {len(drill.load.mobilisations)} mobilisations"
            )
        assert drill.load.failed() == []
        assert lost(drill.load) == []
    assert drill.load.predictions
    assert drill.load.mobilisations
    for version in (old, new):
        assert "rows are as they were written" in version.run("audit", "verify")
    for replica in replicas:
        assert replica.log.read_text().count(f"has version {NEXT}, newer than") == 1
    postgresql.ask("DROP DATABASE drill WITH (FORCE)")


def upgraded_and_back(proxy: Proxy, old: Version, new: Version) -> Drill:
    """Upgrade and go back under load."""
    headers = signed_in(proxy.address)
    board = httpx2.get(f"{proxy.address}/v1/board", headers=headers, trust_env=False, timeout=30).json()
    drill = Drill(Load(proxy.address, headers, [pump["code"] for pump in board["pumps"]]))
    first, second = proxy.replicas
    with drill.load.at_work():
        drill.phase("two of the old version", lambda: time.sleep(STEADY_S))
        output = drill.phase("the tables are expanded", lambda: new.run("db", "upgrade", "--expand-only"))
        assert f"has version {NEXT} now" in output
        drill.phase("old version on the new tables", lambda: time.sleep(STEADY_S))
        drill.phase("first replica: old to new", lambda: proxy.replace(first, new))
        drill.phase("second replica: old to new", lambda: proxy.replace(second, new))
        drill.phase("two of the new version", lambda: time.sleep(STEADY_S))
        drill.phase("first replica: new to old", lambda: proxy.replace(first, old))
        drill.phase("second replica: new to old", lambda: proxy.replace(second, old))
        drill.phase("two of the old version again", lambda: time.sleep(STEADY_S))
    return drill


def signed_in(address: str) -> dict[str, str]:
    form = {"username": "olaf", "password": PASSWORD}
    answer = httpx2.post(f"{address}/login", data=form, trust_env=False, timeout=30).raise_for_status()
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def lost(load: Load) -> list[str]:
    """Return what was acknowledged and is not there, as the old version on the new tables answers."""
    headers = signed_in(load.address)
    with httpx2.Client(base_url=load.address, headers=headers, timeout=30, trust_env=False) as client:
        predictions = [
            one
            for one, answer in load.predictions.items()
            if client.get(f"/v1/predictions/{one}").json() != answer
        ]
        mobilisations = [
            one
            for one, answer in load.mobilisations.items()
            if not is_stored(client.get(f"/v1/mobilisations/{one}").json(), answer)
        ]
    return predictions + mobilisations


def is_stored(found: dict[str, Any], acknowledged: dict[str, Any]) -> bool:
    times = {name: value for name, value in acknowledged.items() if name.endswith("_at") and value}
    return bool(times) and all(found.get(name) == value for name, value in times.items())
