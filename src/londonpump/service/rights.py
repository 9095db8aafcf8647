"""Rights of the routes, as types of their parameters. A test finds routes without one.

`SignedIn` is any account. `Operator` acts on calls and the board (operators, services). `Analyst` sees the history of
all users. `Supervisor` may do both, changes the active model and acknowledges alarms. `Admin` may do all that and manages
accounts. `Anybody` marks the few public routes.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from londonpump.service.auth.errors import NoValidToken
from londonpump.service.errors import NotAllowed, NotSignedIn, TokenExpired
from londonpump.service.http_limits import connection_of
from londonpump.service.state import Services, state_of

LONGEST_TOKEN = 1024
"""Our tokens have about 300 characters. Decoding one as long as a whole head would block the event loop for several ms."""


CONSOLE_PATH = "/console/"
"""Routes below it take the console's cookie, and no token; all others take no cookie, so that no foreign page can use them."""


class Role(StrEnum):
    """Role of an account. SERVICE is a machine, such as the feed of the board."""

    OPERATOR = "operator"
    ANALYST = "analyst"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Person:
    """Account that sends a request and whose session is open."""

    id: str
    username: str
    role: Role
    session_id: str


def bearer_token(connection: HTTPConnection) -> str | None:
    """Return the token of the Authorization header; None if it is missing or too long to be ours."""
    scheme, _, token = connection.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and 0 < len(token) <= LONGEST_TOKEN else None


def cookie_token(connection: HTTPConnection, state: Services) -> str | None:
    """Return the token of the console's cookie; None if there is none that we issued."""
    tokens = state.auth.tokens
    return tokens.read_cookie(connection.cookies.get(tokens.cookie_name, ""))


def token_problem(connection: HTTPConnection) -> NotSignedIn | TokenExpired | None:
    """Return why the token of a request is invalid; None if it is signed by us and not expired.

    It does not query the database: `person_of` checks whether the session is open.
    """
    state: Services | None = getattr(connection.app.state, "service", None)
    token = bearer_token(connection)
    if state is not None and connection.scope["path"].startswith(CONSOLE_PATH):
        return NoValidToken() if cookie_token(connection, state) is None else None
    if state is None or token is None:
        return NoValidToken()
    try:
        state.auth.tokens.read(token, state.clock())
    except (NotSignedIn, TokenExpired) as problem:
        return problem
    return None


async def person_of(request: Request) -> Person:
    """Return the person who sends a request.

    The session is read each time, so that signing out or disabling an account takes effect at once.
    Raises: NoValidToken (401), TokenTooOld (403), DatabaseFailed (503).
    """
    state = state_of(request)
    token = bearer_token(request)
    if token is None:
        raise NoValidToken
    now = state.clock()
    claims = state.auth.tokens.read(token, now)
    found = await state.sessions(claims.session_id)
    # the role comes from the database, not from the token, so that a demotion takes effect at once
    if found is None or found.user_id != claims.user_id or not found.is_live(now):
        raise NoValidToken("The session has ended")
    return note_person(request, Person(found.user_id, found.username, Role(found.role), claims.session_id))


def note_person(request: Request, person: Person) -> Person:
    """Note who sends a request, for its log line and the limits of its connection, and return them."""
    request.state.person = person
    # only now is the session known to be open: the connection leaves the anonymous limits
    if (client_connection := connection_of(request.scope)) is not None:
        client_connection.note_signed_in()
    return person


class Right(SecurityBase):
    """Dependency that admits some roles. Raises: NotAllowed (403) for others; the errors of `person_of`."""

    def __init__(self, roles: frozenset[Role]) -> None:
        self.roles = roles
        # the Authorize button of the interactive page needs the scheme
        scheme = OAuth2PasswordBearer(tokenUrl="login")
        self.model, self.scheme_name = scheme.model, scheme.scheme_name

    async def __call__(self, request: Request) -> Person:
        """Return the person if the role is one of these."""
        person = await self.find_person(request)
        if person.role not in self.roles:
            allowed = " or ".join(sorted(self.roles))
            raise NotAllowed(f"This requires the role {allowed}; {person.username} is {person.role}.")
        return person

    async def find_person(self, request: Request) -> Person:
        """Return the person who sends the request."""
        return await person_of(request)


class Public:
    """Dependency that marks a route as public. A test holds the list of such routes."""

    async def __call__(self) -> None:
        """Do nothing. It is async because FastAPI runs plain functions in a thread."""


SUPERVISORS = frozenset({Role.SUPERVISOR, Role.ADMIN})
SEES_ALL = SUPERVISORS | {Role.ANALYST}
"""Roles that see what others asked."""
Anybody = Annotated[None, Depends(Public())]
SignedIn = Annotated[Person, Depends(Right(frozenset(Role)))]
Operator = Annotated[Person, Depends(Right(SUPERVISORS | {Role.OPERATOR, Role.SERVICE}))]
Analyst = Annotated[Person, Depends(Right(SEES_ALL))]
Supervisor = Annotated[Person, Depends(Right(SUPERVISORS))]
Admin = Annotated[Person, Depends(Right(frozenset({Role.ADMIN})))]
