"""Pages of the console: templates, status line, the policy of every page, files, and problems as pages instead of JSON."""

import gzip
import mimetypes
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse

from londonpump.domain.errors import LondonPumpError
from londonpump.domain.json_values import JsonObject
from londonpump.domain.mobilisations import SENDABLE
from londonpump.persistence.repositories.mobilisations import StoredBoard
from londonpump.service import errors
from londonpump.service.board.rules import PumpState
from londonpump.service.board.updates import fleet_on
from londonpump.service.board.view import BoardView, london_day
from londonpump.service.console.texts import script_texts, text
from londonpump.service.openapi import unless_known
from londonpump.service.predictions.request_context import read_context
from londonpump.service.state import Services, state_of

FOLDER = Path(str(files(__package__)))
LONDON = ZoneInfo("Europe/London")
CHANGE_NEAR = timedelta(hours=1)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# with `no-referrer` browsers send `Origin: null` with forms, and the rule about our own pages would reject them
PAGE_HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}
# asked for again by its ETag: after an upgrade no page may run with an old script
FILE_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
SIGN_IN = "/console/sign-in"
PAGES = (("/console/", "call", "F2"), ("/console/incidents", "incidents", "F8"))
"""(address, text, key) of each page."""
THEMES = ("system", "day", "night")
THEME_COOKIE = "londonpump-theme"
PART_HEADER = "console-part"
MIN_COMPRESSED_BYTES = 1000
mimetypes.add_type("text/javascript", ".js")


@cache
def environment() -> Environment:
    """Return the templates. Every value is escaped: callers' words appear on pages."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # texts are looked up by templates too, so that no page has words of its own
    made.filters["london"] = london_time
    made.filters["london_day"] = lambda at: f"{london_date(at.astimezone(LONDON))} {london_time(at, False)}"
    made.globals |= {"t": text, "pages": PAGES, "script_texts": script_texts}
    return made


def london_time(at: datetime, with_seconds: bool = True) -> str:
    """Return the time of day in London, with GMT or BST within an hour of a change of the clocks."""
    # in that night 01:30 comes twice, and 02:02 may be four minutes after 00:58
    before, after = ((at.astimezone(UTC) + by).astimezone(LONDON) for by in (-CHANGE_NEAR, CHANGE_NEAR))
    zone = " %Z" if before.utcoffset() != after.utcoffset() else ""
    return at.astimezone(LONDON).strftime(("%H:%M:%S" if with_seconds else "%H:%M") + zone)


def is_hour_twice(now: datetime) -> bool:
    """Return whether this is the day of London on which clocks go back, so that an hour comes twice."""
    first, again = (now.astimezone(LONDON).replace(hour=1, minute=30, fold=fold) for fold in (0, 1))
    return first.astimezone(UTC) < again.astimezone(UTC)


def london_date(at: date) -> str:
    """Return a day with the name of its month in the language of the texts."""
    return f"{at.day} {text('date.months').split()[at.month - 1]} {at.year}"


def is_part(request: Request) -> bool:
    """Return whether a script of the page asks, which puts the answer into the page."""
    return PART_HEADER in request.headers


def render(request: Request, template: str, status: int = HTTPStatus.OK, **values: Any) -> HTMLResponse:
    """Return a page, or a part of one."""
    theme = request.cookies.get(THEME_COOKIE, "")
    about = {
        "theme": theme if theme in THEMES else THEMES[0],
        "person": getattr(request.state, "person", None),
        "path": request.url.path,
        "now": state_of(request).clock().astimezone(LONDON),
        "session_ends_at": getattr(request.state, "session_ends_at", None),
        "is_part": is_part(request),
        # None for all but supervisors
        "alarms": getattr(request.state, "alarms", None),
    }
    html = (
        environment().get_template(template).render(**{"status_line": None, "tag": None, **about, **values})
    )
    return HTMLResponse(html, status, PAGE_HEADERS)


Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def with_problem_pages(handler: Handler) -> Handler:
    """Return a handler whose problems are pages; without a session it leads to the sign-in page."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except errors.NotSignedIn as error:
            if is_part(request):
                # the script shows the sign-in over the page, and nothing that was typed is lost
                return problem_page(request, error)
            # without the query: what was typed there is no part of the address of the sign-in page
            # a form's address is no page to return to
            path = request.url.path if request.method == "GET" else PAGES[0][0]
            return RedirectResponse(f"{SIGN_IN}?next={quote(path)}", 303, PAGE_HEADERS)
        except (LondonPumpError, RequestValidationError, HTTPException) as error:
            return problem_page(request, error)

    return answer


class ConsoleRoute(APIRoute):
    """Route with `with_problem_pages`."""

    def get_route_handler(self) -> Handler:
        """Return the handler of the route with its problems answered."""
        return with_problem_pages(super().get_route_handler())


def problem_page(request: Request, error: Exception) -> Response:
    """Return the page, or the part of one, that says what failed and what to do."""
    if isinstance(error, LondonPumpError):
        problem = errors.to_problem(error)
    elif isinstance(error, RequestValidationError):
        problem = errors.validation_problem(error)
    else:
        assert isinstance(error, HTTPException)  # noqa: S101 - `ConsoleRoute` catches no other
        problem = errors.Problem(error.status_code, str(error.detail))
    errors.log_problem(request, error, problem)
    key = f"problem.{problem.status}"
    title = text(
        key if key in {f"problem.{known}" for known in (403, 404, 409, 422, 429, 503)} else "problem.other"
    )
    response = render(
        request,
        "problem_part.html" if is_part(request) else "problem.html",
        problem.status,
        title=title,
        problem=problem,
        request_id=errors.request_id_of(request.scope),
    )
    response.headers.update(problem.headers)
    return response


class NoSuchPage(errors.NotFound):
    """No page has this address (404)."""

    def __init__(self) -> None:
        super().__init__(text("problem.page"))


@cache
def assets() -> dict[str, tuple[bytes, bytes | None]]:
    """Return {path: (content, gzipped content or None)} of all files, read once: no request opens a path that it names."""
    folder = FOLDER / "static"
    found = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        content = path.read_bytes()
        # compressed here rather than in the package: 20 ms at the first request, and no second file can differ
        packed = gzip.compress(content, mtime=0) if len(content) >= MIN_COMPRESSED_BYTES else None
        found[path.relative_to(folder).as_posix()] = content, packed
    return found


def asset_response(request: Request, name: str) -> Response:
    """Return a file. Raises: NoSuchPage."""
    found = assets().get(name)
    if found is None:
        raise NoSuchPage
    content, packed = found
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return unless_known(request, packed, media_type, {**FILE_HEADERS, "Content-Encoding": "gzip"})
    return unless_known(request, content, media_type, FILE_HEADERS)


@dataclass(frozen=True, slots=True)
class StatusLine:
    """Sources of what a page shows, in fixed order; then what is wrong."""

    board_at: datetime | None
    """When the board last matched the database; None if it could not be read."""
    model: str | None
    trained_until: str | None
    weather_at: datetime | None
    problems: tuple[str, ...]
    is_simulated: bool


@dataclass(frozen=True, slots=True)
class LiveState:
    """The board of now with its status line."""

    line: StatusLine
    board: BoardView
    tag: str
    """As `Seen.tag`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a poll compares: the board as it is stored, and its tag."""

    now: datetime
    tag: str
    """Changes with the board, the model and the minute."""
    rows: StoredBoard | None
    is_read: bool


async def see_board(state: Services, *, is_verified: bool = False) -> Seen:
    """Return the stored board with its tag. is_verified: whether the cached board was just compared with the database."""
    now, model = state.clock(), state.champion.current
    # the cache reads the rows only if their version has changed
    is_read = is_verified or await state.board.read(state, now, state.store.limits.patience_s)
    rows = state.board.read_cached().rows
    # the minute is part of it, because states and warnings depend on the time as well
    tag = f'"{rows.version if rows else 0}-{model and model.name[:8]}-{now:%H%M}-{is_read}"'
    return Seen(now, tag, rows, is_read)


def page_tag(request: Request, board_tag: str) -> str:
    """Return the tag of the poll, which a page carries too: its script then knows whether it misses a change."""
    unseen = getattr(request.state, "alarms", None)
    # only the pages of supervisors change with the alarms
    alarms = "" if unseen is None else f"-{len(unseen)}-{unseen[0].id if unseen else ''}"
    return f'{board_tag[:-1]}{alarms}"'


async def read_live(state: Services, seen: Seen | None = None) -> LiveState:
    """Return the board and the status of now. seen: what the caller has seen already."""
    seen = seen or await see_board(state)
    now, rows, is_read, champion = seen.now, seen.rows, seen.is_read, state.champion.current
    if champion is not None:
        fleet = state.station_indexes.of(champion).fleet(london_day(now))
    else:
        fleet = await state.store.read(lambda connection: fleet_on(connection, (), now))
    board = BoardView.of(rows.pumps if rows else (), fleet, now)
    # cached per minute, as for predictions
    context = await read_context(state, now)
    weather = (
        next((each.observed_at for each in context.values if each.observed_at), None) if context else None
    )
    problems = []
    if champion is None:
        problems.append(text("status.no_model"))
    if not is_read:
        problems.append(text("status.board_unread"))
    elif not board.is_known:
        problems.append(text("status.board_unknown"))
    if champion is not None and champion.roads_problem is not None:
        problems.append(champion.roads_problem)
    line = StatusLine(
        board_at=now if is_read else None,
        model=champion.name[:8] if champion else None,
        trained_until=london_date(champion.bundle.card.data.trained_until) if champion else None,
        weather_at=weather,
        problems=tuple(problems),
        is_simulated=champion is not None and champion.is_simulated,
    )
    return LiveState(line, board, seen.tag)


def away_text(pump: PumpState) -> str | None:
    """Return why a pump cannot be sent; None if it can."""
    if pump.state in SENDABLE:
        return None
    state = text(f"state.{pump.state}")
    since = ""
    if pump.reported_at is not None:
        by = pump.reporter
        key = "pump.since" if by is None else "pump.reported" if by.is_feed else "pump.recorded"
        since = text(key, time=london_time(pump.reported_at), user=by and by.username)
    incident = text("pump.for", incident=pump.incident_number) if pump.incident_number else ""
    return f"{state}{since}{incident}"


def live_json(live: LiveState, line_html: str, session_ends_at: datetime) -> JsonObject:
    """Return the answer to a poll: the status line, and why each pump that cannot be sent cannot, and the pumps of which nothing is known."""
    away: dict[str, Any] = {
        pump.code: reason for pump in live.board.pumps.values() if (reason := away_text(pump)) is not None
    }
    return {
        "line": line_html,
        "away": away,
        # without a report they are treated as available, but the map must not say that they are in
        "unknown": [pump.code for pump in live.board.pumps.values() if pump.is_assumed],
        "session_ends_at_ms": int(session_ends_at.timestamp() * 1000),
        "session_ends": london_time(session_ends_at, False),
    }
