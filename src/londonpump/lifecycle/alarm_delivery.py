"""Alarms out of the house: a line in the log for each change, and the webhook for whatever it has not taken yet."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from londonpump.domain.errors import SourceFailed
from londonpump.settings import Settings
from londonpump.storage.database import reading, writing
from londonpump.storage.database.alarm_repository import Alarm, AlarmChanges, mark_sent, unsent_notifications

LOG = logging.getLogger("londonpump.monitor")
Post = Callable[[str, Mapping[str, Any]], None]


def log_changes(changes: AlarmChanges) -> None:
    """A line an alarm that was raised or cleared; one that stands is told once."""
    for alarm in changes.raised:
        LOG.warning("alarm raised: %s %s (%s): %s", alarm.kind, alarm.subject, alarm.severity, alarm.words)
    for alarm in changes.cleared:
        LOG.warning("alarm cleared: %s %s", alarm.kind, alarm.subject)


def send_unsent(settings: Settings, engine: Engine, at: datetime, post: Post) -> tuple[int, str | None]:
    """Send what the webhook has not taken. Returns: how many it took, and what went wrong; no failure goes further.

    What it did not take is kept and sent by the next run. Raises: DatabaseFailed.
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
            return sent, f"{failed} {len(waiting) - sent} wait."
        with writing(engine) as connection:
            mark_sent(connection, event, alarm.id, at)
        sent += 1
    return sent, None


def webhook_payload(event: str, alarm: Alarm) -> dict[str, Any]:
    """What the webhook gets. text: what chat programs show as it is."""
    about = f"{alarm.kind} {alarm.subject}".strip()
    text = (
        f"londonpump: {alarm.severity}: {alarm.words}"
        if event == "raised"
        else f"londonpump: cleared: {about}"
    )
    return {"event": event, "text": text, **alarm_json(alarm)}


def alarm_json(alarm: Alarm) -> dict[str, Any]:
    """An alarm as json-able values."""
    return {
        "id": alarm.id,
        "kind": alarm.kind,
        "subject": alarm.subject,
        "severity": alarm.severity,
        "words": alarm.words,
        "raised_at": alarm.raised_at.isoformat(),
        "cleared_at": alarm.cleared_at and alarm.cleared_at.isoformat(),
        "evidence": dict(alarm.evidence),
    }
