"""`/v1/outcomes`: announced times with their arrivals, as JSON or CSV, page by page."""

import csv
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BeforeValidator, ConfigDict

from londonpump.domain.attendance_targets import MAX_PUBLISHED_S
from londonpump.domain.london_clock import begin_of
from londonpump.domain.usernames import username_key
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.outcomes import OutcomeQuery, OutcomeRow, list_outcomes
from londonpump.service.board.schemas import FIRST_YEAR, LAST_YEAR, NormalisedCode
from londonpump.service.errors import Unprocessable
from londonpump.service.field_formats import OUR_ID, STATION, TEXT, ApiModel, Responses
from londonpump.service.rights import Analyst
from londonpump.service.state import State

PAGE, LARGEST_PAGE = 100, 1_000
READ_WITHIN_S = 1.0
"""Replaces the store's patience: a page is longer than other responses, and no call waits for it."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet program would run a cell that begins with one of these."""
OUTCOME_RESPONSES: Responses = {
    200: {
        "description": "Outcomes of this page. `Link` leads to the next page, if there is one.",
        "headers": {"Link": {"schema": {"type": "string"}}},
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


class OutcomeEntry(ApiModel):
    """One announced time with its arrival."""

    model_config = ConfigDict(from_attributes=True)

    mobilisation_id: str
    """Id of the mobilisation."""
    incident_number: str
    """Number of the incident."""
    pump: str
    """Code of the pump."""
    station_code: str
    """Code of the station from which the pump set out."""
    user: str | None
    """Name of the user who sent the pump."""
    model: str
    """Model that announced the time."""
    mobilised_at: datetime
    """When the pump was mobilised."""
    arrived_at: datetime
    """When the pump arrived."""
    p10_s: float
    """Announced seconds in which 10 % of such mobilisations arrive."""
    p50_s: float
    """Announced time."""
    p90_s: float
    """Announced seconds in which 90 % of such mobilisations arrive."""
    actual_s: float
    """Seconds from mobilised to arrived."""
    error_s: float
    """Actual minus announced time (p50)."""
    is_inside_80: bool
    """Whether the actual time lies between p10 and p90."""
    has_warning: bool | None
    """Whether a warning came with the announced time; null if that is not known."""
    chance_within_s: dict[str, float] | None
    """Announced chance of arriving within each number of seconds; null if that is not known."""
    is_implausible: bool
    """Whether it took more than 1,200 s; then it does not count in live error and coverage."""


class OutcomePage(ApiModel):
    """A page of outcomes, the newest arrival first."""

    outcomes: list[OutcomeEntry]
    """Outcomes of this page."""
    next: str | None
    """Value of `before` for the next page; null on the last page."""


def _date_text(value: object) -> object:
    # pydantic would accept a number, also as text, as days since 1970
    if isinstance(value, date) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise ValueError("is not a day. Write it like 2025-06-02")


def _in_calendar(day: date) -> date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"is before {FIRST_YEAR} or after {LAST_YEAR}")
    return day


Day = Annotated[
    date | None,
    BeforeValidator(_date_text),
    AfterValidator(lambda day: None if day is None else _in_calendar(day)),
]
router = APIRouter(prefix="/v1", tags=["outcomes"])


@router.get(
    "/outcomes", operation_id="list_outcomes", response_model=OutcomePage, responses=OUTCOME_RESPONSES
)
async def outcomes(
    request: Request,
    response: Response,
    _: Analyst,
    state: State,
    user: Annotated[
        str | None,
        Query(min_length=1, max_length=200, pattern=TEXT, description="Only pumps that this user sent"),
    ] = None,
    first_day: Annotated[Day, Query(description="Only arrivals from this day in London on")] = None,
    last_day: Annotated[Day, Query(description="Only arrivals until this day in London, inclusive")] = None,
    station_code: Annotated[
        str | None,
        Query(pattern=STATION, description="Only pumps that set out from this station"),
        NormalisedCode,
    ] = None,
    warning: Annotated[bool | None, Query(description="Only with (or without) a warning")] = None,
    inside: Annotated[
        bool | None, Query(description="Only with the actual time inside (or outside) p10 to p90")
    ] = None,
    before: Annotated[
        str | None, Query(pattern=OUR_ID, description="Only earlier arrivals; `next` of the previous page")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Number of outcomes to return")] = PAGE,
    format: Annotated[Literal["json", "csv"], Query(description="Format of the answer")] = "json",  # noqa: A002 - its public name
) -> Any:
    """List announced times with their arrivals, the newest first, as JSON or CSV.

    Only pumps that were sent with an announced time and have arrived have an outcome.
    """
    if first_day is not None and last_day is not None and first_day > last_day:
        raise Unprocessable(("query.first_day", "is after last_day"))
    # the days are those of London, where 01:30 of an arrival can be another date than in UTC
    query = OutcomeQuery(
        None if user is None else username_key(user),
        None if first_day is None else begin_of(first_day),
        None if last_day is None else begin_of(last_day + timedelta(days=1)),
        station_code,
        warning,
        inside,
        before,
    )
    is_csv = format == "csv"
    page, text = await state.store.read(
        lambda connection: find_page(connection, query, limit, is_csv=is_csv),
        within_s=max(READ_WITHIN_S, state.store.limits.patience_s),
    )
    if page.next is not None:
        link = urlencode({**request.query_params, "before": page.next})
        response.headers["Link"] = f'<?{link}>; rel="next"'
    if not is_csv:
        return page
    headers = {**response.headers, "Content-Disposition": 'attachment; filename="outcomes.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def find_page(
    connection: Connection, query: OutcomeQuery, limit: int, *, is_csv: bool
) -> tuple[OutcomePage, str]:
    """Return a page of outcomes, and the same as CSV if that is requested. It runs in a thread of the database."""
    # one more row than the page was read, to know whether another page follows
    rows = list_outcomes(connection, query, limit + 1)
    following = rows[limit - 1].mobilisation_id if len(rows) > limit else None
    if is_csv:
        return OutcomePage(outcomes=[], next=following), to_csv(rows[:limit])
    entries = [
        OutcomeEntry(**row._asdict(), is_implausible=row.actual_s > MAX_PUBLISHED_S) for row in rows[:limit]
    ]
    return OutcomePage(outcomes=entries, next=following), ""


def to_csv(rows: Sequence[OutcomeRow]) -> str:
    """Return outcomes as CSV. No cell is a formula to a spreadsheet program."""
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(OutcomeRow._fields)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case bool():
            return str(value).lower()
        case dict():
            return ";".join(f"{seconds}={chance}" for seconds, chance in value.items())
        case str() if value.startswith(FORMULA_STARTS):
            # an apostrophe marks a text, and spreadsheet programs do not show it
            return f"'{value}"
    return value
