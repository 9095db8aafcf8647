"""Clients that use a service concurrently and record what it acknowledged, until it stops."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx2

PATIENCE_S = 30
EVENTS = ("mobile", "arrived", "left", "returned")
PASSWORD = "three quiet lanterns"  # noqa: S105


@dataclass
class Acknowledged:
    """Requests that were answered with 2xx. refused: keys of predictions that were answered otherwise."""

    predictions: dict[str, dict[str, Any]] = field(default_factory=dict)
    mobilisations: dict[str, dict[str, Any]] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    rejected_keys: set[str] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.predictions) + len(self.mobilisations) + len(self.accounts)


@dataclass(frozen=True)
class Clients:
    """Concurrent clients. token: of an operator. name: part of all names, so that two rounds do not share any."""

    address: str
    token: str
    name: str
    pumps: list[str]
    acknowledged: Acknowledged = field(default_factory=Acknowledged)

    @contextmanager
    def at_work(self) -> Iterator[Acknowledged]:
        """Let the clients work while the block runs; they end when the service does."""
        ends = threading.Event()
        half = len(self.pumps) // 2
        works: list[Callable[[httpx2.Client, int], None]] = [
            lambda client, number: self._predict(client, f"a-{number}"),
            lambda client, number: self._predict(client, f"b-{number}"),
            lambda client, number: self._mobilise(client, self.pumps[number % half]),
            lambda client, number: self._mobilise(client, self.pumps[half + number % half]),
            self._register,
        ]
        with ThreadPoolExecutor(len(works)) as pool:
            running = [pool.submit(self._repeat, work, ends) for work in works]
            try:
                yield self.acknowledged
            finally:
                ends.set()
        for each in running:
            each.result()

    def _repeat(self, work: Callable[[httpx2.Client, int], None], ends: threading.Event) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx2.Client(
            base_url=self.address, headers=headers, timeout=PATIENCE_S, trust_env=False
        ) as client:
            for number in count():
                if ends.is_set():
                    return
                try:
                    work(client, number)
                except httpx2.TransportError:
                    return

    def _predict(self, client: httpx2.Client, number: str) -> None:
        key = f"{self.name}-{number}"
        answer = client.post(
            "/v1/predictions",
            json={"location": {"easting_m": 530_000.0, "northing_m": 180_000.0}},
            headers={"Idempotency-Key": key},
        )
        if answer.is_success:
            self.acknowledged.predictions[key] = answer.json()
        else:
            self.acknowledged.rejected_keys.add(key)

    def _mobilise(self, client: httpx2.Client, pump: str) -> None:
        announced = {"model": "a-model", "p10_s": 200.0, "p50_s": 300.0, "p90_s": 400.0}
        sent = {"incident_number": f"{self.name}-{pump}", "pump": pump, "announced": announced}
        answer = client.post("/v1/mobilisations", json=sent)
        for event in EVENTS:
            if not answer.is_success:
                return
            mobilisation = answer.json()
            self.acknowledged.mobilisations[mobilisation["id"]] = mobilisation
            answer = client.post(f"/v1/mobilisations/{mobilisation['id']}/{event}")
        if answer.is_success:
            self.acknowledged.mobilisations[answer.json()["id"]] = answer.json()

    def _register(self, client: httpx2.Client, number: int) -> None:
        name = f"{self.name} {number}"
        sent = {"username": name, "password": PASSWORD, "passwordConfirm": PASSWORD}
        answer = client.post("/register", json=sent)
        if answer.is_success:
            self.acknowledged.accounts[answer.json()["id"]] = name
