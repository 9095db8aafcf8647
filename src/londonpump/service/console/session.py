"""Sessions of the console: an opaque cookie that only our own pages can use, and the rights of its routes."""

from collections.abc import Callable
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response

from londonpump.persistence.database import Connection
from londonpump.persistence.repositories.users import session_of_token
from londonpump.service import rights
from londonpump.service.auth.errors import NoValidToken
from londonpump.service.auth.service import SignedIn
from londonpump.service.auth.tokens import CONSOLE, SESSION_LIFE, token_digest
from londonpump.service.console.texts import text
from londonpump.service.errors import NotAllowed
from londonpump.service.state import Services, state_of
from londonpump.settings import LOOPBACK

T = TypeVar("T")
SAFE_METHODS = frozenset({"GET", "HEAD"})
SAME_ORIGIN = "same-origin"


class ConsoleRight(rights.Right):
    """Right of a route of the console, for the person of the cookie."""

    async def find_person(self, request: Request) -> rights.Person:
        """Return the person whose cookie the request carries. Raises: NoValidToken, ForeignPage, DatabaseFailed."""
        state = state_of(request)
        require_own_page(request, state)
        return (await read_with_session(request, state, lambda _: None))[0]


async def read_with_session(
    request: Request, state: Services, work: Callable[[Connection], T]
) -> tuple[rights.Person, T]:
    """Return the person of the cookie, and what `work` reads in the same read of the database.

    Raises: NoValidToken, DatabaseFailed.
    """
    token = rights.cookie_token(request, state)
    if token is None:
        raise NoValidToken
    sha256 = token_digest(CONSOLE + token)
    # read each time, so that signing out or disabling an account takes effect at once
    found, more = await state.store.read(lambda c: (session_of_token(c, sha256), work(c)))
    if found is None or not found[1].is_live(state.clock()):
        raise NoValidToken("The session has ended")
    session_id, session = found
    request.state.session_ends_at = session.ends_at
    person = rights.Person(session.user_id, session.username, rights.Role(session.role), session_id)
    if person.role in rights.SUPERVISORS:
        # read at most once a minute, and never for an operator, whose call no alarm may disturb
        await state.alarms.refresh(state)
        request.state.alarms = state.alarms.unseen
    return rights.note_person(request, person), more


Visitor = Annotated[rights.Person, Depends(ConsoleRight(frozenset(rights.Role)))]
"""Anybody with an open session of the console."""
CALLERS = rights.SUPERVISORS | {rights.Role.OPERATOR, rights.Role.SERVICE}
Caller = Annotated[rights.Person, Depends(ConsoleRight(CALLERS))]
"""Person who may ask for predictions and record pumps, as `rights.Operator`."""
Supervisor = Annotated[rights.Person, Depends(ConsoleRight(rights.SUPERVISORS))]
"""Person who sees and acknowledges alarms, as `rights.Supervisor`."""


class ForeignPage(NotAllowed):
    """Another site sent the request (403)."""

    def __init__(self) -> None:
        super().__init__(text("sign_in.foreign"))


def require_own_page(request: Request, state: Services) -> None:
    """Reject a request that changes something and was not sent by a page of ours. Raises: ForeignPage."""
    if request.method in SAFE_METHODS:
        return
    # browsers set this header themselves. `same-site` is refused too: another port of this host counts as the same site
    sent_by = request.headers.get("sec-fetch-site")
    if sent_by is not None and sent_by != SAME_ORIGIN:
        raise ForeignPage
    if sent_by is None and urlsplit(request.headers.get("origin", "")).netloc != _host(request, state):
        raise ForeignPage


def _host(request: Request, state: Services) -> str:
    public = state.settings.public_url
    return urlsplit(public).netloc if public else request.headers.get("host", "")


def is_unencrypted(request: Request, state: Services) -> bool:
    """Return whether browsers would drop the cookie without a word: plain HTTP from another machine."""
    settings = state.settings
    if settings.public_url is None and settings.proxies:
        # only the proxy knows whether it encrypts, unless it says so
        return request.headers.get("x-forwarded-proto") == "http" and not _is_local(request.url.hostname)
    parts = urlsplit(settings.public_url or str(request.url))
    return parts.scheme == "http" and not _is_local(parts.hostname)


def _is_local(host: str | None) -> bool:
    return host in LOOPBACK or (host or "").endswith(".localhost")


def set_cookie(response: Response, state: Services, new_session: SignedIn) -> None:
    """Give the browser the cookie of a new session."""
    tokens = state.auth.tokens
    response.set_cookie(
        tokens.cookie_name,
        tokens.make_cookie(new_session.refresh_token or ""),
        max_age=int(SESSION_LIFE.total_seconds()),
        secure=True,
        httponly=True,
        # with `strict`, a signed-in person who follows a link from another site would see the sign-in page
        samesite="lax",
    )


def delete_cookie(response: Response, state: Services) -> None:
    """Remove the cookie from the browser."""
    response.delete_cookie(state.auth.tokens.cookie_name, secure=True, httponly=True, samesite="lax")


def own_path(path: str) -> str:
    """Return a path of the console to go to after sign-in; its first page for any other text."""
    # a backslash counts as a slash in browsers, and two slashes begin a host
    return (
        path
        if path.startswith(rights.CONSOLE_PATH) and "\\" not in path and "//" not in path
        else rights.CONSOLE_PATH
    )
