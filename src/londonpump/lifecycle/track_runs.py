"""The command `track`: send every training to MLflow as a run, and set the aliases `champion` and `challenger`.

It is called by the command `track` and at the end of `run` only. Trainings and decisions do not depend on it: one line
says what MLflow did not accept.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from londonpump.domain.errors import LondonPumpError
from londonpump.registry.ledger import open_registry
from londonpump.registry.mlflow_process import (
    LATER,
    TrackingFailed,
    aliases_of,
    attachments_of,
    exclusive_lock,
    has_store,
    require_mlflow,
    runs_of,
    send,
    server_of,
)
from londonpump.registry.mlflow_state import DesiredState, Sent
from londonpump.settings import Settings

TIMEOUT_S = 600.0
TIMEOUT_AFTER_RUN_S = 20.0
"""Longest wait at the end of `run`: MLflow is a copy to look at, and nobody waits long for it. A killed child is finished by `track`."""


@dataclass(frozen=True, slots=True)
class TrackingResult:
    """State of MLflow after `track`."""

    server: str
    done: Sent
    n_existing: int  # runs that existed before
    active: str | None  # active model of the ledger

    def to_text(self) -> str:
        """Format a summary."""
        runs = f"{len(self.done.sent)} runs sent, {self.n_existing} existed"
        files = f", {len(self.done.attached)} files of the evaluation attached" if self.done.attached else ""
        names = f"champion {_version(self.done.champion)}, challenger {_version(self.done.challenger)}"
        lines = [f"MLflow at {self.server}: {runs}{files}. {names}."]
        if self.active is not None and self.done.champion is None:
            lines.append(
                f"{self.active} is active but not in MLflow, because its bundle is not in the store of bundles."
            )
        return "\n".join([*lines, *(f"Not sent: {problem}" for problem in self.done.problems)])


def _version(number: str | None) -> str:
    return "none" if number is None else f"version {number}"


def track(settings: Settings, within_s: float = TIMEOUT_S, others: Sequence[Path] = ()) -> TrackingResult:
    """Update MLflow from the store of bundles and the ledger. A second call changes nothing.

    Args: others: bundles, or folders of bundles, outside the store.
    Raises: TrackingFailed, DatabaseFailed, BadFile if one of the others holds no bundle.
    """
    server = server_of(settings)
    require_mlflow(server)
    until_s = time.monotonic() + within_s
    with exclusive_lock(server, until_s) as lock, open_registry(settings) as registry:
        # Read under the lock, so that a slower process cannot send an older state afterwards.
        runs, problems = runs_of(registry.store, others)
        attachments = attachments_of(settings, tuple(run.bundle for run in runs))
        aliases = aliases_of(registry)
        done = send(server, DesiredState(runs, attachments, aliases), lock, until_s)
    whole = replace(done, problems=(*problems, *done.problems))
    return TrackingResult(
        server.display_name, whole, len(runs) - len(done.sent) - len(done.problems), aliases.champion
    )


def track_after_run(settings: Settings, notify: Callable[[str], object]) -> None:
    """Call `track` at the end of `run`. A failure is only reported, because every step is done."""
    # by default only where somebody has used MLflow before: its store holds a copy of every bundle
    if not (has_store(settings) if settings.tracking is None else settings.tracking):
        return
    try:
        done = track(settings, TIMEOUT_AFTER_RUN_S)
    except TrackingFailed as error:
        notify(str(error))
    except LondonPumpError as error:
        notify(f"MLflow was not updated: {error} {LATER}")
    else:
        notify(done.to_text())
