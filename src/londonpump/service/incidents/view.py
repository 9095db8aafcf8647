"""Incidents as the mobilisations of their pumps, and calls of colleagues nearby. No incident is stored by itself."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from math import hypot

from londonpump.domain.london_clock import begin_of
from londonpump.domain.mobilisations import OUT, Event
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories import mobilisations
from londonpump.persistence.repositories.predictions import IncidentArea, incident_areas, recent_calls
from londonpump.service.board.responses import incident_response
from londonpump.service.board.rules import is_silent
from londonpump.service.board.schemas import GridLocation, MobilisationResponse
from londonpump.service.board.view import london_day
from londonpump.service.errors import NotFound
from londonpump.service.field_formats import ApiModel

NEAR_M = 300.0
INCIDENTS_WITHIN, CALLS_WITHIN = timedelta(minutes=30), timedelta(minutes=3)
LONGEST_INCIDENT = timedelta(hours=12)
"""How long before midnight a pump may have been sent to an incident that is listed as closed today."""
MAX_INCIDENTS, MAX_MOBILISATIONS, MAX_CALLS = 500, 2_000, 1_000
"""Limits of one answer, the newest first: a list must not grow with the history."""


class IncidentResponse(ApiModel):
    """An incident with the pumps that were sent to it."""

    incident_number: str
    """Number of the incident."""
    is_open: bool
    """Whether a pump is on its way or there, or is one of `silent_pumps`."""
    mobilised_at: datetime
    """When the first pump was mobilised."""
    location: GridLocation | None
    """Where the incident is; null if that was never given."""
    pumps_out: int
    """Number of pumps between mobilised and left, with news in the last 4 hours."""
    silent_pumps: list[str]
    """Pumps without news: neither reported as left or returned, nor sent elsewhere, and no event for 4 hours."""
    overdue_s: float | None
    """Seconds by which the latest pump on its way exceeds its announced time (p50); null if none does."""
    mobilisations: list[MobilisationResponse]
    """Mobilisations of the incident, the first one first; withdrawn ones too."""

    @property
    def last_heard_at(self) -> datetime:
        """Time of the newest event of any pump."""
        return max(at for each in self.mobilisations for _, at, _ in events_of(each))


class IncidentEvent(ApiModel):
    """One event of an incident."""

    at: datetime
    """When it happened."""
    pump: str
    """Code of the pump."""
    event: str
    """`mobilised`, `mobile`, `arrived`, `left`, `returned` or `withdrawn`."""
    user: str | None
    """Name of the user who reported it; null if that is not known."""
    reason: str | None
    """Why another pump than the recommended one was sent, or why the mobilisation was withdrawn."""
    mobilisation_id: str
    """Id of the mobilisation."""


class IncidentHistory(IncidentResponse):
    """An incident with all its events."""

    history: list[IncidentEvent]
    """Events in order of time."""


class NearbyIncident(IncidentResponse):
    """An incident close to a point."""

    distance_m: float
    """Straight distance from the point."""
    area: str | None = None
    """Street or district that was named for an incident without a location: the distance is that of its middle, and not exact."""
    is_area_wide: bool = False
    """Whether that area reaches further than 300 m from its middle, so that the distance says little."""


class NearbyCall(ApiModel):
    """A call that a colleague asked about."""

    prediction_id: str
    """Id of the prediction."""
    asked_at: datetime
    """When the pumps were ranked."""
    user: str
    """Name of the user who asked."""
    incident_number: str | None
    """Number of the incident, if it was given."""
    distance_m: float
    """Straight distance from the point."""


class Nearby(ApiModel):
    """Incidents and calls that may be the same emergency, the nearest first."""

    incidents: list[NearbyIncident]
    """Incidents within 300 m to which a pump was sent in the last 30 minutes."""
    calls: list[NearbyCall]
    """Calls within 300 m that other users asked about in the last 3 minutes."""


def open_incidents(connection: Connection, now: datetime) -> list[IncidentResponse]:
    """Return the incidents to which a pump is on its way or where one is, overdue ones first, then the newest.

    An incident with a silent pump is open too: a lost message must not hide a long fire.
    """
    # a pump is out by its newest mobilisation only, so that the board names every open incident
    numbers = {
        pump.mobilisation.incident_number
        for pump in mobilisations.read_pumps(connection)
        if pump.mobilisation is not None and (pump.mobilisation.is_out_at(now) or is_silent(pump, now))
    }
    found = [each for each in _incidents(connection, numbers, now) if each.is_open]
    return sorted(found, key=lambda each: (each.overdue_s or 0.0, each.mobilised_at), reverse=True)


def closed_incidents(connection: Connection, now: datetime) -> list[IncidentResponse]:
    """Return the incidents of which the last event was today in London and no pump is out, the newest first."""
    midnight = begin_of(london_day(now))
    numbers = mobilisations.incidents_since(connection, midnight - LONGEST_INCIDENT, MAX_INCIDENTS)
    found = _incidents(connection, numbers, now)
    closed = [each for each in found if not each.is_open and each.last_heard_at >= midnight]
    return sorted(closed, key=lambda each: each.mobilised_at, reverse=True)


def find_incident(connection: Connection, number: str, now: datetime) -> IncidentHistory:
    """Return an incident with its history. Raises: NotFound."""
    incident = next(iter(_incidents(connection, (number,), now)), None)
    if incident is None:
        raise NotFound(f"There is no incident {number}: no pump was sent to it.")
    reporters = mobilisations.reporters_of(connection, [each.id for each in incident.mobilisations])
    history = [
        IncidentEvent(
            at=at,
            pump=each.pump,
            event=event,
            user=reporters.get((each.id, event)),
            reason=reason,
            mobilisation_id=each.id,
        )
        for each in incident.mobilisations
        for event, at, reason in events_of(each)
    ]
    # a stable sort: events of one pump at the same time stay in their order
    return IncidentHistory(**dict(incident), history=sorted(history, key=lambda each: each.at))


def find_nearby(connection: Connection, user_id: str, point_m: tuple[float, float], now: datetime) -> Nearby:
    """Return what may be the same emergency as a call at a point. user_id: who asks; their own calls are left out."""
    numbers = mobilisations.incidents_since(
        connection, now - INCIDENTS_WITHIN, MAX_INCIDENTS, (*point_m, NEAR_M)
    )
    # stored nowhere but in the prediction: as a location it would count as exact in features
    areas = {
        each.incident_number: each
        for each in incident_areas(connection, now - INCIDENTS_WITHIN, MAX_INCIDENTS)
        if _distance_m(each, point_m) <= NEAR_M
    }
    incidents = [
        NearbyIncident(
            **dict(each),
            distance_m=_distance_m(each.location or areas[each.incident_number], point_m),
            area=None if each.location else areas[each.incident_number].area,
            is_area_wide=not each.location and is_wide(areas[each.incident_number].radius_m),
        )
        for each in _incidents(connection, {*numbers, *areas}, now)
        if each.location is not None or each.incident_number in areas
    ]
    # exact locations alone: the middle of a district is near to nothing in particular
    calls = [
        NearbyCall(
            **{name: getattr(each, name) for name in NearbyCall.model_fields if name != "distance_m"},
            distance_m=round(hypot(each.easting_m - point_m[0], each.northing_m - point_m[1]), 1),
        )
        for each in recent_calls(connection, now - CALLS_WITHIN, user_id, MAX_CALLS)
    ]
    return Nearby(
        incidents=sorted((i for i in incidents if i.distance_m <= NEAR_M), key=lambda each: each.distance_m),
        calls=sorted((c for c in calls if c.distance_m <= NEAR_M), key=lambda each: each.distance_m),
    )


def is_wide(radius_m: float | None) -> bool:
    """Return whether an area reaches further than `NEAR_M`; True if its radius is not known, as of one given by its code."""
    return radius_m is None or radius_m > NEAR_M


def events_of(mobilisation: MobilisationResponse) -> Iterator[tuple[str, datetime, str | None]]:
    """Yield (event, time, reason) of each known event of a mobilisation."""
    yield mobilisations.MOBILISED, mobilisation.mobilised_at, mobilisation.override_reason
    for event in Event:
        at: datetime | None = getattr(mobilisation, f"{event}_at")
        if at is not None:
            yield event.value, at, None
    if mobilisation.withdrawn_at is not None:
        yield mobilisations.WITHDRAWN, mobilisation.withdrawn_at, mobilisation.withdrawn_reason


def _incidents(connection: Connection, numbers: Collection[str], now: datetime) -> list[IncidentResponse]:
    if not numbers:
        # reading every pump would be most of the work of a call that has no incident nearby
        return []
    sent: dict[str, list[MobilisationResponse]] = defaultdict(list)
    for each in incident_response(connection, numbers, MAX_MOBILISATIONS, now):
        sent[each.incident_number].append(each)
    pumps = mobilisations.read_pumps(connection)
    silent = {
        pump.mobilisation.id for pump in pumps if pump.mobilisation is not None and is_silent(pump, now)
    }
    return [_incident(number, all_sent, silent, now) for number, all_sent in sent.items()]


def _incident(
    number: str, sent: list[MobilisationResponse], silent: Collection[str], now: datetime
) -> IncidentResponse:
    # a location that was withdrawn may be a mistake too, so that others come first
    by_trust = sorted(sent, key=lambda each: each.withdrawn_at is not None)
    out = [each for each in sent if each.state in OUT]
    overdue = [
        (now - each.mobilised_at).total_seconds() - each.announced.p50_s
        for each in out
        if each.announced is not None and each.arrived_at is None
    ]
    silent_pumps = [each.pump for each in sent if each.id in silent]
    longest_s = max(overdue, default=0.0)
    return IncidentResponse(
        incident_number=number,
        is_open=bool(out or silent_pumps),
        mobilised_at=by_trust[0].mobilised_at,
        location=next((each.location for each in by_trust if each.location is not None), None),
        pumps_out=len(out),
        silent_pumps=silent_pumps,
        overdue_s=round(longest_s, 1) if longest_s > 0 else None,
        mobilisations=sent,
    )


def _distance_m(location: GridLocation | IncidentArea, point_m: tuple[float, float]) -> float:
    return round(hypot(location.easting_m - point_m[0], location.northing_m - point_m[1]), 1)
