"""Responses while a dependency of the service fails: predictions that say what is missing, or a clear 503."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text
from support.accounts_service import Clock, LiveService
from support.altered_bundles import slower
from support.api_client import SOHO, ApiClient
from support.running_service import database_with, name_champion, put_in_store, running

from londonpump.persistence.database import connect, upgrade
from londonpump.persistence.database.store import StoreLimits
from londonpump.service.board.cache import BoardCache, BoardLimits

SHORT, LONG = StoreLimits(patience_s=0.5), StoreLimits(patience_s=4)
ROUTES = [
    ("POST", "/v1/predictions", {"location": SOHO}),
    ("POST", "/predict/time_pump", None),
    ("POST", "/v1/mobilisations", {"incident_number": "1", "pump": "A241"}),
    ("PUT", "/v1/pumps/A241", {"state": "off_run"}),
]
FULLY_ANSWERED_ROUTES = [ROUTES[0], ROUTES[1]]


@contextmanager
def troubled(url: str, folder, bundle, limits: StoreLimits) -> Iterator[ApiClient]:
    """Signed-in person at a service whose dependency is about to fail."""
    engine = connect(url)
    name_champion(engine, put_in_store(bundle, folder).name)
    engine.dispose()
    clock = Clock()
    with running(url, folder, clock=clock, limits=limits) as client:
        live_service = LiveService(client, clock, url)
        yield ApiClient(live_service, live_service.bearer("olaf"), url, "")


@pytest.fixture
def embedded(tmp_path, small_brigade) -> Iterator[ApiClient]:
    url = f"sqlite:///{tmp_path}/a.db"
    database_with(url)
    with troubled(url, tmp_path, small_brigade.bundle, SHORT) as api:
        yield api


@pytest.fixture
def served_by_postgresql(postgresql, tmp_path, small_brigade) -> Iterator[ApiClient]:
    postgresql.ask("DROP DATABASE IF EXISTS slow_parts WITH (FORCE)")
    postgresql.ask("CREATE DATABASE slow_parts")
    url = postgresql.url("slow_parts")
    engine = connect(url)
    upgrade(engine)
    engine.dispose()
    with troubled(url, tmp_path, small_brigade.bundle, LONG) as api:
        yield api


def may_not_grow(connection) -> None:
    """Limit the database file on the writing connection, so that its free space is soon used up."""
    connection.exec_driver_sql("PRAGMA max_page_count = 1")


def send(api: ApiClient, method: str, path: str, body: object):
    return api.client.request(method, path, json=body, headers=api.headers)


def rows_stored(api: ApiClient) -> int:
    engine = connect(api.url)
    with engine.connect() as connection:
        tables = ("predictions", "mobilisations", "board_pumps")
        counts = [connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables]  # noqa: S608
    engine.dispose()
    return sum(counts)


def is_clear(answer, expected: str) -> bool:
    # the original's routes keep its form
    is_problem = answer.headers["content-type"] in {"application/problem+json", "application/json"}
    return answer.status_code == 503 and is_problem and expected in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_while_nothing_can_be_written_no_route_says_that_it_did(method, path, body, embedded) -> None:
    other = sqlite3.connect(embedded.url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answer = send(embedded, method, path, body)
    other.execute("ROLLBACK")
    other.close()
    assert is_clear(answer, "did not answer in time. Try again")
    assert rows_stored(embedded) == 0


@pytest.mark.parametrize(("method", "path", "body"), FULLY_ANSWERED_ROUTES)
def test_on_a_full_disk_the_answer_says_so_and_reading_goes_on(method, path, body, embedded) -> None:
    store = embedded.client.app.state.service.store
    embedded.client.portal.call(store.write, may_not_grow)
    answers = [send(embedded, method, path, body) for _ in range(30)]
    assert is_clear(answers[-1], "has no room left. Make room on the disk and try again.")
    assert rows_stored(embedded) == sum(answer.status_code == 200 for answer in answers)
    assert send(embedded, "GET", "/v1/board", None).status_code == 200


def test_a_board_that_cannot_be_read_is_said_and_the_call_answered(served_by_postgresql) -> None:
    # a process without a cached board; test_board_read_timeouts covers one with a board
    served_by_postgresql.client.app.state.service.board = BoardCache(BoardLimits())
    engine = connect(served_by_postgresql.url)
    with engine.begin() as other:
        other.execute(text("LOCK TABLE board_version, board_pumps"))
        prediction = served_by_postgresql.prediction()
    engine.dispose()
    assert prediction["candidates"][0]["is_assumed"]
    assert prediction["warning"].startswith("The board could not be read")
    assert any(
        line.startswith("the board: the database did not answer in time") for line in prediction["missing"]
    )


def test_weather_that_cannot_be_read_is_said_and_the_call_answered(served_by_postgresql) -> None:
    engine = connect(served_by_postgresql.url)
    with engine.begin() as other:
        other.execute(text("LOCK TABLE weather_hours"))
        prediction = served_by_postgresql.prediction()
    engine.dispose()
    assert "weather, traffic and calendar: the database did not answer in time" in prediction["missing"]


def test_a_corrupt_bundle_that_is_named_leaves_calls_to_the_one_on_duty(embedded, tmp_path) -> None:
    service = embedded.client.app.state.service
    active_name = service.champion.require().name
    named = slower(service.settings.bundles / active_name, tmp_path, 5)
    (named / "scale.txt").write_bytes(b"")
    engine = connect(embedded.url)
    name_champion(engine, named.name)
    engine.dispose()
    embedded.client.portal.call(service.champion.poll)
    assert embedded.prediction()["model"]["name"] == active_name


@pytest.mark.parametrize("by", [timedelta(hours=-1), timedelta(minutes=-5), timedelta(minutes=5)])
def test_a_clock_that_jumps_leaves_calls_answered(by, embedded) -> None:
    embedded.clock.now += by
    assert embedded.prediction()["candidates"]
