"""Decisions by hand: promote a bundle, or roll back to an earlier champion, and record it in the ledger."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from londonpump.domain.bundle_card import BundleCard, CardFacts
from londonpump.domain.errors import BadFile, BadValue, LondonPumpError
from londonpump.domain.json_values import JsonObject, from_stored, to_json, view_of
from londonpump.persistence.database import reading, writing
from londonpump.persistence.repositories.decisions import (
    PROMOTE,
    ROLL_BACK,
    Decision,
    active_champion,
    previous_champion,
    read_decisions,
    was_active,
)
from londonpump.registry.bundle_store import require_smoke_test
from londonpump.registry.ledger import Registry, open_registry
from londonpump.roads.table import CARD as ROADS_CARD
from londonpump.settings import Settings

MAX_REASON_LENGTH = 2_000
BY_HAND = "by hand"
"""Verdict of a decision without a comparison."""


@dataclass(frozen=True, slots=True)
class ByHandEvidence:
    """Evidence of a promotion by hand beside the facts of the card."""

    self_test_s: float
    latency_ms: float | None
    is_forced: bool


@dataclass(frozen=True, slots=True)
class PromotionResult:
    """Active model before and after a decision."""

    before: str | None
    after: str
    is_new: bool  # False if the model was active already, and nothing was changed


def activate(registry: Registry, decision: Decision) -> int:
    """Record a decision in its own transaction; its actor is that of the registry unless it names one.

    Raises: as `Registry.record`.
    """
    with writing(registry.engine) as connection:
        return registry.record(connection, replace(decision, actor=decision.actor or registry.actor))


def validate_reason(why: str) -> str:
    """Return the reason without surrounding blanks. Raises: BadValue if it is empty or far too long."""
    reason = why.strip()
    if not reason:
        raise BadValue("--why", why, "is empty. Give the reason; it is kept in the ledger")
    if len(reason) > MAX_REASON_LENGTH:
        raise BadValue("--why", f"{reason[:40]}...", f"has more than {MAX_REASON_LENGTH} characters")
    return reason


def card_facts(card: BundleCard) -> CardFacts:
    """Return the facts that the ledger keeps; a card that does not say otherwise is of a real model."""
    return replace(view_of(CardFacts, card), is_simulated=bool(card.is_simulated))


class SimulatedModel(LondonPumpError):
    """A simulated model must not replace one that was trained on real records."""


@dataclass(frozen=True, slots=True)
class PromotionRequest:
    """Request to activate a bundle by hand."""

    bundle: str  # a folder, or a hash in the store of bundles
    why: str
    is_forced: bool = False  # a simulated model may replace a real one
    actor: str = ""  # empty: the user who runs the command


def promote(settings: Settings, request: PromotionRequest) -> PromotionResult:
    """Activate a model.

    Raises: BadFile if it cannot be used; SimulatedModel; ChampionChanged if another decision was recorded meanwhile;
    BadValue for an empty reason; DatabaseFailed.
    """
    # A roll back must be quick, so only a promotion loads the libraries of the models.
    from londonpump.persistence.verified_bundle import open_verified  # noqa: PLC0415
    from londonpump.roads.bundles import with_roads  # noqa: PLC0415

    reason = validate_reason(request.why)
    with open_registry(settings) as registry:
        folder = registry.store.find(request.bundle)
        name, bundle, answered_s = open_verified(folder)
        # the service would refuse to start with a model whose roads are not here
        with_roads(bundle, settings.roads)
        card = from_stored(BundleCard, to_json(bundle.card))
        smoke_test = require_smoke_test(folder)
        with reading(registry.engine) as connection:
            newest = next(iter(read_decisions(connection, 1)), None)
            before = active_champion(connection)
        # Copy before the ledger names it: the service loads the active bundle from the store within seconds.
        registry.store.copy_in(folder)
        if before == name:
            return PromotionResult(before, name, is_new=False)
        if not request.is_forced:
            require_real_model(card, newest)
        by_hand = ByHandEvidence(round(answered_s, 3), smoke_test.latency_ms, request.is_forced)
        evidence = {**to_json(card_facts(card)), **to_json(by_hand)}
        line = Decision(_now(), PROMOTE, before, name, name, BY_HAND, reason, evidence, request.actor)
        activate(registry, line)
    return PromotionResult(before, name, is_new=True)


def ledger(settings: Settings, max_rows: int) -> list[Decision]:
    """Return the newest decisions, the newest first. Raises: DatabaseFailed."""
    with open_registry(settings) as registry, reading(registry.engine) as connection:
        return read_decisions(connection, max_rows)


def require_real_model(card: BundleCard, newest: Decision | None) -> None:
    """Reject a simulated model if the active one is real or of unknown origin. Raises: SimulatedModel."""
    if not card.is_simulated or newest is None or newest.champion_after is None:
        return
    if not newest.evidence.get("is_simulated", False):
        raise SimulatedModel(
            f"This model was trained on simulated records, and the active model {newest.champion_after} on real ones: "
            "its times would not be real. Give --force if that is intended."
        )


def _now() -> datetime:
    return datetime.now(UTC)


class NothingToRollBackTo(LondonPumpError):
    """No earlier champion can replace the active model."""


@dataclass(frozen=True, slots=True)
class RollBackRequest:
    """Request to activate an earlier champion again."""

    why: str
    to: str | None = None  # hash of an earlier champion; None: the one that the active model replaced
    actor: str = ""  # empty: the user who runs the command
    evidence: JsonObject = field(default_factory=dict)  # JSON values that support the decision


def roll_back(settings: Settings, request: RollBackRequest) -> PromotionResult:
    """Activate an earlier champion again.

    The bundle is tested in a fresh process; this process loads no model, so it is quick.
    Raises: NothingToRollBackTo; BadFile if that bundle does not load; BadValue for an empty reason;
    ChampionChanged if another decision was recorded meanwhile; DatabaseFailed.
    """
    reason = validate_reason(request.why)
    with open_registry(settings) as registry:
        before, to = _from_to(registry, request.to)
        if before == to:
            return PromotionResult(before, to, is_new=False)
        card = _card_of(registry, before, to)
        _require_roads(card, to, settings.roads, before)
        evidence = {**to_json(card_facts(card)), **request.evidence}
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
                    f"{to} was never active. See londonpump models list, or activate it: londonpump models promote."
                )
            return before, to
        found = None if before is None else previous_champion(connection, before)
    if found is None:
        raise NothingToRollBackTo(
            f"No model was active before {before or 'now'}. Name one: londonpump models promote BUNDLE --why TEXT."
        )
    return before, found


def _require_roads(card: BundleCard, to: str, roads: Path, before: str | None) -> None:
    """Raise BadFile where the table of roads of a bundle is missing: no replica could start with it."""
    name = str(card.roads["name"]) if card.roads else ""
    # only looked for, as opening it needs the libraries of the models, and a roll back must be quick
    if name and not (roads / name / ROADS_CARD).exists():
        problem = f"lacks the table of roads {name} that {to} was trained with"
        raise BadFile(
            roads, problem, f"The active model stays {before or 'none'}. Bring that table back from a backup."
        )


def _card_of(registry: Registry, before: str | None, to: str) -> BundleCard:
    try:
        require_smoke_test(registry.store.folder(to))
        return from_stored(BundleCard, registry.store.read(to).card)
    except BadFile as error:
        stays = f"The active model stays {before or 'none'}. Copy the whole bundle there again, or name another with --to."
        raise BadFile(error.file, error.problem, stays) from error
