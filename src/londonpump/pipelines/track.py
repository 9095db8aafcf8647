"""The verb `track`: every training as a run of MLflow, the aliases `champion` and `challenger` as the ledger has them.

Training and decisions never wait for it to succeed: they end first, and are told in one line what MLflow did not take.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from londonpump.brigade.errors import LondonPumpError
from londonpump.registry.bundle_store import BundleStore
from londonpump.registry.registry import open_registry
from londonpump.registry.tracking import aliases_of, runs_of
from londonpump.registry.tracking_process import (
    LATER,
    Sent,
    TrackingFailed,
    Wanted,
    alone,
    demand_mlflow,
    place_of,
    send,
)
from londonpump.registry.tracking_reports import attachments_of
from londonpump.settings import Settings

BY_HAND_S = 600.0
AFTER_S = 60.0
"""As long as a training or a decision waits at its end; one that makes the store takes longest."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """What MLflow holds now. n_there: runs that were there before. on_duty: as the ledger names it."""

    place: str
    done: Sent
    n_there: int
    on_duty: str | None

    def in_words(self) -> str:
        """For the person who ran it."""
        runs = f"{len(self.done.sent)} runs sent, {self.n_there} were there"
        files = f", {len(self.done.attached)} files of the evaluation attached" if self.done.attached else ""
        names = f"champion {_version(self.done.champion)}, challenger {_version(self.done.challenger)}"
        lines = [f"MLflow at {self.place}: {runs}{files}. {names}."]
        if self.on_duty is not None and self.done.champion is None:
            lines.append(
                f"{self.on_duty} is on duty and not in MLflow: its bundle is not in the store of bundles."
            )
        return "\n".join([*lines, *(f"Not sent: {problem}" for problem in self.done.problems)])


def _version(number: str | None) -> str:
    return "nobody" if number is None else f"version {number}"


def track(settings: Settings, within_s: float = BY_HAND_S, also: Path | None = None) -> Tracked:
    """Bring MLflow to what the store of bundles and the ledger say; doing it twice changes nothing.

    Args: also: a folder of bundles beside the store's. Raises: TrackingFailed, DatabaseFailed.
    """
    place = place_of(settings)
    demand_mlflow(place)
    until_s = time.monotonic() + within_s
    with alone(place, until_s) as lock, open_registry(settings) as registry:
        runs, problems = runs_of(registry.store)
        if also is not None and also.resolve() != registry.store.root.resolve():
            others, more = runs_of(BundleStore(also))
            known = {run.bundle for run in runs}
            runs += [run for run in others if run.bundle not in known]
            problems += more
        attachments = attachments_of(settings, tuple(run.bundle for run in runs))
        aliases = aliases_of(registry)
        done = send(place, Wanted(runs, attachments, aliases), lock, until_s)
    whole = Sent(done.sent, done.attached, [*problems, *done.problems], done.champion, done.challenger)
    return Tracked(place.shown, whole, len(runs) - len(done.sent) - len(done.problems), aliases.champion)


def follow(settings: Settings, tell: Callable[[str], object], also: Path | None = None) -> None:
    """As `track` at the end of another command, which has done its work: what fails is told and no more."""
    if not settings.tracking:
        return
    try:
        done = track(settings, AFTER_S, also)
    except TrackingFailed as error:
        tell(str(error))
    except LondonPumpError as error:
        tell(f"MLflow was not told: {error} {LATER}")
    else:
        tell(done.in_words())
