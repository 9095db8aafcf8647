"""Rules about the ledger of decisions, and the registry that writes it. The functions that read use the transaction of the caller."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from londonpump.domain.errors import BadFile
from londonpump.evaluation.promotion.evidence import CHALLENGER_UNUSABLE, CHAMPION_UNUSABLE, FEW_ROWS
from londonpump.persistence.database import Connection, Engine, open_database
from londonpump.persistence.repositories.audit import append_audit
from londonpump.persistence.repositories.decisions import (
    KEEP,
    PROMOTE,
    ROLL_BACK,
    Decision,
    append_decision,
    decisions_on_challenger,
    lock_decisions,
)
from londonpump.registry.bundle_store import BundleStore
from londonpump.settings import Settings, operating_system_user


def find_earlier_decision(
    connection: Connection, champion: str | None, challenger: str, data_hash: str, verdict: str | None = None
) -> Decision | None:
    """Return the earlier decision about this pair on this data, whether the challenger won or not.

    A bundle that could not be used may have been repaired since: such a decision counts only if `verdict` is the same.
    """
    # The data hash is part of the evidence, which is JSON, so these few lines are filtered here.
    lines = decisions_on_challenger(connection, challenger)
    same = (line for line in lines if line.evidence.get("data_hash") == data_hash and is_by_comparison(line))
    pair = (line for line in same if champion in (line.champion_before, line.champion_after))
    return next((line for line in pair if has_usable_bundles(line) or line.verdict == verdict), None)


def is_by_comparison(line: Decision) -> bool:
    """True if the promotion rule made the decision, not a person."""
    return line.evidence.get("judged_by") is not None


def has_usable_bundles(line: Decision) -> bool:
    """True if the promotion rule had two usable bundles."""
    return is_by_comparison(line) and line.verdict not in (CHAMPION_UNUSABLE, CHALLENGER_UNUSABLE)


def has_comparison(line: Decision) -> bool:
    """True if the promotion rule had two usable bundles and enough rows to compare them."""
    return has_usable_bundles(line) and line.verdict != FEW_ROWS


AUDITED_AS = {PROMOTE: "promotion", ROLL_BACK: "roll_back", KEEP: "champion_kept"}


@dataclass(frozen=True, slots=True)
class Registry:
    """Ledger, store of bundles, and the actor of new decisions."""

    engine: Engine  # of the database with the ledger
    store: BundleStore
    actor: str

    def record(self, connection: Connection, decision: Decision) -> int:
        """Add a decision and its audit at the end of the caller's transaction. Returns: its number.

        Raises: ChampionChanged if another decision was recorded meanwhile, BadFile if the store lacks the new champion.
        """
        lock_decisions(connection)
        # `prune` holds the same lock while it moves bundles away, so a bundle seen here stays.
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
                self.store.folder(name), "was removed meanwhile", "Copy it there again, then decide again."
            )


@contextmanager
def open_registry(settings: Settings) -> Iterator[Registry]:
    """Open the registry of the settings. Raises: DatabaseFailed."""
    engine = open_database(settings.database)
    try:
        yield Registry(engine, BundleStore(settings.bundle), actor_name(settings.run))
    finally:
        engine.dispose()


def actor_name(run: str | None) -> str:
    """Return the user who runs the command, and the pipeline run that it belongs to, if any."""
    user = operating_system_user()
    return user if run is None else f"{user}, run {run}"
