"""Accounts, sessions, refresh tokens and attempt counts. All replicas share them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, func, insert, select, text, update

from londonpump.domain.usernames import username_key
from londonpump.persistence.database.engine import Row, as_row, dialect_insert, upsert
from londonpump.persistence.database.schema import refresh_tokens, sessions, sign_in_counts, users

LOCK_KEY = 0x10D0_A074
SUPERVISOR = "supervisor"
SUPERVISOR_ROW = {"role": "operator", "is_supervisor": True}
"""How a supervisor is stored: code before version 0012 reads an operator, who may do less."""


@dataclass(frozen=True, slots=True)
class User:
    """An account. Names with the same `username_key` are the same name."""

    id: str
    username: str
    role: str
    created_at: datetime
    password_hash: str | None = field(default=None, repr=False)
    """None until a password is set; nobody can sign in before."""
    disabled_at: datetime | None = None
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


@dataclass(frozen=True, slots=True)
class Count:
    """Number of remembered attempts, and the time of the last one."""

    level: float
    at: datetime


# if older code gives the account another role, that role counts and not the mark
_ROLE = case((users.c.is_supervisor & (users.c.role == "operator"), SUPERVISOR), else_=users.c.role)
_USERS = select(*(_ROLE if column.name == "role" else users.c[column.name] for column in fields(User)))
_SESSIONS = select(
    sessions.c.id,
    users.c.id,
    users.c.username,
    _ROLE,
    users.c.disabled_at,
    sessions.c.ends_at,
    sessions.c.ended_at,
).join_from(sessions, users)
# built once: every request reads one of them, and building it takes as long as running it twice
_SESSIONS_BY_ID = _SESSIONS.where(sessions.c.id.in_(bindparam("session_ids", expanding=True)))
_SESSION_OF_TOKEN = _SESSIONS.join(refresh_tokens, refresh_tokens.c.session_id == sessions.c.id).where(
    refresh_tokens.c.sha256 == bindparam("sha256")
)


def lock_accounts(connection: Connection) -> None:
    """Serialise this transaction with all others that call this, until it ends. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})


def find_user(connection: Connection, user_id: str) -> User | None:
    """Return an account by its id."""
    found = connection.execute(_USERS.where(users.c.id == user_id)).one_or_none()
    return None if found is None else User(*found)


def find_named(connection: Connection, username_folded: str) -> User | None:
    """Return the account of a folded name."""
    found = connection.execute(_USERS.where(users.c.username_folded == username_folded)).one_or_none()
    return None if found is None else User(*found)


def list_users(connection: Connection, after: str = "", at_most: int | None = None) -> list[User]:
    """Return accounts sorted by folded name. after: folded name at the end of the previous page."""
    query = _USERS.where(users.c.username_folded > after).order_by(users.c.username_folded)
    return [User(*row) for row in connection.execute(query.limit(at_most))]


def has_bcrypt_hashes(connection: Connection) -> bool:
    """Return whether an active account still has the bcrypt hash of the original."""
    # sign-in treats disabled accounts as unknown
    is_left = users.c.password_hash.like("$2%") & users.c.disabled_at.is_(None)
    return connection.execute(select(users.c.id).where(is_left).limit(1)).first() is not None


def count_admins(connection: Connection) -> int:
    """Return the number of active admins."""
    query = select(func.count()).where(users.c.role == "admin", users.c.disabled_at.is_(None))
    return int(connection.execute(query).scalar_one())


def add_user(connection: Connection, user: User) -> bool:
    """Insert an account. Returns: False if the name is taken."""
    # on PostgreSQL an exception for a taken name would abort the whole transaction
    statement = dialect_insert(connection, users).values(_user_row(user)).on_conflict_do_nothing()
    return connection.execute(statement.returning(users.c.id)).one_or_none() is not None


def put_users(connection: Connection, new: Sequence[User]) -> None:
    """Add accounts whose folded names are not there yet."""
    if new:
        connection.execute(insert(users), [_user_row(user) for user in new])


def change_user(connection: Connection, user_id: str, **changes: Any) -> None:
    """Update columns of an account."""
    if "role" in changes:
        changes |= _role_row(changes["role"])
    connection.execute(update(users).where(users.c.id == user_id).values(changes))


def set_initial_password(connection: Connection, user_id: str, password_hash: str) -> bool:
    """Store a password unless the account has one. Returns: whether it was stored."""
    # one statement, so that two imports at once cannot both set a password
    without = update(users).where(users.c.id == user_id, users.c.password_hash.is_(None))
    return connection.execute(without.values(password_hash=password_hash)).rowcount == 1


def find_session(connection: Connection, session_id: str) -> Session | None:
    """Return a session, open or ended."""
    return find_sessions(connection, (session_id,)).get(session_id)


def find_sessions(connection: Connection, session_ids: Collection[str]) -> dict[str, Session]:
    """Return {id: session} of some dozens of ids; sessions may be open or ended, unknown ids are absent."""
    found = connection.execute(_SESSIONS_BY_ID, {"session_ids": list(session_ids)})
    return {session_id: Session(*of_session) for session_id, *of_session in found}


def open_sessions(connection: Connection, user_id: str, now: datetime) -> list[OpenSession]:
    """Return the open sessions of an account, the newest first."""
    mine = sessions.c
    query = select(mine.id, mine.source, mine.started_at, mine.ends_at).where(
        mine.user_id == user_id, mine.ended_at.is_(None), mine.ends_at > now
    )
    return [OpenSession(*row) for row in connection.execute(query.order_by(mine.started_at.desc(), mine.id))]


def is_known_source(connection: Connection, user_id: str, source: str, since: datetime) -> bool:
    """Return whether the account signed in from this source after a time."""
    query = select(sessions.c.id).where(
        sessions.c.user_id == user_id, sessions.c.source == source, sessions.c.started_at > since
    )
    return connection.execute(query.limit(1)).first() is not None


def add_session(connection: Connection, user_id: str, new: OpenSession, kept_since: datetime) -> None:
    """Begin a session and delete those of the account that ended before `kept_since`."""
    connection.execute(delete(sessions).where(sessions.c.user_id == user_id, sessions.c.ends_at < kept_since))
    connection.execute(insert(sessions).values(user_id=user_id, **as_row(new)))


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


def add_refresh_token(connection: Connection, sha256: str, session_id: str, now: datetime) -> None:
    """Store the hash of a refresh token."""
    row = {"sha256": sha256, "session_id": session_id, "issued_at": now}
    connection.execute(insert(refresh_tokens).values(row))


def session_of_refresh_token(connection: Connection, sha256: str) -> str | None:
    """Return the session of a refresh token; None if the token is unknown."""
    key = refresh_tokens.c.sha256 == sha256
    return connection.execute(select(refresh_tokens.c.session_id).where(key)).scalar()


def session_of_token(connection: Connection, sha256: str) -> tuple[str, Session] | None:
    """Return the id and the session of a token that is not used up, such as that of a cookie; None if it is unknown."""
    found = connection.execute(_SESSION_OF_TOKEN, {"sha256": sha256}).one_or_none()
    return None if found is None else (found[0], Session(*found[1:]))


def use_refresh_token(connection: Connection, sha256: str, now: datetime) -> tuple[str | None, bool]:
    """Mark a refresh token as used. Returns: its session (None if unknown), and whether this is its first use."""
    session_id = session_of_refresh_token(connection, sha256)
    # one conditional update: of two concurrent uses exactly one sees a changed row
    is_unused = (refresh_tokens.c.sha256 == sha256, refresh_tokens.c.used_at.is_(None))
    first = update(refresh_tokens).where(*is_unused).values(used_at=now)
    return session_id, connection.execute(first).rowcount == 1


def read_counts(connection: Connection, keys: Collection[str]) -> dict[str, Count]:
    """Return {key: count} of the counts that exist."""
    query = select(sign_in_counts).where(sign_in_counts.c.key.in_(sorted(keys)))
    return {row.key: Count(row.level, row.counted_at) for row in connection.execute(query)}


def write_counts(connection: Connection, counts: Mapping[str, Count]) -> None:
    """Store counts."""
    # sorted: two transactions that write the same keys must lock them in the same order
    rows = [{"key": key, "level": one.level, "counted_at": one.at} for key, one in sorted(counts.items())]
    upsert(connection, sign_in_counts, rows)


def delete_count(connection: Connection, key: str) -> None:
    """Delete one count."""
    connection.execute(delete(sign_in_counts).where(sign_in_counts.c.key == key))


def delete_counts_before(connection: Connection, before: datetime) -> None:
    """Delete the counts whose last attempt was before a time."""
    connection.execute(delete(sign_in_counts).where(sign_in_counts.c.counted_at < before))


def _user_row(user: User) -> Row:
    return {**as_row(user), **_role_row(user.role), "username_folded": username_key(user.username)}


def _role_row(role: str) -> Row:
    return SUPERVISOR_ROW if role == SUPERVISOR else {"role": role, "is_supervisor": False}
