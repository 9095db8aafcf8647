"""Each route with each role: who is let in, by the table and by the answers."""

import pytest
from fastapi.routing import iter_route_contexts
from support.accounts_service import PASSWORD
from support.request_samples import Samples
from typer.testing import CliRunner

from londonpump.assembly import create_app
from londonpump.cli import app as command_line
from londonpump.persistence.database import connect, reading, writing
from londonpump.persistence.database.schema import users
from londonpump.persistence.repositories.users import change_user, find_user, list_users
from londonpump.service.rights import Right, Role
from londonpump.settings import Settings

EVERYBODY = frozenset(Role)
ADMIN = frozenset({Role.ADMIN})
SUPERVISOR = ADMIN | {Role.SUPERVISOR}
ANALYST = SUPERVISOR | {Role.ANALYST}
OPERATOR = SUPERVISOR | {Role.OPERATOR, Role.SERVICE}
ALLOWED = {
    "POST /v1/predictions": OPERATOR,
    "POST /v1/predictions/batch": OPERATOR,
    "GET /v1/predictions/{prediction_id}": EVERYBODY,
    "GET /v1/board": EVERYBODY,
    "PUT /v1/board": frozenset({Role.SERVICE, Role.ADMIN}),
    "PUT /v1/pumps/{code}": OPERATOR,
    "POST /v1/mobilisations": OPERATOR,
    "POST /v1/mobilisations/batch": OPERATOR,
    "POST /v1/mobilisations/{mobilisation_id}/withdrawn": OPERATOR,
    "GET /v1/mobilisations": EVERYBODY,
    "GET /v1/mobilisations/{mobilisation_id}": EVERYBODY,
    "POST /v1/mobilisations/{mobilisation_id}/{event}": OPERATOR,
    "GET /v1/incidents": EVERYBODY,
    "GET /v1/incidents/{incident_number}": EVERYBODY,
    "GET /v1/nearby": OPERATOR,
    "GET /v1/places": OPERATOR,
    "GET /v1/outcomes": ANALYST,
    "GET /v1/alarms": ANALYST,
    "POST /v1/alarms/{alarm_id}/acknowledge": SUPERVISOR,
    "GET /statusz": EVERYBODY,
    "GET /me": EVERYBODY,
    "PUT /me/password": EVERYBODY,
    "GET /me/sessions": EVERYBODY,
    "DELETE /me/sessions/{session_id}": EVERYBODY,
    "POST /logout": EVERYBODY,
    "GET /v1/users": ADMIN,
    "PATCH /v1/users/{user_id}": ADMIN,
    "GET /v1/models/champion": EVERYBODY,
    "GET /v1/models/decisions": ANALYST,
    "POST /v1/models/promote": SUPERVISOR,
    "POST /v1/models/roll-back": SUPERVISOR,
    "GET /v1/roads": EVERYBODY,
    "GET /v1/roads/route": OPERATOR,
    "POST /predict/time_pump": EVERYBODY,
    "GET /historique": EVERYBODY,
}
"""{route: roles that may use it}. A route that is missing here fails a test."""
CONSOLE = {
    "GET /console/": EVERYBODY,
    "GET /console/alarms": SUPERVISOR,
    "GET /console/incidents": EVERYBODY,
    "GET /console/incidents/{number}": EVERYBODY,
    "GET /console/map.json": EVERYBODY,
    "GET /console/places": OPERATOR,
    "GET /console/route": OPERATOR,
    "GET /console/tiles/{z}/{x}/{y}.mvt": EVERYBODY,
    "GET /console/{path}": EVERYBODY,
    "POST /console/alarms/{alarm_id}/acknowledge": SUPERVISOR,
    "POST /console/call": OPERATOR,
    "POST /console/events": OPERATOR,
    "POST /console/record": OPERATOR,
    "POST /console/sign-out": EVERYBODY,
    "POST /console/theme": EVERYBODY,
    "POST /console/withdraw": OPERATOR,
}
"""Pages, which take a cookie and no token: the tests of the console ask them. The poll is a plain route (`test_console_poll.py`)."""
APP = create_app(Settings())
DOCUMENT = APP.openapi()
KEEPS_THE_SESSION = sorted(set(ALLOWED) - {"POST /logout", "PUT /me/password"})
MODEL = "8fc5eb8eaa6fb6fd"
REAL = {"at": ["2025-06-02T09:30:00Z"], "bundle": [MODEL], "to": [MODEL]}


def test_the_table_names_every_route_with_a_right_and_its_roles() -> None:
    found = {}
    for context in iter_route_contexts(APP.routes):
        for method in context.methods or ():
            needs = getattr(context, "dependant", None)
            rights = (
                [each.call for each in needs.dependencies if isinstance(each.call, Right)] if needs else []
            )
            if rights and method != "HEAD":
                path = context.path.replace(":path", "")
                found[f"{method} {path}"] = rights[0].roles
    assert found == ALLOWED | CONSOLE


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    from support.accounts_service import run_live_service

    folder = tmp_path_factory.mktemp("roles")
    with run_live_service(f"sqlite:///{folder}/a.db", folder) as running:
        yield running, {role: running.bearer(f"the {role}", role.value) for role in Role}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("label", KEEPS_THE_SESSION)
def test_a_route_lets_in_its_roles_and_nobody_else(label, role, service) -> None:
    running, headers = service
    sample = Samples(DOCUMENT, REAL).of(label, is_full=False)
    path = sample.path
    for name, value in sample.values.get("path", {}).items():
        path = path.replace(f"{{{name}}}", str(value))
    answer = running.client.request(
        sample.method,
        path,
        params=sample.values.get("query"),
        json=sample.values.get("json"),
        headers=headers[role],
    )
    assert (answer.status_code != 403) is (role in ALLOWED[label]), answer.text
    if role not in ALLOWED[label]:
        assert f"the {role} is {role}" in answer.json()["detail"]


def test_a_supervisor_may_what_an_operator_and_an_analyst_may() -> None:
    may = {role: {label for label, roles in ALLOWED.items() if role in roles} for role in Role}
    assert may[Role.SUPERVISOR] > may[Role.OPERATOR] | may[Role.ANALYST]
    assert may[Role.SUPERVISOR] - may[Role.OPERATOR] - may[Role.ANALYST] == {
        "POST /v1/alarms/{alarm_id}/acknowledge",
        "POST /v1/models/promote",
        "POST /v1/models/roll-back",
    }
    assert may[Role.ADMIN] - may[Role.SUPERVISOR] == {
        "PUT /v1/board",
        "GET /v1/users",
        "PATCH /v1/users/{user_id}",
    }


def test_a_supervisor_sees_the_predictions_of_others_and_sends_no_old_times(live_service) -> None:
    sue = live_service.bearer("sue", "supervisor")
    assert (
        live_service.client.get("/historique", params={"username": "nobody"}, headers=sue).status_code == 404
    )
    old = {"pump": "A211", "at": "2025-06-01T09:30:00Z"}
    answer = live_service.client.post("/v1/mobilisations", json=old, headers=sue)
    assert (answer.status_code, "more than 4 hours ago" in answer.json()["detail"]) == (409, True)


def test_a_role_is_given_and_taken_by_command_and_by_admin(live_service, monkeypatch) -> None:
    monkeypatch.setenv("LONDONPUMP_DATABASE_URL", live_service.url)
    made = CliRunner().invoke(
        command_line, ["users", "create", "sue", "--supervisor", "--password-stdin"], input=PASSWORD
    )
    assert (made.exit_code, made.output) == (0, "The supervisor sue can sign in now.\n")
    assert "sue\tsupervisor\tactive" in CliRunner().invoke(command_line, ["users", "list"]).output
    admin = live_service.bearer("ada", "admin")
    (sue,) = [
        user
        for user in live_service.client.get("/v1/users", headers=admin).json()["users"]
        if user["username"] == "sue"
    ]
    assert sue["role"] == "supervisor"
    path = f"/v1/users/{sue['id']}"
    roles = [
        live_service.client.patch(path, json={"role": role}, headers=admin).json()["role"]
        for role in ("operator", "supervisor", "analyst")
    ]
    assert roles == ["operator", "supervisor", "analyst"]
    changed = CliRunner().invoke(command_line, ["users", "set-role", "sue", "supervisor"])
    assert changed.output == "sue is supervisor.\n"
    two = CliRunner().invoke(command_line, ["users", "create", "x", "--supervisor", "--admin"])
    assert (two.exit_code, "an account has one role" in two.output) == (2, True)


def test_older_code_sees_an_operator_and_its_change_of_the_role_counts(live_service) -> None:
    """Version 0011 knows no mark and writes the role alone."""
    sue = live_service.add("sue", "supervisor")
    engine = connect(live_service.url)
    with writing(engine) as connection:
        assert connection.execute(users.select().where(users.c.id == sue)).one().role == "operator"
        connection.execute(users.update().where(users.c.id == sue).values(role="analyst"))
    with writing(engine) as connection:
        found = find_user(connection, sue)
        assert found is not None
        assert found.role == "analyst"
        change_user(connection, sue, role="operator")
    with reading(engine) as connection:
        # the mark of before does not come back with the role that it stood on
        assert {user.username: user.role for user in list_users(connection)} == {"sue": "operator"}
    engine.dispose()
