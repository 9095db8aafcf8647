"""States of pumps, events of mobilisations, and the stored facts about them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Self

# an incident rarely keeps a pump for longer; without a limit one lost radio message would block a pump for ever
MAX_SILENCE = timedelta(hours=4)
RECENT_WINDOW = timedelta(minutes=30)


class State(StrEnum):
    """State of a pump."""

    AVAILABLE = "available"
    MOBILISED = "mobilised"
    MOBILE = "mobile"
    AT_INCIDENT = "at_incident"
    RETURNING = "returning"
    STANDBY = "standby"
    OFF_RUN = "off_run"
    UNKNOWN = "unknown"


class Event(StrEnum):
    """Event of a mobilisation, in the order in which they can happen."""

    MOBILE = "mobile"
    ARRIVED = "arrived"
    LEFT = "left"
    RETURNED = "returned"


OUT = frozenset({State.MOBILISED, State.MOBILE, State.AT_INCIDENT})
BUSY = OUT | {State.RETURNING}
RANKED = frozenset({State.AVAILABLE, State.STANDBY, State.UNKNOWN})
"""States of ranked pumps. A returning pump may be sent too, but its location is unknown, so it is not ranked."""
SENDABLE = RANKED | {State.RETURNING}
STATE_AFTER = {Event.MOBILE: State.MOBILE, Event.ARRIVED: State.AT_INCIDENT, Event.LEFT: State.RETURNING}


@dataclass(frozen=True, slots=True)
class Mobilisation:
    """One pump sent to one incident, with the known times of its events."""

    id: str
    incident_number: str
    pump: str
    mobilised_at: datetime
    mobile_at: datetime | None = None
    arrived_at: datetime | None = None
    left_at: datetime | None = None
    returned_at: datetime | None = None
    withdrawn_at: datetime | None = None
    """When it was withdrawn because it had been recorded by mistake; `returned_at` is set then too."""

    def timestamp(self, event: Event) -> datetime | None:
        """Return the time of an event, or None if it was not reported."""
        timestamp: datetime | None = getattr(self, f"{event}_at")
        return timestamp

    @property
    def known(self) -> tuple[tuple[Event, datetime], ...]:
        """Known events with their times, in order."""
        return tuple((event, at) for event, at in self._timestamps() if at is not None)

    @property
    def last(self) -> tuple[Event | None, datetime]:
        """Newest known event with its time; None as the event if only the mobilisation is known."""
        # the order of events is that of time: `event_problem` rejects any other
        for event, at in reversed(self._timestamps()):
            if at is not None:
                return event, at
        return None, self.mobilised_at

    @property
    def last_heard_at(self) -> datetime:
        """Time of the newest known event."""
        return self.last[1]

    def is_out_at(self, at: datetime) -> bool:
        """Return whether the mobilisation keeps its pump out: not returning, and with news in the last 4 h."""
        return self.state_at(at) in OUT

    def state_at(self, at: datetime) -> State:
        """Return the state that the mobilisation gives to its pump; `available` once it returned."""
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
        """Return the mobilisation as it was at a time, without later events."""
        later: dict[str, Any] = {f"{event}_at": None for event, timestamp in self.known if timestamp > at}
        return replace(self, **later) if later else self


@dataclass(frozen=True, slots=True)
class Report:
    """Report about a pump by a person or a feed."""

    at: datetime
    state: State
    station_code: str | None = None
    """Station where the pump is on standby."""
    incident_number: str | None = None
    reason: str | None = None


class Reporter(NamedTuple):
    """Account that recorded or reported a fact."""

    username: str
    is_feed: bool
    """Whether it is a machine."""


@dataclass(frozen=True, slots=True)
class PumpRow:
    """Stored facts that decide the state of a pump."""

    code: str
    report: Report | None
    mobilisation: Mobilisation | None
    report_by: Reporter | None = None
    mobilisation_by: Reporter | None = None
    """Who recorded its newest event; None, as for a report, if that is not known."""


@dataclass(frozen=True, slots=True)
class RecentIncident:
    """Incident whose first pump was mobilised in the last 30 minutes. The location is None if it was never given."""

    incident_number: str
    mobilised_at: datetime
    easting_m: float | None
    northing_m: float | None
