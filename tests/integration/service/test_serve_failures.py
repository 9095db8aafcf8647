"""While a dependency fails, responses are labelled or a clear 503; afterwards the service recovers.

Tests of the store check time limits; these check the responses.
"""

import sqlite3
from datetime import timedelta

import pytest
from sqlalchemy import insert, text
from support.accounts_service import Clock, LiveService, ServiceClient
from support.running_service import database_with, name_champion, put_in_store, running, settings_for

from londonpump.assembly import create_app
from londonpump.domain.columns import WeatherHour
from londonpump.persistence.database import connect, upgrade
from londonpump.persistence.database.schema import bank_holidays
from londonpump.persistence.database.store import StoreLimits
from londonpump.persistence.repositories.context import record_fetch, store_weather
from londonpump.service.state import State

SOON = StoreLimits(patience_s=0.05)
CLOCK = Clock()


@pytest.fixture
def first(small_brigade, tmp_path):
    return put_in_store(small_brigade.bundle, tmp_path)


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite:///{tmp_path}/a.db"


@pytest.fixture
def server_url(postgresql) -> str:
    name = "troubled"
    postgresql.ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    postgresql.ask(f"CREATE DATABASE {name}")
    engine = connect(postgresql.url(name))
    upgrade(engine)
    engine.dispose()
    return postgresql.url(name)


def with_a_route_that_writes(client) -> None:
    async def add(state: State) -> str:
        row = {"day": state.clock().date(), "title": "stored", "source": "test"}
        return await state.store.write(
            lambda connection: str(connection.execute(insert(bank_holidays), row).rowcount)
        )

    client.app.add_api_route("/add", add, methods=["POST"])


def stored(url: str) -> int:
    engine = connect(url)
    with engine.connect() as connection:
        count = connection.execute(text("SELECT count(*) FROM bank_holidays")).scalar()
    engine.dispose()
    return count


def is_clear(answer) -> bool:
    return (
        answer.status_code == 503
        and answer.headers["content-type"] == "application/problem+json"
        and int(answer.headers["retry-after"]) >= 1
        and "Try again" in answer.json()["detail"]
    )


def test_a_database_held_by_another_process_is_a_clear_503_and_nothing_is_stored(url, tmp_path) -> None:
    database_with(url)
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    with running(url, tmp_path, limits=SOON) as client:
        with_a_route_that_writes(client)
        other.execute("BEGIN IMMEDIATE")
        answer = client.post("/add")
        other.execute("COMMIT")
    other.close()
    assert is_clear(answer)
    assert stored(url) == 0


def test_a_database_that_was_held_is_used_again_when_it_is_free(url, tmp_path) -> None:
    database_with(url)
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    with running(url, tmp_path) as client:
        with_a_route_that_writes(client)
        other.execute("BEGIN IMMEDIATE")
        other.execute("COMMIT")
        assert client.post("/add").status_code == 200
    other.close()
    assert stored(url) == 1


def test_a_table_locked_in_postgresql_is_a_clear_503(server_url, tmp_path) -> None:
    engine = connect(server_url)
    with running(server_url, tmp_path, limits=SOON) as client:
        with_a_route_that_writes(client)
        with engine.begin() as other:
            other.execute(text("LOCK TABLE bank_holidays"))
            answer = client.post("/add")
    engine.dispose()
    assert is_clear(answer)
    assert stored(server_url) == 0


def test_a_database_that_is_gone_is_a_clear_503_and_the_model_stays(
    postgresql, server_url, tmp_path, first
) -> None:
    engine = connect(server_url)
    name_champion(engine, first.name)
    engine.dispose()
    with running(server_url, tmp_path) as client:
        with_a_route_that_writes(client)
        postgresql.ask("DROP DATABASE troubled WITH (FORCE)")
        client.portal.call(client.app.state.service.champion.poll)
        ready = client.get("/readyz")
        assert client.post("/add").status_code == 503
        assert client.get("/livez").status_code == 200
    assert (ready.status_code, ready.json()["model"]["status"]) == (503, "pass")
    assert ready.json()["database"]["status"] == "fail"


def test_a_full_disk_is_a_clear_503_and_reading_goes_on(url, tmp_path, first) -> None:
    database_with(url, first.name)
    with running(url, tmp_path) as client:
        with_a_route_that_writes(client)
        writing = client.app.state.service.store

        def fill(connection) -> None:
            # the file cannot grow on this connection, the only one that writes
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
            connection.exec_driver_sql("CREATE TABLE large AS SELECT hex(zeroblob(100000)) AS filling")

        with pytest.raises(Exception, match="has no room left"):
            client.portal.call(writing.write, fill)
        # issue 11, A1: the response says that the database cannot be written
        assert client.get("/readyz").json()["database"]["status"] == "fail"
        assert client.get("/livez").status_code == 200
        assert client.portal.call(writing.read, lambda c: c.exec_driver_sql("SELECT 1").scalar()) == 1
    assert stored(url) == 0


@pytest.mark.parametrize("by", [timedelta(hours=-1), timedelta(days=1), timedelta(days=-400)])
def test_a_clock_that_jumps_breaks_nothing_and_no_age_is_below_nought(by, url, tmp_path, first) -> None:
    database_with(url, first.name)
    clock = Clock()
    with running(url, tmp_path, clock=clock) as client:
        clock.now += by
        headers = LiveService(client, clock, url).bearer("ann", "analyst")
        body = client.get("/statusz", headers=headers).json()
        assert client.get("/readyz").status_code == 200
    assert body["uptime_s"] >= 0
    assert body["model"]["data_age_days"] >= 0


def test_without_weather_the_status_says_so(url, tmp_path, first) -> None:
    database_with(url, first.name)
    with running(url, tmp_path) as client:
        headers = LiveService(client, Clock(), url).bearer("ann")
        body = client.get("/statusz", headers=headers).json()
    assert body["context"]["weather_age_s"] is None


def test_the_age_of_weather_counts_what_is_known_now(url, tmp_path, first) -> None:
    database_with(url, first.name)
    hour_at = CLOCK.now.replace(minute=0) - timedelta(hours=3)
    source = "open_meteo_forecast"
    rows = [
        WeatherHour(hour_at, hour_at, 9.0, 0.0, 10.0, 20.0, 5.0, "Clear", source),
        # the forecast of a future hour does not count as present weather
        WeatherHour(hour_at + timedelta(hours=9), hour_at, 9.0, 0.0, 1.0, 2.0, 5.0, None, source),
    ]
    engine = connect(url)
    store_weather(engine, rows)
    record_fetch(engine, source, hour_at, "did not answer", 0)
    engine.dispose()
    with running(url, tmp_path) as client:
        headers = LiveService(client, Clock(), url).bearer("ann")
        body = client.get("/statusz", headers=headers).json()["context"]
    assert body["weather_age_s"] == (CLOCK.now - hour_at).total_seconds()
    assert [(each["source"], each["problem"]) for each in body["sources"]] == [(source, "did not answer")]


def test_while_the_database_does_not_answer_the_figures_do(url, tmp_path) -> None:
    database_with(url)
    with running(url, tmp_path, limits=StoreLimits(patience_s=-1)) as client:
        assert client.get("/metrics").status_code == 200
        assert client.get("/readyz").json()["database"]["status"] == "fail"


def test_the_patience_with_the_database_is_a_setting(tmp_path, url, first) -> None:
    database_with(url, first.name)
    app = create_app(settings_for(url, tmp_path, database_patience_ms=1234))
    with ServiceClient(app) as client:
        assert client.app.state.service.store.limits.patience_s == 1.234
