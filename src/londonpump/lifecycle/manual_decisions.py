"""What every decision by hand shares: a reason, the card's evidence, a line in the ledger. It loads no model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from londonpump.domain.errors import BadValue
from londonpump.registry.registry import Registry
from londonpump.storage.database import writing
from londonpump.storage.database.decision_repository import Decision

MAX_REASON_LENGTH = 2_000
BY_HAND = "by hand"
"""The verdict of a decision that no comparison asked for."""
CARD_FACTS = ("data_hash", "trained_from", "trained_until", "rows", "code_version")


@dataclass(frozen=True, slots=True)
class PromotionResult:
    """is_new: False where the model was on duty already, and nothing was changed."""

    before: str | None
    after: str
    is_new: bool


def activate(registry: Registry, decision: Decision) -> int:
    """Record a decision in a transaction of its own; who decides is the registry's actor unless it names one.

    Raises: as `Registry.record`.
    """
    named = {name: getattr(decision, name) for name in Decision.__slots__}
    named["actor"] = decision.actor or registry.actor
    with writing(registry.engine) as connection:
        return registry.record(connection, Decision(**named))


def validate_reason(why: str) -> str:
    """The reason without blanks around it. Raises: BadValue if it says nothing, or far too much."""
    reason = why.strip()
    if not reason:
        raise BadValue("--why", why, "says nothing. Whoever reads the ledger later wants to know")
    if len(reason) > MAX_REASON_LENGTH:
        raise BadValue("--why", f"{reason[:40]}...", f"has more than {MAX_REASON_LENGTH} characters")
    return reason


def card_evidence(card: Mapping[str, Any]) -> dict[str, Any]:
    """What the ledger keeps of the model that a decision leaves on duty."""
    return {
        "is_simulated": bool(card.get("is_simulated")),
        **{name: card.get(name) for name in CARD_FACTS},
    }
