"""A steady stream of the same question to a service, each answer noted with its moment and the model that gave it."""

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
    """asked_s, answered_s: of the clock of `time.monotonic`. model, p50_s: None where there was no answer."""

    asked_s: float
    answered_s: float
    status: int
    model: str | None = None
    p50_s: float | None = None


@dataclass
class Load:
    """What came back so far."""

    answers: list[Answer] = field(default_factory=list)

    def lost(self) -> list[Answer]:
        """Neither answered nor told to come again."""
        return [answer for answer in self.answers if answer.status not in (200, BUSY)]

    def busy(self) -> list[Answer]:
        """Told to come again."""
        return [answer for answer in self.answers if answer.status == BUSY]

    def times_by_model(self) -> dict[str | None, set[float | None]]:
        """What each model said: one time each, if no answer was mixed."""
        times_by_bundle: dict[str | None, set[float | None]] = {}
        for answer in self.answers:
            if answer.status == 200:
                times_by_bundle.setdefault(answer.model, set()).add(answer.p50_s)
        return times_by_bundle

    def last_s(self, model: str) -> float:
        """When the last answer by a model came."""
        return max(answer.answered_s for answer in self.answers if answer.model == model)


def sign_in(address: str, username: str, password: str) -> dict[str, str]:
    """Headers of an account."""
    answer = httpx2.post(
        f"{address}/login", data={"username": username, "password": password}, trust_env=False
    )
    return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}


@contextmanager
def loaded(address: str, headers: dict[str, str], clients: int) -> Iterator[Load]:
    """So many clients ask one after the other until the block ends."""
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
