"""One month of a rehearsal: its records come, are prepared and watched, a model is trained and judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from londonpump.lifecycle.challenge import ChallengeRequest, challenge
from londonpump.lifecycle.manual_decisions import PromotionRequest, ledger, promote
from londonpump.lifecycle.monitor import MonitorRequest, monitor
from londonpump.lifecycle.prepare import prepare
from londonpump.lifecycle.prepared_examples import data_hash_of
from londonpump.registry.bundle_store import BundleStore
from londonpump.rehearsal import fault_injection
from londonpump.rehearsal.request_traffic import RequestTraffic
from londonpump.rehearsal.year_home import RehearsalFailed, YearHome
from londonpump.rehearsal.year_plan import Event
from londonpump.rehearsal.year_records import prepare_request_until, write_records
from londonpump.storage.database.decision_repository import Decision

SEEN_IN_RECORDS = (Event.STATION_CLOSED, Event.SERVICES_GROWN)
"""What befalls the Brigade itself, and is seen in its records."""
FIRST_BY_HAND = "rehearsal: somebody must begin"


@dataclass(frozen=True, slots=True)
class MonthResult:
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
    def active_model(self) -> str | None:
        """When the month ends."""
        return self.decisions[-1].champion_after


def run_month(
    home: YearHome, number: int, traffic: RequestTraffic | None, earlier: Sequence[MonthResult]
) -> MonthResult:
    """Do what falls due when a month's records come. traffic: of the service; None before it runs."""
    events, happened = home.plan.events_of(number), []
    happened += [str(event) for event in SEEN_IN_RECORDS if event in events]
    write_records(home, number)
    if Event.BAD_DATA in events:
        happened.append(fault_injection.check_bad_records(home, number))
    report = prepare(prepare_request_until(home, number))
    raised, cleared = _monitor(home, number) if earlier else ((), ())
    challenger, notes = _train(home, kill_first=Event.TRAINING_KILLED in events)
    happened += notes
    if Event.BUNDLE_DAMAGED in events:
        happened.append(fault_injection.damage_bundle(home, challenger))
    lines = len(ledger(home.settings, 500))
    waited_s = _decide(home, number, traffic)
    if Event.BUNDLE_DAMAGED in events:
        fault_injection.require_rejected(home, challenger)
    if Event.ROLLED_BACK in events and traffic is not None:
        happened.append(fault_injection.promote_and_roll_back(home, _oldest_inactive(earlier), traffic))
    new = ledger(home.settings, 500)
    return MonthResult(
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


def _monitor(home: YearHome, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
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
    notes = [fault_injection.kill_training(home, arguments)] if kill_first else []
    home.run(*arguments)
    newest = BundleStore(home.settings.bundle).newest()
    if newest is None:
        raise RehearsalFailed("A training that ended well left no bundle.")
    return newest, notes


def _decide(home: YearHome, number: int, traffic: RequestTraffic | None) -> float | None:
    done = challenge(home.settings, ChallengeRequest(home.settings.data, now=home.plan.decided_at(number)))
    if not done.is_new:
        raise RehearsalFailed(f"Month {number}: nothing was decided. {done.message}")
    if done.active is None:
        folder = BundleStore(home.settings.bundle).newest()
        promote(home.settings, PromotionRequest(str(folder), FIRST_BY_HAND))
    return None if traffic is None else traffic.wait_for(done.active)


def _oldest_inactive(earlier: Sequence[MonthResult]) -> str:
    """The oldest model that is not on duty."""
    return next(month.challenger for month in earlier if month.challenger != earlier[-1].active_model)
