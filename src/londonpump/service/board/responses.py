"""Stored mobilisations in the form that the API returns."""

from collections.abc import Collection
from datetime import datetime

from londonpump.domain.mobilisations import Mobilisation, State
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories import mobilisations
from londonpump.service.board.schemas import Announced, GridLocation, MobilisationResponse, OutcomeResponse
from londonpump.service.errors import NotFound


def mobilisation_response(
    connection: Connection, mobilisation_id: str, now: datetime
) -> MobilisationResponse:
    """Return a stored mobilisation. Raises: NotFound."""
    row = mobilisations.read_mobilisation(connection, mobilisation_id)
    if row is None:
        raise NotFound(f"There is no mobilisation {mobilisation_id}.")
    return _to_response(row, now)


def incident_response(
    connection: Connection, incident_numbers: Collection[str], at_most: int, now: datetime
) -> list[MobilisationResponse]:
    """Return the mobilisations of some incidents; empty if there are none."""
    return [
        _to_response(row, now)
        for row in mobilisations.mobilisations_of(connection, incident_numbers, at_most)
    ]


def _to_response(stored: mobilisations.StoredMobilisation, now: datetime) -> MobilisationResponse:
    dispatch, details, outcome = stored.dispatch, stored.details, stored.outcome
    timestamps = {name: getattr(dispatch, name) for name in Mobilisation.__slots__}
    if dispatch.withdrawn_at is not None:
        # stored for older code alone: the pump was never out
        timestamps["returned_at"] = None
    copied = (
        "station_code",
        "is_from_road",
        "prediction_id",
        "recommended_pump",
        "override_reason",
        "withdrawn_reason",
    )
    times = {name: getattr(details, f"announced_{name}") for name in ("p10_s", "p50_s", "p90_s")}
    # its return was never reported, and the pump is on a later mobilisation now
    is_left_open = stored.is_followed and dispatch.returned_at is None
    return MobilisationResponse(
        state=State.UNKNOWN if is_left_open else dispatch.state_at(now),
        location=None
        if details.easting_m is None or details.northing_m is None
        else GridLocation(easting_m=details.easting_m, northing_m=details.northing_m),
        announced=None
        if details.model is None
        else Announced(
            model=details.model,
            chance_within_s=details.announced_chances,
            has_warning=details.is_flagged,
            **times,
        ),
        outcome=None
        if outcome is None
        else OutcomeResponse.of(outcome.actual_s, outcome.error_s, is_inside_80=outcome.is_inside_80),
        **timestamps,
        **{name: getattr(details, name) for name in copied},
    )
