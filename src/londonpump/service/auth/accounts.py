"""Creation and change of accounts, each with a line in the audit. Used by the routes and by `londonpump users`."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from londonpump.domain.usernames import username_key
from londonpump.persistence.database import Connection
from londonpump.persistence.repositories import users
from londonpump.persistence.repositories.audit import append_audit
from londonpump.service.auth.errors import LastAdmin, NameTaken, NoSuchUser
from londonpump.service.field_formats import ORIGINAL_ID_LENGTH


@dataclass(frozen=True, slots=True)
class NewUser:
    """Account to create."""

    username: str
    """Normalised by `rules.validate_username`."""
    role: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class Change:
    """Change that an administrator requests; None leaves a value unchanged."""

    user_id: str
    role: str | None = None
    is_disabled: bool | None = None


def create(connection: Connection, new: NewUser, actor: str | None, now: datetime) -> users.User:
    """Create an account. actor: user who did it; None if the new user registered. Raises: NameTaken."""
    new_id = secrets.token_hex(ORIGINAL_ID_LENGTH // 2)
    user = users.User(new_id, new.username, new.role, now, new.password_hash)
    if not users.add_user(connection, user):
        raise NameTaken(new.username)
    about = {"user": user.id, "username": user.username, "role": user.role}
    append_audit(connection, now, "user_created", actor or user.id, about)
    return user


def named(connection: Connection, username: str) -> users.User:
    """Return the account of a username. Raises: NoSuchUser."""
    user = users.find_named(connection, username_key(username))
    if user is None:
        raise NoSuchUser
    return user


def change(connection: Connection, requested: Change, actor: str, now: datetime) -> users.User:
    """Apply a change completely or not at all. Raises: NoSuchUser, LastAdmin."""
    # both parts run in the caller's transaction: if the second fails, the first is rolled back
    user = _to_change(connection, requested.user_id)
    if requested.role is not None:
        user = set_role(connection, requested.user_id, requested.role, actor, now)
    if requested.is_disabled is not None:
        user = set_disabled(
            connection, requested.user_id, is_disabled=requested.is_disabled, actor=actor, now=now
        )
    return user


def set_role(connection: Connection, user_id: str, role: str, actor: str, now: datetime) -> users.User:
    """Set a role, which counts from the next request on. Raises: NoSuchUser, LastAdmin."""
    user = _to_change(connection, user_id)
    if role == user.role:
        return user
    if role != "admin":
        _keep_an_admin(connection, user)
    # sessions stay open: the role is read with every request
    users.change_user(connection, user_id, role=role)
    about = {"user": user_id, "before": user.role, "after": role}
    append_audit(connection, now, "user_role_changed", actor, about)
    return _to_change(connection, user_id)


def set_disabled(
    connection: Connection, user_id: str, *, is_disabled: bool, actor: str, now: datetime
) -> users.User:
    """Disable or enable an account. Disabling ends every session; enabling restores none. Raises: NoSuchUser, LastAdmin."""
    user = _to_change(connection, user_id)
    if is_disabled == (user.disabled_at is not None):
        return user
    if is_disabled:
        _keep_an_admin(connection, user)
        users.end_sessions(connection, now, "account disabled", user_id=user_id)
    users.change_user(connection, user_id, disabled_at=now if is_disabled else None)
    event_type = "user_disabled" if is_disabled else "user_enabled"
    append_audit(connection, now, event_type, actor, {"user": user_id})
    return _to_change(connection, user_id)


def set_password(connection: Connection, user_id: str, password_hash: str, actor: str, now: datetime) -> None:
    """Set a password and end every session of the account. Raises: NoSuchUser."""
    _to_change(connection, user_id)
    users.change_user(connection, user_id, password_hash=password_hash)
    users.end_sessions(connection, now, "password set", user_id=user_id)
    append_audit(connection, now, "user_password_set", actor, {"user": user_id})


def sign_out(connection: Connection, user_id: str, actor: str, now: datetime) -> None:
    """End every session of an account; its user may sign in again. Raises: NoSuchUser."""
    _to_change(connection, user_id)
    users.end_sessions(connection, now, "signed out by an administrator", user_id=user_id)
    append_audit(connection, now, "user_signed_out", actor, {"user": user_id})


def _to_change(connection: Connection, user_id: str) -> users.User:
    # lock before reading: two admins who demote each other at the same time must not leave the service without one
    users.lock_accounts(connection)
    user = users.find_user(connection, user_id)
    if user is None:
        raise NoSuchUser
    return user


def _keep_an_admin(connection: Connection, user: users.User) -> None:
    if user.role == "admin" and user.disabled_at is None and users.count_admins(connection) == 1:
        raise LastAdmin
