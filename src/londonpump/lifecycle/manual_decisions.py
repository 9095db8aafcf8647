"""Put a model on duty: it shows that it loads and answers, stands in the store of bundles, and the ledger names it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from londonpump.domain.errors import BadFile, BadValue, LondonPumpError
from londonpump.registry.bundle_store import require_smoke_test
from londonpump.registry.ledger import Registry, open_registry, previous_champion, was_active
from londonpump.settings import Settings
from londonpump.storage.database import reading, writing
from londonpump.storage.database.decision_repository import (
    PROMOTE,
    ROLL_BACK,
    Decision,
    active_champion,
    read_decisions,
)

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
    # A roll back must be quick, so only a promotion loads the libraries of the models.
    from londonpump.storage.verified_bundle import open_verified  # noqa: PLC0415

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


class NothingToRollBackTo(LondonPumpError):
    """No earlier champion can take the place of the model on duty."""


@dataclass(frozen=True, slots=True)
class RollBackRequest:
    """to: an earlier champion by its hash; None: the one that the model on duty took the place of.

    actor: who decides, if not the person who runs the command. evidence: what stands behind it, as json.
    """

    why: str
    to: str | None = None
    actor: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


def roll_back(settings: Settings, request: RollBackRequest) -> PromotionResult:
    """Put an earlier champion on duty again.

    It is loaded whole and answers its example in a fresh process; this one loads no model, so it is quick.
    Raises: NothingToRollBackTo; BadFile if that bundle does not load; BadValue for a reason that is none;
    ChampionChanged if somebody else decided meanwhile; DatabaseFailed.
    """
    reason = validate_reason(request.why)
    with open_registry(settings) as registry:
        before, to = _from_to(registry, request.to)
        if before == to:
            return PromotionResult(before, to, is_new=False)
        card = _card_of(registry, before, to)
        evidence = {**card_evidence(card), **request.evidence}
        now = datetime.now(UTC)
        activate(
            registry,
            Decision(now, ROLL_BACK, before, to, None, BY_HAND, reason, evidence, request.actor),
        )
    return PromotionResult(before, to, is_new=True)


def _from_to(registry: Registry, to: str | None) -> tuple[str | None, str]:
    with reading(registry.engine) as connection:
        before = active_champion(connection)
        if to is not None:
            if not was_active(connection, to):
                raise NothingToRollBackTo(
                    f"{to}: was never on duty. See londonpump models list, or put it on duty: londonpump models promote."
                )
            return before, to
        found = None if before is None else previous_champion(connection, before)
    if found is None:
        raise NothingToRollBackTo(
            f"No model was on duty before {before or 'now'}. Name one: londonpump models promote BUNDLE --why TEXT."
        )
    return before, found


def _card_of(registry: Registry, before: str | None, to: str) -> dict[str, Any]:
    try:
        require_smoke_test(registry.store.folder(to))
        return registry.store.read(to).card
    except BadFile as error:
        stays = f"{before or 'no model'} stays on duty. Copy the bundle there again whole, or name another with --to."
        raise BadFile(error.file, error.problem, stays) from error
