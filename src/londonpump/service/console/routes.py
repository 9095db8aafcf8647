"""Routes below `/console/`: sign-in, the poll of every page, and its files."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

from londonpump.domain.errors import LondonPumpError
from londonpump.persistence.repositories.mobilisations import read_board_version
from londonpump.service.auth import service as auth
from londonpump.service.auth.routes import Password, Username, begin_session
from londonpump.service.auth.tokens import CONSOLE
from londonpump.service.console import alarms, incidents, new_call, pages, session, tiles
from londonpump.service.console.session import Visitor
from londonpump.service.console.texts import text
from londonpump.service.errors import NotAllowed
from londonpump.service.rights import Anybody, cookie_token
from londonpump.service.state import Services, State, state_of

router = APIRouter(prefix="/console", route_class=pages.ConsoleRoute, include_in_schema=False)
THEME_LIFE = timedelta(days=365)
TIME_HEADER = "Console-Time"


@router.get("/sign-in")
async def sign_in_page(
    request: Request,
    state: State,
    _: Anybody,
    next_page: Annotated[str, Query(alias="next")] = "",
    after: str = "",
) -> Response:
    """Show the form, and say why signing in is not possible here."""
    if after and cookie_token(request, state) is not None:
        return RedirectResponse(session.own_path(next_page), 303, pages.PAGE_HEADERS)
    plain = session.is_unencrypted(request, state)
    warning = text("sign_in.plain") if plain else text("sign_in.lost") if after else None
    return pages.render(
        request,
        "sign_in.html",
        is_unencrypted=plain,
        warning=warning,
        next=session.own_path(next_page),
        username="",
    )


@router.post("/sign-in")
async def sign_in(
    request: Request,
    state: State,
    _: Anybody,
    username: Username,
    password: Password,
    next_page: Annotated[str, Form(alias="next", max_length=1000)] = "",
) -> Response:
    """Begin a session of 12 hours and keep it in a cookie."""
    begun = await _begin(request, state, username, password)
    if isinstance(begun, LondonPumpError):
        return _sign_in_again(request, state, begun, username, session.own_path(next_page))
    response: Response
    if pages.is_part(request):
        response = Response(status_code=204, headers=pages.PAGE_HEADERS)
    else:
        # by way of the sign-in page, which sees whether the browser kept the cookie and says so if it did not
        target = f"{pages.SIGN_IN}?after=1&next={session.own_path(next_page)}"
        response = RedirectResponse(target, 303, pages.PAGE_HEADERS)
    session.set_cookie(response, state, begun)
    return response


async def _begin(
    request: Request, state: Services, username: str, password: str
) -> auth.SignedIn | LondonPumpError:
    try:
        session.require_own_page(request, state)
        if session.is_unencrypted(request, state):
            # the browser would drop the cookie, and the password has crossed the network in the clear
            raise NotAllowed(text("sign_in.plain"))
        return await begin_session(request, username, password, CONSOLE)
    except LondonPumpError as error:
        return error


def _sign_in_again(
    request: Request, state: Services, error: LondonPumpError, username: str, next_page: str
) -> Response:
    """Return the form with the reason, and with the name that was typed."""
    answer = pages.problem_page(request, error)
    if pages.is_part(request):
        return answer
    page = pages.render(
        request,
        "sign_in.html",
        answer.status_code,
        is_unencrypted=session.is_unencrypted(request, state),
        warning=str(error),
        next=next_page,
        username=username,
    )
    if "retry-after" in answer.headers:
        page.headers["retry-after"] = answer.headers["retry-after"]
    return page


@router.post("/sign-out")
async def sign_out(state: State, person: Visitor) -> Response:
    """End the session."""
    now = state.clock()
    await state.store.write(lambda connection: auth.sign_out(connection, person.id, person.session_id, now))
    response = RedirectResponse(pages.SIGN_IN, 303, pages.PAGE_HEADERS)
    session.delete_cookie(response, state)
    return response


@router.post("/theme")
async def set_theme(_: Visitor, request: Request, theme: Annotated[str, Form(max_length=10)]) -> Response:
    """Keep the colours that a person chose, in their browser."""
    response = (
        Response(status_code=204)
        if pages.is_part(request)
        else RedirectResponse("/console/", 303, pages.PAGE_HEADERS)
    )
    if theme in pages.THEMES:
        response.set_cookie(
            pages.THEME_COOKIE, theme, max_age=int(THEME_LIFE.total_seconds()), httponly=True, samesite="lax"
        )
    return response


@pages.with_problem_pages
async def live(request: Request) -> Response:
    """Answer the poll: 304 if nothing has changed since the tag that the page names."""
    # plain routes do not name themselves, and the poll has a line of its own in the metrics
    request.scope["route"] = POLL
    state = state_of(request)
    began_s = state.board.limits.now_s()
    # thirty consoles poll each second: the session and the version of the board are one read
    _, version = await session.read_with_session(request, state, read_board_version)
    is_verified = state.board.verify(version, began_s, state.clock())
    seen = await pages.see_board(state, is_verified=is_verified)
    tag = pages.page_tag(request, seen.tag)
    # the time goes with every answer: pages show the clock of the server, whatever the PC believes
    headers = {
        **pages.PAGE_HEADERS,
        "ETag": tag,
        TIME_HEADER: str(int(seen.now.timestamp() * 1000)),
        "Console-Zone": str(seen.now.astimezone(pages.LONDON).tzname()),
    }
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    found = await pages.read_live(state, seen)
    line = pages.environment().get_template("status.html").render(status_line=found.line)
    if unseen := getattr(request.state, "alarms", None):
        line += pages.environment().get_template("alarm_line.html").render(alarms=unseen)
    return JSONResponse(pages.live_json(found, line, request.state.session_ends_at), headers=headers)


async def static_file(request: Request) -> Response:
    """Return a file of the pages."""
    return pages.asset_response(request, str(request.path_params["name"]))


POLL = Route("/console/live", live, include_in_schema=False)
"""The most frequent request is a plain route: it has no parameter to resolve. The service tries it first."""


# a plain route, as the files of the documentation: anybody may load the style of the sign-in page
router.add_route("/console/static/{name:path}", static_file, include_in_schema=False)


@router.get("/{path:path}")
async def no_page(_: Visitor) -> Response:
    """Answer for every other address."""
    raise pages.NoSuchPage


ROUTERS = (new_call.router, incidents.router, alarms.router, tiles.router, router)
"""Routers of the console; the last one answers for every other address below `/console/`."""
console_lifespan = tiles.tiles_lifespan
