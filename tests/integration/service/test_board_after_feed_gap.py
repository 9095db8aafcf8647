"""Issue 11, A8: after a gap a feed reports many returned pumps at once, and no `has_returned` is lost silently."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus

import pytest
from sqlalchemy import event, func, select
from support.accounts_service import LiveService, run_live_service
from support.board_client import SENT, Board
from support.running_service import running

from londonpump.persistence.database import connect, open_database, reading, writing
from londonpump.persistence.database.schema import mobilisations
from londonpump.persistence.database.store import StoreLimits
from londonpump.persistence.repositories.audit import read_audit, verify_audit
from londonpump.persistence.repositories.users import list_users
from londonpump.service.board import updates
from londonpump.service.board.schemas import NewMobilisation

N_OUT, TRIES = 60, 5
CHANGED = ("mobilisations", "board_pumps", "board_version", "audit")


def send_all(url: str, live_service: LiveService, n: int) -> list[str]:
    """Mobilise the first pumps of the fleet, each to its own incident. Returns: their codes."""
    engine = connect(url)
    with writing(engine) as connection:
        user = next(user for user in list_users(connection) if user.username == "feed")
        who = updates.Actor(user.id, live_service.clock())
        codes = sorted(updates.fleet_on(connection, (), who.now).homes)[:n]
        for number, code in enumerate(codes):
            updates.mobilise(connection, who, NewMobilisation(incident_number=str(number), pump=code))
    engine.dispose()
    return codes


def back(codes: Sequence[str]) -> list[dict[str, object]]:
    return [{"pump": code, "state": "available", "has_returned": True} for code in codes]


def test_a_snapshot_of_sixty_pumps_that_are_back_is_stored_with_the_default_limits(
    database_url, tmp_path
) -> None:
    with run_live_service(database_url, tmp_path) as live_service:
        headers = live_service.bearer("feed", "service")
        codes = send_all(database_url, live_service, N_OUT)
    live_service.clock.move(minutes=5)
    sent = {"at": live_service.clock().isoformat(), "pumps": back(codes)}
    with running(database_url, tmp_path, clock=live_service.clock, limits=StoreLimits()) as client:
        for _ in range(TRIES):
            # on a busy machine even the session look-up can exceed the limit
            answer = client.put("/v1/board", json=sent, headers=headers)
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
    assert answer.status_code == 200, answer.text
    assert answer.json()["still_out"] == []
    engine = open_database(database_url)
    with reading(engine) as connection:
        returned = mobilisations.c.returned_at.is_not(None)
        n_back = connection.execute(select(func.count()).where(returned)).scalar_one()
    engine.dispose()
    assert n_back == N_OUT


@pytest.fixture
def feed(live_service):
    return Board(live_service, "feed", "service")


@contextmanager
def changes_of(feed: Board) -> Iterator[list[str]]:
    """Statements inside the block that change the board or the audit, in order."""
    changes: list[str] = []

    def note(*about) -> None:
        if about[2].startswith(("INSERT", "UPDATE")) and any(name in about[2] for name in CHANGED):
            changes.append(about[2])

    engine = feed.live_service.client.app.state.service.store.engine
    event.listen(engine, "before_cursor_execute", note)
    yield changes
    event.remove(engine, "before_cursor_execute", note)


def written_by(feed: Board, codes: Sequence[str]) -> list[str]:
    """Changes of a snapshot with returned pumps."""
    with changes_of(feed) as changes:
        assert feed.snapshot(1, *back(codes)).status_code == 200
    return changes


def test_a_snapshot_takes_as_many_statements_for_one_pump_that_is_back_as_for_twenty(feed) -> None:
    codes = send_all(feed.live_service.url, feed.live_service, 21)
    assert len(written_by(feed, codes[:1])) == len(written_by(feed, codes[1:]))


def test_a_snapshot_takes_the_version_of_the_board_once_and_the_head_of_the_audit_last(feed) -> None:
    changes = written_by(feed, send_all(feed.live_service.url, feed.live_service, 3))
    is_audit = ["audit" in each for each in changes]
    assert is_audit == sorted(is_audit)
    assert sum("board_version" in each for each in changes) == 1
    assert "board_version" in changes[is_audit.index(True) - 1]


def test_a_report_of_a_pump_takes_the_head_of_the_audit_last(feed) -> None:
    (code,) = send_all(feed.live_service.url, feed.live_service, 1)
    with changes_of(feed) as changes:
        assert feed.put(code, 1, state="available", has_returned=True).status_code == 200
    is_audit = ["audit" in each for each in changes]
    assert is_audit == sorted(is_audit)


def test_one_line_of_the_audit_names_all_mobilisations_that_a_snapshot_ends(feed) -> None:
    sent = feed.sent()
    feed.snapshot(1, *back(["A211"]), {"pump": "A212", "state": "available", "has_returned": True})
    engine = open_database(feed.live_service.url)
    with reading(engine) as connection:
        assert verify_audit(connection).problem is None
        lines = [row for row in read_audit(connection) if row.event_type.endswith("reported")]
    engine.dispose()
    assert [(line.event_type, json.loads(line.details)["returned"]) for line in lines] == [
        ("board_reported", {"A211": sent})
    ]


@pytest.mark.parametrize("state", ["available", "off_run"])
def test_a_return_from_before_the_mobilisation_is_409(state, feed) -> None:
    feed.sent(at=0)
    answer = feed.put("A211", -1, state=state, has_returned=True)
    assert (answer.status_code, "A211 was mobilised at" in answer.json()["detail"]) == (409, True)
    assert feed.pump()["state"] == "mobilised"


@pytest.mark.parametrize("state", ["available", "off_run"])
def test_a_snapshot_names_a_return_from_before_the_mobilisation_as_still_out(state, feed) -> None:
    sent = feed.sent(at=0)
    body = {"pump": "A211", "state": state, "has_returned": True}
    (named,) = feed.snapshot(-1, body, {"pump": "A212", "state": "off_run"}).json()["still_out"]
    assert (named["pump"], named["mobilisation_id"]) == ("A211", sent)
    assert "A211 was mobilised at" in named["problem"]
    assert (feed.pump()["incident_number"], feed.pump("A212")["state"]) == (
        SENT["incident_number"],
        "off_run",
    )
