"""Attempts to sign in, to change a password and to register: counted, looked at, and no guess if there was no room."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from londonpump.brigade.errors import DatabaseFailed
from londonpump.service.auth import signing
from londonpump.service.auth.desk import Auth
from londonpump.service.auth.refusals import HashingBusy, TooManyAttempts
from londonpump.service.auth.shapes import PasswordWanted
from londonpump.service.rights import Person
from londonpump.service.state import ServiceState

MAY_WAIT_S = 2.0
"""How long a sign-in may wait for the database: a burst of them is served, one after the other."""
LOOKS = 2
"""At the hash of a password: the first sign-in after an import or at a new cost replaces it under all others in flight."""


def may_wait_s(state: ServiceState) -> float:
    """For the database."""
    return max(MAY_WAIT_S, state.store.limits.patience_s)


async def refuse_early(
    state: ServiceState, key: tuple[str, ...], look: Callable[[Connection], int], now: datetime
) -> None:
    """Refuse whoever has to wait before a turn at writing is taken. look: for how many seconds, by the database.

    Raises: TooManyAttempts.
    """
    waits = state.part(Auth).waits
    left_s = waits.left_s(key, now)
    if left_s:
        raise TooManyAttempts(left_s)
    wait_s = await state.store.read(look, within_s=may_wait_s(state))
    if wait_s:
        waits.note(key, wait_s, now)
        raise TooManyAttempts(wait_s)


@asynccontextmanager
async def withdrawn_for_lack_of_room(
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


async def signed_in(
    state: ServiceState, username: str, password: str, source: str
) -> signing.SignedIn | None:
    """The session of somebody who gives the right password; None for everybody else. Raises: TooManyAttempts."""
    write, now = state.store.write, state.clock()
    attempt = await write(
        lambda connection: signing.begin_attempt(connection, username, source, now),
        within_s=may_wait_s(state),
    )
    if attempt.wait_s:
        raise TooManyAttempts(attempt.wait_s)
    async with withdrawn_for_lack_of_room(state, partial(signing.withdraw_attempt, attempt=attempt)):
        signed = await _session(state, attempt, password, now)
    if signed is None:
        await write(
            lambda connection: signing.refuse_attempt(connection, attempt, now), within_s=may_wait_s(state)
        )
    return signed


async def _session(
    state: ServiceState, attempt: signing.Attempt, password: str, now: datetime
) -> signing.SignedIn | None:
    auth, within_s = state.part(Auth), may_wait_s(state)
    for _ in range(LOOKS):
        is_right, new_hash = await auth.passwords.check(
            password,
            attempt.password_hash,
            is_bcrypt_in_use=attempt.is_bcrypt_in_use,
            source=attempt.source,
        )
        if not is_right:
            return None
        begin = partial(signing.begin_session, attempt=attempt, new_hash=new_hash, now=now)
        signed = await state.store.write(begin, within_s=within_s)
        if signed is not None:
            return signed
        now_stored = await state.store.read(partial(signing.hash_now, name=attempt.name), within_s=within_s)
        attempt = replace(attempt, password_hash=now_stored)
    return None


async def changed_password(
    state: ServiceState, person: Person, wanted: PasswordWanted, now: datetime
) -> bool:
    """Change one's own password. Returns: False if the old one is wrong. Raises: TooManyAttempts."""
    wait_s, old_hash = await state.store.write(
        lambda connection: signing.begin_password_change(connection, person.id, now)
    )
    if wait_s:
        raise TooManyAttempts(wait_s)
    withdraw = partial(signing.withdraw_password_change, user_id=person.id)
    async with withdrawn_for_lack_of_room(state, withdraw):
        is_changed = await _changed(state, person, wanted, old_hash, now)
    if not is_changed:
        await state.store.write(
            lambda connection: signing.refuse_password_change(connection, person.id, person.session_id, now)
        )
    return is_changed


async def _changed(
    state: ServiceState, person: Person, wanted: PasswordWanted, old_hash: str | None, now: datetime
) -> bool:
    passwords, name, new_hash = state.part(Auth).passwords, signing.name_of(person.username), None
    for _ in range(LOOKS):
        is_right, _anew = await passwords.check(wanted.old_password, old_hash)
        if not is_right:
            return False
        new_hash = new_hash or await passwords.make(wanted.new_password)
        new = signing.NewPassword(person.id, person.session_id, old_hash, new_hash)
        if await state.store.write(partial(signing.change_password, new=new, now=now)):
            return True
        old_hash = await state.store.read(partial(signing.hash_now, name=name))
    return False


async def count_registration(state: ServiceState, username: str, source: str, now: datetime) -> bool:
    """Returns: whether the name is taken. Raises: TooManyAttempts."""
    await refuse_early(
        state,
        ("register", source),
        lambda connection: signing.wait_before_registration(connection, source, now),
        now,
    )
    wait_s, is_taken = await state.store.write(
        lambda connection: signing.begin_registration(connection, username, source, now),
        within_s=may_wait_s(state),
    )
    if wait_s:
        raise TooManyAttempts(wait_s)
    return is_taken
