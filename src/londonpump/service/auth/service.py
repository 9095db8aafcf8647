"""Sign-in, sign-out, refresh, password change and registration, with their counted attempts.

Functions that take a `connection` run in one transaction each. They return None or False instead of raising, because
an exception would roll back the record of the rejected attempt. The async functions compose them.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from secrets import token_urlsafe

from londonpump.domain.errors import DatabaseFailed
from londonpump.domain.usernames import normalise_username, username_key
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories import users
from londonpump.persistence.repositories.audit import append_audit
from londonpump.service.auth.errors import HashingBusy, TooManyAttempts
from londonpump.service.auth.schemas import PasswordChange
from londonpump.service.auth.throttle import (
    ACCOUNT,
    FROM_KNOWN_SOURCE,
    FROM_SOURCE,
    KNOWN_SOURCE_LIFETIME,
    REGISTRATION,
    SOURCE,
    Pace,
    count_attempt,
    decrement,
    key_of,
    reset_count,
    wait_s_of,
)
from londonpump.service.auth.tokens import SESSION_LIFE, new_refresh_token, token_digest
from londonpump.service.rights import Person
from londonpump.service.state import Services

DATABASE_TIMEOUT_S = 2.0
"""A sign-in may wait longer for the database than a prediction, so that bursts are served one after the other."""
MAX_HASH_CHECKS = 2
"""A second check is needed if a concurrent sign-in has replaced the hash, after an import or a change of cost."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A counted attempt to sign in. user, password_hash: None if there is no such active account."""

    name: str
    """Folded; empty for what cannot be a name."""
    source: str
    wait_s: int = 0
    """Seconds to wait; 0 if the attempt may go on."""
    user: users.User | None = None
    password_hash: str | None = None
    is_bcrypt_in_use: bool = False
    counted: tuple[str, ...] = ()
    """Keys under which the attempt was counted."""
    token_prefix: str = ""
    """What is hashed before the opaque token of the new session: `tokens.CONSOLE` for a cookie."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An open session. refresh_token: None if an access token was renewed."""

    user_id: str
    session_id: str
    ends_at: datetime
    refresh_token: str | None


def lookup_name(username: str) -> str:
    """Return a name in the form for look-ups and counts; empty for what cannot be a name."""
    return username_key(normalise_username(username) or "")


def wait_before(connection: Connection, username: str, source: str, now: datetime) -> int:
    """Return the seconds that an attempt would have to wait. It only reads, so a rejection takes no write lock."""
    name = lookup_name(username)
    user = _account(connection, name)
    return wait_s_of(connection, _limiting_counts(connection, name, source, user, now), now)


def begin_attempt(connection: Connection, username: str, source: str, now: datetime) -> Attempt:
    """Find the account and count the attempt, before the password is checked."""
    # the lock makes reading and writing the counts one step, so that concurrent guesses cannot share one count
    users.lock_accounts(connection)
    name = lookup_name(username)
    user = _account(connection, name)
    limiting = _limiting_counts(connection, name, source, user, now)
    source_key = _keys(name, source)[1]
    counted = {**limiting, source_key: SOURCE}
    wait_s = count_attempt(connection, limiting, counted, now)
    is_bcrypt_in_use = users.has_bcrypt_hashes(connection)
    # from here on a disabled account is treated as an unknown one, so that nothing reveals the difference
    if user is None or user.disabled_at is not None:
        user = None
    password_hash = None if user is None else user.password_hash
    return Attempt(name, source, wait_s, user, password_hash, is_bcrypt_in_use, tuple(counted))


def withdraw_attempt(connection: Connection, attempt: Attempt) -> None:
    """Take back the count of an attempt that was rejected because the service is busy."""
    users.lock_accounts(connection)
    decrement(connection, attempt.counted)


def record_refused_attempt(connection: Connection, attempt: Attempt, now: datetime) -> None:
    """Record a wrong attempt. An unknown name is not stored, because it may be a password."""
    actor = attempt.user.id if attempt.user else None
    append_audit(connection, now, "sign_in_refused", actor, {"source": attempt.source})


def begin_session(
    connection: Connection, attempt: Attempt, new_hash: str | None, now: datetime
) -> SignedIn | None:
    """Begin a session after a right password. Returns: None if the account was disabled or its password set meanwhile."""
    users.lock_accounts(connection)
    user = users.find_named(connection, attempt.name)
    # the hash was checked outside a transaction: the password may have been changed or the account disabled since
    if user is None or user.password_hash != attempt.password_hash or user.disabled_at is not None:
        return None
    # the source's own count is only decremented: one right password must not clear guesses at other accounts
    reset_count(connection, _keys(attempt.name, attempt.source)[0], attempt.counted)
    if new_hash is not None:
        users.change_user(connection, user.id, password_hash=new_hash)
    session = users.OpenSession(token_urlsafe(16), attempt.source, now, now + SESSION_LIFE)
    # ended sessions are kept for 90 days, because they prove that a source is known
    users.add_session(connection, user.id, session, now - KNOWN_SOURCE_LIFETIME)
    refresh_token = _add_refresh_token(connection, session.id, now, attempt.token_prefix)
    append_audit(connection, now, "sign_in", user.id, {"session": session.id, "source": attempt.source})
    return SignedIn(user.id, session.id, session.ends_at, refresh_token)


def current_hash(connection: Connection, name: str) -> str | None:
    """Return the present password hash of a folded name; None if the account is disabled or deleted."""
    user = _account(connection, name)
    return None if user is None or user.disabled_at is not None else user.password_hash


def may_refresh(connection: Connection, token: str, now: datetime) -> bool:
    """Return whether a refresh token, used or not, belongs to an open session. It only reads."""
    session_id = users.session_of_refresh_token(connection, token_digest(token))
    session = users.find_session(connection, session_id) if session_id else None
    return session is not None and session.is_live(now)


def refresh(connection: Connection, token: str, now: datetime) -> SignedIn | None:
    """Exchange a refresh token. A token that is used twice was stolen, so its session ends."""
    # the token is marked as used even if the session turns out to be closed: it is never valid again
    session_id, is_first = users.use_refresh_token(connection, token_digest(token), now)
    session = users.find_session(connection, session_id) if session_id else None
    if session_id is None or session is None or not session.is_live(now):
        return None
    if not is_first:
        users.end_sessions(connection, now, "a refresh token came twice", id=session_id)
        append_audit(connection, now, "refresh_reused", session.user_id, {"session": session_id})
        return None
    new = _add_refresh_token(connection, session_id, now)
    return SignedIn(session.user_id, session_id, session.ends_at, new)


def sign_out(connection: Connection, user_id: str, session_id: str, now: datetime) -> None:
    """End the session."""
    users.end_sessions(connection, now, "signed out", id=session_id)
    append_audit(connection, now, "sign_out", user_id, {"session": session_id})


def begin_password_change(connection: Connection, user_id: str, now: datetime) -> tuple[int, str | None]:
    """Count the attempt before the old password is checked. Returns: seconds to wait, and its hash."""
    users.lock_accounts(connection)
    pace = {key_of("old password", user_id): FROM_SOURCE}
    wait_s = count_attempt(connection, pace, pace, now)
    user = users.find_user(connection, user_id)
    return wait_s, None if user is None else user.password_hash


def withdraw_password_change(connection: Connection, user_id: str) -> None:
    """Take back the count of a change that was rejected because the service is busy."""
    users.lock_accounts(connection)
    decrement(connection, (key_of("old password", user_id),))


def record_refused_password_change(
    connection: Connection, user_id: str, session_id: str, now: datetime
) -> None:
    """Record that the old password was wrong."""
    append_audit(connection, now, "password_change_refused", user_id, {"session": session_id})


@dataclass(frozen=True, slots=True)
class NewPassword:
    """Checked change of a password."""

    user_id: str
    session_id: str
    """Session that stays open."""
    old_hash: str | None
    """Hash against which the old password was checked."""
    new_hash: str


def change_password(connection: Connection, new: NewPassword, now: datetime) -> bool:
    """Store a password and end the other sessions. Returns: False if the password was set meanwhile."""
    users.lock_accounts(connection)
    user = users.find_user(connection, new.user_id)
    # compare and set: an administrator may have set another password while this one was checked
    if user is None or user.password_hash != new.old_hash or user.disabled_at is not None:
        return False
    reset_count(connection, key_of("old password", new.user_id), ())
    users.change_user(connection, new.user_id, password_hash=new.new_hash)
    n_ended = users.end_sessions(connection, now, "password set", kept_id=new.session_id, user_id=new.user_id)
    about = {"user": new.user_id, "session": new.session_id, "ended": n_ended}
    append_audit(connection, now, "user_password_set", new.user_id, about)
    return True


def end_session(connection: Connection, user_id: str, session_id: str, now: datetime) -> bool:
    """End a session of the user. Returns: False if it belongs to another user, or has ended."""
    if session_id not in {each.id for each in users.open_sessions(connection, user_id, now)}:
        return False
    sign_out(connection, user_id, session_id, now)
    return True


def wait_before_registration(connection: Connection, source: str, now: datetime) -> int:
    """Return the seconds that a registration would have to wait. It only reads."""
    return wait_s_of(connection, {key_of("register", source): REGISTRATION}, now)


def begin_registration(connection: Connection, username: str, source: str, now: datetime) -> tuple[int, bool]:
    """Count a registration. Returns: seconds to wait (0 if it was counted), and whether the name is taken."""
    users.lock_accounts(connection)
    pace = {key_of("register", source): REGISTRATION}
    wait_s = count_attempt(connection, pace, pace, now)
    return wait_s, not wait_s and users.find_named(connection, username_key(username)) is not None


def withdraw_registration(connection: Connection, source: str) -> None:
    """Take back the count of a registration that was rejected because the service is busy."""
    users.lock_accounts(connection)
    decrement(connection, (key_of("register", source),))


def _account(connection: Connection, name: str) -> users.User | None:
    return users.find_named(connection, name) if name else None


def _add_refresh_token(connection: Connection, session_id: str, now: datetime, prefix: str = "") -> str:
    """Create a refresh token; only its hash is stored."""
    token = new_refresh_token()
    users.add_refresh_token(connection, token_digest(prefix + token), session_id, now)
    return token


def _limiting_counts(
    connection: Connection, name: str, source: str, user: users.User | None, now: datetime
) -> dict[str, Pace]:
    """Return the counts that can make an attempt wait: only one if the account signed in from this source before."""
    pair_key, source_key, account_key = _keys(name, source)
    # a known source is exempt from the account's count, or strangers could lock out the owner
    since = now - KNOWN_SOURCE_LIFETIME
    if user is not None and users.is_known_source(connection, user.id, source, since):
        return {pair_key: FROM_KNOWN_SOURCE}
    return {pair_key: FROM_SOURCE, source_key: SOURCE, account_key: ACCOUNT}


def _keys(name: str, source: str) -> tuple[str, str, str]:
    return key_of("pair", name, source), key_of("source", source), key_of("account", name)


def database_timeout_s(state: Services) -> float:
    """Return how long a sign-in may wait for the database."""
    return max(DATABASE_TIMEOUT_S, state.store.limits.patience_s)


async def require_no_wait(
    state: Services, key: tuple[str, ...], read_wait_s: Callable[[Connection], int], now: datetime
) -> None:
    """Reject an attempt that has to wait before it takes a write lock. read_wait_s: reads the wait from the database.

    Raises: TooManyAttempts.
    """
    waits = state.auth.waits
    # cheapest check first: memory, then a read, and only then a write lock
    left_s = waits.left_s(key, now)
    if left_s:
        raise TooManyAttempts(left_s)
    wait_s = await state.store.read(read_wait_s, within_s=database_timeout_s(state))
    if wait_s:
        waits.note(key, wait_s, now)
        raise TooManyAttempts(wait_s)


@asynccontextmanager
async def withdraw_if_busy(state: Services, withdraw: Callable[[Connection], None]) -> AsyncIterator[None]:
    """Take back the count of an attempt if the block fails because the service is busy: a retry is no guess.

    Do not use it around the handling of a wrong password: a slow database must not make guesses free.
    """
    try:
        yield
    except (HashingBusy, DatabaseFailed):
        # best effort: if this fails too, the count leaks away with time
        with suppress(DatabaseFailed):
            await state.store.write(withdraw)
        raise


async def sign_in(
    state: Services, username: str, password: str, source: str, token_prefix: str = ""
) -> SignedIn | None:
    """Check a password and begin a session. Returns: None if the sign-in is rejected. Raises: TooManyAttempts."""
    write, now = state.store.write, state.clock()
    attempt = await write(
        lambda connection: begin_attempt(connection, username, source, now),
        within_s=database_timeout_s(state),
    )
    if attempt.wait_s:
        raise TooManyAttempts(attempt.wait_s)
    attempt = replace(attempt, token_prefix=token_prefix)
    async with withdraw_if_busy(state, partial(withdraw_attempt, attempt=attempt)):
        new_session = await _session(state, attempt, password, now)
    if new_session is None:
        await write(
            lambda connection: record_refused_attempt(connection, attempt, now),
            within_s=database_timeout_s(state),
        )
    return new_session


async def _session(state: Services, attempt: Attempt, password: str, now: datetime) -> SignedIn | None:
    auth, within_s = state.auth, database_timeout_s(state)
    for _ in range(MAX_HASH_CHECKS):
        is_right, new_hash = await auth.passwords.check(
            password,
            attempt.password_hash,
            is_bcrypt_in_use=attempt.is_bcrypt_in_use,
            source=attempt.source,
        )
        if not is_right:
            return None
        begin = partial(begin_session, attempt=attempt, new_hash=new_hash, now=now)
        new_session = await state.store.write(begin, within_s=within_s)
        if new_session is not None:
            return new_session
        # the hash changed under this attempt: check the password once more against the new one
        stored_hash = await state.store.read(partial(current_hash, name=attempt.name), within_s=within_s)
        attempt = replace(attempt, password_hash=stored_hash)
    return None


async def change_own_password(
    state: Services, person: Person, request: PasswordChange, now: datetime
) -> bool:
    """Change the person's own password. Returns: False if the old one is wrong. Raises: TooManyAttempts."""
    wait_s, old_hash = await state.store.write(
        lambda connection: begin_password_change(connection, person.id, now)
    )
    if wait_s:
        raise TooManyAttempts(wait_s)
    withdraw = partial(withdraw_password_change, user_id=person.id)
    async with withdraw_if_busy(state, withdraw):
        is_changed = await _change_once_checked(state, person, request, old_hash, now)
    if not is_changed:
        await state.store.write(
            lambda connection: record_refused_password_change(connection, person.id, person.session_id, now)
        )
    return is_changed


async def _change_once_checked(
    state: Services, person: Person, request: PasswordChange, old_hash: str | None, now: datetime
) -> bool:
    passwords, name, new_hash = state.auth.passwords, lookup_name(person.username), None
    for _ in range(MAX_HASH_CHECKS):
        is_right, _new_hash = await passwords.check(request.old_password, old_hash)
        if not is_right:
            return False
        # kept for a second round, because hashing again would take another 0.1 s
        new_hash = new_hash or await passwords.make(request.new_password)
        new = NewPassword(person.id, person.session_id, old_hash, new_hash)
        if await state.store.write(partial(change_password, new=new, now=now)):
            return True
        old_hash = await state.store.read(partial(current_hash, name=name))
    return False


async def count_registration(state: Services, username: str, source: str, now: datetime) -> bool:
    """Count a registration. Returns: whether the name is taken. Raises: TooManyAttempts."""
    await require_no_wait(
        state,
        ("register", source),
        lambda connection: wait_before_registration(connection, source, now),
        now,
    )
    wait_s, is_taken = await state.store.write(
        lambda connection: begin_registration(connection, username, source, now),
        within_s=database_timeout_s(state),
    )
    if wait_s:
        raise TooManyAttempts(wait_s)
    return is_taken
