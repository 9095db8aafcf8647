"""The operators of a rehearsal: one asks after the other, all the time, and every answer is kept."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from londonpump.rehearsal.year_home import USER, RehearsalFailed, YearHome

PAUSE_S = 0.04
ANSWERS_WITHIN_S = 30
SIGNED_IN_FOR_S = 300
"""A token lives for ten minutes."""
TAKEN_UP_WITHIN_S = 60
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Question:
    """A call of the simulation as an operator would ask it, and what then happened.

    body: of `POST /v1/predictions`. station: that the first pump to arrive came from. actual_s: how long that took.
    """

    body: dict[str, Any]
    station: str
    actual_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """month: number of the one whose questions were asked. told: the answer, None if there was none; said: why."""

    month: int
    question: Question
    status: int
    told: dict[str, Any] | None
    said: str = ""

    @property
    def model(self) -> str | None:
        """The model that the answer names."""
        return None if self.told is None else str(self.told["model"]["name"])


@dataclass
class Traffic:
    """What came back so far. One operator asks: answers are in the order they were given in."""

    answers: list[Answer] = field(default_factory=list)
    _asked: tuple[int, Sequence[Question]] = (0, ())
    _ended: threading.Event = field(default_factory=threading.Event)

    def ask_from_now_on(self, month: int, questions: Sequence[Question]) -> None:
        """The calls of another month."""
        self._asked = (month, questions)

    def statuses(self) -> Counter[int]:
        """How many answers had which status; 0 where there was no answer."""
        return Counter(answer.status for answer in self.answers)

    def refusals(self) -> Counter[tuple[int, str]]:
        """What was said instead of an answer, and how often."""
        return Counter((answer.status, answer.said) for answer in self.answers if answer.told is None)

    def models(self) -> list[str]:
        """The models that answered, one after another."""
        told: list[str] = []
        for answer in self.answers:
            if answer.model is not None and answer.model not in told[-1:]:
                told.append(answer.model)
        return told

    def wait_for(self, model: str | None, answers: int = 1) -> float:
        """Until that model has answered so often from now on. Returns: seconds. Raises: RehearsalFailed."""
        begun_s, first = time.monotonic(), len(self.answers)
        while sum(answer.model == model for answer in self.answers[first:]) < answers:
            if time.monotonic() - begun_s > TAKEN_UP_WITHIN_S + answers:
                raise RehearsalFailed(f"The service does not answer with {model}, which the ledger names.")
            time.sleep(PAUSE_S)
        return time.monotonic() - begun_s

    def _ask_on(self, home: YearHome, address: str) -> None:
        number, signed_s, headers = 0, -float(SIGNED_IN_FOR_S), {}
        with httpx2.Client(base_url=address, trust_env=False, timeout=ANSWERS_WITHIN_S) as client:
            while not self._ended.wait(PAUSE_S):
                month, questions = self._asked
                question = questions[number % len(questions)]
                try:
                    if time.monotonic() - signed_s > SIGNED_IN_FOR_S:
                        headers, signed_s = _signed_in(client, home), time.monotonic()
                    self.answers.append(_ask(client, headers, month, question))
                except httpx2.HTTPStatusError as error:
                    refused = error.response
                    self.answers.append(Answer(month, question, refused.status_code, None, _detail(refused)))
                except httpx2.HTTPError as error:
                    self.answers.append(Answer(month, question, NO_ANSWER, None, str(error)))
                number += 1


@contextmanager
def asking(home: YearHome, address: str, month: int, questions: Sequence[Question]) -> Iterator[Traffic]:
    """An operator asks until the block ends."""
    traffic = Traffic()
    traffic.ask_from_now_on(month, questions)
    thread = threading.Thread(target=traffic._ask_on, args=(home, address), daemon=True)  # noqa: SLF001
    thread.start()
    try:
        yield traffic
    finally:
        traffic._ended.set()  # noqa: SLF001
        thread.join()


def _signed_in(client: httpx2.Client, home: YearHome) -> dict[str, str]:
    answer = client.post("/login", data={"username": USER, "password": home.password})
    return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}


def _detail(answer: httpx2.Response) -> str:
    is_problem = "json" in answer.headers.get("content-type", "")
    return str(answer.json().get("detail")) if is_problem else answer.text


def _ask(client: httpx2.Client, headers: dict[str, str], month: int, question: Question) -> Answer:
    answer = client.post("/v1/predictions", json=question.body, headers=headers).raise_for_status()
    return Answer(month, question, answer.status_code, answer.json())
