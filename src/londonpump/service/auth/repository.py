"""Accounts, sessions and attempt counts in the database, inside the caller's transaction. All replicas share them."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, delete, func, select, text, update

from londonpump.domain.usernames import username_key
from londonpump.persistence.database.engine import dialect_insert, upsert
from londonpump.persistence.database.schema import refresh_tokens, sessions, sign_in_counts, users
from londonpump.service.auth.throttle import FORGOTTEN_AFTER, KNOWN_SOURCE_LIFETIME, Count, Pace
from londonpump.service.auth.tokens import SESSION_LIFE, new_refresh_token, token_digest
from londonpump.service.field_formats import ORIGINAL_ID_LENGTH

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
    """An account without its password."""

    id: str
    username: str
    role: str
    created_at: datetime
    disabled_at: datetime | None
    imported_from: str | None = None
    """Its id in the original system."""


@dataclass(frozen=True, slots=True)
class Session:
    """Present state of a session and its account."""

    user_id: str
    username: str
    role: str
    disabled_at: datetime | None
    ends_at: datetime
    ended_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """Return whether the tokens of the session are accepted."""
        return self.ended_at is None and self.disabled_at is None and now < self.ends_at


@dataclass(frozen=True, slots=True)
class OpenSession:
    """An open session, as its owner sees it."""

    id: str
    source: str
    """Address from which it was begun."""
    started_at: datetime
    ends_at: datetime


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
    """Serialise this transaction with all others that call this, until it ends. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})


def find_session(connection: Connection, session_id: str) -> Session | None:
    """Return a session, open or ended."""
    return find_sessions(connection, (session_id,)).get(session_id)


def find_sessions(connection: Connection, session_ids: Collection[str]) -> dict[str, Session]:
    """Return {id: session} of some dozens of ids; sessions may be open or ended, unknown ids are absent."""
    found = connection.execute(_SESSIONS.where(sessions.c.id.in_(session_ids)))
    return {session_id: Session(*of_session) for session_id, *of_session in found}


def find_user(connection: Connection, user_id: str) -> User | None:
    """Return an account by its id."""
    found = connection.execute(select(*_USER_COLUMNS).where(users.c.id == user_id)).one_or_none()
    return None if found is None else User(*found)


def find_named(connection: Connection, username_folded: str) -> tuple[User, str | None] | None:
    """Return the account of a folded name, with its password hash."""
    query = select(*_USER_COLUMNS, users.c.password_hash).where(users.c.username_folded == username_folded)
    found = connection.execute(query).one_or_none()
    return None if found is None else (User(*found[:-1]), found[-1])


def has_bcrypt_hashes(connection: Connection) -> bool:
    """Return whether an active account still has the bcrypt hash of the original."""
    # sign-in treats disabled accounts as unknown
    is_left = users.c.password_hash.like("$2%") & users.c.disabled_at.is_(None)
    return connection.execute(select(users.c.id).where(is_left).limit(1)).first() is not None


def list_users(connection: Connection, after: str = "", at_most: int | None = None) -> Sequence[User]:
    """Return accounts sorted by folded name. after: folded name at the end of the previous page."""
    query = select(*_USER_COLUMNS).where(users.c.username_folded > after).order_by(users.c.username_folded)
    return [User(*row) for row in connection.execute(query.limit(at_most))]


def page_end(user: User) -> str:
    """Return the value of `after` for the page that follows this account."""
    return username_key(user.username)


def add_user(connection: Connection, fields: Mapping[str, Any]) -> User | None:
    """Insert an account. Returns: None if the name is taken.

    fields: username, username_folded, role, password_hash, created_at.
    """
    row = {"id": secrets.token_hex(ORIGINAL_ID_LENGTH // 2), **fields}
    statement = (
        # on PostgreSQL an exception for a taken name would abort the whole transaction
        dialect_insert(connection, users).values(row).on_conflict_do_nothing().returning(*_USER_COLUMNS)
    )
    added = connection.execute(statement).one_or_none()
    return None if added is None else User(*added)


def change_user(connection: Connection, user_id: str, **changes: Any) -> None:
    """Update columns of an account."""
    connection.execute(update(users).where(users.c.id == user_id).values(changes))


def count_admins(connection: Connection) -> int:
    """Return the number of active admins."""
    query = select(func.count()).where(users.c.role == "admin", users.c.disabled_at.is_(None))
    return int(connection.execute(query).scalar_one())


def begin_session(connection: Connection, user_id: str, source: str, now: datetime) -> tuple[str, datetime]:
    """Begin a session and delete old ones of the account. Returns: id and end of the session."""
    # ended sessions are kept for 90 days, because they prove that a source is known
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
    """Return the open sessions of an account, the newest first."""
    mine = sessions.c
    query = select(mine.id, mine.source, mine.started_at, mine.ends_at).where(
        mine.user_id == user_id, mine.ended_at.is_(None), mine.ends_at > now
    )
    return [OpenSession(*row) for row in connection.execute(query.order_by(mine.started_at.desc(), mine.id))]


def end_sessions(
    connection: Connection, now: datetime, reason: str, *, kept_id: str | None = None, **where: str
) -> int:
    """End open sessions by `id` or `user_id`, from the next request on. Returns: their number.

    kept_id: a session that stays open.
    """
    open_ones = update(sessions).where(sessions.c.ended_at.is_(None))
    for name, value in where.items():
        open_ones = open_ones.where(sessions.c[name] == value)
    if kept_id is not None:
        open_ones = open_ones.where(sessions.c.id != kept_id)
    return connection.execute(open_ones.values(ended_at=now, end_reason=reason)).rowcount


def add_refresh_token(connection: Connection, session_id: str, now: datetime) -> str:
    """Create a refresh token; only its hash is stored."""
    token = new_refresh_token()
    row = {"sha256": token_digest(token), "session_id": session_id, "issued_at": now}
    connection.execute(refresh_tokens.insert().values(row))
    return token


def session_of_refresh_token(connection: Connection, token: str) -> str | None:
    """Return the session of a refresh token; None if the token is unknown."""
    key = refresh_tokens.c.sha256 == token_digest(token)
    return connection.execute(select(refresh_tokens.c.session_id).where(key)).scalar()


def use_refresh_token(connection: Connection, token: str, now: datetime) -> tuple[str | None, bool]:
    """Mark a refresh token as used. Returns: its session (None if unknown), and whether this is its first use."""
    session_id = session_of_refresh_token(connection, token)
    key = refresh_tokens.c.sha256 == token_digest(token)
    # one conditional update: of two concurrent uses exactly one sees a changed row
    first = update(refresh_tokens).where(key, refresh_tokens.c.used_at.is_(None)).values(used_at=now)
    return session_id, connection.execute(first).rowcount == 1


def is_known_source(connection: Connection, user_id: str, source: str, now: datetime) -> bool:
    """Return whether the account signed in from this source within 90 days."""
    query = select(sessions.c.id).where(
        sessions.c.user_id == user_id,
        sessions.c.source == source,
        sessions.c.started_at > now - KNOWN_SOURCE_LIFETIME,
    )
    return connection.execute(query.limit(1)).first() is not None


def key_of(count_type: str, *parts: str) -> str:
    """Return the key of a count. It is a hash, because people sometimes type a password into the name field."""
    # names and sources contain no null character, so different parts never join to the same text
    return f"{count_type}:{sha256(chr(0).join(parts).encode('utf-8', 'surrogatepass')).hexdigest()}"


def count_attempt(
    connection: Connection, limiting: dict[str, Pace], counted: dict[str, Pace], now: datetime
) -> int:
    """Count an attempt under the keys of `counted`, unless a count of `limiting` makes it wait. Returns: the wait."""
    # every count has leaked away after a day, so the table stays small without a cleaning job
    connection.execute(delete(sign_in_counts).where(sign_in_counts.c.counted_at < now - FORGOTTEN_AFTER))
    counts = _read(connection, {*limiting, *counted})
    wait_s = _wait_s(counts, limiting, now)
    if wait_s == 0:
        after = {key: pace.after(counts.get(key), now) for key, pace in counted.items()}
        _write(connection, after)
    return wait_s


def wait_s_of(connection: Connection, limiting: dict[str, Pace], now: datetime) -> int:
    """Return the wait that `count_attempt` would return, without counting."""
    return _wait_s(_read(connection, set(limiting)), limiting, now)


def reset_count(connection: Connection, reset_key: str, decremented: tuple[str, ...]) -> None:
    """Clear one count and decrement others, after a successful attempt."""
    connection.execute(delete(sign_in_counts).where(sign_in_counts.c.key == reset_key))
    decrement(connection, decremented)


def decrement(connection: Connection, keys: tuple[str, ...]) -> None:
    """Decrement counts, because the attempt succeeded or was withdrawn."""
    counts = _read(connection, set(keys))
    _write(connection, {key: Count(max(0.0, one.level - 1), one.at) for key, one in counts.items()})


def _wait_s(counts: dict[str, Count], limiting: dict[str, Pace], now: datetime) -> int:
    return max((pace.wait_s(counts.get(key), now) for key, pace in limiting.items()), default=0)


def _read(connection: Connection, keys: set[str]) -> dict[str, Count]:
    query = select(sign_in_counts).where(sign_in_counts.c.key.in_(sorted(keys)))
    return {row.key: Count(row.level, row.counted_at) for row in connection.execute(query)}


def _write(connection: Connection, counts: dict[str, Count]) -> None:
    # sorted: two transactions that write the same keys must lock them in the same order
    rows = [{"key": key, "level": one.level, "counted_at": one.at} for key, one in sorted(counts.items())]
    upsert(connection, sign_in_counts, rows)
