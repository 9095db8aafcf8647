"""Features of every request: rights, ids, headers, limits, errors, the log."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
from fastapi.routing import iter_route_contexts
from support.accounts_service import ServiceClient
from support.running_service import database_with, running

from londonpump.domain.errors import BadFile, BadValue, DatabaseFailed, LondonPumpError
from londonpump.logs import formatter
from londonpump.persistence.database.store import Busy
from londonpump.service import errors
from londonpump.service.rights import Public, Right

PUBLIC = {
    # probes and metrics, for operators
    "/livez",
    "/readyz",
    "/metrics",
    # routes of the original, for people who are not signed in yet
    "/",
    "/register",
    "/login",
    "/refresh",
}
PAGES = {"/docs", "/docs/{file}", "/redoc", "/redoc/redoc.standalone.js", "/openapi.json"}
PROBLEM = "application/problem+json"
AS_THE_ORIGINAL = "application/json"
"""On its own routes (issue 11, C1)."""


@pytest.fixture
def client(tmp_path) -> Iterator[ServiceClient]:
    url = f"sqlite:///{tmp_path}/a.db"
    database_with(url)
    with running(url, tmp_path) as client:
        yield client


@pytest.fixture
def log():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(as_json=True))
    logger = logging.getLogger("londonpump.service")
    handlers, level = logger.handlers, logger.level
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.handlers = handlers
    logger.setLevel(level)


def raising(client: ServiceClient, error: Exception):
    """Return the response of a route that raises."""

    async def fail() -> None:
        raise error

    client.app.add_api_route("/fail", fail)
    return client.get("/fail")


def guards(context) -> set[type]:
    dependant = getattr(context, "dependant", None)
    return {type(each.call) for each in dependant.dependencies} if dependant else set()


def test_every_route_has_a_right_or_is_on_the_short_public_list(client) -> None:
    routes = {context.path: guards(context) for context in iter_route_contexts(client.app.routes)}
    open_routes = {path for path, rights_of_route in routes.items() if Right not in rights_of_route}
    assert {path for path in open_routes if not path.startswith("/console/")} <= PUBLIC | PAGES


def test_a_public_route_says_that_it_is(client) -> None:
    routes = {context.path: guards(context) for context in iter_route_contexts(client.app.routes)}
    assert all(Public in rights_of_route for path, rights_of_route in routes.items() if path in PUBLIC)


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_nothing_that_has_a_right_answers_a_stranger(method, client) -> None:
    answers = {
        context.path: client.request(method, context.path.replace("{", "").replace("}", "")).status_code
        for context in iter_route_contexts(client.app.routes)
        # the console sends a stranger to its sign-in: tests of its own ask that
        if method.upper() in (context.methods or ())
        and context.path not in PUBLIC | PAGES
        and not context.path.startswith("/console/")
    }
    assert set(answers.values()) <= {401}


@pytest.mark.parametrize("request_id", ["abc", "A.b_c-9", "x" * 64])
def test_a_usable_request_id_is_kept(request_id, client) -> None:
    assert client.get("/livez", headers={"X-Request-ID": request_id}).headers["x-request-id"] == request_id


@pytest.mark.parametrize("request_id", ["", "x" * 65, "a b", "a\tb", "ä", "a;b", "a\x7fb"])
def test_another_request_id_is_replaced(request_id, client) -> None:
    reported = client.get("/livez", headers={"X-Request-ID": request_id.encode("latin-1")}).headers[
        "x-request-id"
    ]
    assert re.fullmatch(r"[0-9a-f]{32}", reported)


def test_a_request_id_stands_in_answer_problem_and_log(client, log) -> None:
    answer = client.get("/not-there", headers={"X-Request-ID": "mine"})
    assert (answer.headers["x-request-id"], answer.json()["request_id"]) == ("mine", "mine")
    assert [line["request_id"] for line in log()] == ["mine"]


@pytest.mark.parametrize("path", ["/livez", "/not-there", "/docs"])
def test_every_answer_has_the_security_headers(path, client) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_only_the_page_of_the_api_may_load_anything(client) -> None:
    assert client.get("/livez").headers["content-security-policy"].startswith("default-src 'none'; frame")
    assert "script-src" in client.get("/docs").headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("get", "/not-there", 404), ("delete", "/livez", 405)]
)
def test_what_is_not_there_is_a_problem_too(method, path, status, client) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert answer.json()["status"] == status


def test_values_that_do_not_fit_are_named_and_not_repeated(client) -> None:
    answer = client.post("/register", json={"username": ["a"], "password": "hush-hush-hush"})
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, AS_THE_ORIGINAL)
    assert {error["field"] for error in problem["errors"]} == {"body.username", "body.passwordConfirm"}
    assert [each["loc"] for each in problem["detail"]] == [["body", "username"], ["body", "passwordConfirm"]]
    assert "hush" not in answer.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.BadRequest("no"), 400),
        (errors.NotSignedIn("no"), 401),
        (errors.TokenExpired("no"), 403),
        (errors.NotAllowed("no"), 403),
        (errors.NotFound("no"), 404),
        (errors.Conflict("no", {"pump": "out"}), 409),
        (errors.TooLarge("no"), 413),
        (errors.Unprocessable(("a", "no")), 422),
        (BadValue("a", 1, "no"), 422),
        (errors.TooMany("no", 3), 429),
        (errors.NoModel("no"), 503),
        (Busy("no"), 503),
        (DatabaseFailed("no"), 503),
        (BadFile("a", "no", "Mend it."), 503),
        (LondonPumpError("hush-hush"), 500),
        (ZeroDivisionError("hush-hush"), 500),
    ],
)
def test_an_error_has_its_answer(error, status, client) -> None:
    answer = raising(client, error)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert "hush" not in answer.text


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (errors.TooMany("no", 2.2), "retry-after", "3"),
        (Busy("no"), "retry-after", "1"),
        (errors.NotSignedIn("no"), "www-authenticate", "Bearer"),
    ],
)
def test_an_answer_says_when_and_how_to_try_again(error, header, value, client) -> None:
    assert raising(client, error).headers[header] == value


def test_a_conflict_tells_the_present_state(client) -> None:
    assert raising(client, errors.Conflict("no", {"pump": "out"})).json()["state"] == {"pump": "out"}


def test_an_unexpected_error_is_in_the_log_without_its_values(client, log) -> None:
    answer = raising(client, ZeroDivisionError("hush-hush"))
    reported = [line for line in log() if line["level"] == "error"]
    assert reported[0]["request_id"] == answer.json()["request_id"]
    assert any("test_serve_requests" in file_name for file_name in reported[0]["traceback"])
    assert "hush" not in json.dumps(reported)


def test_a_503_says_in_the_log_why(client, log) -> None:
    raising(client, DatabaseFailed("The disk has no room left."))
    assert [line["detail"] for line in log() if line["event"] == "not answered"] == [
        "The disk has no room left."
    ]


def test_a_body_that_is_declared_too_large_is_refused(client) -> None:
    answer = client.post("/register", content=b" " * 1_000_001, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (413, AS_THE_ORIGINAL)


def test_a_body_that_grows_too_large_is_refused(client) -> None:
    chunks = (b" " * 100_000 for _ in range(11))
    answer = client.post("/register", content=chunks, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (413, AS_THE_ORIGINAL)


def test_the_log_names_the_route_and_no_query_token_or_body(client, log) -> None:
    client.post(
        "/register?token=hush-query",
        json={"password": "hush-body"},
        headers={"Authorization": "Bearer hush-token", "User-Agent": "hush-agent"},
    )
    client.get("/users/hush-name")
    reported = log()
    assert [(line["method"], line["route"], line["status"]) for line in reported] == [
        ("POST", "/register", 422),
        ("GET", "unmatched", 404),
    ]
    assert "hush" not in json.dumps(reported)


def test_a_line_of_the_log_cannot_be_forged() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, 'a\n{"event": "forged"}\x1b[2J', None, None)
    line = formatter(as_json=True).format(record)
    assert line.isprintable()
    assert json.loads(line)["event"].startswith("a\n")
    record.fields = {"detail": "b\n\x1b[2J"}
    assert formatter(as_json=False).format(record).isprintable()


def test_a_line_in_a_terminal_is_readable_and_shows_no_message_of_an_error() -> None:
    error = ValueError("hush")
    record = logging.LogRecord("x", logging.ERROR, "", 0, "not answered", None, (ValueError, error, None))
    record.fields = {"route": "/v1/board", "status": 500}
    line = formatter(as_json=False).format(record)
    assert "error" in line
    assert "not answered" in line
    assert "route='/v1/board' status=500" in line
    assert "hush" not in line


def test_metrics_count_by_route_and_never_by_path(client) -> None:
    client.get("/not-there/hush")
    client.request("HUSH", "/livez")
    reported = client.get("/metrics").text
    assert 'route="unmatched",status="404"' in reported
    assert 'method="OTHER"' in reported
    assert "hush" not in reported.lower()


def test_a_redirect_names_no_host_whatever_the_request_says(client) -> None:
    answer = client.get("/v1/board/?a=1", headers={"Host": "evil.example"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/v1/board?a=1")
