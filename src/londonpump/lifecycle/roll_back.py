"""Take the model on duty back: an earlier champion that still loads and answers is named in a new line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from londonpump.domain.errors import BadFile, LondonPumpError
from londonpump.lifecycle.manual_decisions import (
    BY_HAND,
    PromotionResult,
    activate,
    card_evidence,
    validate_reason,
)
from londonpump.registry.ledger import previous_champion, was_active
from londonpump.registry.registry import Registry, open_registry
from londonpump.registry.smoke_test import require_smoke_test
from londonpump.settings import Settings
from londonpump.storage.database import reading
from londonpump.storage.database.decision_repository import ROLL_BACK, Decision, active_champion


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
