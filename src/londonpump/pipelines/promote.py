"""Put a model on duty: it shows that it loads and answers, stands in the store of bundles, and the ledger names it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from londonpump.brigade.errors import LondonPumpError
from londonpump.pipelines.deciding import BY_HAND, Promoted, card_evidence, put_on_duty, reason_of
from londonpump.registry.registry import open_registry
from londonpump.registry.trial import demand_trial
from londonpump.settings import Settings
from londonpump.storage.checked_bundle import open_checked
from londonpump.storage.database import reading
from londonpump.storage.database.decision_rows import (
    PROMOTE,
    Decision,
    champion_on_duty,
    read_decisions,
)

__all__ = ["Promoted", "Promotion", "SimulatedModel", "ledger", "promote", "refuse_simulated"]


class SimulatedModel(LondonPumpError):
    """A model of a simulated Brigade is not put in place of one learnt from real records."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """bundle: a folder, or a hash in the store of bundles. is_forced: a simulated one may take a real one's place."""

    bundle: str
    why: str
    is_forced: bool = False


def promote(settings: Settings, asked: Promotion) -> Promoted:
    """Put a model on duty.

    Raises: BadFile if it cannot be used; SimulatedModel; ChampionChanged if somebody else decided meanwhile;
    BadValue for a reason that is none; DatabaseFailed.
    """
    reason = reason_of(asked.why)
    with open_registry(settings) as registry:
        folder = registry.store.find(asked.bundle)
        name, bundle, answered_s = open_checked(folder)
        trial = demand_trial(folder)
        with reading(registry.engine) as connection:
            newest = next(iter(read_decisions(connection, 1)), None)
            before = champion_on_duty(connection)
        registry.store.take_in(folder)
        if before == name:
            return Promoted(before, name, is_new=False)
        if not asked.is_forced:
            refuse_simulated(bundle.card, newest)
        evidence = {
            **card_evidence(bundle.card),
            "prototype_s": round(answered_s, 3),
            "latency_ms": trial.latency_ms,
            "is_forced": asked.is_forced,
        }
        put_on_duty(registry, Decision(_now(), PROMOTE, before, name, name, BY_HAND, reason, evidence, ""))
    return Promoted(before, name, is_new=True)


def ledger(settings: Settings, at_most: int) -> list[Decision]:
    """The newest decisions first. Raises: DatabaseFailed."""
    with open_registry(settings) as registry, reading(registry.engine) as connection:
        return read_decisions(connection, at_most)


def refuse_simulated(card: Mapping[str, Any], newest: Decision | None) -> None:
    """Raises: SimulatedModel for a made-up model where a real one, or one of which nothing is told, is on duty."""
    if not card.get("is_simulated") or newest is None or newest.champion_after is None:
        return
    if not newest.evidence.get("is_simulated", False):
        raise SimulatedModel(
            f"This model was learnt from a simulated Brigade, and {newest.champion_after} on duty from real "
            "records: its times would be made up. Give --force if that is meant."
        )


def _now() -> datetime:
    return datetime.now(UTC)
