"""What follows when the model on duty has left its band: an alarm with the command, or, by a setting, the roll back."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from londonpump.brigade.errors import DatabaseFailed, LondonPumpError
from londonpump.evaluation.live_band import Band, BandRule
from londonpump.pipelines.promote import Promoted
from londonpump.pipelines.roll_back import RollBack
from londonpump.settings import Settings
from londonpump.storage.database.decision_rows import ROLL_BACK, Decision
from londonpump.storage.database.monitoring_rows import Condition

LIVE = "live_error"
ACTOR = "monitor"
TakeBack = Callable[[Settings, RollBack], Promoted]


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on duty by the ledger now, and its lines, the newest first."""

    champion: str | None
    lines: tuple[Decision, ...]


def band_rule(settings: Settings) -> BandRule:
    """The band as the settings have it."""
    return BandRule(mae_worse_pct=settings.roll_back_mae_pct, on_days=settings.roll_back_days)


def answer_to_band(
    settings: Settings, band: Band, judged: str, at: datetime, duty: Duty, take_back: TakeBack
) -> Condition | None:
    """The alarm of a model that has left its band; None if it has not. With LONDONPUMP_ROLL_BACK=auto it is taken back.

    Args: judged: the model that the band is of. Raises: DatabaseFailed; whatever else keeps a roll back from being made is told.
    """
    if not band.has_left:
        return None
    reason = f"{band.days[-1].reason}, {len(band.days)} days one after another"
    done = _done(settings, reason, judged, at, duty, take_back, _evidence(band))
    return Condition(LIVE, judged, "urgent", f"{judged} has left its band: {reason}. {done}", _evidence(band))


def _done(
    settings: Settings,
    reason: str,
    judged: str,
    at: datetime,
    duty: Duty,
    take_back: TakeBack,
    evidence: dict[str, Any],
) -> str:
    why_not = _why_not(settings, judged, at, duty)
    if why_not:
        return f"{why_not} Take it back by hand: {_command(reason)}"
    try:
        done = take_back(settings, RollBack(why=f"monitor: {reason}", actor=ACTOR, evidence=evidence))
    except DatabaseFailed:
        raise
    except LondonPumpError as error:
        # a bundle that does not load, no earlier model, or somebody else decided meanwhile: the alarm says so
        return f"It could not be taken back: {error}"
    return f"It was taken back: {done.after} is on duty."


def _why_not(settings: Settings, judged: str, at: datetime, duty: Duty) -> str:
    if settings.roll_back != "auto":
        return "Nothing was changed."
    if duty.champion != judged:
        return f"{duty.champion or 'No model'} is on duty by now; nothing was changed."
    gap = timedelta(days=settings.roll_back_gap_days)
    recent = next(
        (line for line in duty.lines if line.action == ROLL_BACK and line.decided_at > at - gap), None
    )
    if recent is not None:
        return f"There was a roll back on {recent.decided_at:%Y-%m-%d} already, within {gap.days} days; nothing was changed."
    return ""


def _command(reason: str) -> str:
    return f'londonpump models roll-back --why "{reason}"'


def _evidence(band: Band) -> dict[str, Any]:
    return {"evaluated_mae_s": band.evaluated_mae_s, "days": [asdict(day) for day in band.days]}
