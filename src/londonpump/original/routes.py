"""Routes of the original: `/`, `/predict/time_pump` and `/historique`."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator
from starlette.responses import RedirectResponse

from londonpump.domain.usernames import username_key
from londonpump.original.parameters import (
    TIME_PUMP_DOCUMENT,
    TIME_PUMP_RESPONSES,
    TimePumpParameters,
    ignored_parameters,
)
from londonpump.original.schemas import READY, HistoryEntry, Ready, TimePump
from londonpump.original.service import Original, original_lifespan, predict_time
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.predictions import HistoryQuery, HistoryRow, read_history
from londonpump.persistence.repositories.users import find_named
from londonpump.service.errors import NotFound
from londonpump.service.field_formats import PREDICTION_CURSOR, Responses, naive_utc, original_id
from londonpump.service.rights import CONSOLE_PATH, SEES_ALL, Anybody, Person, SignedIn
from londonpump.service.state import State

# the year 9999 could overflow when converted to UTC
FIRST_YEAR, LAST_YEAR = 1970, 9998


class NoSuchUser(NotFound):
    """The user does not exist, or their history may not be seen; the response does not say which."""

    def __init__(self) -> None:
        super().__init__("No user found")


class NoPredictions(NotFound):
    """No prediction matches."""

    def __init__(self) -> None:
        super().__init__("No predictions found")


def history_owner(connection: Connection, person: Person, username: str | None) -> str | None:
    """Return the id of the user whose history was requested, None for all users. Raises: NoSuchUser."""
    if username is None:
        return None if person.role in SEES_ALL else person.id
    if username_key(username) == username_key(person.username):
        return person.id
    # PostgreSQL rejects null characters, and no username has one
    found = (
        None
        if person.role not in SEES_ALL or "\0" in username
        else find_named(connection, username_key(username))
    )
    # the same error for users who do not exist and for others' histories, so that usernames cannot be probed
    if found is None:
        raise NoSuchUser
    return found.id


def find_history(connection: Connection, query: HistoryQuery) -> list[HistoryRow]:
    """Return the matching predictions. Raises: NoPredictions."""
    found = read_history(connection, query)
    if not found:
        raise NoPredictions
    return found


def to_entry(row: HistoryRow) -> HistoryEntry:
    """Return a row in the form of the original: whole seconds, and UTC without an offset."""
    return HistoryEntry(
        id=original_id(row.id, row.imported_id),
        userId=row.user_id and original_id(row.user_id, row.user_imported_from),
        prediction=round(row.response_time_s),
        risk_underestimated=row.is_flagged,
        created_at=str(naive_utc(row.created_at)),
    )


def as_utc(timestamp: datetime) -> datetime:
    """Return a timestamp in UTC; one without an offset is UTC, as in the original's responses. Raises: ValueError."""
    if not FIRST_YEAR <= timestamp.year <= LAST_YEAR:
        raise ValueError(f"is before {FIRST_YEAR} or after {LAST_YEAR}")
    return timestamp.replace(tzinfo=UTC) if timestamp.tzinfo is None else timestamp.astimezone(UTC)


router = APIRouter(tags=["original"], lifespan=original_lifespan)
PAGE, LARGEST_PAGE = 1_000, 5_000
READ_WITHIN_S = 1.0
"""Timeout for a page of history, which is longer than other responses."""
MAX_NAME_LENGTH = 200
HISTORY_RESPONSES: Responses = {
    200: {
        "description": "The newest predictions, the oldest of them first. `Link` leads to older ones, if there are any.",
        "headers": {"Link": {"schema": {"type": "string"}}},
    },
    404: {"description": "No prediction matches, the user does not exist, or their history may not be seen."},
}


@router.get("/", operation_id="get_status", response_description="The service runs.", response_model=Ready)
async def status(request: Request, _: Anybody) -> Ready | Response:
    """Return the status of the service. A browser is sent to the console."""
    # only browsers ask for pages: the clients of the original, curl and monitors do not name them
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(CONSOLE_PATH, 303, headers={"Vary": "Accept"})
    return Ready(**READY)


@router.post(
    "/predict/time_pump",
    operation_id="predict_time_pump",
    response_model=TimePump,
    responses=TIME_PUMP_RESPONSES,
    openapi_extra=TIME_PUMP_DOCUMENT,
)
async def time_pump(
    request: Request, person: SignedIn, services: Original, parameters: TimePumpParameters
) -> Response:
    """Predict the time of a pump from mobilisation to arrival.

    A value that is not sent has the default shown here, as in the original, and `imputed` then lists `value=default`. A
    text that is in no list counts as not stated. The hour is the present hour in London, on a Wednesday (a Sunday if
    `workingday` is 0) in the middle of `month`. Past locations on the ground represent the incident, at the stated
    distance, and the interval includes their spread. Congestion counts only if the model was trained on observed
    traffic. `risk_underestimated` is true for stations on the original's list of slow stations and if the model warns;
    `risk_reasons` says which. An unknown field of the body is rejected; an unknown parameter of the query is ignored,
    as in the original, and listed in a header.
    """
    body = await predict_time(services, person, parameters)
    return Response(body, media_type="application/json", headers=ignored_parameters(request))


@router.get("/historique", operation_id="list_history", responses=HISTORY_RESPONSES)
async def history(
    request: Request,
    response: Response,
    person: SignedIn,
    state: State,
    username: Annotated[
        str | None, Query(max_length=MAX_NAME_LENGTH, description="Only predictions of this account")
    ] = None,
    created_at: Annotated[
        datetime | None,
        Query(description="Only predictions made at exactly this time, in UTC unless it has an offset"),
        AfterValidator(as_utc),
    ] = None,
    risk: Annotated[bool | None, Query(description="Only predictions with (or without) a warning")] = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Number of predictions to return")] = PAGE,
    before: Annotated[
        str | None,
        Query(pattern=PREDICTION_CURSOR, description="Only older predictions, from the `Link` of a page"),
    ] = None,
) -> list[HistoryEntry]:
    """List your own predictions; analysts, supervisors and admins see those of all accounts."""

    def read(connection: Connection) -> list[HistoryRow]:
        user_id = history_owner(connection, person, username)
        return find_history(connection, HistoryQuery(user_id, created_at, risk, before, limit + 1))

    found = await state.store.read(read, within_s=READ_WITHIN_S)
    # one more row than the page holds says whether there are older ones
    if len(found) > limit:
        found = found[-limit:]
        query = {**request.query_params, "before": found[0].id}
        response.headers["Link"] = f'<?{urlencode(query)}>; rel="next"'
    return [to_entry(row) for row in found]
