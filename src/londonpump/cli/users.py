"""Commands for accounts: users create, list, disable, enable, set-role, sign-out, set-password."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer

from londonpump.cli.application import app, report_errors, settings

users = typer.Typer(name="users", help="Accounts of the service.", no_args_is_help=True)
app.add_typer(users)


class RoleName(StrEnum):
    """`service.rights.Role`, which takes a web framework to load. A test holds them together."""

    OPERATOR = "operator"
    ANALYST = "analyst"
    ADMIN = "admin"
    SERVICE = "service"


Name = Annotated[str, typer.Argument(metavar="NAME", help="The user name.", show_default=False)]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")
]


@users.command()
def create(
    name: Name,
    admin: Annotated[bool, typer.Option("--admin", help="Manages accounts, and sees and does all.")] = False,
    analyst: Annotated[bool, typer.Option("--analyst", help="Sees everybody's history.")] = False,
    operator: Annotated[
        bool, typer.Option("--operator", help="Asks and runs the board. The default.")
    ] = False,
    service: Annotated[bool, typer.Option("--service", help="A machine, such as a feed.")] = False,
    password_stdin: FromStdin = False,
) -> None:
    """Make an account."""
    from londonpump.service.auth import accounts
    from londonpump.service.auth.passwords import Passwords
    from londonpump.service.auth.rules import check_password, validate_username

    requested = {"admin": admin, "analyst": analyst, "operator": operator, "service": service}
    role = _one_of([role for role, is_requested in requested.items() if is_requested])
    with report_errors():
        username = validate_username(name)
        password = _read_password(password_stdin)
        check_password(password, username, settings().password_min)
        new = accounts.NewUser(username, role, Passwords().make_now(password))
        with _transaction() as (connection, actor, now):
            accounts.create(connection, new, actor, now)
    typer.echo(f"The {role} {username} can sign in now.")


@users.command("list")
def list_() -> None:
    """Show every account."""
    from londonpump.service.auth import repository

    with report_errors(), _transaction() as (connection, _, _):
        found = repository.list_users(connection)
    for user in found:
        state = f"disabled {user.disabled_at:%Y-%m-%d}" if user.disabled_at else "active"
        typer.echo(f"{user.username}\t{user.role}\t{state}\tsince {user.created_at:%Y-%m-%d}")
    if not found:
        typer.echo("There are no accounts. Make one with `londonpump users create NAME --admin`.", err=True)


@users.command()
def disable(name: Name) -> None:
    """Let an account in no more; its sessions end at once."""
    _set_disabled(name, is_disabled=True)
    typer.echo(f"{name} is disabled.")


@users.command()
def enable(name: Name) -> None:
    """Let a disabled account in again."""
    _set_disabled(name, is_disabled=False)
    typer.echo(f"{name} is active.")


@users.command()
def set_role(
    name: Name,
    role: Annotated[
        RoleName,
        typer.Argument(metavar="ROLE", help="What it is from now on.", show_default=False),
    ],
) -> None:
    """Change what an account may do, from its next request on."""
    from londonpump.service.auth import accounts

    with report_errors(), _transaction() as (connection, actor, now):
        user = accounts.named(connection, name)
        accounts.set_role(connection, user.id, role.value, actor, now)
    typer.echo(f"{name} is {role.value}.")


@users.command()
def sign_out(name: Name) -> None:
    """End every session of an account, as where a device was lost; it may sign in again."""
    from londonpump.service.auth import accounts

    with report_errors(), _transaction() as (connection, actor, now):
        accounts.sign_out(connection, accounts.named(connection, name).id, actor, now)
    typer.echo(f"{name} is signed out everywhere.")


@users.command()
def set_password(name: Name, password_stdin: FromStdin = False) -> None:
    """Give an account a new password; its sessions end at once."""
    from londonpump.service.auth import accounts
    from londonpump.service.auth.passwords import Passwords
    from londonpump.service.auth.rules import check_password

    with report_errors():
        password = _read_password(password_stdin)
        check_password(password, name, settings().password_min)
        hashed = Passwords().make_now(password)
        with _transaction() as (connection, actor, now):
            user = accounts.named(connection, name)
            accounts.set_password(connection, user.id, hashed, actor, now)
    typer.echo(f"{name} has a new password.")


def _set_disabled(name: str, *, is_disabled: bool) -> None:
    from londonpump.service.auth import accounts

    with report_errors(), _transaction() as (connection, actor, now):
        user = accounts.named(connection, name)
        accounts.set_disabled(connection, user.id, is_disabled=is_disabled, actor=actor, now=now)


def _one_of(roles: list[str]) -> str:
    if len(roles) > 1:
        raise typer.BadParameter(f"one role an account: {' or '.join(roles)}")
    return roles[0] if roles else "operator"


def _read_password(is_stdin: bool) -> str:
    """The password: typed twice where nobody sees it, or one line."""
    from londonpump.domain.errors import BadFile

    if is_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise BadFile("the password", "cannot be asked without a terminal", "Give --password-stdin.")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


@contextmanager
def _transaction() -> Iterator[tuple[Any, str, Any]]:
    """A connection that writes, who acts (the user of this machine) and when."""
    from datetime import UTC, datetime

    from londonpump.storage.database import open_database, writing

    engine = open_database(settings().database)
    try:
        with writing(engine) as connection:
            yield connection, _actor(), datetime.now(UTC)
    finally:
        engine.dispose()


def _actor() -> str:
    import getpass
    import os

    try:
        return f"os:{getpass.getuser()}"
    except (KeyError, OSError):
        # a container may run as a number without a name
        return f"os:{os.getuid()}"
