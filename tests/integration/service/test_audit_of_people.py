"""Changes of accounts are audited without secrets, by the routes and by the commands."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.cli.users import RoleName
from londonpump.persistence.database import open_database, reading, writing
from londonpump.persistence.repositories.audit import read_audit, verify_audit
from londonpump.service.auth import accounts
from londonpump.service.rights import Role


def rows(url):
    engine = open_database(url)
    with reading(engine) as connection:
        found = list(read_audit(connection))
        assert verify_audit(connection).problem is None
    engine.dispose()
    return found


def test_signing_in_and_out_is_kept(live_service) -> None:
    amelia = live_service.bearer("amelia")
    live_service.login("amelia", "wrong")
    live_service.client.post("/logout", headers=amelia)
    event_types = [row.event_type for row in rows(live_service.url)]
    assert event_types == ["user_created", "sign_in", "sign_in_refused", "sign_out"]


def test_changes_of_users_are_kept_with_who_made_them(live_service) -> None:
    admin, user_id = live_service.bearer("ada", "admin"), live_service.add("bea")
    change = {"role": "analyst", "is_disabled": True}
    live_service.client.patch(f"/v1/users/{user_id}", json=change, headers=admin)
    ada = live_service.client.get("/me", headers=admin).json()["user"]["id"]
    stored = [(row.event_type, row.actor) for row in rows(live_service.url)[-2:]]
    assert stored == [("user_role_changed", ada), ("user_disabled", ada)]


def test_what_was_typed_in_the_wrong_field_is_not_kept(live_service) -> None:
    live_service.login("my real password", "amelia")
    assert "my real" not in str(rows(live_service.url))


@pytest.fixture
def command(own_home):
    def run(*arguments: str, stdin: str | None = None):
        return CliRunner().invoke(app, list(arguments), input=stdin)

    return run


def url_of(home) -> str:
    return f"sqlite:///{home / 'londonpump.db'}"


def test_the_first_admin_is_made_by_command(command, own_home) -> None:
    done = command("users", "create", "ada", "--admin", "--password-stdin", stdin="three quiet lanterns\n")
    assert (done.exit_code, done.stdout) == (0, "The admin ada can sign in now.\n")
    row = rows(url_of(own_home))[0]
    assert (row.event_type, json.loads(row.details)["role"], row.actor[:3]) == (
        "user_created",
        "admin",
        "os:",
    )


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["users", "create", "ada", "--password-stdin"], "short\n", "fewer than 8"),
        (["users", "create", "ada", "--password-stdin"], "password1\n", "too easy to guess"),
        (
            ["users", "create", " ada", "--password-stdin"],
            "three quiet lanterns\n",
            "1 to 64 visible characters",
        ),
        (["users", "create", "ada"], "three quiet lanterns\n", "--password-stdin"),
        (["users", "create", "ada", "--admin", "--service"], "", "one role"),
        (["users", "disable", "nobody"], None, "no such user"),
        (["users", "set-password", "nobody", "--password-stdin"], "three quiet lanterns\n", "no such user"),
        (["users", "set-role", "nobody", "analyst"], None, "no such user"),
        (["users", "set-role", "ada", "captain"], None, "is not one of"),
        (["users", "sign-out", "nobody"], None, "no such user"),
        (["audit", "verify", "--head", "x"], None, "N:HASH"),
    ],
)
def test_what_cannot_be_done_is_told(command, arguments, stdin, message) -> None:
    done = command(*arguments, stdin=stdin)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())


def test_accounts_are_listed_disabled_and_enabled(command) -> None:
    for name in ("ada", "bea"):
        command("users", "create", name, "--password-stdin", stdin="three quiet lanterns\n")
    command("users", "disable", "BEA")
    listed = command("users", "list").stdout.splitlines()
    command("users", "enable", "bea")
    assert [line.split("\t")[2][:8] for line in listed] == ["active", "disabled"]
    assert "disabled" not in command("users", "list").stdout


def test_a_role_is_changed_but_not_that_of_the_last_admin(command, own_home) -> None:
    for name, role in (("ada", "--admin"), ("bea", "--operator")):
        command("users", "create", name, role, "--password-stdin", stdin="three quiet lanterns\n")
    assert command("users", "set-role", "Bea", "analyst").stdout == "Bea is analyst.\n"
    result = command("users", "set-role", "ada", "operator")
    assert (result.exit_code, "Create another one first" in result.stderr) == (2, True)
    listed = [line.split("\t")[:2] for line in command("users", "list").stdout.splitlines()]
    assert listed == [["ada", "admin"], ["bea", "analyst"]]
    about = json.loads(rows(url_of(own_home))[-1].details)
    assert (about["before"], about["after"]) == ("operator", "analyst")


def test_the_roles_of_the_command_are_those_of_the_service() -> None:
    assert {role.value for role in RoleName} == {role.value for role in Role}


def test_whoever_is_signed_out_everywhere_has_to_sign_in_again(live_service) -> None:
    bearer = live_service.bearer("amelia")
    user_id = live_service.client.get("/me", headers=bearer).json()["user"]["id"]
    engine = open_database(live_service.url)
    with writing(engine) as connection:
        accounts.sign_out(connection, user_id, "os:ada", datetime.now(UTC))
    engine.dispose()
    assert live_service.client.get("/me", headers=bearer).status_code == 401
    assert rows(live_service.url)[-1].event_type == "user_signed_out"
    assert live_service.login("amelia").status_code == 200


def test_a_name_twice_is_told(command) -> None:
    for _ in range(2):
        done = command("users", "create", "ada", "--password-stdin", stdin="three quiet lanterns\n")
    assert (done.exit_code, "exists already" in done.stderr) == (2, True)


def test_verify_prints_a_head_that_verify_takes(command) -> None:
    command("users", "create", "ada", "--password-stdin", stdin="three quiet lanterns\n")
    head = command("audit", "verify").stdout.split("Head: ")[1].strip()
    command("users", "disable", "ada")
    assert command("audit", "verify", "--head", head).exit_code == 0


def test_verify_names_the_row_that_was_changed(command, own_home) -> None:
    command("users", "create", "ada", "--password-stdin", stdin="three quiet lanterns\n")
    engine = open_database(url_of(own_home))
    with writing(engine) as connection:
        connection.execute(text("DROP TRIGGER audit_no_update"))
        connection.execute(text("UPDATE audit SET event_type = 'user_disabled'"))
    engine.dispose()
    done = command("audit", "verify")
    assert (done.exit_code, done.stderr) == (1, "londonpump: the audit is broken at row 1: it was changed.\n")


def test_show_prints_what_was_done(command) -> None:
    command("users", "create", "ada", "--password-stdin", stdin="three quiet lanterns\n")
    assert "user_created" in command("audit", "show").stdout
    assert command("audit", "show", "--since", "2100-01-01").stdout == ""
