"""Routes `/v1/incidents` and `/v1/nearby`."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from londonpump.domain.columns import EASTING, NORTHING
from londonpump.service.field_formats import INCIDENT
from londonpump.service.incidents import view
from londonpump.service.rights import Operator, SignedIn
from londonpump.service.state import State

READ_WITHIN_S = 1.0
"""Replaces the store's patience: a list reads many mobilisations, and no pump waits for it."""
router = APIRouter(prefix="/v1", tags=["incidents"])
# a number may contain a slash, which only a path takes
Number = Annotated[
    str, Path(pattern=INCIDENT, description="Number of the incident", examples=["012345-02062025"])
]


@router.get("/incidents", operation_id="list_incidents", response_description="The incidents.")
async def incidents(
    _: SignedIn,
    state: State,
    status: Annotated[
        Literal["open", "closed"],
        Query(description="Open ones, overdue ones first; or those that were closed today in London"),
    ] = "open",
) -> list[view.IncidentResponse]:
    """List the incidents with their pumps: those that are open, or those that were closed today.

    An incident is open while a pump that was sent to it is on its way or there. Reports of a feed open no incident. An
    incident from which a pump was never reported as left or returned stays open when nothing is heard of that pump for 4
    hours, and `silent_pumps` names the pump: report `left` or `returned`, or that the pump is at a station, to close it.
    """
    now, find = state.clock(), view.open_incidents if status == "open" else view.closed_incidents
    return await state.store.read(
        lambda connection: find(connection, now), within_s=max(READ_WITHIN_S, state.store.limits.patience_s)
    )


@router.get(
    "/incidents/{incident_number:path}",
    operation_id="get_incident",
    response_description="The incident.",
    responses={404: {"description": "No pump was sent to such an incident."}},
)
async def incident(_: SignedIn, state: State, incident_number: Number) -> view.IncidentHistory:
    """Return an incident with its pumps, and with its history: what happened, when, and who reported it."""
    now = state.clock()
    return await state.store.read(lambda connection: view.find_incident(connection, incident_number, now))


@router.get("/nearby", operation_id="list_nearby", response_description="Incidents and calls near the point.")
async def nearby(
    person: Operator,
    state: State,
    easting_m: Annotated[
        float,
        Query(
            ge=EASTING.low, le=EASTING.high, allow_inf_nan=False, description="Easting of the British grid"
        ),
    ],
    northing_m: Annotated[
        float,
        Query(
            ge=NORTHING.low, le=NORTHING.high, allow_inf_nan=False, description="Northing of the British grid"
        ),
    ],
) -> view.Nearby:
    """Return what may be the same emergency: incidents within 300 m and 30 minutes, and calls of colleagues.

    Calls are those that other users asked about within 300 m in the last 3 minutes, if they gave an exact location.
    """
    now, point_m = state.clock(), (easting_m, northing_m)
    return await state.store.read(
        lambda connection: view.find_nearby(connection, person.id, point_m, now),
        within_s=max(READ_WITHIN_S, state.store.limits.patience_s),
    )
