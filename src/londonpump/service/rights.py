"""Who may call a route: the type of one of its parameters. A route without one is found by a test.

`SignedIn` is any account, `Operator` who acts on calls and the board (operators, services, admins), `Analyst` who
sees everybody's history (analysts, admins), `Admin` who manages accounts. `Anybody` marks the few public routes.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from londonpump.service.auth.errors import NoValidToken
from londonpump.service.auth.lifespan import Auth, SessionBatcher
from londonpump.service.errors import NotAllowed, NotSignedIn, TokenExpired
from londonpump.service.http_limits import connection_of
from londonpump.service.state import ServiceState, state_of

LONGEST_TOKEN = 1024
"""Our own have about 300 characters. To decode one as long as a head may be takes several ms of the event loop."""


class Role(StrEnum):
    """What an account is for. SERVICE is a machine, such as the feed of the board."""

    OPERATOR = "operator"
    ANALYST = "analyst"
    ADMIN = "admin"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks: an account whose session lives at this moment."""

    id: str
    username: str
    role: Role
    session_id: str


def bearer_token(connection: HTTPConnection) -> str | None:
    """The token of the Authorization header; None if there is none, or one that is too long to be ours."""
    scheme, _, token = connection.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and 0 < len(token) <= LONGEST_TOKEN else None


def token_problem(connection: HTTPConnection) -> NotSignedIn | TokenExpired | None:
    """Why the token of a request cannot count; None if it is signed by us and in its time. Asks no database: whether
    its session lives is left to `person_of`."""
    state: ServiceState | None = getattr(connection.app.state, "service", None)
    token = bearer_token(connection)
    if state is None or token is None:
        return NoValidToken()
    try:
        state.part(Auth).tokens.read(token, state.clock())
    except (NotSignedIn, TokenExpired) as problem:
        return problem
    return None


async def person_of(request: Request) -> Person:
    """Who asks. The session is looked up each time: signing out or disabling an account takes effect at once.

    Raises: NoValidToken (401), TokenTooOld (403), DatabaseFailed (503).
    """
    state = state_of(request)
    token = bearer_token(request)
    if token is None:
        raise NoValidToken
    now = state.clock()
    claims = state.part(Auth).tokens.read(token, now)
    found = await state.part(SessionBatcher)(claims.session_id)
    if found is None or found.user_id != claims.user_id or not found.is_live(now):
        raise NoValidToken("The session has ended")
    person = Person(found.user_id, found.username, Role(found.role), claims.session_id)
    request.state.person = person
    if (client_connection := connection_of(request.scope)) is not None:
        client_connection.note_signed_in()
    return person


class Right(SecurityBase):
    """A dependency that lets some roles in. Raises: NotAllowed (403) for others, as `person_of` besides."""

    def __init__(self, roles: frozenset[Role]) -> None:
        self.roles = roles
        # what the interactive page needs for its Authorize button
        scheme = OAuth2PasswordBearer(tokenUrl="login")
        self.model, self.scheme_name = scheme.model, scheme.scheme_name

    async def __call__(self, request: Request) -> Person:
        """The person, if the role is one of these."""
        person = await person_of(request)
        if person.role not in self.roles:
            allowed = " or ".join(sorted(self.roles))
            raise NotAllowed(f"This needs the role {allowed}; {person.username} is {person.role}.")
        return person


class Public:
    """A dependency that lets everybody in and says so. `service/app.py`'s test holds the list of such routes."""

    async def __call__(self) -> None:
        """Nothing is asked. Not a plain function: those are sent to a thread."""


Anybody = Annotated[None, Depends(Public())]
SignedIn = Annotated[Person, Depends(Right(frozenset(Role)))]
Operator = Annotated[Person, Depends(Right(frozenset({Role.OPERATOR, Role.SERVICE, Role.ADMIN})))]
Analyst = Annotated[Person, Depends(Right(frozenset({Role.ANALYST, Role.ADMIN})))]
Admin = Annotated[Person, Depends(Right(frozenset({Role.ADMIN})))]
