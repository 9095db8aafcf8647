"""What cannot be: events out of their order, a pump sent while it is busy. Refusals are answered with what is so."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from londonpump.service.board.rules import (
    SENDABLE,
    Event,
    Mobilisation,
    PumpRow,
    PumpState,
    Report,
    State,
    state_of,
)
from londonpump.service.errors import Conflict

MAX_AHEAD = timedelta(minutes=5)
"""By how much the clock of a feed may be ahead of ours."""
MAX_BEHIND = timedelta(hours=4)
"""How late a person may report something. What is older is a slip of the date; a feed may bring what it stored."""
REQUIRED_BEFORE = {Event.LEFT: Event.ARRIVED}
"""What must be known before. A pump may arrive although nobody heard that it was mobile (radios fail), and it may
return from anywhere: it was stood down on its way."""


STATIONED_STATES = frozenset({State.AVAILABLE, State.STANDBY})
"""What a report may not make of a pump that is out: it could be sent a second time."""


def check_time(
    at: datetime, now: datetime, state: Mapping[str, Any] | None = None, *, is_feed: bool = False
) -> None:
    """Check that a moment can be reported now. is_feed: by an account of the role service.

    Raises: Conflict if it is more than 5 minutes ahead, or more than 4 hours ago and the account is no feed.
    """
    if at < now - MAX_BEHIND and not is_feed:
        raise Conflict(
            f"{_time_text(at)} is more than 4 hours ago (here it is {_time_text(now)}). Check the date and the offset from UTC. "
            "Only an account with the role service, a feed, reports what is older.",
            state,
        )
    if at > now + MAX_AHEAD:
        raise Conflict(
            f"{_time_text(at)} has not come yet (here it is {_time_text(now)}). Check the clock it came from.",
            state,
        )


def event_problem(event: Event, at: datetime, dispatch: Mobilisation, next_at: datetime | None) -> str | None:
    """Why an event that is not known yet cannot have been then; None if it can.

    next_at: when the pump was sent to another incident, after this one.
    """
    needed = REQUIRED_BEFORE.get(event)
    if needed is not None and dispatch.timestamp(needed) is None:
        return f"Nobody said when {dispatch.pump} was {_event_text(needed)}. Report that first."
    if at < dispatch.mobilised_at:
        return (
            f"{dispatch.pump} was mobilised at {_time_text(dispatch.mobilised_at)}, after {_time_text(at)}."
        )
    if next_at is not None and at > next_at:
        return (
            f"{dispatch.pump} was sent to another incident at {_time_text(next_at)}, before {_time_text(at)}."
        )
    order = list(Event)
    for known, timestamp in dispatch.known:
        is_before = order.index(known) < order.index(event)
        if at < timestamp if is_before else at > timestamp:
            when = "after" if is_before else "before"
            return f"{dispatch.pump} was {_event_text(known)} at {_time_text(timestamp)}, {when} {_time_text(at)}."
    return None


def sending_problem(
    pump: PumpState, before: Mobilisation | None, after: PumpState | None, at: datetime
) -> str | None:
    """Why a pump cannot have been mobilised then; None if it can. A pump on the road back can be sent again.

    pump: as it was then. before: its mobilisation until then, with all that is known of it now.
    after: what it does now, if it was mobilised again since.
    """
    if pump.state not in SENDABLE:
        where = f" for incident {pump.incident_number}" if pump.incident_number else ""
        return f"{pump.code} is {pump.state.replace('_', ' ')}{where}. Report what became of that first."
    if before is not None and before.as_of(at).is_out_at(at):
        # a feed sees it on its way back, and nobody said that it left
        return (
            f"{pump.code} is out for incident {before.incident_number}, by mobilisation {before.id}. Report what "
            "became of that first."
        )
    if before is not None and (before.last_heard_at > at or before.mobilised_at == at):
        return f"{pump.code} was still out for incident {before.incident_number} then."
    if after is not None and after.state not in SENDABLE:
        where = f" for incident {after.incident_number}" if after.incident_number else ""
        return f"{pump.code} was mobilised again since, and is {after.state.replace('_', ' ')}{where}."
    return None


def contradicting_mobilisation(row: PumpRow, report: Report, now: datetime) -> Mobilisation | None:
    """The mobilisation by which a pump is out now, if a report of later says that it could be sent; else None."""
    last = row.mobilisation
    if last is None or report.state not in STATIONED_STATES or report.at < last.mobilised_at:
        return None
    return last if last.is_out_at(now) else None


def still_out_text(pump: PumpState, dispatch: Mobilisation) -> str:
    """What to do where `contradicting_mobilisation` found a mobilisation. pump: as it is now."""
    return (
        f"{pump.code} is {pump.state.replace('_', ' ')}: it is out for incident {dispatch.incident_number} by mobilisation "
        f"{dispatch.id}. If it is back, report that first (POST /v1/mobilisations/{dispatch.id}/returned), or send this report "
        "with has_returned: true."
    )


def state_then(
    code: str, report: Report | None, before: Mobilisation | None, home: str, at: datetime
) -> PumpState:
    """What a pump did at a moment, from what is known now."""
    known = report if report is not None and report.at <= at else None
    return state_of(PumpRow(code, known, before and before.as_of(at)), home, at)


def _event_text(event: Event) -> str:
    return {Event.MOBILE: "mobile", Event.ARRIVED: "there", Event.LEFT: "gone", Event.RETURNED: "back"}[event]


def _time_text(at: datetime) -> str:
    # a clock that tells whole seconds can be behind one that does not, within the same second
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds").replace("+00:00", "Z")
