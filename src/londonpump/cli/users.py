"""Commands for accounts: users create, list, disable, enable, set-role, sign-out, set-password."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer

from londonpump.cli.application import app, report_errors, settings

users = typer.Typer(name="users", help="Manage the accounts of the service.", no_args_is_help=True)
app.add_typer(users)


class RoleName(StrEnum):
    """Copy of `service.rights.Role`, which needs a web framework to load. A test compares the two."""

    OPERATOR = "operator"
    ANALYST = "analyst"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    SERVICE = "service"


Name = Annotated[str, typer.Argument(metavar="NAME", help="Name the account.", show_default=False)]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]


@users.command()
def create(
    name: Name,
    admin: Annotated[
        bool, typer.Option("--admin", help="Grant the role admin: manage accounts, see and do everything.")
    ] = False,
    analyst: Annotated[
        bool, typer.Option("--analyst", help="Grant the role analyst: see the history of all accounts.")
    ] = False,
    supervisor: Annotated[
        bool,
        typer.Option(
            "--supervisor",
            help="Grant the role supervisor: what operators and analysts may, change the model, acknowledge alarms.",
        ),
    ] = False,
    operator: Annotated[
        bool,
        typer.Option("--operator", help="Grant the role operator, the default: predict and run the board."),
    ] = False,
    service: Annotated[
        bool, typer.Option("--service", help="Grant the role service, for a machine such as a feed.")
    ] = False,
    password_stdin: FromStdin = False,
) -> None:
    """Create an account."""
    from londonpump.service.auth import accounts
    from londonpump.service.auth.passwords import Passwords
    from londonpump.service.auth.rules import check_password, validate_username

    requested = {
        "admin": admin,
        "analyst": analyst,
        "supervisor": supervisor,
        "operator": operator,
        "service": service,
    }
    role = _one_of([role for role, is_requested in requested.items() if is_requested])
    with report_errors():
        username = validate_username(name)
        password = _read_password(password_stdin)
        check_password(password, username, settings().password_min)
        # Hashing is slow by design, so it is done before the transaction locks the database.
        new = accounts.NewUser(username, role, Passwords().make_now(password))
        with _transaction() as (connection, actor, now):
            accounts.create(connection, new, actor, now)
    typer.echo(f"The {role} {username} can sign in now.")


@users.command("list")
def list_() -> None:
    """Show every account."""
    from londonpump.persistence.repositories.users import list_users

    with report_errors(), _transaction() as (connection, _, _):
        found = list_users(connection)
    for user in found:
        state = f"disabled {user.disabled_at:%Y-%m-%d}" if user.disabled_at else "active"
        typer.echo(f"{user.username}\t{user.role}\t{state}\tsince {user.created_at:%Y-%m-%d}")
    if not found:
        typer.echo("There are no accounts. Create one with `londonpump users create NAME --admin`.", err=True)


@users.command()
def disable(name: Name) -> None:
    """Disable an account; its sessions end at once."""
    _set_disabled(name, is_disabled=True)
    typer.echo(f"{name} is disabled.")


@users.command()
def enable(name: Name) -> None:
    """Enable a disabled account again."""
    _set_disabled(name, is_disabled=False)
    typer.echo(f"{name} is active.")


@users.command()
def set_role(
    name: Name,
    role: Annotated[
        RoleName,
        typer.Argument(metavar="ROLE", help="Give the account this role.", show_default=False),
    ],
) -> None:
    """Change the role of an account, from its next request on."""
    from londonpump.service.auth import accounts

    with report_errors(), _transaction() as (connection, actor, now):
        user = accounts.named(connection, name)
        accounts.set_role(connection, user.id, role.value, actor, now)
    typer.echo(f"{name} is {role.value}.")


@users.command()
def sign_out(name: Name) -> None:
    """End every session of an account.

    Use it after a device was lost, for example. The account may sign in again.
    """
    from londonpump.service.auth import accounts

    with report_errors(), _transaction() as (connection, actor, now):
        accounts.sign_out(connection, accounts.named(connection, name).id, actor, now)
    typer.echo(f"{name} is signed out everywhere.")


@users.command()
def set_password(name: Name, password_stdin: FromStdin = False) -> None:
    """Set a new password for an account; its sessions end at once."""
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
        raise typer.BadParameter(f"an account has one role: {' or '.join(roles)}")
    return roles[0] if roles else "operator"


def _read_password(is_stdin: bool) -> str:
    """Read the password: from one line of standard input, or typed twice without echo."""
    from londonpump.domain.errors import BadFile

    if is_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise BadFile("the password", "cannot be asked for without a terminal", "Give --password-stdin.")
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


@contextmanager
def _transaction() -> Iterator[tuple[Any, str, Any]]:
    """Open a transaction. Yields: the connection, the actor (the user of this machine), and the time."""
    from datetime import UTC, datetime

    from londonpump.persistence.database import open_database, writing

    engine = open_database(settings().database)
    try:
        with writing(engine) as connection:
            yield connection, _actor(), datetime.now(UTC)
    finally:
        engine.dispose()


def _actor() -> str:
    from londonpump.settings import operating_system_user

    return f"os:{operating_system_user()}"
