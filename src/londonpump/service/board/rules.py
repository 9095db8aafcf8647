"""Pure rules that derive the state of a pump from reports and events, and that reject impossible events.

Every replica derives the same state from the database. The reported times decide, never the order of arrival. The
newest event of a pump's newest mobilisation counts, unless a report about the pump is later. `off_run` and `standby`
last until another report, so they apply again when the pump is back. A busy pump without news for 4 h is unknown.

A pump that is out by its mobilisation stays out until an event of that mobilisation ends it. A report that it is
available, on standby or unknown does not allow sending it a second time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from londonpump.domain.mobilisations import (
    BUSY,
    MAX_SILENCE,
    RANKED,
    SENDABLE,
    Event,
    Mobilisation,
    PumpRow,
    Report,
    Reporter,
    State,
)

MAX_AHEAD = timedelta(minutes=5)
"""Tolerance for a feed whose clock is ahead of ours."""
MAX_BEHIND = timedelta(hours=4)
"""Limit for reports by people: an older time is probably a wrong date. A feed may send what it stored during a gap."""


@dataclass(frozen=True, slots=True)
class PumpState:
    """State of a pump at a time."""

    code: str
    state: State
    station_code: str
    """Station where the pump is; on the road, the station from which it set out or its home."""
    home_station_code: str
    reported_at: datetime | None = None
    """Time of the fact that decides the state; None if there is none."""
    incident_number: str | None = None
    """Incident that the pump is out for."""
    mobilisation_id: str | None = None
    reason: str | None = None
    reporter: Reporter | None = None
    """Who recorded that fact, as far as it is known."""

    @property
    def is_assumed(self) -> bool:
        """True if the state is unknown and the pump is ranked as available."""
        return self.state is State.UNKNOWN


def state_of(row: PumpRow, home: str, at: datetime) -> PumpState:
    """Return the state of a pump at a time. home: code of its station."""
    report, last = row.report, row.mobilisation
    # at equal times the mobilisation counts: treating a pump as out is the safer error
    if last is not None and (report is None or last.last_heard_at >= report.at):
        return _by_mobilisation(row, last, report, home, at)
    # a later report that would free a pump which is still out does not count
    if last is not None and report is not None and report.state in RANKED and last.is_out_at(at):
        return _by_mobilisation(row, last, None, home, at)
    if report is None:
        return PumpState(row.code, State.UNKNOWN, home, home)
    if report.state in BUSY and at - report.at >= MAX_SILENCE:
        return PumpState(row.code, State.UNKNOWN, home, home, report.at)
    return PumpState(
        row.code,
        report.state,
        report.station_code or home,
        home,
        report.at,
        report.incident_number,
        reason=report.reason,
        reporter=row.report_by,
    )


def _by_mobilisation(
    row: PumpRow, last: Mobilisation, report: Report | None, home: str, at: datetime
) -> PumpState:
    station = (report and report.station_code) or home
    state, last_heard_at = last.state_at(at), last.last_heard_at
    if state in BUSY:
        return PumpState(
            last.pump,
            state,
            station,
            home,
            last_heard_at,
            last.incident_number,
            last.id,
            reporter=row.mobilisation_by,
        )
    # an older report applies again after the return; a pump without news is at most known to be off the run
    lasting = {State.OFF_RUN, State.STANDBY} if state is State.AVAILABLE else {State.OFF_RUN}
    if report is not None and report.state in lasting:
        return PumpState(last.pump, report.state, station, home, last_heard_at, reason=report.reason)
    return PumpState(last.pump, state, station, home, last_heard_at)


REQUIRED_BEFORE = {Event.LEFT: Event.ARRIVED}
"""Event that must be known before another one. A pump may arrive without a report that it was mobile, because radios
fail, and it may return without having arrived, if it was stood down on its way."""


STATIONED_STATES = frozenset({State.AVAILABLE, State.STANDBY})
"""States that a report cannot give to a pump that is out, because it could then be sent a second time."""


def time_problem(at: datetime, now: datetime, *, is_feed: bool = False) -> str | None:
    """Return why a time cannot be reported now, or None if it can. Feeds may report any past time."""
    if at < now - MAX_BEHIND and not is_feed:
        return (
            f"{_time_text(at)} is more than 4 hours ago (the service's time is {_time_text(now)}). Check the date and the "
            "offset from UTC. Only a feed, an account with the role service, may report older times."
        )
    if at > now + MAX_AHEAD:
        return f"{_time_text(at)} is in the future (the service's time is {_time_text(now)}). Check the clock of the sender."
    return None


def event_problem(event: Event, at: datetime, dispatch: Mobilisation, next_at: datetime | None) -> str | None:
    """Return why a new event cannot have happened at a time; None if it can.

    next_at: when the pump was sent to the next incident.
    """
    needed = REQUIRED_BEFORE.get(event)
    if needed is not None and dispatch.timestamp(needed) is None:
        return f"It was not reported when {dispatch.pump} was {_event_text(needed)}. Report that first."
    if at < dispatch.mobilised_at:
        return (
            f"{dispatch.pump} was mobilised at {_time_text(dispatch.mobilised_at)}, after {_time_text(at)}."
        )
    if next_at is not None and at > next_at:
        return (
            f"{dispatch.pump} was sent to another incident at {_time_text(next_at)}, before {_time_text(at)}."
        )
    # compare with every known event: a feed may report events late and in any order
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
    """Return why a pump cannot have been mobilised at a time; None if it can. A returning pump can be sent again.

    pump: its state at that time. before: its previous mobilisation, with all events known now.
    after: its present state, if it was mobilised again since.
    """
    if pump.state not in SENDABLE:
        where = f" for incident {pump.incident_number}" if pump.incident_number else ""
        return f"{pump.code} is {pump.state.replace('_', ' ')}{where}. Report its next event first."
    if before is not None and before.as_of(at).is_out_at(at):
        # a feed reported it as returning, but the mobilisation has no such event
        return (
            f"{pump.code} is out for incident {before.incident_number} by mobilisation {before.id}. Report its next "
            "event first."
        )
    if before is not None and (before.last_heard_at > at or before.mobilised_at == at):
        return f"{pump.code} was still out for incident {before.incident_number} at that time."
    if after is not None and after.state not in SENDABLE:
        where = f" for incident {after.incident_number}" if after.incident_number else ""
        return (
            f"{pump.code} was mobilised again after that time, and is {after.state.replace('_', ' ')}{where}."
        )
    return None


def contradicting_mobilisation(row: PumpRow, report: Report, now: datetime) -> Mobilisation | None:
    """Return the mobilisation by which a pump is out, if a later report says that the pump could be sent; else None."""
    last = row.mobilisation
    # a report from before the mobilisation does not contradict it
    if last is None or report.state not in STATIONED_STATES or report.at < last.mobilised_at:
        return None
    return last if last.is_out_at(now) else None


def is_silent(row: PumpRow, at: datetime) -> bool:
    """Return whether a pump neither left nor returned by its newest mobilisation, and had no event for 4 h.

    A later report that it is at a station is news of it.
    """
    last, report = row.mobilisation, row.report
    if last is None or last.state_at(at) is not State.UNKNOWN or last.last[0] is Event.LEFT:
        return False
    return report is None or report.state not in STATIONED_STATES or report.at <= last.last_heard_at


def still_out_text(pump: PumpState, dispatch: Mobilisation) -> str:
    """Return the error text for a mobilisation that `contradicting_mobilisation` found. pump: its present state."""
    return (
        f"{pump.code} is {pump.state.replace('_', ' ')}: it is out for incident {dispatch.incident_number} by mobilisation "
        f"{dispatch.id}. If it is back, report that first (POST /v1/mobilisations/{dispatch.id}/returned), or send this report "
        "with has_returned: true."
    )


def state_then(
    code: str, report: Report | None, before: Mobilisation | None, home: str, at: datetime
) -> PumpState:
    """Return the state of a pump at a past time, from what is known now."""
    known = report if report is not None and report.at <= at else None
    return state_of(PumpRow(code, known, before and before.as_of(at)), home, at)


def _event_text(event: Event) -> str:
    return {Event.MOBILE: "mobile", Event.ARRIVED: "there", Event.LEFT: "gone", Event.RETURNED: "back"}[event]


def _time_text(at: datetime) -> str:
    # milliseconds matter: without them an event can seem to be at the same time as the one that it contradicts
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds").replace("+00:00", "Z")
