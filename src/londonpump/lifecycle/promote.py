"""Put a model on duty: it shows that it loads and answers, stands in the store of bundles, and the ledger names it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from londonpump.domain.errors import LondonPumpError
from londonpump.lifecycle.manual_decisions import (
    BY_HAND,
    PromotionResult,
    activate,
    card_evidence,
    validate_reason,
)
from londonpump.registry.registry import open_registry
from londonpump.registry.smoke_test import require_smoke_test
from londonpump.settings import Settings
from londonpump.storage.database import reading
from londonpump.storage.database.decision_repository import (
    PROMOTE,
    Decision,
    active_champion,
    read_decisions,
)
from londonpump.storage.verified_bundle import open_verified

__all__ = ["PromotionRequest", "PromotionResult", "SimulatedModel", "ledger", "promote", "require_real_model"]


class SimulatedModel(LondonPumpError):
    """A model of a simulated Brigade is not put in place of one learnt from real records."""


@dataclass(frozen=True, slots=True)
class PromotionRequest:
    """bundle: a folder, or a hash in the store of bundles. is_forced: a simulated one may take a real one's place."""

    bundle: str
    why: str
    is_forced: bool = False


def promote(settings: Settings, request: PromotionRequest) -> PromotionResult:
    """Put a model on duty.

    Raises: BadFile if it cannot be used; SimulatedModel; ChampionChanged if somebody else decided meanwhile;
    BadValue for a reason that is none; DatabaseFailed.
    """
    reason = validate_reason(request.why)
    with open_registry(settings) as registry:
        folder = registry.store.find(request.bundle)
        name, bundle, answered_s = open_verified(folder)
        smoke_test = require_smoke_test(folder)
        with reading(registry.engine) as connection:
            newest = next(iter(read_decisions(connection, 1)), None)
            before = active_champion(connection)
        registry.store.copy_in(folder)
        if before == name:
            return PromotionResult(before, name, is_new=False)
        if not request.is_forced:
            require_real_model(bundle.card, newest)
        evidence = {
            **card_evidence(bundle.card),
            "prototype_s": round(answered_s, 3),
            "latency_ms": smoke_test.latency_ms,
            "is_forced": request.is_forced,
        }
        activate(registry, Decision(_now(), PROMOTE, before, name, name, BY_HAND, reason, evidence, ""))
    return PromotionResult(before, name, is_new=True)


def ledger(settings: Settings, max_rows: int) -> list[Decision]:
    """The newest decisions first. Raises: DatabaseFailed."""
    with open_registry(settings) as registry, reading(registry.engine) as connection:
        return read_decisions(connection, max_rows)


def require_real_model(card: Mapping[str, Any], newest: Decision | None) -> None:
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
