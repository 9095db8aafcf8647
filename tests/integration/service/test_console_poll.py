"""Issue 18: what the next poll of a console shows, whoever changed it, on each engine."""

import logging
from collections.abc import Callable, Iterator
from unittest.mock import Mock

import pytest
from support.accounts_service import Clock, LiveService
from support.console_client import PART, Console, signed_in
from support.running_service import another, database_with, name_champion, put_in_store, running

from londonpump.domain.mobilisations import Report, State
from londonpump.persistence.database import Connection, connect, writing
from londonpump.persistence.repositories.mobilisations import put_reports
from londonpump.persistence.repositories.users import change_user, end_sessions, find_named
from londonpump.service.board.cache import BoardLimits


@pytest.fixture
def console(small_brigade, database_url, tmp_path) -> Iterator[Console]:
    """Sign a person in to a service with a model."""
    database_with(database_url, put_in_store(small_brigade.bundle, tmp_path).name)
    clock = Clock()

    def board_s() -> float:
        # the age of the board is measured by the same clock, so that a slow machine changes nothing
        return clock.now.timestamp()

    with (
        running(database_url, tmp_path, clock=clock, board_limits=BoardLimits(now_s=board_s)) as client,
        signed_in(LiveService(client, clock, database_url), "amelia") as person,
    ):
        yield person


def poll(console: Console, tag: str = ""):
    return console.get("/console/live", **PART, **{"If-None-Match": tag})


def unchanged(console: Console) -> str:
    """Return the tag of the state that the console has."""
    tag = poll(console).headers["etag"]
    assert poll(console, tag).status_code == 304
    return tag


def elsewhere(console: Console, work: Callable[[Connection], object]) -> None:
    """Change the database as another replica or a command does: this service hears of it from the database alone."""
    engine = connect(console.live_service.url)
    with writing(engine) as connection:
        work(connection)
    engine.dispose()


def test_a_poll_without_news_reads_once_sends_nothing_and_is_not_logged(console, monkeypatch, caplog) -> None:
    tag = unchanged(console)
    store = console.client.app.state.service.store
    reads = Mock(wraps=store.read)
    monkeypatch.setattr(store, "read", reads)
    monkeypatch.setattr(logging.getLogger("londonpump.service"), "propagate", True)
    caplog.set_level(logging.INFO, logger="londonpump.service")
    caplog.clear()
    answer = poll(console, tag)
    assert (answer.status_code, answer.content, reads.call_count) == (304, b"", 1)
    assert "request" not in [record.message for record in caplog.records]
    assert poll(console).status_code == 200
    assert "request" in [record.message for record in caplog.records]
    assert 'route="/console/live",status="304"' in console.client.get("/metrics").text


def test_the_next_poll_shows_a_board_that_was_changed_elsewhere(console) -> None:
    tag = unchanged(console)
    report = Report(console.live_service.clock(), State.OFF_RUN, None)
    elsewhere(console, lambda connection: put_reports(connection, [("A241", report)]))
    answer = poll(console, tag)
    assert answer.status_code == 200
    assert "A241" in answer.json()["away"]
    assert poll(console, answer.headers["etag"]).status_code == 304


def test_the_next_poll_shows_a_board_that_was_changed_here(console) -> None:
    tag = unchanged(console)
    feed = console.live_service.bearer("feed", "service")
    sent = console.client.put("/v1/pumps/A241", json={"state": "off_run"}, headers=feed)
    assert sent.status_code == 200
    assert "A241" in poll(console, tag).json()["away"]


@pytest.mark.parametrize(
    "end",
    [
        lambda connection, user_id, now: end_sessions(connection, now, "a test", user_id=user_id),
        lambda connection, user_id, now: change_user(connection, user_id, disabled_at=now),
    ],
    ids=["session ended", "account disabled"],
)
def test_the_next_poll_after_the_end_of_a_session_is_refused(end, console) -> None:
    tag = unchanged(console)
    now = console.live_service.clock()
    elsewhere(console, lambda connection: end(connection, find_named(connection, "amelia").id, now))
    answer = poll(console, tag)
    assert answer.status_code == 401
    assert "etag" not in answer.headers
    # without script, to the sign-in page
    assert console.get("/console/live").headers["location"] == "/console/sign-in?next=/console/live"


def test_the_next_poll_shows_another_model(console, small_brigade, tmp_path) -> None:
    tag = unchanged(console)
    other = another(small_brigade.bundle, tmp_path, seed=2).name
    engine = connect(console.live_service.url)
    name_champion(engine, other)
    engine.dispose()
    champion = console.client.app.state.service.champion
    # once per second in the service; a test does not wait for it
    console.client.portal.call(champion.poll)
    answer = poll(console, tag)
    assert answer.status_code == 200
    assert other[:8] in answer.json()["line"]


def test_after_some_seconds_a_poll_reads_the_rows_again_whatever_their_version(console, monkeypatch) -> None:
    tag = unchanged(console)
    state = console.client.app.state.service
    reads = Mock(wraps=state.store.read)
    monkeypatch.setattr(state.store, "read", reads)
    console.live_service.clock.move(seconds=state.board.limits.read_whole_after_s)
    assert [poll(console, tag).status_code for _ in range(2)] == [304, 304]
    # the first one reads the session with the version, then the rows; the second one only the former
    assert reads.call_count == 3


def test_a_poll_is_a_look_at_the_board_for_predictions_too(console) -> None:
    tag = unchanged(console)
    console.live_service.clock.move(seconds=1)
    assert poll(console, tag).status_code == 304
    verified_s = console.client.app.state.service.board.read_cached().verified_s
    assert verified_s == console.live_service.clock.now.timestamp()


def test_a_poll_of_the_next_minute_is_answered_whole(console) -> None:
    tag = unchanged(console)
    console.live_service.clock.move(minutes=1)
    assert poll(console, tag).status_code == 200
