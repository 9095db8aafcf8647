"""Incidents: the list of open ones and of those closed today, and one incident with its pumps and its history."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Path, Request, Response
from starlette.responses import RedirectResponse

from londonpump.domain.mobilisations import MAX_SILENCE, Event, State
from londonpump.service.board import routes as board
from londonpump.service.board.rules import MAX_AHEAD, MAX_BEHIND
from londonpump.service.board.schemas import EventTime, MobilisationResponse, Withdrawal
from londonpump.service.console.pages import (
    LONDON,
    PAGE_HEADERS,
    ConsoleRoute,
    is_hour_twice,
    london_time,
    page_tag,
    read_live,
    render,
)
from londonpump.service.console.ranking import duration, grid_reference
from londonpump.service.console.session import CALLERS, Caller, Visitor
from londonpump.service.console.texts import text
from londonpump.service.errors import Conflict, Unprocessable
from londonpump.service.field_formats import INCIDENT, OUR_ID
from londonpump.service.incidents.routes import READ_WITHIN_S
from londonpump.service.incidents.view import closed_incidents, find_incident, open_incidents
from londonpump.service.state import State as ServiceState

router = APIRouter(prefix="/console", route_class=ConsoleRoute, include_in_schema=False)
TYPED_TIME = re.compile(r"(\d{1,2})[:.]?(\d{2})(?:[:.]?(\d{2}))?(?: *(GMT|BST))?")
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
WITHDRAWN = "withdrawn"
ON_THE_WAY = frozenset({State.MOBILISED, State.MOBILE})
NEXT_EVENTS = {
    State.MOBILISED: (Event.MOBILE, Event.ARRIVED),
    State.MOBILE: (Event.ARRIVED,),
    State.AT_INCIDENT: (Event.LEFT, Event.RETURNED),
    State.RETURNING: (Event.RETURNED,),
}
"""What can be reported of a pump next, by its state."""
KEYS = {Event.MOBILE: "M", Event.ARRIVED: "A", Event.LEFT: "L", Event.RETURNED: "T"}
WITHDRAW_KEY = "W"


@dataclass(frozen=True, slots=True)
class SentPump:
    """A pump of an incident as the pages show it."""

    mobilisation: MobilisationResponse
    now: datetime

    @property
    def due_at(self) -> datetime | None:
        """Announced arrival of a pump on its way; None if it is there, was withdrawn, or no time was announced."""
        announced, each = self.mobilisation.announced, self.mobilisation
        if announced is None or each.state not in ON_THE_WAY:
            return None
        return each.mobilised_at + timedelta(seconds=announced.p50_s)

    @property
    def announced(self) -> str:
        """Announced arrival as time of day."""
        announced = self.mobilisation.announced
        if announced is None:
            return text("status.weather_missing")
        return london_time(self.mobilisation.mobilised_at + timedelta(seconds=announced.p50_s))

    @property
    def is_overdue(self) -> bool:
        """True if it should be there by now."""
        return self.due_at is not None and self.due_at < self.now

    @property
    def state(self) -> str:
        """Present state as a text."""
        each = self.mobilisation
        if each.withdrawn_at is not None:
            return text("incident.withdrawn", time=london_time(each.withdrawn_at))
        if each.state is State.UNKNOWN:
            return text("incident.silent", hours=int(MAX_SILENCE.total_seconds() // 3600))
        if self.due_at is None:
            return text(f"state.{each.state}") if each.state != State.AVAILABLE else text("incident.back")
        left_s = (self.due_at - self.now).total_seconds()
        return (
            text("incident.due", time=duration(left_s))
            if left_s >= 0
            else text("incident.late", time=duration(-left_s))
        )

    @property
    def acts(self) -> list[tuple[str, str, str]]:
        """(event, text, key) of what can be reported next."""
        state = self.mobilisation.state
        if self.mobilisation.withdrawn_at is not None:
            return []
        # a pump that has been silent for hours is not known to be anywhere, but what it did can still be reported
        last = _last_known(self.mobilisation) if state is State.UNKNOWN else state
        found = [(each.value, text(f"incident.{each}"), KEYS[each]) for each in NEXT_EVENTS.get(last, ())]
        if last in ON_THE_WAY:
            found.append((WITHDRAWN, text("call.withdraw"), WITHDRAW_KEY))
        return found


def _last_known(mobilisation: MobilisationResponse) -> State:
    if mobilisation.left_at is not None:
        return State.RETURNING
    if mobilisation.arrived_at is not None:
        return State.AT_INCIDENT
    return State.MOBILISED if mobilisation.mobile_at is None else State.MOBILE


@router.get("/incidents")
async def incidents_page(request: Request, state: ServiceState, _: Visitor) -> Response:
    """List the open incidents, overdue ones first, and those that were closed today."""
    # before the incidents: what changes meanwhile gives the poll another tag than the page's, which is then made anew
    live = await read_live(state)
    now = state.clock()
    open_ones, closed = await state.store.read(
        lambda connection: (open_incidents(connection, now), closed_incidents(connection, now)),
        within_s=READ_WITHIN_S,
    )
    return render(
        request,
        "incidents.html",
        status_line=live.line,
        tag=page_tag(request, live.tag),
        open=[(each, [SentPump(sent, now) for sent in each.mobilisations]) for each in open_ones],
        closed=closed,
        grid_reference=grid_reference,
    )


@router.get("/incidents/{number:path}")
async def incident_page(
    request: Request, state: ServiceState, person: Visitor, number: Annotated[str, Path(pattern=INCIDENT)]
) -> Response:
    """Show one incident: its pumps with what can be reported next, and its history."""
    live = await read_live(state)
    now = state.clock()
    found = await state.store.read(
        lambda connection: find_incident(connection, number, now), within_s=READ_WITHIN_S
    )
    return render(
        request,
        "incident.html",
        status_line=live.line,
        tag=page_tag(request, live.tag),
        incident=found,
        pumps=[SentPump(each, now) for each in found.mobilisations],
        place=f"{found.location.easting_m:.0f}, {found.location.northing_m:.0f}" if found.location else "",
        grid=grid_reference(found.location.easting_m, found.location.northing_m) if found.location else "",
        may_report=person.role in CALLERS and state.settings.console_records,
        is_hour_twice=is_hour_twice(now),
    )


@router.post("/events")
async def report(
    state: ServiceState,
    person: Caller,
    mobilisation: Annotated[str, Form(pattern=OUR_ID)],
    event: Annotated[str, Form(max_length=20)],
    at: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Report an event of a pump, now or at the time that was typed, and show the incident again."""
    # the letters of the page send no other, but anybody with a session can
    if event not in {*Event, WITHDRAWN}:
        raise Unprocessable(("event", text("incident.no_event")))
    try:
        if event == WITHDRAWN:
            done = await board.withdraw(person, state, mobilisation, Withdrawal(reason=text("call.mistake")))
        else:
            typed = EventTime.model_construct(at=typed_time(at, state.clock())) if at.strip() else None
            done = await board.report(person, state, mobilisation, Event(event), typed)
    except Conflict as error:
        # the reasons of the board have UTC times, as those of the API; the page shows those of London
        raise Conflict(UTC_TIME.sub(_in_london, str(error)), error.state) from error
    return RedirectResponse(f"/console/incidents/{quote(done.incident_number)}", 303, PAGE_HEADERS)


def _in_london(found: re.Match[str]) -> str:
    clock, *zone = london_time(datetime.fromisoformat(found[0])).split()
    # the milliseconds stay: without them an event can seem to be at the same time as the one that it contradicts
    return " ".join([f"{clock}{found[1] or ''}", *zone])


def typed_time(typed: str, now: datetime) -> datetime:
    """Return when London's clocks showed what was typed, at most 4 hours ago. Raises: Unprocessable.

    A time that is still to come counts if it is near, because the reporter's clock may be ahead.
    """
    found = TYPED_TIME.fullmatch(typed.strip().upper())
    *parts, zone = found.groups() if found else ("24", "0", "0", None)
    try:
        hour, minute, second = (int(part or 0) for part in parts)
        wall = time(hour, minute, second)
    except ValueError:
        wall = None
    field = text("incident.at")
    if wall is None:
        raise Unprocessable((field, text("incident.time", typed=typed)))
    here = now.astimezone(LONDON)
    days = [here.date() + timedelta(days=n) for n in (-1, 0, 1)]
    readings = [datetime.combine(day, wall, LONDON).replace(fold=fold) for day in days for fold in (0, 1)]
    # on the night when clocks go forward, the times of an hour are never shown: as instants they show another time
    shown = [each for each in readings if each.astimezone(UTC).astimezone(LONDON) == each]
    near = [each for each in shown if now - MAX_BEHIND <= each.astimezone(UTC) <= now + MAX_AHEAD]
    meant = [each for each in near if zone in {None, each.tzname()}]
    if meant:
        # when they go back, an hour comes twice: the one by the zone of now is meant, or else the only one that is near
        return max(meant, key=lambda each: (each.tzname() == here.tzname(), each)).astimezone(now.tzinfo)
    if here.date() not in {each.date() for each in shown}:
        raise Unprocessable((field, text("incident.gap", typed=typed, time=f"{wall:%H:%M}")))
    if near:
        raise Unprocessable((field, text("incident.zone", typed=typed, zone=zone)))
    hours, minutes = int(MAX_BEHIND.total_seconds() // 3600), int(MAX_AHEAD.total_seconds() // 60)
    far = text("incident.far", typed=typed, hours=hours, minutes=minutes, now=london_time(now))
    raise Unprocessable((field, far))
