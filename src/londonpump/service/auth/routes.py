"""Routes of sign-in and accounts."""

import asyncio
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from pydantic import BeforeValidator

from londonpump.domain.json_values import JsonObject
from londonpump.domain.usernames import username_key
from londonpump.persistence.repositories import users
from londonpump.service.anonymous_requests import release_slot
from londonpump.service.auth import accounts, errors, service
from londonpump.service.auth.rules import check_password, validate_username
from londonpump.service.auth.schemas import (
    MAX_FIELD_LENGTH,
    Me,
    PasswordChange,
    RefreshRequest,
    Registered,
    Registration,
    SessionResponse,
    TokenResponse,
    UserChange,
    UserPage,
    UserResponse,
)
from londonpump.service.auth.throttle import source_of
from londonpump.service.auth.tokens import Claims, can_be_refresh_token
from londonpump.service.field_formats import SESSION, Responses, naive_utc, original_id
from londonpump.service.rights import Admin, Anybody, Role, SignedIn, person_of
from londonpump.service.state import Services, state_of

EXPIRY = "%d/%m/%Y, %H:%M:%S"
PAGE = 100
TOO_OFTEN: Responses = {429: {"description": "Too many attempts. `Retry-After` gives the seconds to wait."}}
WITH_OR_WITHOUT_TOKEN: JsonObject = {"security": [{}, {"OAuth2PasswordBearer": []}]}

# JSON without a Content-Type is accepted, as in the original. That is safe from CSRF, because there are no cookies
router = APIRouter(tags=["accounts"], strict_content_type=False)
Username = Annotated[
    str, Form(max_length=MAX_FIELD_LENGTH, description="Name of the account", examples=["amelia"])
]
Password = Annotated[
    str,
    Form(
        max_length=MAX_FIELD_LENGTH,
        description="Password of the account",
        examples=["three quiet lanterns"],
        json_schema_extra={"format": "password"},
    ),
]
UserId = Annotated[str, Path(description="Id of the account, from the list of accounts")]
Refreshing = Annotated[
    RefreshRequest | None, BeforeValidator(lambda body: None if isinstance(body, bytes) else body)
]
"""Body of a refresh. A body that is not JSON is ignored, because the original read none."""


@router.post(
    "/register",
    operation_id="register",
    response_description="The account was created.",
    status_code=201,
    responses={
        **TOO_OFTEN,
        400: {"description": "The two passwords differ, or the body cannot be read."},
        403: {"description": "Registration is closed."},
        409: {"description": "The name is taken."},
    },
)
async def register(request: Request, payload: Registration, _: Anybody) -> Registered:
    """Create an account with the role operator, if the settings allow registration."""
    state = state_of(request)
    auth, now = state.auth, state.clock()
    if not auth.is_open:
        raise errors.RegistrationClosed
    username = validate_username(payload.username)
    check_password(payload.password, username, auth.password_min)
    source = source_of(request, auth.n_proxies)
    is_taken = await service.count_registration(state, username, source, now)
    release_slot(request.scope)
    if is_taken:
        # checked before the passwords are compared, as in the original
        raise errors.NameTaken(username)
    if payload.password != payload.passwordConfirm:
        raise errors.PasswordsDiffer
    async with service.withdraw_if_busy(state, partial(service.withdraw_registration, source=source)):
        password_hash = await auth.passwords.make(payload.password, source=source)
        new = accounts.NewUser(username, Role.OPERATOR, password_hash)
        user = await state.store.write(
            lambda connection: accounts.create(connection, new, None, now),
            within_s=service.database_timeout_s(state),
        )
    return _registered(user, str(naive_utc(user.created_at)))


@router.post(
    "/login",
    operation_id="sign_in",
    response_description="A session was begun.",
    responses={**TOO_OFTEN, 400: {"description": "Wrong username or password."}},
)
async def login(request: Request, username: Username, password: Password, _: Anybody) -> TokenResponse:
    """Begin a session of 12 hours. The response does not reveal whether the user exists."""
    now = state_of(request).clock()
    return _access(state_of(request), await begin_session(request, username, password), now)


async def begin_session(
    request: Request, username: str, password: str, token_prefix: str = ""
) -> service.SignedIn:
    """Check a password in turn and begin a session. token_prefix: see `service.Attempt`. Raises: WrongCredentials."""
    state = state_of(request)
    auth, now = state.auth, state.clock()
    # measured from the arrival, so that waiting in queues does not show in the time of a rejection
    received_s = asyncio.get_running_loop().time()
    source = source_of(request, auth.n_proxies)
    # in the form that is counted: spellings of one name share a wait
    name = service.lookup_name(username)
    await service.require_no_wait(
        state,
        ("login", name, source),
        lambda connection: service.wait_before(connection, username, source, now),
        now,
    )
    # hashing has a queue of its own: the slot is free for other anonymous requests meanwhile
    release_slot(request.scope)
    async with auth.turns.of((name, source)):
        new_session = await service.sign_in(state, username, password, source, token_prefix)
    if new_session is None:
        await auth.passwords.delay_refusal(received_s)
        raise errors.WrongCredentials
    auth.waits.forget(("login", name, source))
    return new_session


@router.post(
    "/refresh",
    operation_id="refresh_token",
    response_description="A new access token.",
    openapi_extra=WITH_OR_WITHOUT_TOKEN,
)
async def refresh(request: Request, _: Anybody, payload: Refreshing = None) -> TokenResponse:
    """Return a new access token, for a refresh token in the body (which is exchanged) or for a valid access token."""
    state = state_of(request)
    now = state.clock()
    token = payload.refresh_token if payload else None
    if token is None:
        person = await person_of(request)
        session = await state.sessions(person.session_id)
        if session is None:
            raise errors.NoValidToken("The session has ended")
        return _access(state, service.SignedIn(person.id, person.session_id, session.ends_at, None), now)
    is_ours = can_be_refresh_token(token) and await state.store.read(
        lambda connection: service.may_refresh(connection, token, now),
        within_s=service.database_timeout_s(state),
    )
    if not is_ours:
        raise errors.NoValidToken("The refresh token is not valid")
    new_session = await state.store.write(
        lambda connection: service.refresh(connection, token, now),
        within_s=service.database_timeout_s(state),
    )
    if new_session is None:
        raise errors.NoValidToken("The refresh token is not valid")
    return _access(state, new_session, now)


@router.get(
    "/me",
    operation_id="get_me",
    response_description="The account.",
    responses={404: {"description": "The account does not exist any more."}},
)
async def me(request: Request, person: SignedIn) -> Me:
    """Return the account of the token."""
    user = await state_of(request).store.read(lambda connection: users.find_user(connection, person.id))
    if user is None:
        raise errors.NoSuchUser
    return Me(user=_registered(user, naive_utc(user.created_at).isoformat()))


@router.put(
    "/me/password",
    operation_id="change_password",
    response_description="The password was changed.",
    status_code=204,
    responses={**TOO_OFTEN, 400: {"description": "The old password is wrong, or the body cannot be read."}},
)
async def change_password(request: Request, payload: PasswordChange, person: SignedIn) -> Response:
    """Change your own password. All other sessions of the account end."""
    state = state_of(request)
    auth, now = state.auth, state.clock()
    check_password(payload.new_password, person.username, auth.password_min, "new_password")
    if not await service.change_own_password(state, person, payload, now):
        raise errors.WrongOldPassword
    return Response(status_code=204)


@router.get(
    "/me/sessions", operation_id="list_sessions", response_description="Open sessions of the account."
)
async def list_sessions(request: Request, person: SignedIn) -> list[SessionResponse]:
    """List your own open sessions, the newest first."""
    state = state_of(request)
    now = state.clock()
    found = await state.store.read(lambda connection: users.open_sessions(connection, person.id, now))
    return [SessionResponse(**asdict(each), is_current=each.id == person.session_id) for each in found]


@router.delete(
    "/me/sessions/{session_id}",
    operation_id="end_session",
    response_description="The session has ended.",
    status_code=204,
    responses={404: {"description": "The session does not exist, has ended, or belongs to another user."}},
)
async def end_session(
    request: Request,
    session_id: Annotated[
        str, Path(pattern=SESSION, description="Id of the session, from the list of sessions")
    ],
    person: SignedIn,
) -> Response:
    """End one of your own sessions. Its access tokens and its refresh token become invalid."""
    state = state_of(request)
    now = state.clock()
    if not await state.store.write(
        lambda connection: service.end_session(connection, person.id, session_id, now)
    ):
        raise errors.NoSuchSession
    return Response(status_code=204)


@router.post(
    "/logout", operation_id="sign_out", response_description="The session has ended.", status_code=204
)
async def logout(request: Request, person: SignedIn) -> Response:
    """End the session of the request. Its access tokens and its refresh token become invalid."""
    state = state_of(request)
    now = state.clock()
    await state.store.write(
        lambda connection: service.sign_out(connection, person.id, person.session_id, now)
    )
    return Response(status_code=204)


@router.get("/v1/users", operation_id="list_users", response_description="Accounts of this page.")
async def list_users(
    request: Request,
    _: Admin,
    after: Annotated[
        str,
        Query(
            max_length=MAX_FIELD_LENGTH, description="`next` of the previous page; empty for the first page"
        ),
    ] = "",
    limit: Annotated[int, Query(ge=1, le=1000, description="Number of accounts to return")] = PAGE,
) -> UserPage:
    """List accounts by name."""
    # PostgreSQL rejects null characters in texts
    names = after.replace("\0", "")
    found = await state_of(request).store.read(
        lambda connection: users.list_users(connection, names, limit + 1)
    )
    # one more row than the page was read, to know whether another page follows
    is_more = len(found) > limit
    page_users = [_user_response(user) for user in found[:limit]]
    return UserPage(users=page_users, next=username_key(found[limit - 1].username) if is_more else None)


@router.patch(
    "/v1/users/{user_id}",
    operation_id="change_user",
    response_description="The account as it is now.",
    responses={
        404: {"description": "The user does not exist."},
        409: {"description": "The change would leave no active admin."},
    },
)
async def change_user(request: Request, user_id: UserId, payload: UserChange, person: Admin) -> UserResponse:
    """Change the role of an account, or disable or enable it. The change takes effect with the next request."""
    state = state_of(request)
    change = accounts.Change(user_id, payload.role, payload.is_disabled)
    now = state.clock()
    user = await state.store.write(lambda connection: accounts.change(connection, change, person.id, now))
    return _user_response(user)


def _access(state: Services, new_session: service.SignedIn, now: datetime) -> TokenResponse:
    claims = Claims(new_session.user_id, new_session.session_id)
    token = state.auth.tokens.make(claims, now, new_session.ends_at)
    return TokenResponse(
        access_token=token.text,
        token_expiry=token.expires_at.strftime(EXPIRY),
        expires_in=max(0, int((token.expires_at - now).total_seconds())),
        refresh_token=new_session.refresh_token,
    )


def _registered(user: users.User, created_at: str) -> Registered:
    return Registered(
        id=original_id(user.id, user.imported_from), username=user.username, created_at=created_at
    )


def _user_response(user: users.User) -> UserResponse:
    return UserResponse(
        id=user.id,
        username=user.username,
        role=Role(user.role),
        created_at=user.created_at,
        disabled_at=user.disabled_at,
    )
