"""A steady stream of the same request to a service; each answer is recorded with its time and its model."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2

REQUEST_BODY = {
    "location": {"easting_m": 530_000, "northing_m": 180_500},
    "incident_type": "Fire",
    "max_candidates": 1,
    "explanations": "none",
    "at": "2023-03-20T08:00:00Z",
}
PAUSE_S = 0.005
BUSY = 503


@dataclass(frozen=True)
class Answer:
    """A recorded answer. asked_s, answered_s: of `time.monotonic`. model, p50_s: None without a prediction."""

    asked_s: float
    answered_s: float
    status: int
    model: str | None = None
    p50_s: float | None = None


@dataclass
class Load:
    """The answers received so far."""

    answers: list[Answer] = field(default_factory=list)

    def lost(self) -> list[Answer]:
        """Return the requests that were neither answered nor rejected with Retry-After."""
        return [answer for answer in self.answers if answer.status not in (200, BUSY)]

    def busy(self) -> list[Answer]:
        """Return the requests that were rejected with Retry-After."""
        return [answer for answer in self.answers if answer.status == BUSY]

    def times_by_model(self) -> dict[str | None, set[float | None]]:
        """Return the predicted times of each model: one each, if no answer mixed two models."""
        times_by_bundle: dict[str | None, set[float | None]] = {}
        for answer in self.answers:
            if answer.status == 200:
                times_by_bundle.setdefault(answer.model, set()).add(answer.p50_s)
        return times_by_bundle

    def last_s(self, model: str) -> float:
        """Return the time of the last answer by a model."""
        return max(answer.answered_s for answer in self.answers if answer.model == model)


def sign_in(address: str, username: str, password: str) -> dict[str, str]:
    """Sign in and return the headers."""
    answer = httpx2.post(
        f"{address}/login", data={"username": username, "password": password}, trust_env=False
    )
    return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}


@contextmanager
def loaded(address: str, headers: dict[str, str], clients: int) -> Iterator[Load]:
    """Let some clients send one request after the other until the block ends."""
    load, ended = Load(), threading.Event()

    def ask_on() -> None:
        with httpx2.Client(headers=headers, trust_env=False, timeout=30) as client:
            while not ended.wait(PAUSE_S):
                load.answers.append(_ask(client, address))

    threads = [threading.Thread(target=ask_on) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _ask(client: httpx2.Client, address: str) -> Answer:
    asked_s = time.monotonic()
    try:
        answer = client.post(f"{address}/v1/predictions", json=REQUEST_BODY)
    except httpx2.HTTPError:
        return Answer(asked_s, time.monotonic(), 0)
    now_s = time.monotonic()
    if answer.status_code != 200:
        return Answer(asked_s, now_s, answer.status_code)
    value = answer.json()
    return Answer(asked_s, now_s, 200, value["model"]["name"], value["candidates"][0]["p50_s"])
