"""What follows when the model on duty has left its band: an alarm with the command, or, by a setting, the roll back."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from londonpump.domain.errors import DatabaseFailed, LondonPumpError
from londonpump.evaluation.live import Band, BandRule
from londonpump.lifecycle.promote import PromotionResult
from londonpump.lifecycle.roll_back import RollBackRequest
from londonpump.settings import Settings
from londonpump.storage.database.alarm_repository import Condition
from londonpump.storage.database.decision_repository import ROLL_BACK, Decision

LIVE = "live_error"
ACTOR = "monitor"
RollBackFunction = Callable[[Settings, RollBackRequest], PromotionResult]


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Who is on duty by the ledger now, and its lines, the newest first."""

    champion: str | None
    lines: tuple[Decision, ...]


def band_rule(settings: Settings) -> BandRule:
    """The band as the settings have it."""
    return BandRule(mae_worse_pct=settings.roll_back_mae_pct, consecutive_days=settings.roll_back_days)


def react_to_band(
    settings: Settings,
    band: Band,
    model: str,
    at: datetime,
    ledger_state: LedgerState,
    roll_back_with: RollBackFunction,
) -> Condition | None:
    """The alarm of a model that has left its band; None if it has not. With LONDONPUMP_ROLL_BACK=auto it is taken back.

    Args: judged: the model that the band is of. Raises: DatabaseFailed; whatever else keeps a roll back from being made is told.
    """
    if not band.has_left:
        return None
    reason = f"{band.days[-1].reason}, {len(band.days)} days one after another"
    done = _done(settings, reason, model, at, ledger_state, roll_back_with, _evidence(band))
    return Condition(LIVE, model, "urgent", f"{model} has left its band: {reason}. {done}", _evidence(band))


def _done(
    settings: Settings,
    reason: str,
    model: str,
    at: datetime,
    ledger_state: LedgerState,
    roll_back_with: RollBackFunction,
    evidence: dict[str, Any],
) -> str:
    obstacle = _no_roll_back_reason(settings, model, at, ledger_state)
    if obstacle:
        return f"{obstacle} Take it back by hand: {_command(reason)}"
    try:
        done = roll_back_with(
            settings, RollBackRequest(why=f"monitor: {reason}", actor=ACTOR, evidence=evidence)
        )
    except DatabaseFailed:
        raise
    except LondonPumpError as error:
        # a bundle that does not load, no earlier model, or somebody else decided meanwhile: the alarm says so
        return f"It could not be taken back: {error}"
    return f"It was taken back: {done.after} is on duty."


def _no_roll_back_reason(settings: Settings, model: str, at: datetime, ledger_state: LedgerState) -> str:
    if settings.roll_back != "auto":
        return "Nothing was changed."
    if ledger_state.champion != model:
        return f"{ledger_state.champion or 'No model'} is on duty by now; nothing was changed."
    gap = timedelta(days=settings.roll_back_gap_days)
    recent = next(
        (line for line in ledger_state.lines if line.action == ROLL_BACK and line.decided_at > at - gap), None
    )
    if recent is not None:
        return f"There was a roll back on {recent.decided_at:%Y-%m-%d} already, within {gap.days} days; nothing was changed."
    return ""


def _command(reason: str) -> str:
    return f'londonpump models roll-back --why "{reason}"'


def _evidence(band: Band) -> dict[str, Any]:
    return {"evaluated_mae_s": band.evaluated_mae_s, "days": [asdict(day) for day in band.days]}
