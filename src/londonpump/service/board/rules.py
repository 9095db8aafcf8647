"""What a pump does, from what was said of it: pure, so that every replica derives the same from the database.

`at` decides, never the order in which messages came. A pump's newest mobilisation by `mobilised_at` speaks for it
with the newest of its moments, unless a report about the pump is later. `off_run` and `standby` last until another
report: they stand again when the pump is back. Whoever is busy and unheard of for 4 h is unknown.

A pump that is out by its mobilisation stays out until an event of that mobilisation says otherwise: a report that it
is available, on standby or unknown does not make it one that can be sent a second time.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

MAX_SILENCE = timedelta(hours=4)


class State(StrEnum):
    """What a pump does."""

    AVAILABLE = "available"
    MOBILISED = "mobilised"
    MOBILE = "mobile"
    AT_INCIDENT = "at_incident"
    RETURNING = "returning"
    STANDBY = "standby"
    OFF_RUN = "off_run"
    UNKNOWN = "unknown"


class Event(StrEnum):
    """What becomes of a mobilisation, in the order in which it can."""

    MOBILE = "mobile"
    ARRIVED = "arrived"
    LEFT = "left"
    RETURNED = "returned"


OUT = frozenset({State.MOBILISED, State.MOBILE, State.AT_INCIDENT})
BUSY = OUT | {State.RETURNING}
RANKED = frozenset({State.AVAILABLE, State.STANDBY, State.UNKNOWN})
"""A pump on the road back may be sent too, but nobody knows where it is: it is not ranked."""
SENDABLE = RANKED | {State.RETURNING}
STATE_AFTER = {Event.MOBILE: State.MOBILE, Event.ARRIVED: State.AT_INCIDENT, Event.LEFT: State.RETURNING}


@dataclass(frozen=True, slots=True)
class Mobilisation:
    """One pump sent to one incident, and its moments as far as they are known."""

    id: str
    incident_number: str
    pump: str
    mobilised_at: datetime
    mobile_at: datetime | None = None
    arrived_at: datetime | None = None
    left_at: datetime | None = None
    returned_at: datetime | None = None

    def timestamp(self, event: Event) -> datetime | None:
        """When it was, or None if nobody said so."""
        timestamp: datetime | None = getattr(self, f"{event}_at")
        return timestamp

    @property
    def known(self) -> tuple[tuple[Event, datetime], ...]:
        """The moments that are known, in the order of the events, which is that of time too."""
        return tuple((event, at) for event, at in self._timestamps() if at is not None)

    @property
    def last(self) -> tuple[Event | None, datetime]:
        """Its newest moment, and what that was; None for its beginning."""
        for event, at in reversed(self._timestamps()):
            if at is not None:
                return event, at
        return None, self.mobilised_at

    @property
    def last_heard_at(self) -> datetime:
        """Its newest moment."""
        return self.last[1]

    def is_out_at(self, at: datetime) -> bool:
        """Whether its pump is out by it: sent, and neither on the way back nor unheard of for 4 h."""
        return self.state_at(at) in OUT

    def state_at(self, at: datetime) -> State:
        """What its pump does by it; `available` once it returned."""
        last, last_heard_at = self.last
        if last is Event.RETURNED:
            return State.AVAILABLE
        if at - last_heard_at >= MAX_SILENCE:
            return State.UNKNOWN
        return STATE_AFTER[last] if last else State.MOBILISED

    def _timestamps(self) -> tuple[tuple[Event, datetime | None], ...]:
        return (
            (Event.MOBILE, self.mobile_at),
            (Event.ARRIVED, self.arrived_at),
            (Event.LEFT, self.left_at),
            (Event.RETURNED, self.returned_at),
        )

    def as_of(self, at: datetime) -> Self:
        """As it was at a moment: without what came later."""
        later: dict[str, Any] = {f"{event}_at": None for event, timestamp in self.known if timestamp > at}
        return replace(self, **later) if later else self


@dataclass(frozen=True, slots=True)
class Report:
    """What was said of a pump, by a person or a feed. station_code: where it is on standby."""

    at: datetime
    state: State
    station_code: str | None = None
    incident_number: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PumpRow:
    """All that is stored of a pump and counts."""

    code: str
    report: Report | None
    mobilisation: Mobilisation | None


@dataclass(frozen=True, slots=True)
class PumpState:
    """A pump now. station_code: where it stands; where it set out from, or its home, while it is on the road.

    reported_at: the moment of what it follows from; None if nothing was ever said. mobilisation_id,
    incident_number: of what it is out for.
    """

    code: str
    state: State
    station_code: str
    home_station_code: str
    reported_at: datetime | None = None
    incident_number: str | None = None
    mobilisation_id: str | None = None
    reason: str | None = None

    @property
    def is_assumed(self) -> bool:
        """Whether it is ranked as available although nobody knows."""
        return self.state is State.UNKNOWN


def state_of(row: PumpRow, home: str, at: datetime) -> PumpState:
    """What a pump does at a moment. home: the code of its station."""
    report, last = row.report, row.mobilisation
    if last is not None and (report is None or last.last_heard_at >= report.at):
        return _by_mobilisation(last, report, home, at)
    if last is not None and report is not None and report.state in RANKED and last.is_out_at(at):
        return _by_mobilisation(last, None, home, at)
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
    )


def _by_mobilisation(last: Mobilisation, report: Report | None, home: str, at: datetime) -> PumpState:
    station = (report and report.station_code) or home
    state, last_heard_at = last.state_at(at), last.last_heard_at
    if state in BUSY:
        return PumpState(last.pump, state, station, home, last_heard_at, last.incident_number, last.id)
    lasting = {State.OFF_RUN, State.STANDBY} if state is State.AVAILABLE else {State.OFF_RUN}
    if report is not None and report.state in lasting:
        return PumpState(last.pump, report.state, station, home, last_heard_at, reason=report.reason)
    return PumpState(last.pump, state, station, home, last_heard_at)


MAX_AHEAD = timedelta(minutes=5)
"""By how much the clock of a feed may be ahead of ours."""
MAX_BEHIND = timedelta(hours=4)
"""How late a person may report something. What is older is a slip of the date; a feed may bring what it stored."""
REQUIRED_BEFORE = {Event.LEFT: Event.ARRIVED}
"""What must be known before. A pump may arrive although nobody heard that it was mobile (radios fail), and it may
return from anywhere: it was stood down on its way."""


STATIONED_STATES = frozenset({State.AVAILABLE, State.STANDBY})
"""What a report may not make of a pump that is out: it could be sent a second time."""


def time_problem(at: datetime, now: datetime, *, is_feed: bool = False) -> str | None:
    """Return why a time cannot be reported now, or None if it can. Feeds may report any past time."""
    if at < now - MAX_BEHIND and not is_feed:
        return (
            f"{_time_text(at)} is more than 4 hours ago (here it is {_time_text(now)}). Check the date and the offset from UTC. "
            "Only an account with the role service, a feed, reports what is older."
        )
    if at > now + MAX_AHEAD:
        return (
            f"{_time_text(at)} has not come yet (here it is {_time_text(now)}). Check the clock it came from."
        )
    return None


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
