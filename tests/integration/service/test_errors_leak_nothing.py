"""Issue 11, A9: no text to a client names an address, a path or SQL; the log has them, under the request id.

Every route is called, without a token and by an operator, while a dependency is broken.
"""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from support.accounts_service import PASSWORD, Clock, LiveService
from support.altered_bundles import slower
from support.api_client import SOHO, ApiClient, serve_api
from support.running_service import database_with, name_champion, put_in_store, running

from londonpump.logs import FIELDS
from londonpump.persistence.database import connect, upgrade
from londonpump.service.telemetry import LOGGER

ID = "0" * 32
PATH_VALUES = {"code": "A241", "event": "mobile"}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v1/predictions"): {"location": SOHO},
    ("POST", "/v1/predictions/batch"): {"questions": [{"location": SOHO}]},
    ("POST", "/v1/mobilisations"): {"incident_number": "1", "pump": "A241"},
    ("PUT", "/v1/pumps/{code}"): {"state": "off_run"},
    ("PUT", "/v1/board"): {"at": "2025-06-02T09:30:00Z", "pumps": [{"pump": "A241", "state": "available"}]},
    ("POST", "/register"): {"username": "stranger", "password": PASSWORD, "password_confirmation": PASSWORD},
    ("POST", "/refresh"): {"refresh_token": "x" * 43},
    ("PATCH", "/v1/users/{user_id}"): {"role": "analyst"},
}
QUERIES = {"/v1/mobilisations": {"incident_number": "1"}}
NEVER = (
    "sqlite",
    "postgres",
    "psycopg",
    "sqlalchemy",
    "LONDONPUMP_",
    ".db",
    "SELECT",
    "INSERT",
    "PRAGMA",
    "Traceback",
    "Errno",
    "no such table",
    "relation ",
    "/home/",
    "/tmp/",  # noqa: S108
)


class Lines(logging.Handler):
    """Log records of the service, as fields."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append({"event": record.getMessage(), **getattr(record, FIELDS, {})})

    def of(self, request_id: str) -> str:
        """Return everything that was logged for a request."""
        return json.dumps([line for line in self.lines if line.get("request_id") == request_id], default=str)


@pytest.fixture
def log() -> Iterator[Lines]:
    lines = Lines()
    level = LOGGER.level
    LOGGER.addHandler(lines)
    LOGGER.setLevel(logging.INFO)
    yield lines
    LOGGER.removeHandler(lines)
    LOGGER.setLevel(level)


@pytest.fixture
def embedded(tmp_path, small_brigade) -> Iterator[ApiClient]:
    with serve_api(f"sqlite:///{tmp_path}/secret-place.db", tmp_path, small_brigade.bundle) as api:
        yield api


@pytest.fixture
def served_by_postgresql(postgresql, tmp_path, small_brigade) -> Iterator[ApiClient]:
    postgresql.ask("DROP DATABASE IF EXISTS secret_place WITH (FORCE)")
    postgresql.ask("CREATE DATABASE secret_place TEMPLATE template0")
    url = postgresql.url("secret_place")
    engine = connect(url)
    upgrade(engine)
    engine.dispose()
    with serve_api(url, tmp_path, small_brigade.bundle) as api:
        yield api


def ask_everything(api: ApiClient, headers: dict[str, str]) -> list[Any]:
    """Return the responses of all routes."""
    answers = []
    paths = api.client.app.openapi()["paths"]
    # last, because it ends the session
    for path, methods in sorted(paths.items(), key=lambda each: each[0] == "/logout"):
        for method in (name.upper() for name in methods if name in {"get", "post", "put", "patch", "delete"}):
            values = {part: PATH_VALUES.get(part, ID) for part in _parameters(path)}
            sent: dict[str, Any] = {"params": QUERIES.get(path), "json": BODIES.get((method, path))}
            if path == "/login":
                sent = {"data": {"username": "olaf", "password": PASSWORD}}
            answers.append(api.client.request(method, path.format(**values), headers=headers, **sent))
    return answers


def _parameters(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def assert_nothing_leaks(answers: list[Any], log: Lines, *, never: tuple[str, ...]) -> list[Any]:
    """Check the responses. Returns: those that report a broken dependency."""
    for answer in answers:
        response_text = answer.text + json.dumps(dict(answer.headers))
        for forbidden in (*NEVER, *never):
            assert forbidden not in response_text, (
                f"{answer.request.method} {answer.request.url}: {response_text}"
            )
    broken = [answer for answer in answers if answer.status_code >= 500]
    for answer in broken:
        if "request_id" in answer.json():
            request_id = answer.json()["request_id"]
            assert request_id == answer.headers["x-request-id"]
            assert log.of(request_id).count('"event"') >= 2, (
                "the line of the request, and one of what went wrong"
            )
    return broken


def both(api: ApiClient) -> list[Any]:
    """Return the responses without a token and those to an operator."""
    return ask_everything(api, {}) + ask_everything(api, api.headers)


def test_a_sqlite_without_its_tables(embedded, tmp_path, log) -> None:
    with closing(sqlite3.connect(tmp_path / "secret-place.db")) as other:
        tables = [row[0] for row in other.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        other.execute("PRAGMA foreign_keys = OFF")
        for name in tables:
            if name not in {"users", "sessions", "sqlite_sequence"}:
                other.execute(f"DROP TABLE {name}")
        other.commit()
    broken = assert_nothing_leaks(both(embedded), log, never=(str(tmp_path), "secret-place"))
    assert {answer.status_code for answer in broken} == {503}
    assert len(broken) > 10
    problems = [answer.json() for answer in broken if "request_id" in answer.json()]
    assert any(str(tmp_path) in log.of(problem["request_id"]) for problem in problems)


def test_a_sqlite_that_cannot_be_written(embedded, tmp_path, log) -> None:
    store = embedded.client.app.state.service.store
    only_read = "PRAGMA query_only = ON"
    event.listen(store.engine, "connect", lambda driver, _record: driver.execute(only_read))
    embedded.client.portal.call(
        store.write, lambda c: c.connection.driver_connection.execute(only_read) and None
    )
    broken = assert_nothing_leaks(both(embedded), log, never=(str(tmp_path), "secret-place"))
    assert {answer.status_code for answer in broken} == {503}
    assert "/v1/predictions" in {answer.request.url.path for answer in broken}


def test_a_full_disk_says_what_to_do_and_not_where(embedded, tmp_path, log) -> None:
    store = embedded.client.app.state.service.store
    embedded.client.portal.call(store.write, lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1"))
    answers = [answer for _ in range(20) for answer in (embedded.ask(), embedded.client.get("/readyz"))]
    broken = assert_nothing_leaks(answers, log, never=(str(tmp_path), "secret-place"))
    assert "Make room on the disk" in broken[-2].json()["detail"]
    assert "cannot be written" in broken[-1].json()["database"]["output"]


def test_a_postgresql_that_is_away(postgresql, served_by_postgresql, tmp_path, log) -> None:
    api = served_by_postgresql
    postgresql.ask("DROP DATABASE secret_place WITH (FORCE)")
    never = (str(tmp_path), str(postgresql.folder), "secret_place", "owner@")
    broken = assert_nothing_leaks(both(api), log, never=never)
    assert {answer.status_code for answer in broken} == {503}
    problems = [answer.json() for answer in broken if "request_id" in answer.json()]
    assert any("secret_place" in log.of(problem["request_id"]) for problem in problems)


@contextmanager
def with_a_bundle_that_cannot_be_used(tmp_path: Path, bundle: Path, how: str) -> Iterator[ApiClient]:
    """Service that starts while the ledger names a bundle that is missing, truncated, or another one."""
    url = f"sqlite:///{tmp_path}/secret-place.db"
    folder = put_in_store(bundle, tmp_path)
    database_with(url)
    engine = connect(url)
    if how == "gone":
        name_champion(engine, "f" * 64)
    elif how == "cut short":
        named = slower(folder, tmp_path, 5)
        (named / "scale.txt").write_bytes(b"")
        name_champion(engine, named.name)
    else:
        folder.rename(folder.with_name("e" * 64))
        name_champion(engine, "e" * 64)
    engine.dispose()
    clock = Clock()
    with running(url, tmp_path, clock=clock) as client:
        live_service = LiveService(client, clock, url)
        yield ApiClient(live_service, live_service.bearer("olaf"), url, "")


@pytest.mark.parametrize("how", ["gone", "cut short", "another one"])
def test_a_bundle_that_cannot_be_used(how, tmp_path, small_brigade, log) -> None:
    with with_a_bundle_that_cannot_be_used(tmp_path, small_brigade.bundle, how) as api:
        service = api.client.app.state.service
        status = api.client.get("/statusz", headers=api.headers).json()
        broken = assert_nothing_leaks(both(api), log, never=(str(tmp_path), "secret-place"))
        assert {answer.request.url.path for answer in broken} >= {
            "/v1/predictions",
            "/v1/models/champion",
            "/readyz",
        }
    assert status["model"]["problem"].startswith("The model ")
    assert str(service.settings.bundles) in json.dumps(log.lines, default=str)


def test_an_unexpected_error(embedded, tmp_path, log) -> None:
    prediction = embedded.prediction()
    engine = connect(embedded.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE predictions SET answer = 'SELECT no json FROM /tmp/secret'"))
    engine.dispose()
    answer = embedded.again(prediction["id"])
    assert_nothing_leaks([answer], log, never=(str(tmp_path), "secret"))
    assert answer.status_code == 500
    assert answer.json()["request_id"] in json.dumps(log.lines, default=str)
