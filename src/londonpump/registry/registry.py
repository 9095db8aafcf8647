"""The registry: the ledger of decisions, and the store of the bundles it names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from londonpump.domain.errors import BadFile
from londonpump.registry.bundle_store import BundleStore
from londonpump.settings import Settings
from londonpump.storage.database import open_database
from londonpump.storage.database.audit_repository import append_audit
from londonpump.storage.database.decision_repository import (
    KEEP,
    PROMOTE,
    ROLL_BACK,
    Decision,
    append_decision,
    lock_decisions,
)

AUDITED_AS = {PROMOTE: "promotion", ROLL_BACK: "roll_back", KEEP: "champion_kept"}


@dataclass(frozen=True, slots=True)
class Registry:
    """engine: of the ledger's database. actor: who decides, as the ledger will name them."""

    engine: Engine
    store: BundleStore
    actor: str

    def record(self, connection: Connection, decision: Decision) -> int:
        """Add a line and its audit to the caller's transaction, which it ends. Returns: its number.

        Raises: ChampionChanged if somebody else decided meanwhile, BadFile if the new champion is gone from the store.
        """
        lock_decisions(connection)
        # `prune` holds the same lock while it takes bundles away
        if decision.champion_after is not None and decision.champion_after != decision.champion_before:
            self._require_stored(decision.champion_after)
        number = append_decision(connection, decision)
        about = {
            "decision": number,
            "before": decision.champion_before,
            "after": decision.champion_after,
            "challenger": decision.challenger,
            "reason": decision.reason,
        }
        append_audit(connection, decision.decided_at, AUDITED_AS[decision.action], decision.actor, about)
        return number

    def _require_stored(self, name: str) -> None:
        if not self.store.has(name):
            raise BadFile(
                self.store.folder(name), "was taken away meanwhile", "Copy it there again, then decide again."
            )


@contextmanager
def open_registry(settings: Settings) -> Iterator[Registry]:
    """The registry of the settings. Raises: DatabaseFailed."""
    engine = open_database(settings.database)
    try:
        yield Registry(engine, BundleStore(settings.bundle), actor_name(settings.run))
    finally:
        engine.dispose()


def actor_name(run: str | None) -> str:
    """Who runs the command, and which run it is part of if one is named."""
    user = _operating_system_user()
    return user if run is None else f"{user}, run {run}"


def _operating_system_user() -> str:
    """As the machine knows them; not the environment, which anybody may set."""
    try:
        import pwd  # noqa: PLC0415 - not on every platform

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        import getpass  # noqa: PLC0415

        return getpass.getuser()
