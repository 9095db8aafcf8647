"""Actions of `monitor`: log and send alarms, and propose or make a roll back when the live error leaves its band."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from londonpump.domain.errors import DatabaseFailed, LondonPumpError, SourceFailed
from londonpump.domain.json_values import JsonObject, to_json, view_of
from londonpump.evaluation.live import Band, BandRule
from londonpump.features.observations import FIRST_DAY
from londonpump.persistence.database import Engine, reading, writing
from londonpump.persistence.repositories.alarms import (
    Alarm,
    AlarmChanges,
    Condition,
    mark_sent,
    unsent_notifications,
)
from londonpump.persistence.repositories.decisions import ROLL_BACK, Decision
from londonpump.presentation.texts.monitor import AlarmView
from londonpump.registry.manual_decisions import PromotionResult, RollBackRequest
from londonpump.settings import Settings

LOG = logging.getLogger("londonpump.monitor")
Post = Callable[[str, JsonObject], None]


def log_changes(changes: AlarmChanges) -> None:
    """Log one line per alarm that was raised or cleared. An alarm that stays active is logged once."""
    for alarm in changes.raised:
        LOG.warning(
            "alarm raised: %s %s (%s): %s", alarm.alarm_type, alarm.subject, alarm.severity, alarm.message
        )
    for alarm in changes.cleared:
        LOG.warning("alarm cleared: %s %s", alarm.alarm_type, alarm.subject)


def send_unsent(settings: Settings, engine: Engine, at: datetime, post: Post) -> tuple[int, str | None]:
    """Send notifications that the webhook has not accepted yet. Returns: how many it accepted, and what failed.

    A notification that fails stays stored and is sent by the next run. Raises: DatabaseFailed.
    """
    if settings.alarm_webhook is None:
        return 0, None
    with reading(engine) as connection:
        waiting = unsent_notifications(connection, at)
    sent = 0
    for event, alarm in waiting:
        try:
            post(settings.alarm_webhook.get_secret_value(), webhook_payload(event, alarm))
        except SourceFailed as failed:
            LOG.warning("alarm not sent: %s", failed)
            # The order of events matters to the receiver: after a failure, the later ones wait too.
            return sent, f"{failed} {len(waiting) - sent} wait."
        # One transaction per notification, so that a crash repeats at most one of them.
        with writing(engine) as connection:
            mark_sent(connection, event, alarm.id, at)
        sent += 1
    return sent, None


def webhook_payload(event: str, alarm: Alarm) -> JsonObject:
    """Return the JSON body for the webhook. Chat programs show its field `text` as it is."""
    about = f"{alarm.alarm_type} {alarm.subject}".strip()
    text = (
        f"londonpump: {alarm.severity}: {alarm.message}"
        if event == "raised"
        else f"londonpump: cleared: {about}"
    )
    return {"event": event, "text": text, **to_json(view_of(AlarmView, alarm))}


LIVE = "live_error"
ACTOR = "monitor"
RollBackFunction = Callable[[Settings, RollBackRequest], PromotionResult]


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Active champion and newest decisions of the ledger, the newest first."""

    champion: str | None
    lines: tuple[Decision, ...]


def band_rule(settings: Settings) -> BandRule:
    """Return the error band of the settings."""
    return BandRule(mae_worse_pct=settings.roll_back_mae_pct, consecutive_days=settings.roll_back_days)


def react_to_band(
    settings: Settings,
    band: Band,
    model: str,
    at: datetime,
    ledger_state: LedgerState,
    roll_back_with: RollBackFunction,
) -> Condition | None:
    """Return the alarm of a model that has left its band; None if it has not.

    With LONDONPUMP_ROLL_BACK=auto the model is rolled back. What prevents that is part of the alarm.
    Args: model: the bundle that the band belongs to. Raises: DatabaseFailed.
    """
    if not band.has_left:
        return None
    reason = f"{band.days[-1].reason}, {len(band.days)} consecutive days"
    outcome = _outcome_text(settings, reason, model, at, ledger_state, roll_back_with, _evidence(band))
    return Condition(
        LIVE, model, "urgent", f"{model} has left its band: {reason}. {outcome}", _evidence(band)
    )


def _outcome_text(
    settings: Settings,
    reason: str,
    model: str,
    at: datetime,
    ledger_state: LedgerState,
    roll_back_with: RollBackFunction,
    evidence: JsonObject,
) -> str:
    obstacle = _no_roll_back_reason(settings, model, at, ledger_state)
    if obstacle:
        return f"{obstacle} Roll back by hand: {_command(reason)}"
    try:
        result = roll_back_with(
            settings, RollBackRequest(why=f"monitor: {reason}", actor=ACTOR, evidence=evidence)
        )
    except DatabaseFailed:
        raise
    except LondonPumpError as error:
        # The bundle does not load, there is no earlier model, or another decision came first: the alarm says so.
        return f"It could not be rolled back: {error}"
    return f"It was rolled back: {result.after} is active."


def _no_roll_back_reason(settings: Settings, model: str, at: datetime, ledger_state: LedgerState) -> str:
    if settings.roll_back != "auto":
        return "Nothing was changed."
    if ledger_state.champion != model:
        return f"{ledger_state.champion or 'No model'} is active by now; nothing was changed."
    # A second roll back soon after the first is left to people: two models that fail hint at the data.
    gap = timedelta(days=settings.roll_back_gap_days)
    recent = next(
        (line for line in ledger_state.lines if line.action == ROLL_BACK and line.decided_at > at - gap), None
    )
    if recent is not None:
        return f"There was a roll back on {recent.decided_at:%Y-%m-%d}, less than {gap.days} days ago; nothing was changed."
    return ""


def _command(reason: str) -> str:
    return f'londonpump models roll-back --why "{reason}"'


def _evidence(band: Band) -> JsonObject:
    # Stored evidence counts days since 1970; the JSON of the command has dates.
    days = [{**to_json(day), "day": (day.day - FIRST_DAY).days} for day in band.days]
    return {"evaluated_mae_s": band.evaluated_mae_s, "days": days}
