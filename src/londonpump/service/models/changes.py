"""Change of the active model by a supervisor, with the checks, the smoke test and the ledger of the command line."""

import asyncio
import logging
from collections.abc import Callable

from londonpump.domain.errors import BadFile
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.decisions import ChampionChanged, decisions_about, was_active
from londonpump.registry import manual_decisions as registry
from londonpump.registry.ledger import has_comparison
from londonpump.service.errors import Conflict
from londonpump.service.rights import Person
from londonpump.service.state import Services
from londonpump.service.telemetry import log


async def promote_model(state: Services, person: Person, bundle: str, why: str) -> registry.PromotionResult:
    """Activate a model that was compared with a champion, or was active before. Raises: Conflict, DatabaseFailed."""
    if not await state.store.read(lambda connection: is_judged(connection, bundle)):
        raise Conflict(
            f"{bundle} was never compared with the active model (londonpump challenge) and never active, so that nothing is "
            "known of it. GET /v1/models/decisions lists those that were."
        )
    request = registry.PromotionRequest(bundle, why, actor=_actor(person))
    return await _change(state, bundle, lambda: registry.promote(state.settings, request))


async def roll_back_model(
    state: Services, person: Person, to: str | None, why: str
) -> registry.PromotionResult:
    """Activate an earlier champion again; without `to`, the one before. Raises: Conflict, DatabaseFailed."""
    request = registry.RollBackRequest(why, to, actor=_actor(person))
    return await _change(state, to or "the model before", lambda: registry.roll_back(state.settings, request))


def is_judged(connection: Connection, bundle: str) -> bool:
    """Return whether the promotion rule compared a challenger with a champion, or the model was ever active."""
    lines = decisions_about(connection, bundle)
    is_compared = any(line.challenger == bundle and has_comparison(line) for line in lines)
    return is_compared or was_active(connection, bundle)


async def _change(
    state: Services, bundle: str, work: Callable[[], registry.PromotionResult]
) -> registry.PromotionResult:
    # refused instead of queued: whoever waits decides on the model that was active when they looked
    if state.model_change.locked():
        raise Conflict("Another change of the model is being made. Look at its result, then decide again.")
    async with state.model_change:
        try:
            # in a thread: the smoke test runs for seconds in a process of its own
            result = await asyncio.to_thread(work)
        except registry.SimulatedModel as error:
            raise Conflict(
                f"{bundle} was trained on simulated records, and the active model on real ones: its times would not be real. "
                "Only the command line can activate it (londonpump models promote --force)."
            ) from error
        except (registry.NothingToRollBackTo, ChampionChanged) as error:
            raise Conflict(str(error)) from error
        except BadFile as error:
            # its text names folders of the machine
            log("model not activated", logging.WARNING, model=bundle, problem=str(error))
            raise Conflict(
                f"{bundle} cannot be used, so that nothing was changed. The log of the service says why."
            ) from error
        # this process answers with it from now on, and other replicas within seconds
        await state.champion.poll()
    return result


def _actor(person: Person) -> str:
    return f"api:{person.username}"
