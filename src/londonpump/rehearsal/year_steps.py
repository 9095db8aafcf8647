"""One month of a rehearsal: its records come, are prepared and watched, a model is trained and judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from londonpump.pipelines.challenge import ChallengeRequest, challenge
from londonpump.pipelines.data import data_hash_of
from londonpump.pipelines.monitor import MonitorRequest, monitor
from londonpump.pipelines.prepare import prepare
from londonpump.pipelines.promote import Promotion, ledger, promote
from londonpump.registry.bundle_store import BundleStore
from londonpump.rehearsal import year_befalls as befalls
from londonpump.rehearsal.traffic import Traffic
from londonpump.rehearsal.year import Event
from londonpump.rehearsal.year_home import RehearsalFailed, YearHome
from londonpump.rehearsal.year_records import prepared_until, publish
from londonpump.storage.database.decision_rows import Decision

TOLD_BY_STATE = (Event.STATION_CLOSED, Event.SERVICES_GROWN)
"""What befalls the Brigade itself, and is seen in its records."""
FIRST_BY_HAND = "rehearsal: somebody must begin"


@dataclass(frozen=True, slots=True)
class MonthLived:
    """What one month brought. data_hash: of all that was prepared. decisions: lines that it added to the ledger.

    happened: in words, in order. raised, cleared: alarms, `kind subject`. waited_s: until the service answered with
    the model that was decided on; None where none served yet.
    """

    number: int
    decided_at: datetime
    examples: int
    data_hash: str
    challenger: str
    decisions: tuple[Decision, ...]
    happened: tuple[str, ...]
    raised: tuple[str, ...]
    cleared: tuple[str, ...]
    waited_s: float | None

    @property
    def decision(self) -> Decision:
        """The one by comparison, which comes first."""
        return self.decisions[0]

    @property
    def on_duty(self) -> str | None:
        """When the month ends."""
        return self.decisions[-1].champion_after


def live_month(
    home: YearHome, number: int, traffic: Traffic | None, earlier: Sequence[MonthLived]
) -> MonthLived:
    """Do what falls due when a month's records come. traffic: of the service; None before it runs."""
    events, happened = home.plan.events_of(number), []
    happened += [str(event) for event in TOLD_BY_STATE if event in events]
    publish(home, number)
    if Event.BAD_DATA in events:
        happened.append(befalls.try_bad_records(home, number))
    report = prepare(prepared_until(home, number))
    raised, cleared = _watch(home, number) if earlier else ((), ())
    challenger, told = _train(home, kill_first=Event.TRAINING_KILLED in events)
    happened += told
    if Event.BUNDLE_DAMAGED in events:
        happened.append(befalls.damage(home, challenger))
    lines = len(ledger(home.settings, 500))
    waited_s = _decide(home, number, traffic)
    if Event.BUNDLE_DAMAGED in events:
        befalls.demand_refused(home, challenger)
    if Event.ROLLED_BACK in events and traffic is not None:
        happened.append(befalls.take_wrong_and_back(home, _wrong_one(earlier), traffic))
    new = ledger(home.settings, 500)
    return MonthLived(
        number=number,
        decided_at=home.plan.decided_at(number),
        examples=report["examples"],
        data_hash=data_hash_of(home.settings.data),
        challenger=challenger,
        decisions=tuple(reversed(new[: len(new) - lines])),
        happened=tuple(happened),
        raised=raised,
        cleared=cleared,
        waited_s=waited_s,
    )


def _watch(home: YearHome, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What `monitor` sees in the new records before anybody learns from them."""
    at = home.plan.decided_at(number) - timedelta(hours=1)
    changes = monitor(home.settings, MonitorRequest(at)).changes
    raised, cleared = (
        tuple(f"{alarm.kind} {alarm.subject}".strip() for alarm in alarms)
        for alarms in (changes.raised, changes.cleared)
    )
    return raised, cleared


def _train(home: YearHome, *, kill_first: bool) -> tuple[str, list[str]]:
    arguments = ("train", "--seed", str(home.plan.seed))
    told = [befalls.kill_training(home, arguments)] if kill_first else []
    home.run(*arguments)
    newest = BundleStore(home.settings.bundle).newest()
    if newest is None:
        raise RehearsalFailed("A training that ended well left no bundle.")
    return newest, told


def _decide(home: YearHome, number: int, traffic: Traffic | None) -> float | None:
    done = challenge(home.settings, ChallengeRequest(home.settings.data, now=home.plan.decided_at(number)))
    if not done.is_new:
        raise RehearsalFailed(f"Month {number}: nothing was decided. {done.told}")
    if done.on_duty is None:
        folder = BundleStore(home.settings.bundle).newest()
        promote(home.settings, Promotion(str(folder), FIRST_BY_HAND))
    return None if traffic is None else traffic.wait_for(done.on_duty)


def _wrong_one(earlier: Sequence[MonthLived]) -> str:
    """The oldest model that is not on duty."""
    return next(month.challenger for month in earlier if month.challenger != earlier[-1].on_duty)
