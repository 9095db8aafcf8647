"""Take the model on duty back: an earlier champion that still loads and answers is named in a new line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from londonpump.brigade.errors import BadFile, LondonPumpError
from londonpump.pipelines.deciding import BY_HAND, Promoted, card_evidence, put_on_duty, reason_of
from londonpump.registry.ledger import one_before, was_on_duty
from londonpump.registry.registry import Registry, open_registry
from londonpump.registry.trial import demand_trial
from londonpump.settings import Settings
from londonpump.storage.database import reading
from londonpump.storage.database.decision_rows import ROLL_BACK, Decision, champion_on_duty


class NothingToRollBackTo(LondonPumpError):
    """No earlier champion can take the place of the model on duty."""


@dataclass(frozen=True, slots=True)
class RollBack:
    """to: an earlier champion by its hash; None: the one that the model on duty took the place of.

    actor: who decides, if not the person who runs the command. evidence: what stands behind it, as json.
    """

    why: str
    to: str | None = None
    actor: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


def roll_back(settings: Settings, asked: RollBack) -> Promoted:
    """Put an earlier champion on duty again.

    It is loaded whole and answers its example in a fresh process; this one loads no model, so it is quick.
    Raises: NothingToRollBackTo; BadFile if that bundle does not load; BadValue for a reason that is none;
    ChampionChanged if somebody else decided meanwhile; DatabaseFailed.
    """
    reason = reason_of(asked.why)
    with open_registry(settings) as registry:
        before, to = _from_to(registry, asked.to)
        if before == to:
            return Promoted(before, to, is_new=False)
        card = _card_of(registry, before, to)
        evidence = {**card_evidence(card), **asked.evidence}
        now = datetime.now(UTC)
        put_on_duty(
            registry,
            Decision(now, ROLL_BACK, before, to, None, BY_HAND, reason, evidence, asked.actor),
        )
    return Promoted(before, to, is_new=True)


def _from_to(registry: Registry, to: str | None) -> tuple[str | None, str]:
    with reading(registry.engine) as connection:
        before = champion_on_duty(connection)
        if to is not None:
            if not was_on_duty(connection, to):
                raise NothingToRollBackTo(
                    f"{to}: was never on duty. See londonpump models list, or put it on duty: londonpump models promote."
                )
            return before, to
        found = None if before is None else one_before(connection, before)
    if found is None:
        raise NothingToRollBackTo(
            f"No model was on duty before {before or 'now'}. Name one: londonpump models promote BUNDLE --why TEXT."
        )
    return before, found


def _card_of(registry: Registry, before: str | None, to: str) -> dict[str, Any]:
    try:
        demand_trial(registry.store.folder(to))
        return registry.store.told(to).card
    except BadFile as error:
        stays = f"{before or 'no model'} stays on duty. Copy the bundle there again whole, or name another with --to."
        raise BadFile(error.file, error.problem, stays) from error
