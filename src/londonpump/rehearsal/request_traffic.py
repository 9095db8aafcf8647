"""The operator of a rehearsal, who sends one request after another; every answer is kept."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2

from londonpump.rehearsal.year_home import USER, RehearsalFailed, YearHome
from londonpump.service.predictions.schemas import PredictionRequest, PredictionResponse

PAUSE_S = 0.04
RESPONSE_TIMEOUT_S = 30
# Sign in again after half the lifetime of a token, which is ten minutes.
TOKEN_LIFE_S = 300
ACTIVATION_TIMEOUT_S = 60
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Question:
    """A call of the simulation as a request, and what then happened."""

    body: PredictionRequest
    station: str
    """The station of the first pump to arrive."""
    actual_s: float
    """The attendance time of that pump."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request."""

    month: int
    """The number of the month that the question belongs to."""
    question: Question
    status: int
    response: PredictionResponse | None
    """None if there was no prediction; `error_text` then says why."""
    error_text: str = ""

    @property
    def model(self) -> str | None:
        """Return the name of the model that gave the answer; None if there was no prediction."""
        return None if self.response is None else self.response.model.name


@dataclass
class RequestTraffic:
    """Answers received so far, in order of time."""

    answers: list[Answer] = field(default_factory=list)
    # one tuple, so that the thread of the operator never sees a month with the questions of another
    _current_questions: tuple[int, Sequence[Question]] = (0, ())
    _ended: threading.Event = field(default_factory=threading.Event)

    def set_questions(self, month: int, questions: Sequence[Question]) -> None:
        """Continue with the calls of another month."""
        self._current_questions = (month, questions)

    def statuses(self) -> Counter[int]:
        """Return the number of answers by status; 0 if nothing answered."""
        return Counter(answer.status for answer in self.answers)

    def rejections(self) -> Counter[tuple[int, str]]:
        """Return how often each error was returned instead of a prediction."""
        return Counter(
            (answer.status, answer.error_text) for answer in self.answers if answer.response is None
        )

    def models(self) -> list[str]:
        """Return the models that answered, in order of time."""
        names: list[str] = []
        for answer in self.answers:
            if answer.model is not None and answer.model not in names[-1:]:
                names.append(answer.model)
        return names

    def wait_for(self, model: str | None, answers: int = 1) -> float:
        """Wait until a model has answered so many times. Returns: seconds. Raises: RehearsalFailed after a time limit."""
        begun_s, first = time.monotonic(), len(self.answers)
        while sum(answer.model == model for answer in self.answers[first:]) < answers:
            if time.monotonic() - begun_s > ACTIVATION_TIMEOUT_S + answers:
                raise RehearsalFailed(f"The service does not answer with {model}, which the ledger names.")
            time.sleep(PAUSE_S)
        return time.monotonic() - begun_s

    def _send_requests(self, home: YearHome, address: str) -> None:
        number, signed_in_s, headers = 0, -float(TOKEN_LIFE_S), {}
        with httpx2.Client(base_url=address, trust_env=False, timeout=RESPONSE_TIMEOUT_S) as client:
            # failures are kept as answers: a rehearsal must show every request that was not served
            while not self._ended.wait(PAUSE_S):
                month, questions = self._current_questions
                question = questions[number % len(questions)]
                try:
                    if time.monotonic() - signed_in_s > TOKEN_LIFE_S:
                        headers, signed_in_s = _signed_in(client, home), time.monotonic()
                    self.answers.append(_request_prediction(client, headers, month, question))
                except httpx2.HTTPStatusError as error:
                    error_response = error.response
                    self.answers.append(
                        Answer(month, question, error_response.status_code, None, _detail(error_response))
                    )
                except httpx2.HTTPError as error:
                    self.answers.append(Answer(month, question, NO_ANSWER, None, str(error)))
                number += 1


@contextmanager
def operator_asking(
    home: YearHome, address: str, month: int, questions: Sequence[Question]
) -> Iterator[RequestTraffic]:
    """Send requests in a thread until the block ends."""
    traffic = RequestTraffic()
    traffic.set_questions(month, questions)
    thread = threading.Thread(target=traffic._send_requests, args=(home, address), daemon=True)  # noqa: SLF001
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


def _request_prediction(
    client: httpx2.Client, headers: dict[str, str], month: int, question: Question
) -> Answer:
    answer = client.post(
        "/v1/predictions", json=question.body.model_dump(mode="json", exclude_unset=True), headers=headers
    ).raise_for_status()
    return Answer(month, question, answer.status_code, PredictionResponse.model_validate_json(answer.content))
