"""Accounts and sessions in the database. Every function runs inside a transaction of the caller's."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, text, update

from londonpump.domain.usernames import username_key
from londonpump.service.auth.throttle import KNOWN_SOURCE_LIFETIME
from londonpump.service.auth.tokens import SESSION_LIFE, new_refresh_token, token_digest
from londonpump.service.field_formats import ORIGINAL_ID_LENGTH
from londonpump.storage.database.engine import dialect_insert
from londonpump.storage.database.schema import refresh_tokens, sessions, users

LOCK_KEY = 0x10D0_A074
_USER_COLUMNS = (
    users.c.id,
    users.c.username,
    users.c.role,
    users.c.created_at,
    users.c.disabled_at,
    users.c.imported_from,
)


@dataclass(frozen=True, slots=True)
class User:
    """An account, without its password. imported_from: its id in the original."""

    id: str
    username: str
    role: str
    created_at: datetime
    disabled_at: datetime | None
    imported_from: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A session and its account as they are now."""

    user_id: str
    username: str
    role: str
    disabled_at: datetime | None
    ends_at: datetime
    ended_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """Whether its tokens count."""
        return self.ended_at is None and self.disabled_at is None and now < self.ends_at


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that lives, as its owner sees it. source: the address it was begun from."""

    id: str
    source: str
    started_at: datetime
    ends_at: datetime


_SESSION = select(
    users.c.id, users.c.username, users.c.role, users.c.disabled_at, sessions.c.ends_at, sessions.c.ended_at
).join_from(sessions, users)

_SESSIONS = select(
    sessions.c.id,
    users.c.id,
    users.c.username,
    users.c.role,
    users.c.disabled_at,
    sessions.c.ends_at,
    sessions.c.ended_at,
).join_from(sessions, users)


def lock_accounts(connection: Connection) -> None:
    """From here to the end of the transaction no other one that calls this runs. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})


def find_session(connection: Connection, session_id: str) -> Session | None:
    """By its id, whether it lives or not: one look-up by two primary keys."""
    found = connection.execute(_SESSION.where(sessions.c.id == session_id)).one_or_none()
    return None if found is None else Session(*found)


def find_sessions(connection: Connection, session_ids: Collection[str]) -> dict[str, Session]:
    """{id: session} of those that are there, whether they live or not. Not for more than some dozens."""
    found = connection.execute(_SESSIONS.where(sessions.c.id.in_(session_ids)))
    return {session_id: Session(*of_session) for session_id, *of_session in found}


def find_user(connection: Connection, user_id: str) -> User | None:
    """By its id."""
    found = connection.execute(select(*_USER_COLUMNS).where(users.c.id == user_id)).one_or_none()
    return None if found is None else User(*found)


def find_named(connection: Connection, username_folded: str) -> tuple[User, str | None] | None:
    """By its folded name, with the hash of its password."""
    query = select(*_USER_COLUMNS, users.c.password_hash).where(users.c.username_folded == username_folded)
    found = connection.execute(query).one_or_none()
    return None if found is None else (User(*found[:-1]), found[-1])


def has_bcrypt_hashes(connection: Connection) -> bool:
    """Whether an account that was imported from the original has not signed in since, and still may."""
    # a disabled one is checked as nobody's is
    is_left = users.c.password_hash.like("$2%") & users.c.disabled_at.is_(None)
    return connection.execute(select(users.c.id).where(is_left).limit(1)).first() is not None


def list_users(connection: Connection, after: str = "", at_most: int | None = None) -> Sequence[User]:
    """By folded name. after: the folded name where the page before ended."""
    query = select(*_USER_COLUMNS).where(users.c.username_folded > after).order_by(users.c.username_folded)
    return [User(*row) for row in connection.execute(query.limit(at_most))]


def page_end(user: User) -> str:
    """What to give `list_users` for the accounts after this one."""
    return username_key(user.username)


def add_user(connection: Connection, fields: Mapping[str, Any]) -> User | None:
    """fields: username, username_folded, role, password_hash, created_at. Returns: None if the name is taken."""
    row = {"id": secrets.token_hex(ORIGINAL_ID_LENGTH // 2), **fields}
    statement = (
        dialect_insert(connection, users).values(row).on_conflict_do_nothing().returning(*_USER_COLUMNS)
    )
    added = connection.execute(statement).one_or_none()
    return None if added is None else User(*added)


def change_user(connection: Connection, user_id: str, **changes: Any) -> None:
    """Write columns of an account."""
    connection.execute(update(users).where(users.c.id == user_id).values(changes))


def count_admins(connection: Connection) -> int:
    """Active ones."""
    query = select(func.count()).where(users.c.role == "admin", users.c.disabled_at.is_(None))
    return int(connection.execute(query).scalar_one())


def begin_session(connection: Connection, user_id: str, source: str, now: datetime) -> tuple[str, datetime]:
    """Returns: its id and its end. Sessions of the account that ended long ago are forgotten."""
    connection.execute(
        delete(sessions).where(
            sessions.c.user_id == user_id, sessions.c.ends_at < now - KNOWN_SOURCE_LIFETIME
        )
    )
    session_id, ends_at = secrets.token_urlsafe(16), now + SESSION_LIFE
    row = {"id": session_id, "user_id": user_id, "source": source, "started_at": now, "ends_at": ends_at}
    connection.execute(sessions.insert().values(row))
    return session_id, ends_at


def open_sessions(connection: Connection, user_id: str, now: datetime) -> list[OpenSession]:
    """Those of an account that live, the newest first."""
    mine = sessions.c
    query = select(mine.id, mine.source, mine.started_at, mine.ends_at).where(
        mine.user_id == user_id, mine.ended_at.is_(None), mine.ends_at > now
    )
    return [OpenSession(*row) for row in connection.execute(query.order_by(mine.started_at.desc(), mine.id))]


def end_sessions(
    connection: Connection, now: datetime, reason: str, *, kept_id: str | None = None, **where: str
) -> int:
    """End those that live, by `id` or `user_id`: their tokens count no more from the next request on.

    kept: the id of one that goes on. Returns: how many were ended.
    """
    open_ones = update(sessions).where(sessions.c.ended_at.is_(None))
    for name, value in where.items():
        open_ones = open_ones.where(sessions.c[name] == value)
    if kept_id is not None:
        open_ones = open_ones.where(sessions.c.id != kept_id)
    return connection.execute(open_ones.values(ended_at=now, ended_because=reason)).rowcount


def add_refresh_token(connection: Connection, session_id: str, now: datetime) -> str:
    """A new one; only its hash is kept."""
    token = new_refresh_token()
    row = {"sha256": token_digest(token), "session_id": session_id, "issued_at": now}
    connection.execute(refresh_tokens.insert().values(row))
    return token


def session_of_refresh_token(connection: Connection, token: str) -> str | None:
    """Its session; None if it is none of ours."""
    key = refresh_tokens.c.sha256 == token_digest(token)
    return connection.execute(select(refresh_tokens.c.session_id).where(key)).scalar()


def use_refresh_token(connection: Connection, token: str, now: datetime) -> tuple[str | None, bool]:
    """Returns: its session (None if it is none of ours), and whether this is its first use."""
    session_id = session_of_refresh_token(connection, token)
    key = refresh_tokens.c.sha256 == token_digest(token)
    first = update(refresh_tokens).where(key, refresh_tokens.c.used_at.is_(None)).values(used_at=now)
    return session_id, connection.execute(first).rowcount == 1


def is_known_source(connection: Connection, user_id: str, source: str, now: datetime) -> bool:
    """Whether the account signed in from there lately."""
    query = select(sessions.c.id).where(
        sessions.c.user_id == user_id,
        sessions.c.source == source,
        sessions.c.started_at > now - KNOWN_SOURCE_LIFETIME,
    )
    return connection.execute(query.limit(1)).first() is not None
