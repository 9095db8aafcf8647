"""Put a model on duty: it shows that it loads and answers, stands in the store of bundles, and the ledger names it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from londonpump.brigade.errors import BadFile, BadValue, LondonPumpError
from londonpump.models.bundle import Bundle
from londonpump.settings import Settings
from londonpump.storage.bundles import CARD, CURRENT, NAME_PATTERN, bundle_folder, refuse_foreign_out
from londonpump.storage.checked_bundle import open_checked
from londonpump.storage.database import open_database, reading, writing
from londonpump.storage.database.audit_rows import append_audit
from londonpump.storage.database.decision_rows import (
    PROMOTE,
    Decision,
    append_decision,
    champion_on_duty,
    read_decisions,
)
from londonpump.storage.files import whole_folder, write_json

LONGEST_REASON = 2_000
CHECK_WITHIN_S = 120
BY_HAND = "by hand"
"""The verdict of a promotion that no comparison asked for."""


class SimulatedModel(LondonPumpError):
    """A model of a simulated Brigade is not put in place of one learnt from real records."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """bundle: a folder, or a hash in the store of bundles. is_forced: a simulated one may take a real one's place."""

    bundle: str
    why: str
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class Promoted:
    """is_new: False where the model was on duty already, and nothing was changed."""

    before: str | None
    after: str
    is_new: bool


def promote(settings: Settings, asked: Promotion) -> Promoted:
    """Put a model on duty.

    Raises: BadFile if it cannot be used; SimulatedModel; ChampionChanged if somebody else decided meanwhile;
    BadValue for a reason that is none; DatabaseFailed.
    """
    reason = _reason(asked.why)
    folder = _folder(settings.bundle, asked.bundle)
    name, bundle, answered_s = open_checked(folder)
    _answers_in_a_fresh_process(folder)
    with _database(settings) as engine:
        with reading(engine) as connection:
            newest = next(iter(read_decisions(connection, 1)), None)
            before = champion_on_duty(connection)
        _keep_in_store(folder, name, settings.bundle)
        if before == name:
            return Promoted(before, name, is_new=False)
        if not asked.is_forced:
            _refuse_simulated(bundle, newest)
        evidence = {**_evidence(bundle), "prototype_s": round(answered_s, 3), "is_forced": asked.is_forced}
        decision = Decision(
            datetime.now(UTC), PROMOTE, before, name, name, BY_HAND, reason, evidence, _operating_user()
        )
        with writing(engine) as connection:
            number = append_decision(connection, decision)
            about = {"decision": number, "before": before, "after": name, "reason": reason}
            append_audit(connection, decision.decided_at, "promotion", decision.actor, about)
    return Promoted(before, name, is_new=True)


def ledger(settings: Settings, at_most: int) -> list[Decision]:
    """The newest decisions first. Raises: DatabaseFailed."""
    with _database(settings) as engine, reading(engine) as connection:
        return read_decisions(connection, at_most)


def _reason(why: str) -> str:
    reason = why.strip()
    if not reason:
        raise BadValue("--why", why, "says nothing. Whoever reads the ledger later wants to know")
    if len(reason) > LONGEST_REASON:
        raise BadValue("--why", f"{reason[:40]}...", f"has more than {LONGEST_REASON} characters")
    return reason


def _folder(bundles: Path, asked: str) -> Path:
    if NAME_PATTERN.fullmatch(asked) and (bundles / asked).is_dir():
        return bundles / asked
    if not Path(asked).exists():
        raise BadFile(
            asked, f"is neither a folder nor a bundle in {bundles}", "Make one: londonpump train --data DATA."
        )
    return bundle_folder(Path(asked))


def _answers_in_a_fresh_process(folder: Path) -> None:
    """As the service will: nothing that training left in this process can help."""
    command = [sys.executable, "-m", "londonpump.storage.checked_bundle", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=CHECK_WITHIN_S)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise BadFile(folder, f"did not answer within {CHECK_WITHIN_S} s", "Train again.") from error
    if done.returncode:
        told = done.stderr.strip().splitlines() or ["no word"]
        raise BadFile(folder, f"does not answer in a fresh process ({told[-1]})", "Train again.")


def _keep_in_store(folder: Path, name: str, bundles: Path) -> None:
    """The service looks for hashes in the store alone: a bundle from elsewhere is copied there, whole."""
    if folder.resolve().parent == bundles.resolve():
        return
    refuse_foreign_out(bundles)
    with whole_folder(bundles / name, CARD) as part:
        for file in sorted(folder.iterdir()):
            if file.is_file() and not file.name.startswith("."):
                (part / file.name).write_bytes(file.read_bytes())
    # what was written is looked at again: the file may have changed since it was checked
    open_checked(bundles / name)
    if not (bundles / CURRENT).exists():
        write_json(bundles / CURRENT, {"schema": 1, "bundle": name})


def _refuse_simulated(bundle: Bundle, newest: Decision | None) -> None:
    if not bundle.card.get("is_simulated") or newest is None or newest.champion_after is None:
        return
    if not newest.evidence.get("is_simulated", False):
        raise SimulatedModel(
            f"This model was learnt from a simulated Brigade, and {newest.champion_after} on duty from real "
            "records: its times would be made up. Give --force if that is meant."
        )


def _evidence(bundle: Bundle) -> dict[str, Any]:
    card = bundle.card
    told = ("data_hash", "trained_from", "trained_until", "rows", "code_version")
    return {"is_simulated": bool(card.get("is_simulated")), **{name: card.get(name) for name in told}}


def _operating_user() -> str:
    """Who runs the command, as the machine knows them; not the environment, which anybody may set."""
    try:
        import pwd  # noqa: PLC0415 - not on every platform

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        import getpass  # noqa: PLC0415

        return getpass.getuser()


@contextmanager
def _database(settings: Settings) -> Iterator[Engine]:
    engine = open_database(settings.database)
    try:
        yield engine
    finally:
        engine.dispose()
