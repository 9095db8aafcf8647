"""One month of a rehearsal: records arrive and are prepared and monitored, a model is trained and evaluated.

Faults are injected for real. RehearsalFailed is raised wherever the product does not handle one.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from londonpump.domain.errors import BadFile
from londonpump.lifecycle.challenge import ChallengeRequest, challenge
from londonpump.lifecycle.monitor import MonitorRequest, monitor
from londonpump.lifecycle.prepare import prepare
from londonpump.lifecycle.prepared_examples import data_hash_of
from londonpump.persistence.repositories.decisions import KEEP, Decision
from londonpump.registry.bundle_store import BundleStore
from londonpump.registry.manual_decisions import PromotionRequest, ledger, promote
from londonpump.rehearsal.request_traffic import RequestTraffic
from londonpump.rehearsal.year_home import RehearsalFailed, YearHome
from londonpump.rehearsal.year_plan import Event
from londonpump.rehearsal.year_records import (
    prepare_request_until,
    rename_column,
    restore_file,
    write_records,
)

# a progress text of `models.response_training`: the training is killed when it appears
KILLED_AT = "Fitting the interval widths"
DAMAGED_FILE = "scale.txt"
REASON_BY_HAND = "rehearsal: a wrong model is promoted by hand"
REASON_ROLL_BACK = "rehearsal: that was the wrong model"
# Events of the Brigade itself, which show in its records.
SEEN_IN_RECORDS = (Event.STATION_CLOSED, Event.SERVICES_GROWN)
FIRST_BY_HAND = "rehearsal: the first model"


def check_bad_records(home: YearHome, number: int) -> str:
    """Rename a column of a month: the file must be rejected, and the prepared data must stay. Returns: what happened."""
    before = data_hash_of(home.settings.data)
    good = rename_column(home, number)
    try:
        prepare(prepare_request_until(home, number))
    except BadFile as error:
        rejection = error.problem
    else:
        raise RehearsalFailed(f"A file without its dates was prepared: {home.records(number)}")
    finally:
        restore_file(home, number, good)
    if data_hash_of(home.settings.data) != before:
        raise RehearsalFailed("A file that was rejected changed the prepared data.")
    return f"bad records rejected ({rejection}), the prepared data stayed; the corrected file was accepted the next day"


def kill_training(home: YearHome, arguments: tuple[str, ...]) -> str:
    """Kill a training with SIGKILL: it must leave no bundle. Returns: what happened."""
    store = BundleStore(home.settings.bundle)
    before = (store.names(), store.newest())
    process = subprocess.Popen(  # noqa: S603
        home.command(*arguments),
        env=home.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    with process.stderr as stderr_lines:
        is_there = any(KILLED_AT in line for line in stderr_lines)
        process.kill()
    process.wait()
    if not is_there:
        raise RehearsalFailed(f"The training that should be killed never reported {KILLED_AT!r}.")
    if (store.names(), store.newest()) != before:
        raise RehearsalFailed("A training that was killed left a bundle behind.")
    return "training killed half-way: it left nothing behind and was run again"


def damage_bundle(home: YearHome, name: str) -> str:
    """Flip one bit of a bundle on disk. Returns: what happened."""
    file = BundleStore(home.settings.bundle).folder(name) / DAMAGED_FILE
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    return f"{name} damaged on disk before it was evaluated"


def require_rejected(home: YearHome, name: str) -> None:
    """Check that the ledger rejected a damaged bundle. Raises: RehearsalFailed."""
    newest = ledger(home.settings, 1)[0]
    if newest.action != KEEP or newest.challenger != name or newest.champion_after == name:
        raise RehearsalFailed(f"{name} is damaged, but the ledger does not say that it was rejected.")


def promote_and_roll_back(home: YearHome, wrong: str, traffic: RequestTraffic) -> str:
    """Promote an older model by hand, and roll back once the service answers with it. Returns: what happened."""
    right = ledger(home.settings, 1)[0].champion_after
    home.run("models", "promote", wrong, "--why", REASON_BY_HAND)
    traffic.wait_for(wrong)
    home.run("models", "roll-back", "--why", REASON_ROLL_BACK)
    if ledger(home.settings, 1)[0].champion_after != right:
        raise RehearsalFailed(f"The roll-back did not restore {right}.")
    waited_s = traffic.wait_for(right)
    return f"{wrong} promoted by hand and rolled back; the service answered with {right} again {waited_s:.1f} s later"


@dataclass(frozen=True, slots=True)
class MonthResult:
    """The results of one month."""

    number: int
    decided_at: datetime
    examples: int
    data_hash: str
    """The hash of the prepared data."""
    challenger: str
    decisions: tuple[Decision, ...]
    """The lines that the month added to the ledger, the oldest first."""
    events: tuple[str, ...]
    raised: tuple[str, ...]
    cleared: tuple[str, ...]
    """Type and subject of each alarm, like those of `raised`."""
    waited_s: float | None
    """Seconds until the service answered with the active model; None before the service runs."""

    @property
    def decision(self) -> Decision:
        """The decision by comparison, which comes first."""
        return self.decisions[0]

    @property
    def active_model(self) -> str | None:
        """The active model at the end of the month."""
        return self.decisions[-1].champion_after


def run_month(
    home: YearHome, number: int, traffic: RequestTraffic | None, earlier: Sequence[MonthResult]
) -> MonthResult:
    """Do the work of a month when its records arrive. traffic: None before the service runs."""
    events, happened = home.plan.events_of(number), []
    happened += [str(event) for event in SEEN_IN_RECORDS if event in events]
    write_records(home, number)
    if Event.BAD_DATA in events:
        happened.append(check_bad_records(home, number))
    report = prepare(prepare_request_until(home, number))
    raised, cleared = _monitor(home, number) if earlier else ((), ())
    challenger, notes = _train(home, kill_first=Event.TRAINING_KILLED in events)
    happened += notes
    if Event.BUNDLE_DAMAGED in events:
        happened.append(damage_bundle(home, challenger))
    # counted before, because faults and manual decisions add lines too
    lines = len(ledger(home.settings, 500))
    waited_s = _decide(home, number, traffic)
    if Event.BUNDLE_DAMAGED in events:
        require_rejected(home, challenger)
    if Event.ROLLED_BACK in events and traffic is not None:
        happened.append(promote_and_roll_back(home, _oldest_inactive(earlier), traffic))
    new = ledger(home.settings, 500)
    return MonthResult(
        number=number,
        decided_at=home.plan.decided_at(number),
        examples=report.examples,
        data_hash=data_hash_of(home.settings.data),
        challenger=challenger,
        decisions=tuple(reversed(new[: len(new) - lines])),
        events=tuple(happened),
        raised=raised,
        cleared=cleared,
        waited_s=waited_s,
    )


def _monitor(home: YearHome, number: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the alarms that `monitor` raises and clears on the new records, before any training on them."""
    # before the decision: the alarms concern the model that is active until then
    at = home.plan.decided_at(number) - timedelta(hours=1)
    changes = monitor(home.settings, MonitorRequest(at)).changes
    raised, cleared = (
        tuple(f"{alarm.alarm_type} {alarm.subject}".strip() for alarm in alarms)
        for alarms in (changes.raised, changes.cleared)
    )
    return raised, cleared


def _train(home: YearHome, *, kill_first: bool) -> tuple[str, list[str]]:
    arguments = ("train", "--seed", str(home.plan.seed))
    notes = [kill_training(home, arguments)] if kill_first else []
    home.run(*arguments)
    newest = BundleStore(home.settings.bundle).newest()
    if newest is None:
        raise RehearsalFailed("A training that succeeded left no bundle.")
    return newest, notes


def _decide(home: YearHome, number: int, traffic: RequestTraffic | None) -> float | None:
    """Decide on the new model. Returns: seconds until the service answers with the active one."""
    done = challenge(home.settings, ChallengeRequest(home.settings.data, now=home.plan.decided_at(number)))
    if not done.is_new:
        raise RehearsalFailed(f"Month {number}: no decision was made. {done.message}")
    # the rule promotes nothing without a champion, so the first model is promoted by hand
    if done.active is None:
        folder = BundleStore(home.settings.bundle).newest()
        promote(home.settings, PromotionRequest(str(folder), FIRST_BY_HAND))
    return None if traffic is None else traffic.wait_for(done.active)


def _oldest_inactive(earlier: Sequence[MonthResult]) -> str:
    """Return the oldest model that is not active."""
    return next(month.challenger for month in earlier if month.challenger != earlier[-1].active_model)
