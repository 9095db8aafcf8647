"""Attempts to sign in, to change a password and to register: counted, looked at, and no guess if there was no room."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from londonpump.domain.errors import DatabaseFailed
from londonpump.service.auth import sessions
from londonpump.service.auth.errors import HashingBusy, TooManyAttempts
from londonpump.service.auth.lifespan import Auth
from londonpump.service.auth.schemas import PasswordWanted
from londonpump.service.rights import Person
from londonpump.service.state import ServiceState

DATABASE_TIMEOUT_S = 2.0
"""How long a sign-in may wait for the database: a burst of them is served, one after the other."""
MAX_HASH_CHECKS = 2
"""At the hash of a password: the first sign-in after an import or at a new cost replaces it under all others in flight."""


def database_timeout_s(state: ServiceState) -> float:
    """For the database."""
    return max(DATABASE_TIMEOUT_S, state.store.limits.patience_s)


async def require_no_wait(
    state: ServiceState, key: tuple[str, ...], read_wait_s: Callable[[Connection], int], now: datetime
) -> None:
    """Refuse whoever has to wait before a turn at writing is taken. look: for how many seconds, by the database.

    Raises: TooManyAttempts.
    """
    waits = state.part(Auth).waits
    left_s = waits.left_s(key, now)
    if left_s:
        raise TooManyAttempts(left_s)
    wait_s = await state.store.read(read_wait_s, within_s=database_timeout_s(state))
    if wait_s:
        waits.note(key, wait_s, now)
        raise TooManyAttempts(wait_s)


@asynccontextmanager
async def withdraw_if_busy(
    state: ServiceState, withdraw: Callable[[Connection], None]
) -> AsyncIterator[None]:
    """Take the count of an attempt back if the block is refused for lack of room: who comes again as asked is no guesser.

    Not around what a wrong password leads to: a slow database must not make guesses free.
    """
    try:
        yield
    except (HashingBusy, DatabaseFailed):
        # at best: where it fails too, the count leaks away
        with suppress(DatabaseFailed):
            await state.store.write(withdraw)
        raise


async def sign_in(state: ServiceState, username: str, password: str, source: str) -> sessions.SignedIn | None:
    """The session of somebody who gives the right password; None for everybody else. Raises: TooManyAttempts."""
    write, now = state.store.write, state.clock()
    attempt = await write(
        lambda connection: sessions.begin_attempt(connection, username, source, now),
        within_s=database_timeout_s(state),
    )
    if attempt.wait_s:
        raise TooManyAttempts(attempt.wait_s)
    async with withdraw_if_busy(state, partial(sessions.withdraw_attempt, attempt=attempt)):
        new_session = await _session(state, attempt, password, now)
    if new_session is None:
        await write(
            lambda connection: sessions.record_refused_attempt(connection, attempt, now),
            within_s=database_timeout_s(state),
        )
    return new_session


async def _session(
    state: ServiceState, attempt: sessions.Attempt, password: str, now: datetime
) -> sessions.SignedIn | None:
    auth, within_s = state.part(Auth), database_timeout_s(state)
    for _ in range(MAX_HASH_CHECKS):
        is_right, new_hash = await auth.passwords.check(
            password,
            attempt.password_hash,
            is_bcrypt_in_use=attempt.is_bcrypt_in_use,
            source=attempt.source,
        )
        if not is_right:
            return None
        begin = partial(sessions.begin_session, attempt=attempt, new_hash=new_hash, now=now)
        new_session = await state.store.write(begin, within_s=within_s)
        if new_session is not None:
            return new_session
        stored_hash = await state.store.read(
            partial(sessions.current_hash, name=attempt.name), within_s=within_s
        )
        attempt = replace(attempt, password_hash=stored_hash)
    return None


async def change_own_password(
    state: ServiceState, person: Person, request: PasswordWanted, now: datetime
) -> bool:
    """Change one's own password. Returns: False if the old one is wrong. Raises: TooManyAttempts."""
    wait_s, old_hash = await state.store.write(
        lambda connection: sessions.begin_password_change(connection, person.id, now)
    )
    if wait_s:
        raise TooManyAttempts(wait_s)
    withdraw = partial(sessions.withdraw_password_change, user_id=person.id)
    async with withdraw_if_busy(state, withdraw):
        is_changed = await _change_once_checked(state, person, request, old_hash, now)
    if not is_changed:
        await state.store.write(
            lambda connection: sessions.record_refused_password_change(
                connection, person.id, person.session_id, now
            )
        )
    return is_changed


async def _change_once_checked(
    state: ServiceState, person: Person, request: PasswordWanted, old_hash: str | None, now: datetime
) -> bool:
    passwords, name, new_hash = state.part(Auth).passwords, sessions.lookup_name(person.username), None
    for _ in range(MAX_HASH_CHECKS):
        is_right, _new_hash = await passwords.check(request.old_password, old_hash)
        if not is_right:
            return False
        new_hash = new_hash or await passwords.make(request.new_password)
        new = sessions.NewPassword(person.id, person.session_id, old_hash, new_hash)
        if await state.store.write(partial(sessions.change_password, new=new, now=now)):
            return True
        old_hash = await state.store.read(partial(sessions.current_hash, name=name))
    return False


async def count_registration(state: ServiceState, username: str, source: str, now: datetime) -> bool:
    """Returns: whether the name is taken. Raises: TooManyAttempts."""
    await require_no_wait(
        state,
        ("register", source),
        lambda connection: sessions.wait_before_registration(connection, source, now),
        now,
    )
    wait_s, is_taken = await state.store.write(
        lambda connection: sessions.begin_registration(connection, username, source, now),
        within_s=database_timeout_s(state),
    )
    if wait_s:
        raise TooManyAttempts(wait_s)
    return is_taken
