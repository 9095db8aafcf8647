"""Alarms in the database. Every function works inside the transaction of its caller."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, Select, or_, select, update

from londonpump.domain.json_values import JsonObject
from londonpump.persistence.database.engine import dialect_insert
from londonpump.persistence.database.schema import alarms, users

# Alarms that were cleared longer ago are no longer sent to the webhook.
NOTIFY_WITHIN = timedelta(days=7)
RAISED, CLEARED = "raised", "cleared"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that should raise an alarm."""

    alarm_type: str
    subject: str
    """An input, a station or a model; empty if it concerns the whole system."""
    severity: str
    message: str
    evidence: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as stored."""

    id: str
    raised_at: datetime
    cleared_at: datetime | None
    """None while the alarm is open."""
    alarm_type: str
    subject: str
    severity: str
    message: str
    evidence: JsonObject


@dataclass(frozen=True, slots=True)
class AlarmChanges:
    """Alarms that a check raised and cleared, and all that are open now."""

    raised: tuple[Alarm, ...]
    cleared: tuple[Alarm, ...]
    standing: tuple[Alarm, ...]


_COLUMNS = [alarms.c[name] for name in Alarm.__slots__]


class ListedAlarm(NamedTuple):
    """An alarm with the person who took note of it."""

    alarm: Alarm
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    """Name of the user."""


_LISTED = select(*_COLUMNS, alarms.c.acknowledged_at, users.c.username).join_from(
    alarms, users, users.c.id == alarms.c.acknowledged_by, isouter=True
)


def list_alarms(connection: Connection, at_most: int, *, is_open: bool) -> list[ListedAlarm]:
    """Return the open alarms, or those that were cleared, the newest first."""
    query = _LISTED.where(alarms.c.cleared_at.is_(None) if is_open else alarms.c.cleared_at.is_not(None))
    newest_first = query.order_by(alarms.c.raised_at.desc(), alarms.c.id)
    return [_listed(row) for row in connection.execute(newest_first.limit(at_most))]


def acknowledge_alarm(
    connection: Connection, alarm_id: str, user_id: str, at: datetime
) -> tuple[ListedAlarm | None, bool]:
    """Note who has seen an alarm. Returns: the alarm (None if there is none), and whether this was the first time."""
    # decided inside the statement: of two at once, the first one is kept
    unseen = update(alarms).where(alarms.c.id == alarm_id, alarms.c.acknowledged_at.is_(None))
    changed = connection.execute(unseen.values(acknowledged_at=at, acknowledged_by=user_id)).rowcount
    row = connection.execute(_LISTED.where(alarms.c.id == alarm_id)).one_or_none()
    return (None if row is None else _listed(row)), changed == 1


def _listed(row: Sequence[Any]) -> ListedAlarm:
    *of_alarm, acknowledged_at, acknowledged_by = row
    return ListedAlarm(Alarm(*of_alarm), acknowledged_at, acknowledged_by)


def standing_alarms(connection: Connection) -> list[Alarm]:
    """Return the open alarms, the oldest first."""
    return _read(connection, select(*_COLUMNS).where(alarms.c.cleared_at.is_(None)))


def alarms_between(connection: Connection, first_at: datetime, end_at: datetime) -> list[Alarm]:
    """Return the alarms that were open at any time of a period, the oldest first."""
    stood = or_(alarms.c.cleared_at.is_(None), alarms.c.cleared_at >= first_at)
    return _read(connection, select(*_COLUMNS).where(alarms.c.raised_at < end_at, stood))


def reconcile_alarms(
    connection: Connection, at: datetime, evaluated_types: Collection[str], conditions: Sequence[Condition]
) -> AlarmChanges:
    """Raise alarms of new conditions and clear those whose condition ended. Open alarms keep their first message.

    Args: evaluated_types: types that were checked; open alarms of other types stay.
    """
    before = {(alarm.alarm_type, alarm.subject): alarm for alarm in standing_alarms(connection)}
    now = {(condition.alarm_type, condition.subject): condition for condition in conditions}
    cleared_ids = [
        alarm.id for key, alarm in before.items() if alarm.alarm_type in evaluated_types and key not in now
    ]
    if cleared_ids:
        connection.execute(update(alarms).where(alarms.c.id.in_(cleared_ids)).values(cleared_at=at))
    raised_ids = {
        _insert_alarm(connection, at, condition) for key, condition in now.items() if key not in before
    }
    standing = standing_alarms(connection)
    cleared = _read(connection, select(*_COLUMNS).where(alarms.c.id.in_(cleared_ids))) if cleared_ids else []
    return AlarmChanges(
        tuple(alarm for alarm in standing if alarm.id in raised_ids), tuple(cleared), tuple(standing)
    )


def unsent_notifications(connection: Connection, at: datetime) -> list[tuple[str, Alarm]]:
    """Return (RAISED or CLEARED, alarm) for what the webhook has not accepted yet, in order of time."""
    is_news = or_(alarms.c.cleared_at.is_(None), alarms.c.cleared_at > at - NOTIFY_WITHIN)
    raised = _read(connection, select(*_COLUMNS).where(alarms.c.raised_sent_at.is_(None), is_news))
    is_cleared = alarms.c.cleared_at.is_not(None)
    cleared = _read(
        connection, select(*_COLUMNS).where(is_cleared, alarms.c.cleared_sent_at.is_(None), is_news)
    )
    events = [(RAISED, alarm, alarm.raised_at) for alarm in raised]
    events += [(CLEARED, alarm, alarm.cleared_at or at) for alarm in cleared]
    return [(event, alarm) for event, alarm, _ in sorted(events, key=lambda one: (one[2], one[0] == CLEARED))]


def mark_sent(connection: Connection, event: str, alarm_id: str, at: datetime) -> None:
    """Record that the webhook accepted the event."""
    connection.execute(update(alarms).where(alarms.c.id == alarm_id).values({f"{event}_sent_at": at}))


def _insert_alarm(connection: Connection, at: datetime, condition: Condition) -> str:
    row = {
        "id": uuid4().hex,
        "raised_at": at,
        "alarm_type": condition.alarm_type,
        "subject": condition.subject,
        "severity": condition.severity,
        "message": condition.message,
        "evidence": dict(condition.evidence),
    }
    # another process may have raised it in the meantime: its alarm stays
    connection.execute(
        dialect_insert(connection, alarms)
        .values(row)
        .on_conflict_do_nothing(
            index_elements=[alarms.c.alarm_type, alarms.c.subject], index_where=alarms.c.cleared_at.is_(None)
        )
    )
    return str(row["id"])


def _read(connection: Connection, query: Select[Any]) -> list[Alarm]:
    rows = connection.execute(query.order_by(alarms.c.raised_at, alarms.c.alarm_type, alarms.c.subject))
    return [Alarm(**row) for row in rows.mappings()]
