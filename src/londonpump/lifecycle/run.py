"""The command `run`: every step from published records to a decision, one after the other.

Each step is the command of the same name; it reads the result of the step before and writes its own completely or not at
all. A run that was killed can be repeated: finished steps give the same result, and the decision is recorded once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from londonpump.domain.errors import LondonPumpError
from londonpump.ingest.http import Http
from londonpump.lifecycle.challenge import ChallengeRequest, challenge
from londonpump.lifecycle.evaluate import EvaluateRequest, evaluate
from londonpump.lifecycle.fetch import fetch_records
from londonpump.lifecycle.prepare import PrepareRequest, prepare, select_records
from londonpump.lifecycle.progress import Progress, silent
from londonpump.lifecycle.refresh import RefreshRequest, refresh_context
from londonpump.lifecycle.train import TrainRequest, train
from londonpump.models.train import TrainingPlan
from londonpump.persistence.database import open_database
from londonpump.presentation.texts.challenge import format_challenge
from londonpump.presentation.texts.models import format_evaluation, format_training
from londonpump.presentation.texts.prepare import format_preparation
from londonpump.settings import Settings

CARD = "model_card.html"


class StepFailed(LondonPumpError):
    """A step of `run` failed. The message says what stays in use."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Request to run every step."""

    since: date | None = None  # first day of the records; None: the default of `fetch records`
    is_fetching: bool = True  # False: use the records that were fetched before
    incidents: tuple[Path, ...] = ()  # files instead of fetched records
    mobilisations: tuple[Path, ...] = ()
    is_complete: bool | None = None
    open_http: Callable[[], Http] = Http
    plan: TrainingPlan = field(default_factory=TrainingPlan)


@dataclass(frozen=True, slots=True)
class StepDone:
    """Step that is done, and its output."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    action: Callable[[], str]
    kept_after_failure: str


def run(settings: Settings, request: RunRequest, progress: Progress = silent) -> Iterator[StepDone]:
    """Run the steps in order. Raises: StepFailed from the error of the step; later steps are not run."""
    # Created first, so that every step finds a database, whether it existed before or not.
    open_database(settings.database).dispose()
    for step in _steps(settings, request, progress):
        try:
            yield StepDone(step.name, step.action())
        except LondonPumpError as error:
            raise StepFailed(f"{step.name} failed: {error} {step.kept_after_failure}") from error


def _steps(settings: Settings, request: RunRequest, progress: Progress) -> Iterator[_Step]:
    if request.is_fetching and not request.incidents:
        yield _Step("fetch", lambda: _fetch(settings, request, progress), "Nothing else was touched.")
        yield _Step("refresh", lambda: _refresh(settings, request), "The stored context stays in use.")
    yield _Step(
        "prepare",
        lambda: _prepare(settings, request, progress),
        "Earlier prepared data and the active model stay in use.",
    )
    yield _Step("train", lambda: _train(settings, request, progress), "The active model stays in use.")
    yield _Step(
        "evaluate",
        lambda: _evaluate(settings, progress),
        "The new model is stored; the active one stays in use.",
    )
    yield _Step(
        "challenge",
        lambda: _challenge(settings, progress),
        "The new model is stored but was not evaluated; the active one stays in use.",
    )


def _fetch(settings: Settings, request: RunRequest, progress: Progress) -> str:
    with request.open_http() as http:
        return fetch_records(settings, request.since, progress, http).to_text()


def _refresh(settings: Settings, request: RunRequest) -> str:
    """Refresh the context. A source that fails is only reported, because no step needs it."""
    engine = open_database(settings.database)
    try:
        with request.open_http() as http:
            step_request = RefreshRequest(since=request.since)
            return refresh_context(settings, engine, http, datetime.now(UTC), step_request).to_text()
    finally:
        engine.dispose()


def _prepare(settings: Settings, request: RunRequest, progress: Progress) -> str:
    records = select_records(settings.records, request.incidents, request.mobilisations)
    step_request = PrepareRequest(
        incidents=records.incidents,
        mobilisations=records.mobilisations,
        out=settings.data,
        is_complete=request.is_complete,
        database=settings.database,
    )
    return format_preparation(prepare(step_request, progress), step_request.out)


def _train(settings: Settings, request: RunRequest, progress: Progress) -> str:
    step_request = TrainRequest(
        settings.data,
        settings.bundle,
        plan=request.plan,
        challenge_days=settings.challenge_days,
        roads=settings.roads,
    )
    folder, bundle = train(step_request, progress)
    return format_training(folder, bundle.card)


def _evaluate(settings: Settings, progress: Progress) -> str:
    card = settings.report.with_name(CARD)
    step_request = EvaluateRequest(
        settings.bundle,
        settings.data,
        json=settings.evaluation,
        report=settings.report,
        card=card,
        roads=settings.roads,
    )
    return f"{format_evaluation(evaluate(step_request, progress).results)}\nReport: {settings.report}"


def _challenge(settings: Settings, progress: Progress) -> str:
    return format_challenge(challenge(settings, ChallengeRequest(settings.data), progress).view)
